/* inference/gradient/task_implicit.c -- the implicit function theorem at the critics'
 * equation, dL/dw = 0, as if they solved it.
 *
 *   L_ww v = l_w,   dl/dtheta = l_theta - L_theta,w v
 */
#include "inference/gradient/kinds.h"
#include "inference/gradient/task_pull.h"

static bool serves(const elbo_route *route)
{
    return route->solver->iterate && route->reach == ELBO_REACH_ALL
           && route->noise == 0;
}

static void curvature(const void *self, const double x[], double y[])
{
    const elbo_task_pull *const p = self;

    elbo_task_pull_differentiate(p, x);
    elbo_task_pull_read(p, elbo_tape_product, y);
}

static elbo_status solve(elbo_task_pull *p, elbo_gradient_info *info)
{
    const elbo_solver *const solver = p->route->solver;
    const elbo_mark mark = elbo_arena_mark(p->arena);
    const elbo_operator system = {.self = p,
                                  .n = p->n,
                                  .apply = curvature,
                                  .transposed = curvature,
                                  .b = p->slope,
                                  .start = p->slope};
    const elbo_status s = solver->iterate(
        &system, p->route, p->v, solver->exact ? info : NULL, p->arena);

    elbo_arena_release(p->arena, mark);
    return s;
}

static elbo_status apply(elbo_task_pull *p, elbo_gradient_info *info, bool *more)
{
    *more = false;
    elbo_task_pull_read(p, elbo_tape_gradient, p->slope);
    elbo_tape_backward(p->tape, p->loss);
    ELBO_TRY(solve(p, info));
    ELBO_TRY(elbo_task_pull_finite(p, p->v, "the solve does not converge"));
    for (size_t i = 0; i < p->n; i++) p->v[i] = -p->v[i];
    elbo_task_pull_differentiate(p, p->v);
    return ELBO_OK;
}

/* -v' dL/dw. */
static double held(elbo_task_pull *p)
{
    double sum = 0;

    elbo_tape_backward(p->tape, p->loss);
    elbo_task_pull_read(p, elbo_tape_gradient, p->slope);
    for (size_t i = 0; i < p->n; i++) sum += p->v[i] * p->slope[i];
    return sum;
}

const elbo_task_way elbo_task_way_implicit = {
    .kind = "outer objective, by networks: the data term through the critics' "
            "equation, which they nearly solve; F bounds no evidence, never watched",
    .serves = serves,
    .apply = apply,
    .held = held,
};
