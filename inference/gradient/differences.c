/* inference/gradient/differences.c -- BFGS on central differences.
 *
 *   df/dx_j = (f(x + h e_j) - f(x - h e_j)) / 2h,   h = step max(1, |x_j|)
 *
 * What the planner's kinks hide from a derivative it hides here too.
 */
#include <math.h>
#include <string.h>

#include "inference/ascent.h"

static const double own_step = 1e-4;

typedef struct quotients {
    elbo_climb *climb;
    double *x; /* [n] scratch */
} quotients;

static elbo_status budget(quotients *q, const double x[], double *value)
{
    elbo_climb *const climb = q->climb;

    if (climb->fatal || climb->info->iterations >= climb->how->iterations)
        return climb->fatal ? climb->fatal : ELBO_ECHECK;
    climb->info->iterations++;
    elbo_climb_try(climb, x, value, NULL);
    if (climb->fatal) return climb->fatal;
    return isfinite(*value) ? ELBO_OK : ELBO_ENOTFINITE;
}

static elbo_status value_of(void *self, const double x[], double *value,
                            double grad[])
{
    quotients *const q = self;
    const elbo_ascent *const how = q->climb->how;
    const double step = how->step > 0 ? how->step : own_step;
    const size_t n = q->climb->f->n;

    ELBO_TRY(budget(q, x, value));
    memcpy(q->x, x, n * sizeof *x);
    for (size_t j = 0; grad && j < n; j++) {
        const double h = step * fmax(1, fabs(x[j]));
        double up, down;

        q->x[j] = x[j] + h;
        ELBO_TRY(budget(q, q->x, &up));
        q->x[j] = x[j] - h;
        ELBO_TRY(budget(q, q->x, &down));
        q->x[j] = x[j];
        grad[j] = (up - down) / (2 * h);
    }
    return ELBO_OK;
}

static elbo_status run(elbo_climb *climb)
{
    const size_t n = climb->f->n;
    quotients q = {climb, elbo_arena_doubles(climb->ws, n)};
    double *const x = elbo_arena_doubles(climb->ws, n);
    const elbo_summit f = {&q, n, climb->f->scale, value_of};
    elbo_ascent_info info;
    elbo_ascent how = *climb->how;

    ELBO_TRY(elbo_arena_check(climb->ws, "difference quotients"));
    memcpy(x, climb->x, n * sizeof *x);
    how.method = &elbo_ascender_bfgs;

    const elbo_status s = elbo_ascend(&how, &f, x, &info, climb->ws);

    climb->info->converged =
        s == ELBO_OK && info.converged
        && climb->info->iterations < climb->how->iterations;
    return s == ELBO_ENOMEM || s == ELBO_ESIZE ? s : ELBO_OK;
}

const elbo_ascender elbo_ascender_differences = {
    .name = "differences",
    .source = "central differences; Fletcher 1987 as bfgs",
    .doc = "BFGS on central differences of the values",
    .run = run,
};
