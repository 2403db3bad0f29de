#include "inference/task.h"

#include <assert.h>
#include <math.h>

#include "inference/env.h"
#include "inference/wrapper.h"

/* What every task promises, once it is open. */
static elbo_status check(const elbo_env *env, const elbo_task_world *w)
{
    if (w->nx == 0 || w->no == 0)
        return ELBO_FAIL(ELBO_EINVAL, "%s: %zu states and %zu observations",
                         env->name, w->nx, w->no);
    if (w->na == 0)
        return ELBO_FAIL(ELBO_EINVAL, "%s: there is no action to take",
                         env->name);
    if (w->choices > 0) {
        assert(w->na == 1);
        return ELBO_OK;
    }
    for (size_t i = 0; i < w->na; i++)
        if (!isfinite(w->low[i]) || !isfinite(w->high[i])
            || !(w->low[i] < w->high[i]))
            return ELBO_FAIL(
                ELBO_EINVAL,
                "%s: action %zu is bounded by [%g, %g], which has no "
                "inside",
                env->name, i, w->low[i], w->high[i]);
    return ELBO_OK;
}

elbo_status elbo_task_open(const elbo_env *env, const elbo_values *options,
                           const char *wrappers, uint64_t seed,
                           elbo_arena *arena, elbo_task_world *out)
{
    *out = (elbo_task_world){.task = env->task, .seed = seed};
    ELBO_TRY(env->task->open(options, arena, out));
    out->nu = out->choices > 0 ? out->choices : out->na;
    ELBO_TRY(check(env, out));
    return elbo_wrappers_apply(wrappers, arena, out);
}

/* NaN stays. */
static double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static double middle(const elbo_task_world *w, size_t i)
{
    return 0.5 * (w->low[i] + w->high[i]);
}

static double half_width(const elbo_task_world *w, size_t i)
{
    return 0.5 * (w->high[i] - w->low[i]);
}

static double largest(const float u[], size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (u[i] > u[best]) best = i;
    return (double)best;
}

void elbo_task_actions(const elbo_task_world *world, size_t n, const float u[],
                       double a[])
{
    for (size_t j = 0; j < n && world->choices > 0; j++)
        a[j] = largest(&u[j * world->nu], world->nu);
    if (world->choices > 0) return;
    for (size_t i = 0; i < world->na; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] =
                clip(middle(world, i)
                         + half_width(world, i) * (double)u[j * world->na + i],
                     world->low[i], world->high[i]);
}

void elbo_task_rows(const elbo_task_world *world, size_t n, const double a[],
                    float u[])
{
    for (size_t j = 0; j < n && world->choices > 0; j++)
        for (size_t i = 0; i < world->choices; i++)
            u[j * world->nu + i] = (double)i == a[j] ? 1 : 0;
    if (world->choices > 0) return;
    for (size_t i = 0; i < world->na; i++)
        for (size_t j = 0; j < n; j++)
            u[j * world->na + i] = (float)clip((a[i * n + j] - middle(world, i))
                                                   / half_width(world, i),
                                               -1, 1);
}
