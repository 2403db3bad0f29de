/* inference/task_reward.c -- what control maximises of a step in the model, and
 * how much what follows it counts:
 *
 *   Q(s, a) = c(s, a, r, next) + gamma E_q[w(s, a, next) V(next)]
 *
 * control.reward is c, control.return_weight is w, read at each step of the
 * rollouts and of the bound's episodes as theta, control and factors stand. The
 * data pay r, and all of what follows.
 */
#include <math.h>
#include <string.h>

#include "inference/task_state.h"

static elbo_status open_one(elbo_engine *e, const char *slot, const char *text,
                            elbo_task_objective **out)
{
    elbo_task_run *const run = e->task;
    const size_t most = run->batch > run->imagined ? run->batch : run->imagined;
    const elbo_task_sight sight = elbo_task_sight_of(run);
    const elbo_task_view view = elbo_task_view_of(e);

    ELBO_TRY(elbo_task_objective_open(slot, text, ELBO_TASK_REWARD, &sight, most,
                                      e->arena, out));
    if (elbo_task_factors_join(run->factors, *out, &view) != ELBO_OK)
        return elbo_fail_prefix("%s", slot);
    return ELBO_OK;
}

elbo_status elbo_task_open_rewards(elbo_engine *e, const elbo_setup *setup)
{
    const char *const reward = elbo_text(setup->control_common, "reward");
    const char *const weight = elbo_text(setup->control_common, "return_weight");
    elbo_task_run *const run = e->task;
    elbo_return_facts facts;

    ELBO_TRY(elbo_return_read(reward, &facts));
    if (!facts.plain)
        ELBO_TRY(open_one(e, "control.reward", reward, &run->rewarder));
    ELBO_TRY(elbo_return_read(weight, &facts));
    if (facts.plain) return ELBO_OK;
    run->going = elbo_arena_doubles(e->arena, run->rollouts.capacity);
    ELBO_TRY(elbo_arena_check(e->arena, "the weights of returns"));
    return open_one(e, "control.return_weight", weight, &run->returner);
}

/* The steps as rows, borrowed. */
static elbo_status as_rows(const elbo_task_run *run, elbo_task_fleet *f,
                           elbo_replay *out, elbo_arena *ws)
{
    *out = (elbo_replay){
        .no = run->world.no,
        .nu = run->world.nu,
        .capacity = f->n,
        .n = f->n,
        .pushed = f->n,
        .o = f->o,
        .u = f->u,
        .reward = f->paid,
        .next = f->after,
        .end = f->end,
        .step = elbo_arena_u32(ws, f->n),
        .episode = f->who,
    };
    return elbo_arena_check(ws, "steps of the model");
}

static elbo_status read(elbo_engine *e, elbo_task_objective *o,
                        const elbo_replay *rows, uint64_t round, bool positive,
                        double out[])
{
    if (!o) return ELBO_OK;
    ELBO_TRY(elbo_task_factors_at(e->task->factors, o, rows, e->ws));
    ELBO_TRY(elbo_task_objective_plan(o, rows, NULL, e->ws));
    return elbo_task_objective_pay(o, round, positive, out, e->ws);
}

static elbo_status pay(elbo_engine *e, elbo_task_fleet *f, uint64_t round)
{
    elbo_task_run *const run = e->task;
    elbo_replay rows;

    ELBO_TRY(as_rows(run, f, &rows, e->ws));
    ELBO_TRY(read(e, run->rewarder, &rows, round, false, f->gain));
    return read(e, run->returner, &rows, round, true, f->stay);
}

elbo_status elbo_task_pay(elbo_engine *e, elbo_task_fleet *f, uint64_t round)
{
    const elbo_task_run *const run = e->task;
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_status s = ELBO_OK;

    for (size_t i = 0; i < f->n; i++) {
        f->gain[i] = f->reward[i];
        f->stay[i] = 1;
    }
    if (f->n > 0 && (run->rewarder || run->returner)) s = pay(e, f, round);
    elbo_arena_release(e->ws, mark);
    return s;
}
