/* control/reps_state.h -- what REPS keeps, and its samples: for control/reps*.c alone.
 */
#ifndef ELBO_REPS_STATE_H
#define ELBO_REPS_STATE_H

#include <gsl/gsl_matrix.h>

#include "control/reps_features.h"
#include "control/weighted_fit.h"

enum {
    ELBO_REPS_ETA, ELBO_REPS_KL, ELBO_REPS_FLOW, ELBO_REPS_EFFECTIVE, ELBO_REPS_DUAL,
    ELBO_REPS_LOSS, ELBO_REPS_COLUMNS
};

typedef struct elbo_reps {
    elbo_task_problem problem;
    elbo_task_policy policy;
    elbo_weighted_fit fit;
    elbo_reps_features features;
    double epsilon, ridge;
    size_t window, draws;
    double eta, *w; /* [m + 1]: the last is the absorbing state's */
    double offset;  /* of V: c */
    double *plain;  /* what V reads, and the same in float */
    float *plain_f32;
    double *wide;   /* the features' network for tapes of doubles */
    float *o, *u;   /* [batch x no], [batch x nu] */
    double *weight; /* [batch] */
    uint64_t rounds, updates;
    double last_finite; /* loss of the policy */
    double columns[ELBO_REPS_COLUMNS];
} elbo_reps;

/* All that p is: n rows, then the absorbing state. */
typedef struct elbo_reps_samples {
    size_t n;
    float *o, *u, *next; /* [n x no], ... */
    bool *end;           /* [n] */
    bool *first;         /* [n] an episode began here */
    double *r, *p;       /* [n + 1] */
    double *q;           /* [n + 1] */
    gsl_matrix *D;       /* [n + 1 x m + 1] */
    double *phi0;        /* [m] E_mu phi */
} elbo_reps_samples;

/* p and all else but q, from the data's window and the rollouts; from ws. ELBO_EDATA
 * when there is no row. */
elbo_status elbo_reps_gather(elbo_reps *reps, const elbo_task_estep *estep,
                             elbo_reps_samples *out, elbo_arena *ws);

/* V: its arrays, and what they hold after w, the offset or the scales changed. */
elbo_status elbo_reps_value_open(elbo_reps *reps, elbo_arena *arena);
void elbo_reps_value_fill(elbo_reps *reps);
elbo_status elbo_reps_value(void *self, size_t n, const float o[], float V[],
                            float gradient[], elbo_arena *ws);
elbo_status elbo_reps_value_node(void *self, elbo_tape *tape, elbo_node o, elbo_node *V);

#endif
