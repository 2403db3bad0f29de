/* inference/networks/adam.h -- Adam (Kingma, Ba 2015) on arrays of float. */
#ifndef ELBO_ADAM_H
#define ELBO_ADAM_H

#include "inference/core/arena.h"
#include "inference/core/checkpoint.h"

typedef struct elbo_adam_config {
    double rate, beta1, beta2, epsilon;
    double clip; /* of the gradient's norm, before the moments; inf: none */
} elbo_adam_config;
extern const elbo_adam_config elbo_adam_defaults; /* 1e-3, 0.9, 0.999, 1e-8, inf */

typedef struct elbo_adam {
    elbo_adam_config config;
    size_t n;
    uint64_t t; /* steps taken */
    float *m, *v; /* [n] */
} elbo_adam;

/* Moments at 0. Memory from the arena: elbo_arena_ok tells. */
void elbo_adam_init(elbo_adam *adam, const elbo_adam_config *config, size_t n,
                    elbo_arena *arena);
/* theta [n] one step DOWN grad [n]. decay [n] times theta is added to the gradient
 * after the clip (weight decay in the loss), NULL: none. Returns the norm of grad before
 * the clip; where that is not finite, nothing is changed. */
double elbo_adam_step(elbo_adam *adam, float theta[], const float grad[],
                      const float decay[]);
void elbo_adam_save(const elbo_adam *adam, elbo_writer *out);
elbo_status elbo_adam_load(elbo_adam *adam, elbo_reader *in);

#endif
