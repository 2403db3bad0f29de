#include "inference/watchdog.h"

#include <math.h>

static const double slack = 1e-10; /* of the sum of absolute terms: rounding */

elbo_status elbo_watch_check(const elbo_watch *watch)
{
    const double drop = watch->before - watch->after;
    const double limit = slack * watch->scale + watch->allowance;

    if (!isfinite(watch->before) || !isfinite(watch->after))
        return ELBO_FAIL(ELBO_ECHECK, "%s: %s is not finite: %.17g, then %.17g",
                         watch->step, watch->quantity, watch->before,
                         watch->after);
    if (isnan(limit))
        return ELBO_FAIL(
            ELBO_ECHECK, "%s: the scale of %s is not finite: %g, allowance %g",
            watch->step, watch->quantity, watch->scale, watch->allowance);
    if (drop > limit)
        return ELBO_FAIL(ELBO_ECHECK,
                         "%s: %s fell from %.17g to %.17g, by %g; rounding and "
                         "unconverged solves explain %g",
                         watch->step, watch->quantity, watch->before,
                         watch->after, drop, limit);
    return ELBO_OK;
}
