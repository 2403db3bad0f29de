/* control/minibatch.h -- the rows that one update of a control learns from.
 *
 * `real` of them are drawn from the data, the rest from the model's rollouts,
 * each uniformly with replacement. A row keeps to its transition: what follows
 * an end is never read (going is 0 there; a time limit is no end, so 1).
 */
#ifndef ELBO_MINIBATCH_H
#define ELBO_MINIBATCH_H

#include "inference/task_control.h"

enum { ELBO_MINIBATCH_BLOCKS = 8 };

typedef struct elbo_minibatch {
    size_t rows, no, nu;
    float *o, *u, *next; /* [rows x no], [rows x nu], [rows x no] */
    float *reward;       /* [rows] */
    float *going;        /* [rows] 0 after an end, else 1, or of rollouts the
                            weight of what follows */
    float *weight;       /* [rows] of the row in a loss: 1 in data, as given in
                            rollouts */
    size_t blocks;       /* parts of rows that threads take, by `rows` alone */
    size_t first[ELBO_MINIBATCH_BLOCKS + 1];
    double largest_reward; /* |reward| of all rows ever drawn */
    uint32_t *slot;        /* [rows] scratch */
} elbo_minibatch;

/* Memory from the arena. */
elbo_status elbo_minibatch_init(elbo_minibatch *batch,
                                const elbo_task_world *world, size_t rows,
                                elbo_arena *arena);

/* ELBO_EDATA when there is nothing to draw from; ELBO_ENOTFINITE names a
 * rollout whose weight is none. */
elbo_status elbo_minibatch_draw(elbo_minibatch *batch,
                                const elbo_task_estep *estep, elbo_rng *rng);

/* n standard normals as floats. */
void elbo_minibatch_noise(elbo_rng *rng, size_t n, float out[]);

#endif
