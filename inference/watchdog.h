/* inference/watchdog.h -- what must rise (design.md section 6), checked.
 *
 * A drop beyond 1e-10 of the sum of absolute terms, plus what the solver's
 * residual may lose, stops the run and names the step.
 */
#ifndef ELBO_WATCHDOG_H
#define ELBO_WATCHDOG_H

#include "inference/core/status.h"

/* One comparison: `after` must not be below `before`. */
typedef struct elbo_watch {
    const char *step;     /* "E-step", "M-step", "EM iteration" */
    const char *quantity; /* "F_control", "lambda E_D[w l] + log p(theta)", "F" */
    double before, after;
    double scale;         /* the sum of absolute terms */
    double allowance;     /* what unconverged solves may lose, absolute */
} elbo_watch;

/* ELBO_ECHECK with step, quantity, both values and the drop, when it falls by more
 * than 1e-10 * scale + allowance; also when a value is not finite. */
elbo_status elbo_watch_check(const elbo_watch *watch);

#endif
