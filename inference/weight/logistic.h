/* inference/weight/logistic.h -- a logistic classifier by a network: log ratios
 * of two densities.
 *
 *   maximise  E_+ log sigma(L(x)) + E_- log sigma(-L(x)),  L* = log p_+ / p_-
 *
 * with as many rows of either in each batch, by Adam; inputs are normalised by
 * means and deviations of the first rows that are told, from then on.
 */
#ifndef ELBO_LOGISTIC_H
#define ELBO_LOGISTIC_H

#include "inference/networks/adam.h"
#include "inference/networks/mlp.h"

typedef struct elbo_logistic_config {
    size_t layers, width, batch; /* hidden ones; rows of both classes */
    double rate, decay;          /* of Adam; of the weights */
} elbo_logistic_config;
extern const elbo_logistic_config
    elbo_logistic_defaults; /* 1 32 128 3e-3 1e-4 */

typedef struct elbo_logistic {
    elbo_logistic_config config;
    elbo_mlp mlp;
    size_t inputs, n; /* n: of theta */
    bool scaled;
    float *mean, *scale;         /* [inputs] */
    float *theta, *grad, *decay; /* [n] */
    elbo_adam adam;
    elbo_tape *tape; /* in the arena */
    elbo_node rows, loss;
    float
        *x; /* [batch x inputs]: the caller's next batch, + in its first half */
    double last; /* loss */
} elbo_logistic;

/* What is minimised: the mean over rows [n x inputs] of log(1 + exp(-sign L)), signs
 * [n x 1] of +-1. */
elbo_node elbo_logistic_node(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                             elbo_tape *tape, elbo_node rows, elbo_node sign);
/* theta from stream (seed, purpose, 0). Memory from the arena. */
elbo_status elbo_logistic_open(elbo_logistic *c,
                               const elbo_logistic_config *config,
                               size_t inputs, uint64_t seed,
                               const char *purpose, elbo_arena *arena);
/* Normalisers of x [n x inputs], n >= 1; once. */
void elbo_logistic_scale(elbo_logistic *c, size_t n, const float x[]);
/* One step on c->x, which is lost. ELBO_ENOTFINITE with the layer and the last finite
 * loss. */
elbo_status elbo_logistic_step(elbo_logistic *c);
/* L [n] at x [n x inputs]. */
elbo_status elbo_logistic_ratio(const elbo_logistic *c, size_t n,
                                const float x[], float L[], elbo_arena *ws);

void elbo_logistic_save(const elbo_logistic *c, elbo_writer *out);
elbo_status elbo_logistic_load(elbo_logistic *c, elbo_reader *in);

#endif
