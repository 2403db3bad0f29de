/* models/ensemble_fit.c -- the M-step of all members, an epoch of one a
 * turn. */
#include <math.h>

#include "inference/core/parallel.h"
#include "models/ensemble.h"

static elbo_status check(const elbo_ensemble *e, const elbo_task_mstep *mstep)
{
    if (mstep->data->n == 0)
        return ELBO_FAIL(ELBO_EINVAL, "the model has no row to learn from");
    if (!(mstep->scale > 0 && isfinite(mstep->scale)))
        return ELBO_FAIL(ELBO_EINVAL, "the data's scale is %g", mstep->scale);
    for (size_t i = 0; mstep->weight && i < mstep->data->n; i++)
        if (!(mstep->weight[i] >= 0 && isfinite(mstep->weight[i])))
            return ELBO_FAIL(ELBO_ENOTFINITE, "the weight of row %zu is %g", i,
                             mstep->weight[i]);
    (void)e;
    return ELBO_OK;
}

/* An epoch of task k, on a tape that lives as long as the task. */
static bool turn(void *arg, size_t k)
{
    elbo_ensemble_task *const t = (elbo_ensemble_task *)arg + k;
    bool more = false;

    if (!t->tape) t->status = elbo_ensemble_build(t, ELBO_F32);
    if (t->status == ELBO_OK) t->status = elbo_ensemble_turn(t, &more);
    if (t->status != ELBO_OK) t->error = *elbo_last_error();
    if (more && t->status == ELBO_OK) return true;
    elbo_tape_free(t->tape);
    return false;
}

/* What ranks members: the rows held out, or those learnt from. */
static void rank(elbo_ensemble *e)
{
    for (size_t m = 0; m < e->members; m++) {
        size_t i = m;

        for (; i > 0 && e->score[m] > e->score[e->elite[i - 1]]; i--)
            e->elite[i] = e->elite[i - 1];
        e->elite[i] = (uint32_t)m;
    }
}

static void gather(elbo_ensemble *e, const elbo_ensemble_task task[],
                   size_t tasks, elbo_task_fit *info)
{
    const double n = (double)tasks;

    *info = (elbo_task_fit){0};
    e->epochs = 0;
    for (size_t m = 0; m < tasks; m++) {
        const elbo_ensemble_task *const t = &task[m];

        e->holdout[m] = t->holdout;
        e->score[m] = isnan(t->holdout) ? t->train : t->holdout;
        e->epochs += t->epoch;
        info->epochs += t->epoch;
        info->steps += t->steps;
        info->train += t->train / n;
        info->holdout += e->score[m] / n;
        info->gradient_norm = fmax(info->gradient_norm, t->gradient_norm);
    }
    for (size_t m = tasks; m < e->members; m++) {
        e->holdout[m] = e->holdout[0];
        e->score[m] = e->score[0];
    }
    rank(e);
}

static elbo_status fit(elbo_task_belief *belief, const elbo_task_mstep *mstep,
                       elbo_task_fit *info, elbo_arena *ws)
{
    elbo_ensemble *const e = belief->self;
    const size_t tasks = e->q ? 1 : e->members;
    elbo_ensemble_task *const task = elbo_arena_take(ws, tasks, sizeof *task);
    elbo_ensemble_rows all;

    ELBO_TRY(elbo_arena_check(ws, "the M-step"));
    ELBO_TRY(elbo_ensemble_split(e, mstep->data, &all, ws));
    e->rows = mstep->scale * (double)mstep->data->n;
    elbo_ensemble_scale(e, mstep->data);
    for (size_t m = 0; m < tasks; m++) {
        task[m] =
            (elbo_ensemble_task){.belief = belief, .mstep = mstep, .member = m};
        if (e->config.restart && mstep->round)
            elbo_ensemble_start(e, m, mstep->round * e->members + m);
        ELBO_TRY(elbo_ensemble_bootstrap(e, m, mstep->data, &all, &task[m].rows,
                                         ws));
        ELBO_TRY(elbo_ensemble_prepare(&task[m], ws));
    }
    if (e->q && e->config.restart && mstep->round) elbo_mean_field_start(e);
    elbo_parallel_turns(tasks, task, turn);
    for (size_t m = 0; m < tasks; m++)
        if (task[m].status != ELBO_OK) {
            elbo_error_restore(&task[m].error);
            return task[m].status;
        }
    for (size_t m = 0; e->q && m < e->members; m++) {
        elbo_rng rng = elbo_rng_stream(e->seed, "posterior",
                                       mstep->round * e->members + m);

        elbo_mean_field_draw(e, m, &rng, NULL);
    }
    gather(e, task, tasks, info);
    return ELBO_OK;
}

elbo_status elbo_ensemble_fit(elbo_task_belief *belief,
                              const elbo_task_mstep *mstep, elbo_task_fit *info,
                              elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = check(belief->self, mstep);

    if (s == ELBO_OK) s = fit(belief, mstep, info, ws);
    elbo_arena_release(ws, mark);
    return s;
}
