/* control/limits.h -- what every control refuses, before it starts and after.
 */
#ifndef ELBO_CONTROL_LIMITS_H
#define ELBO_CONTROL_LIMITS_H

#include "inference/control.h"

/* ELBO_ESIZE when there are more actions than a backup takes. */
elbo_status elbo_control_limits(const elbo_control *control,
                                const elbo_problem *problem);

/* ELBO_ENOTFINITE names the first stage, state and action whose Q, or the state
 * whose V, is not finite. */
elbo_status elbo_control_finite(const elbo_control *control,
                                const elbo_posterior *post);

#endif
