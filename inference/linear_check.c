/* inference/linear_check.c -- a run's own objective against differences, in
 * linear-Gaussian worlds.
 */
#include <math.h>

#include "inference/linear_state.h"

static const double step_size = 1e-4, off = 0.02;

static const char *why_not(const elbo_engine *e)
{
    const elbo_linear *const l = e->linear;

    if (l->belief.n == 0) return "the model has no parameters";
    if (!l->belief.follows) return "the M-step is closed, it follows no gradient";
    if (l->route.search) return "a search by values follows no gradient";
    return NULL;
}

static elbo_status value_at(elbo_engine *e, double theta[], size_t j, double x,
                            double *value)
{
    const double before = theta[j];
    elbo_status s;

    theta[j] = x;
    s = elbo_linear_objective_at(e, theta, value, NULL);
    theta[j] = before;
    return s;
}

static elbo_status compare(elbo_engine *e, double theta[], const double grad[],
                           elbo_derivative_check *out)
{
    const size_t n = e->linear->belief.n;
    const size_t most = n < ELBO_DERIVATIVE_CHECKS ? n : ELBO_DERIVATIVE_CHECKS;
    double largest = 0;

    for (size_t j = 0; j < n; j++) largest = fmax(largest, fabs(grad[j]));
    for (; out->n < most; out->n++) {
        const size_t j = out->n * n / most;
        const double h = step_size * fmax(1, fabs(theta[j]));
        double up = 0, down = 0, want, relative;

        ELBO_TRY(value_at(e, theta, j, theta[j] + h, &up));
        ELBO_TRY(value_at(e, theta, j, theta[j] - h, &down));
        want = (up - down) / (2 * h);
        relative = fabs(grad[j] - want) / (1 + largest);
        if (out->n > 0 && relative <= out->relative) continue;
        out->worst = j;
        out->got = grad[j];
        out->want = want;
        out->relative = relative;
    }
    return ELBO_OK;
}

/* D and a plan, then theta off its start. */
static elbo_status move(elbo_engine *e, double theta[])
{
    elbo_linear_belief *const belief = &e->linear->belief;
    elbo_row row = {0};
    double unused;

    ELBO_TRY(e->family->gather(e, &row));
    ELBO_TRY(e->family->e_step(e, &row, &unused));
    ELBO_TRY(elbo_linear_prepare(e));
    belief->model->get(belief, theta);
    for (size_t j = 0; j < belief->n; j++)
        theta[j] += off * sin(2.385 * (double)(j + 1));
    return ELBO_OK;
}

static elbo_status check(elbo_engine *e, elbo_derivative_check *out)
{
    elbo_linear *const l = e->linear;
    double *const theta = elbo_arena_doubles(e->ws, l->belief.n);
    double *const grad = elbo_arena_doubles(e->ws, l->belief.n);
    elbo_status s;
    double value;

    ELBO_TRY(elbo_arena_check(e->ws, "the check's gradient"));
    ELBO_TRY(move(e, theta));
    ELBO_TRY(elbo_linear_objective_at(e, theta, &value, grad));
    if (l->objective) elbo_linear_objective_hold(l->objective, true);
    s = compare(e, theta, grad, out);
    if (l->objective) elbo_linear_objective_hold(l->objective, false);
    return s;
}

elbo_status elbo_linear_check_gradient(elbo_engine *e, elbo_derivative_check *out)
{
    out->skipped = why_not(e);
    return out->skipped ? ELBO_OK : check(e, out);
}
