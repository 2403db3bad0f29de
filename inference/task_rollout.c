/* inference/task_rollout.c -- rollouts of the model, branched from states of
 * the data.
 */
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/task_state.h"

elbo_status elbo_task_open_rollouts(elbo_engine *e, const elbo_setup *setup)
{
    const elbo_values *const how = setup->control_common;
    elbo_task_run *const run = e->task;
    size_t capacity;

    run->updates = elbo_real(how, "updates");
    run->real_ratio = elbo_real(how, "real_ratio");
    run->batch = (size_t)elbo_int(how, "rollout_batch");
    run->keep = (size_t)fmin(elbo_real(how, "rollout_keep"),
                             elbo_real(setup->inference, "iterations"));
    run->replays = elbo_choice_is(how, "rollout_first", "data");
    ELBO_TRY(elbo_task_schedule_parse(elbo_text(how, "rollout_length"),
                                      &run->schedule, NULL));
    if (run->control->plans || !run->control->improve)
        run->schedule = (elbo_task_schedule){0};

    const size_t most = elbo_task_schedule_most(&run->schedule);

    if (!elbo_size_mul(run->batch, run->keep, &capacity)
        || !elbo_size_mul(capacity, most > 0 ? most : 1, &capacity)
        || capacity > UINT32_MAX)
        return ELBO_FAIL(
            ELBO_ESIZE,
            "rollout_batch: %zu rollouts of %zu steps over %zu iterations are "
            "too many",
            run->batch, most, run->keep);
    run->kept = elbo_arena_sizes(e->arena, run->keep);
    return elbo_replay_init(&run->rollouts, run->world.no, run->world.nu,
                            most > 0 ? capacity : 1, e->arena);
}

/* ---- how long rollouts stay ---- */

#define SHIFT(array, width)                                                    \
    memmove((array), (array) + gone * (width), left * (width) * sizeof *(array))

/* The oldest iteration's rows go, to make room for those of a new one. The ring
 * never wraps: its rows lie in the order of their age from slot 0. */
static void forget(elbo_task_run *run)
{
    elbo_replay *const r = &run->rollouts;
    const size_t gone = run->kept[0], left = r->n - gone;

    SHIFT(r->o, r->no);
    SHIFT(r->u, r->nu);
    SHIFT(r->next, r->no);
    SHIFT(r->reward, 1);
    SHIFT(r->end, 1);
    SHIFT(r->step, 1);
    SHIFT(r->episode, 1);
    if (run->going) SHIFT(run->going, 1);
    r->n = left;
    r->pushed = left;
    memmove(run->kept, run->kept + 1, (run->keep - 1) * sizeof *run->kept);
    run->kept[run->keep - 1] = 0;
}

/* ---- rolling ---- */

/* From states of the data, each as likely as any other. */
static void branch(elbo_engine *e, elbo_task_fleet *f, uint32_t slot[])
{
    elbo_task_run *const run = e->task;
    const uint64_t first = e->iteration * f->n;
    const size_t no = run->world.no;
    elbo_rng rng =
        elbo_rng_stream(run->problem.seed, "branching", e->iteration);

    elbo_replay_draw(&run->data, &rng, f->n, slot);
    for (size_t i = 0; i < f->n; i++) {
        memcpy(f->o + i * no, run->data.o + slot[i] * no, no * sizeof *f->o);
        f->noise[i] = elbo_rng_stream(run->problem.seed, "rollouts", first + i);
        f->draws[i] =
            elbo_rng_stream(run->problem.seed, "rollout policy", first + i);
    }
}

/* Episodes are numbered through all iterations: paths of several are kept. */
/* What the policy learns from pays for its transitions: q's Bellman backup. */
static elbo_status keep(elbo_task_run *run, const elbo_task_fleet *f, size_t i,
                        uint64_t iteration, uint32_t step)
{
    const size_t no = run->world.no, nu = run->world.nu;
    const double charge = elbo_task_transition_charge(&run->transition);
    const elbo_replay_row row = {
        .o = f->o + i * no,
        .u = f->u + i * nu,
        .next = f->after + i * no,
        .reward = (float)(f->gain[i] - charge * f->kl[i]),
        .end = f->end[i] != 0,
        .step = step,
        .episode = (uint32_t)(iteration * run->batch + f->who[i]),
    };

    if (elbo_replay_push(&run->rollouts, &row) != ELBO_OK)
        return elbo_fail_prefix("rollouts of the model, member %u",
                                f->member[i]);
    if (run->going) run->going[run->rollouts.n - 1] = f->stay[i];
    run->paid_least = fmin(run->paid_least, f->gain[i]);
    run->paid_most = fmax(run->paid_most, f->gain[i]);
    run->kept[run->keep - 1]++;
    run->rolled.ended += f->end[i] != 0;
    run->rolled.steps++;
    return ELBO_OK;
}

/* The step that the data have at these slots, by the model: it keeps action and end. */
static elbo_status replay(elbo_engine *e, elbo_task_fleet *f,
                          const uint32_t slot[])
{
    const elbo_task_run *const run = e->task;
    const size_t nu = run->world.nu;

    for (size_t i = 0; i < f->n; i++)
        memcpy(f->u + i * nu, run->data.u + slot[i] * nu, nu * sizeof *f->u);
    ELBO_TRY(elbo_task_fleet_imagine(f, run, true, e->ws));
    for (size_t i = 0; i < f->n; i++) f->end[i] = run->data.end[slot[i]];
    return ELBO_OK;
}

static elbo_status imagine(elbo_engine *e, elbo_task_fleet *f)
{
    ELBO_TRY(elbo_task_fleet_act(f, e->task, ELBO_TASK_EXPLORE, e->ws));
    return elbo_task_fleet_imagine(f, e->task, true, e->ws);
}

static elbo_status roll(elbo_engine *e, size_t length)
{
    elbo_task_run *const run = e->task;
    uint32_t *const slot = elbo_arena_u32(e->ws, run->batch);
    elbo_task_fleet f;

    elbo_task_fleet_take(&f, run, run->batch, e->ws);
    ELBO_TRY(elbo_arena_check(e->ws, "rollouts"));
    branch(e, &f, slot);
    for (size_t t = 0; t < length && f.n > 0; t++) {
        ELBO_TRY(t == 0 && run->replays ? replay(e, &f, slot)
                                        : imagine(e, &f));
        ELBO_TRY(elbo_task_pay(e, &f, e->iteration << 26 | t));
        for (size_t i = 0; i < f.n; i++)
            ELBO_TRY(keep(run, &f, i, e->iteration, (uint32_t)t));
        elbo_task_fleet_advance(&f, run, f.end);
    }
    return ELBO_OK;
}

elbo_status elbo_task_roll(elbo_engine *e)
{
    elbo_task_run *const run = e->task;
    const size_t length =
        elbo_task_schedule_at(&run->schedule, e->iteration + 1);

    run->rolled = (elbo_task_rolled){0};
    forget(run);
    if (length == 0 || run->data.n == 0) return ELBO_OK;
    run->rolled.started = run->batch;

    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = roll(e, length);

    elbo_arena_release(e->ws, mark);
    return s;
}
