/* control/weighted_fit.h -- weighted maximum likelihood of a policy: the M-step
 * that RWR, PoWER, REPS, AWR and MPO share.
 *
 *   theta <- argmin  1/n sum_i w_i -log pi(a_i | o_i)
 */
#ifndef ELBO_WEIGHTED_FIT_H
#define ELBO_WEIGHTED_FIT_H

#include "control/task_policy.h"
#include "inference/networks/adam.h"

typedef struct elbo_weighted_fit {
    const elbo_task_policy *policy;
    size_t size, batch;
    float *theta, *gradient; /* [size] */
    elbo_adam adam;
    elbo_tape *tape;
    elbo_mlp_leaves leaves;
    elbo_node o, a, weight, loss;
} elbo_weighted_fit;

/* theta from the stream (seed, "policy", 0); steps on `batch` rows. */
elbo_status elbo_weighted_fit_init(elbo_weighted_fit *fit,
                                   const elbo_task_policy *policy, size_t batch,
                                   const elbo_adam_config *adam, uint64_t seed,
                                   elbo_arena *arena);
/* One step of Adam. *loss before it. ELBO_ENOTFINITE names the layer. */
elbo_status elbo_weighted_fit_step(elbo_weighted_fit *fit, const float o[],
                                   const float a[], const double weight[],
                                   double *loss);
/* Of a policy that is linear in o, with a linear mean: its weighted least
 * squares, and the weighted variance of what is left as one std for all o; at
 * least the floor, and a std that is fixed stays. n rows, any number; weights
 * >= 0, not all 0. `ridge` over the mean square of a feature keeps what the
 * data do not tell at 0. ELBO_ENOTPD. */
elbo_status elbo_weighted_fit_linear(elbo_weighted_fit *fit, size_t n,
                                     const float o[], const float a[],
                                     const double weight[], double ridge,
                                     elbo_arena *ws);
void elbo_weighted_fit_save(const elbo_weighted_fit *fit, elbo_writer *out);
elbo_status elbo_weighted_fit_load(elbo_weighted_fit *fit, elbo_reader *in);

#endif
