/* inference/heldout.h -- what a model says of transitions that it was not taught.
 *
 *   nll = sum_{s,a} d(s,a) sum_{s'} p(s'|s,a) (-log p_theta(s'|s,a))      nats
 *
 * the expected loss of one more real step: a sum, no sample. It is the mean entropy
 * of the world's rows under d where the model is the world, and more by
 * KL(p || p_theta) where it is not.
 */
#ifndef ELBO_HELDOUT_H
#define ELBO_HELDOUT_H

#include "inference/mdp.h"

/* d [nS x nA] sums to 1; `world` and `model` may have different patterns of one
 * size. ELBO_ENOTFINITE names the first transition of the world, where d > 0, that
 * the model holds for impossible; *nll is then inf. */
elbo_status elbo_heldout_nll(const elbo_kernel *world, const elbo_kernel *model,
                             const double d[], double *nll);

#endif
