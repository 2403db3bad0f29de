/* inference/likelihood/objective_state.h -- an objective from within: for
 * objective*.c alone.
 */
#ifndef ELBO_OBJECTIVE_STATE_H
#define ELBO_OBJECTIVE_STATE_H

#include "inference/objective.h"

struct elbo_objective {
    const elbo_expr *expr;
    const char *slot; /* for messages */
    bool weight_slot; /* it is w itself: samples count by their masses alone */
    bool by_sample;   /* means of samples: each sample has draws of its own */
    bool by_epoch;    /* rounds of collection tell equal samples apart */
    bool by_stage;    /* ... and stages of a horizon do */
    elbo_program *program; /* NULL while there are no data */
    elbo_batch batch;
    uint32_t *row, *next, *entry; /* [capacity], of the batch */
    uint32_t *first;              /* [capacity] a transition's first sample */
    uint32_t *epoch, *stage;      /* [capacity] its round and its stage */
    uint32_t *of;                 /* [capacity] a sample's transition */
    double *r, *weight;           /* [capacity] */
    double *V, *Q, *logpi, *occupancy; /* bound, unless others are held */
    elbo_bindings bind;
    const elbo_bindings *held;     /* NULL: no policy is held */
    const elbo_value_set *members; /* NULL: the planner alone */
    const elbo_data *data; /* what Jcwpdis weighs */
    elbo_arena *scratch;   /* its memory; NULL: it is not read */
};

#endif
