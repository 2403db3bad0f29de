/* models/ensemble_check.c -- the gradient of a member's objective against central
 * differences, on one batch, in double.
 */
#include <math.h>
#include <string.h>

#include "inference/engine.h"
#include "models/ensemble.h"

static const double step_size = 1e-5, off = 0.02;

static double value_at(elbo_ensemble_task *t, const double theta[])
{
    double value;

    elbo_ensemble_set(t->belief->self, theta, t->tape, &t->nodes);
    elbo_tape_forward(t->tape);
    elbo_tape_get(t->tape, t->objective, &value);
    return value;
}

/* grad [size] at the last forward run. */
static void gradient(elbo_ensemble_task *t, double grad[])
{
    const elbo_ensemble *const e = t->belief->self;
    const elbo_ensemble_leaves l = elbo_ensemble_leaves_of(&t->nodes);
    const size_t bounds = elbo_ensemble_bounds(e);
    double *at = grad;

    elbo_tape_backward(t->tape, t->objective);
    for (size_t k = 0; k < e->mlp.layers; k++) {
        elbo_tape_gradient(t->tape, l.mlp.W[k], at);
        at += e->mlp.width[k] * e->mlp.width[k + 1];
        elbo_tape_gradient(t->tape, l.mlp.b[k], at);
        at += e->mlp.width[k + 1];
    }
    if (!e->config.learn_bounds || bounds == 0) return;
    elbo_tape_gradient(t->tape, l.highest, at);
    elbo_tape_gradient(t->tape, l.lowest, at + bounds);
}

/* Parameters that the objective may move: all, but bounds that are fixed. */
static size_t free_parameters(const elbo_ensemble *e)
{
    return e->config.learn_bounds ? e->size : elbo_mlp_size(&e->mlp);
}

static void compare(elbo_ensemble_task *t, double theta[], const double grad[],
                    elbo_derivative_check *out)
{
    const size_t n = free_parameters(t->belief->self);
    const size_t most = n < ELBO_DERIVATIVE_CHECKS ? n : ELBO_DERIVATIVE_CHECKS;
    double largest = 0;

    for (size_t j = 0; j < n; j++) largest = fmax(largest, fabs(grad[j]));
    for (; out->n < most; out->n++) {
        const size_t j = out->n * (n - 1) / (most > 1 ? most - 1 : 1);
        const double kept = theta[j], h = step_size * fmax(1, fabs(kept));

        theta[j] = kept + h;

        const double up = value_at(t, theta);

        theta[j] = kept - h;

        const double want = (up - value_at(t, theta)) / (2 * h);
        const double relative = fabs(grad[j] - want) / (1 + largest);

        theta[j] = kept;
        if (out->n > 0 && relative <= out->relative) continue;
        out->worst = j;
        out->got = grad[j];
        out->want = want;
        out->relative = relative;
    }
}

static elbo_status check(elbo_ensemble_task *t, elbo_derivative_check *out,
                         elbo_arena *ws)
{
    const elbo_ensemble *const e = t->belief->self;
    double *const theta = elbo_arena_doubles(ws, e->size);
    double *const grad = elbo_arena_doubles(ws, e->size);

    ELBO_TRY(elbo_arena_check(ws, "the check's gradient"));
    for (size_t j = 0; j < e->size; j++)
        theta[j] = (double)elbo_ensemble_theta(e, 0)[j];
    for (size_t j = 0; j < free_parameters(e); j++)
        theta[j] += off * sin(2.385 * (double)(j + 1));
    memset(grad, 0, e->size * sizeof *grad);
    for (size_t i = 0; i < t->batch; i++) t->slot[i] = t->rows.slot[i];
    elbo_ensemble_bind(t);
    value_at(t, theta);
    gradient(t, grad);
    elbo_tape_hold(t->tape, true);
    compare(t, theta, grad, out);
    elbo_tape_hold(t->tape, false);
    return ELBO_OK;
}

elbo_status elbo_ensemble_check(elbo_task_belief *belief,
                                const elbo_task_mstep *mstep,
                                elbo_derivative_check *out, elbo_arena *ws)
{
    elbo_ensemble *const e = belief->self;
    elbo_ensemble_task t = {.belief = belief, .mstep = mstep};
    elbo_status s;

    t.rng = elbo_rng_stream(mstep->seed, "check", 0);
    elbo_ensemble_scale(e, mstep->data);
    ELBO_TRY(elbo_ensemble_split(e, mstep->data, &t.rows, ws));
    ELBO_TRY(elbo_ensemble_prepare(&t, ws));
    s = elbo_ensemble_build(&t, ELBO_F64);
    if (s == ELBO_OK) s = check(&t, out, ws);
    elbo_tape_free(t.tape);
    return s;
}
