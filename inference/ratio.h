/* inference/ratio.h -- log p(s'|s,a) / q(s'|s,a): the environment p against a
 * model q, exact, clipped or estimated.
 */
#ifndef ELBO_RATIO_H
#define ELBO_RATIO_H

#include "inference/data.h"

/* The kernel p on another pattern. Where that lacks entries of p the result is
 * partial. Memory from `arena`. */
elbo_status elbo_kernel_onto(const elbo_kernel *p, const elbo_pattern *pattern,
                             elbo_arena *arena, elbo_kernel *out);

/* out[nnz] = p, kept within q exp(-c) and q exp(c): what a log ratio clipped at c
 * says of p. At least DBL_MIN: where q underflows now, the next q may not, and its
 * clipped charge is finite. */
void elbo_ratio_clip(const elbo_kernel *p, const elbo_kernel *q, double c,
                     double out[]);

typedef struct elbo_classifier {
    double ridge;   /* precision of the prior on a log ratio, > 0 */
    size_t samples; /* of the model for each real one; 0: their expectation */
} elbo_classifier;

/* L[nnz]: the log odds of "real" of a logistic classifier with a feature for each
 * (s, a, s'), told real transitions from successors that q gives at the same
 * (s, a):
 *   L = argmax n log sigma(L) + m log sigma(-L) - ridge L^2 / 2
 * with n real and m model ones, by the data's masses (m weighed so that each row
 * has as many). 0 where neither is. `rng` draws the model's, one real transition
 * after the other. */
elbo_status elbo_ratio_classify(const elbo_classifier *how,
                                const elbo_data *data, const elbo_kernel *q,
                                double L[], elbo_rng *rng, elbo_arena *ws);

#endif
