#include "inference/mstep.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/mstep_frozen.h"

/* theta <- the exact maximiser given data and feedback counts. */
static elbo_status fit_closed(const elbo_frozen *f, elbo_mstep_info *info)
{
    elbo_belief *const belief = f->belief;
    const size_t nnz = belief->mean.pattern->nnz;
    double *const C = elbo_arena_doubles(f->ws, nnz);
    double *const old = elbo_arena_doubles(f->ws, belief->n);

    ELBO_TRY(elbo_arena_check(f->ws, "the M-step's counts"));
    info->closed = info->converged = true;
    ELBO_TRY(elbo_frozen_value(f, &info->before, NULL));

    memcpy(old, belief->theta, belief->n * sizeof *old);
    for (size_t i = 0; i < nnz; i++)
        C[i] = f->step->C[i] + (f->counts ? f->counts[i] : 0);
    if (f->step->likelihood->conjugate)
        ELBO_TRY(belief->model->fit(belief, C));
    else
        ELBO_TRY(elbo_mstep_weigh(f->step->likelihood, f->step->C, f->counts,
                                  belief, f->ws));

    const elbo_status s = elbo_frozen_value(f, &info->after, NULL);

    if (s == ELBO_OK) return s;
    memcpy(belief->theta, old, belief->n * sizeof *old);
    belief->model->update(belief);
    return s;
}

/* The objective as a function of theta. */
static elbo_status value_at(void *self, const double theta[], double *value,
                            double grad[])
{
    const elbo_frozen *const f = self;
    elbo_belief *const belief = f->belief;

    memcpy(belief->theta, theta, belief->n * sizeof *theta);
    belief->model->update(belief);
    return elbo_frozen_value(f, value, grad);
}

/* theta <- the best of a search, never worse than where it began. */
static elbo_status follow_gradient(elbo_frozen *f, elbo_mstep_info *info)
{
    elbo_belief *const belief = f->belief;
    const size_t n = belief->n, nnz = belief->mean.pattern->nnz;
    double *const theta = elbo_arena_doubles(f->ws, n);
    const elbo_summit summit = {
        .self = f,
        .n = n,
        .scale =
            f->step->likelihood ? fmax(1, elbo_sum(f->step->C, nnz)) : 1,
        .value = value_at,
    };
    elbo_ascent_info how = {0};

    ELBO_TRY(elbo_arena_check(f->ws, "the M-step's search"));
    memcpy(theta, belief->theta, n * sizeof *theta);

    const elbo_status s =
        elbo_ascend(&f->step->ascent, &summit, theta, &how, f->ws);

    memcpy(belief->theta, theta, n * sizeof *theta);
    belief->model->update(belief);
    info->before = how.before;
    info->after = how.after;
    info->iterations = how.iterations;
    info->converged = how.converged;
    return s;
}

/* theta <- a Gaussian model's exact posterior. */
static elbo_status regress(const elbo_frozen *f, elbo_mstep_info *info)
{
    info->closed = info->converged = true;
    ELBO_TRY(elbo_frozen_value(f, &info->before, NULL));
    ELBO_TRY(f->belief->model->regress(f->belief,
                                       f->step->likelihood->regression));
    return elbo_frozen_value(f, &info->after, NULL);
}

static elbo_status run(const elbo_mstep *step, elbo_belief *belief,
                       elbo_mstep_info *info, elbo_arena *ws)
{
    elbo_frozen f;

    *info = (elbo_mstep_info){0};
    ELBO_TRY(elbo_frozen_init(step, belief, &f, ws));
    if (belief->n == 0) {
        info->closed = info->converged = true;
        ELBO_TRY(elbo_frozen_value(&f, &info->before, NULL));
        info->after = info->before;
        return ELBO_OK;
    }
    if (step->likelihood && step->likelihood->regression)
        return regress(&f, info);
    if (belief->model->fit && f.kind != ELBO_MOVES
        && (step->likelihood->conjugate || belief->model->weigh))
        return fit_closed(&f, info);
    if (!belief->model->pullback)
        return ELBO_FAIL(ELBO_EINVAL,
                         "model %s, a posterior, has no gradient for "
                         "likelihood %s",
                         belief->model->name, step->likelihood->name);
    return follow_gradient(&f, info);
}

elbo_status elbo_mstep_run(const elbo_mstep *step, elbo_belief *belief,
                           elbo_mstep_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = run(step, belief, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}

static elbo_status evaluate(const elbo_mstep *step, elbo_belief *belief,
                            double *value, double grad[], elbo_arena *ws)
{
    elbo_frozen f;

    ELBO_TRY(elbo_frozen_init(step, belief, &f, ws));
    return elbo_frozen_value(&f, value, grad);
}

elbo_status elbo_mstep_objective(const elbo_mstep *step, elbo_belief *belief,
                                 double *value, double grad[], elbo_arena *ws)
{
    assert(!grad || belief->n == 0 || belief->model->pullback);

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = evaluate(step, belief, value, grad, ws);

    elbo_arena_release(ws, mark);
    return s;
}
