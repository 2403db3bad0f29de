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
    bool by_episode;  /* it reads Jcwpdis */
    bool whole;       /* values too are those of its slopes */
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
    struct elbo_compared *policy; /* of gradJ_error; NULL: it is not read */
    elbo_arena *scratch;   /* memory of the two; NULL: neither is read */
};

/* objective_policy.c: gradJ_error. Its memory, where the expression reads it ... */
elbo_status elbo_objective_open_policy(elbo_objective *objective,
                                       const elbo_mdp *mdp, elbo_arena *arena);
/* ... and its value at p into the bindings; G [nnz] += slope times its derivative
 * unless NULL. */
elbo_status elbo_objective_compare(elbo_objective *objective, const elbo_kernel *p,
                                   double slope, double G[]);

#endif
