/* inference/mstep_frozen.h -- an M-step's objective, all but theta frozen: for
 * mstep*.c alone.
 */
#ifndef ELBO_MSTEP_FROZEN_H
#define ELBO_MSTEP_FROZEN_H

#include "inference/mstep.h"

/* How F_control reaches theta. */
typedef enum elbo_feedback {
    ELBO_CUT,    /* kappa = 0 */
    ELBO_COUNTS, /* q is fixed: through its KL, as expected counts */
    ELBO_MOVES   /* q = p_theta: through the planner's values */
} elbo_feedback;

typedef struct elbo_frozen {
    const elbo_mstep *step;
    elbo_belief *belief;
    elbo_feedback kind;
    const double *counts; /* [nnz] that F_control sends; NULL unless COUNTS */
    const double *visits; /* [nS x nA] occupancy of (pi, q); likewise */
    elbo_arena *ws;
} elbo_frozen;

/* From (pi, q) as they are; memory from ws. ELBO_EINVAL as in elbo_mstep_run.
 */
elbo_status elbo_frozen_init(const elbo_mstep *step, elbo_belief *belief,
                             elbo_frozen *out, elbo_arena *ws);

/* The objective at the belief's theta; grad[n] its gradient unless NULL. The
 * scratch is given back. */
elbo_status elbo_frozen_value(const elbo_frozen *f, double *value,
                              double grad[]);

#endif
