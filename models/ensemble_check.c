/* models/ensemble_check.c -- the gradient of a member's objective against central
 * differences, on one batch, in double.
 */
#include <math.h>
#include <string.h>

#include "inference/engine.h"
#include "models/ensemble.h"

static const double step_size = 1e-5, off = 0.02;

static const elbo_task_likelihood *pulling(const elbo_ensemble_task *t)
{
    const elbo_task_likelihood *const likelihood = t->mstep->likelihood;

    return likelihood && likelihood->pull ? likelihood : NULL;
}

/* What the gradient slot holds included. */
static elbo_status value_at(elbo_ensemble_task *t, const double theta[],
                            double *out)
{
    const elbo_task_likelihood *const likelihood = pulling(t);

    elbo_ensemble_set(t->belief->self, theta, t->tape, &t->nodes);
    ELBO_TRY(elbo_ensemble_forward(t));
    elbo_tape_get(t->tape, t->objective, out);
    if (likelihood)
        *out += likelihood->held(likelihood->self, t->member, t->tape);
    return ELBO_OK;
}

typedef void reader(const elbo_tape *tape, elbo_node x, double out[]);

/* number [size] is scratch. */
static void add(elbo_ensemble_task *t, reader *read, double grad[])
{
    elbo_node leaf[ELBO_ENSEMBLE_LEAVES];
    const size_t leaves =
        elbo_ensemble_learnt(t->belief->self, &t->nodes, leaf);

    for (size_t k = 0; k < leaves; k++) {
        const size_t n = elbo_tape_rows(t->tape, leaf[k])
                         * elbo_tape_cols(t->tape, leaf[k]);

        read(t->tape, leaf[k], t->number);
        for (size_t i = 0; i < n; i++) grad[i] += t->number[i];
        grad += n;
    }
}

/* grad [size], 0 on entry, at the last forward run. */
static elbo_status gradient(elbo_ensemble_task *t, double grad[])
{
    const elbo_task_likelihood *const likelihood = pulling(t);
    bool more = likelihood != NULL;

    elbo_tape_backward(t->tape, t->objective);
    add(t, elbo_tape_gradient, grad);
    while (more) {
        ELBO_TRY(likelihood->pull(likelihood->self, t->member, t->tape, &more));
        add(t, elbo_tape_product, grad);
    }
    return ELBO_OK;
}

/* Parameters that the objective may move: all, but bounds that are fixed. */
static size_t free_parameters(const elbo_ensemble *e)
{
    return e->config.learn_bounds ? e->size : elbo_mlp_size(&e->mlp);
}

static elbo_status compare(elbo_ensemble_task *t, double theta[],
                           const double grad[], elbo_derivative_check *out)
{
    const size_t n = free_parameters(t->belief->self);
    const size_t most = n < ELBO_DERIVATIVE_CHECKS ? n : ELBO_DERIVATIVE_CHECKS;
    double largest = 0;

    for (size_t j = 0; j < n; j++) largest = fmax(largest, fabs(grad[j]));
    for (; out->n < most; out->n++) {
        const size_t j = out->n * (n - 1) / (most > 1 ? most - 1 : 1);
        const double kept = theta[j], h = step_size * fmax(1, fabs(kept));

        double up, down;

        theta[j] = kept + h;
        ELBO_TRY(value_at(t, theta, &up));
        theta[j] = kept - h;
        ELBO_TRY(value_at(t, theta, &down));
        theta[j] = kept;

        const double want = (up - down) / (2 * h);
        const double relative = fabs(grad[j] - want) / (1 + largest);

        if (out->n > 0 && relative <= out->relative) continue;
        out->worst = j;
        out->got = grad[j];
        out->want = want;
        out->relative = relative;
    }
    return ELBO_OK;
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
    elbo_ensemble_set(e, theta, t->tape, &t->nodes);
    ELBO_TRY(elbo_ensemble_forward(t));
    ELBO_TRY(gradient(t, grad));
    elbo_tape_hold(t->tape, true);

    const elbo_status s = compare(t, theta, grad, out);

    elbo_tape_hold(t->tape, false);
    return s;
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
