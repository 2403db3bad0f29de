/* inference/finite_check.c -- an experiment's own objective against
 * differences. */
#include <math.h>
#include <string.h>

#include "inference/finite.h"

/* The E-steps of an outer objective end at a residual: their values are off by
 * 1e-10 or so, and a difference quotient by that over its step. */
const double elbo_derivative_tolerance = 1e-3;

static const double step_size = 1e-4, off = 0.1;

static const char *why_not(const elbo_engine *e)
{
    if (e->belief.n == 0) return "the model has no parameters";
    if (elbo_engine_idle(e)) return "theta has no part in F";
    if (!e->belief.model->pullback)
        return "the M-step is closed, it follows no gradient";
    if (e->set.budget > 0) return "the data term is a constraint";
    if (e->outer && !e->outer->route.kind->pull)
        return "a search by values follows no gradient";
    if (!e->outer && !e->expression.objective && e->set.kappa == 0
        && e->belief.model->fit)
        return "the M-step is closed, it follows no gradient";
    return NULL;
}

/* Theta off its start, where gradients may vanish by symmetry; a plan there. */
static elbo_status move(elbo_engine *e)
{
    elbo_belief *const belief = &e->belief;
    elbo_solve_info info;

    ELBO_TRY(elbo_engine_learn_from(e));
    for (size_t j = 0; j < belief->n; j++)
        belief->theta[j] += off * sin(2.385 * (double)(j + 1));
    belief->model->update(belief);
    ELBO_TRY(elbo_engine_see(e));
    ELBO_TRY(elbo_engine_hold(e));
    ELBO_TRY(elbo_engine_returns(e));
    ELBO_TRY(e->controller.control->estep(&e->controller, &e->problem, &e->post,
                                          &info, e->ws));
    elbo_standing_plan(&e->standing, &e->post);
    if (e->outer) elbo_outer_begin(e->outer, e->iteration);
    ELBO_TRY(elbo_engine_prepare(e, 0));
    return e->outer ? ELBO_OK : elbo_engine_plan(e);
}

static elbo_status value_at(elbo_engine *e, const elbo_mstep *step, size_t j,
                            double theta, double *value)
{
    e->belief.theta[j] = theta;
    e->belief.model->update(&e->belief);
    return elbo_mstep_objective(step, &e->belief, value, NULL, e->ws);
}

static elbo_status compare(elbo_engine *e, const elbo_mstep *step,
                           const double grad[], elbo_derivative_check *out)
{
    const size_t n = e->belief.n;
    const size_t most = n < ELBO_DERIVATIVE_CHECKS ? n : ELBO_DERIVATIVE_CHECKS;
    double largest = 0;

    for (size_t j = 0; j < n; j++) largest = fmax(largest, fabs(grad[j]));
    for (; out->n < most; out->n++) {
        const size_t j = out->n * n / most;
        const double at = e->belief.theta[j];
        const double h = step_size * fmax(1, fabs(at));
        double up = 0, down = 0;

        ELBO_TRY(value_at(e, step, j, at + h, &up));
        ELBO_TRY(value_at(e, step, j, at - h, &down));
        e->belief.theta[j] = at;

        const double want = (up - down) / (2 * h);
        const double relative = fabs(grad[j] - want) / (1 + largest);

        if (out->n > 0 && relative <= out->relative) continue;
        out->worst = j;
        out->got = grad[j];
        out->want = want;
        out->relative = relative;
    }
    e->belief.model->update(&e->belief);
    return ELBO_OK;
}

/* What derivatives do not see stands still from here on; *can: all of it does. */
static elbo_status hold(elbo_engine *e, const elbo_mstep *step, bool *can)
{
    elbo_objective *const objective = e->expression.objective;
    double value;

    *can = true;
    if (e->outer) return elbo_outer_hold(e->outer, &e->belief, e->ws);
    if (!objective || elbo_objective_still(objective, true)) return ELBO_OK;
    elbo_objective_whole(objective, true);
    ELBO_TRY(elbo_mstep_objective(step, &e->belief, &value, NULL, e->ws));
    *can = elbo_objective_still(objective, true);
    return ELBO_OK;
}

static void release(elbo_engine *e)
{
    elbo_objective *const objective = e->expression.objective;

    if (e->outer) elbo_outer_release(e->outer);
    if (!objective) return;
    elbo_objective_still(objective, false);
    elbo_objective_whole(objective, false);
}

static elbo_status check(elbo_engine *e, elbo_derivative_check *out)
{
    const elbo_mstep step = elbo_engine_mstep(e);
    double *const grad = elbo_arena_doubles(e->ws, e->belief.n);
    bool held;
    double value;

    ELBO_TRY(elbo_arena_check(e->ws, "the check's gradient"));
    ELBO_TRY(move(e));
    ELBO_TRY(elbo_mstep_objective(&step, &e->belief, &value, grad, e->ws));
    ELBO_TRY(elbo_mstep_objective(&step, &e->belief, &value, NULL, e->ws));
    ELBO_TRY(hold(e, &step, &held));
    if (!held) {
        out->skipped = "what stands under stop cannot be held here";
        return ELBO_OK;
    }
    out->approximate = e->outer && !elbo_route_exact(&e->outer->route);

    const elbo_status s = compare(e, &step, grad, out);

    release(e);
    return s;
}

elbo_status elbo_finite_check_gradient(elbo_engine *engine,
                                       elbo_derivative_check *out)
{
    out->skipped = why_not(engine);
    return out->skipped ? ELBO_OK : check(engine, out);
}
