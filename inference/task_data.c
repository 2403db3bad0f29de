/* inference/task_data.c -- the data of control tasks: steps of worlds side by
 * side. */
#include <math.h>

#include "inference/core/alloc.h"
#include "inference/task_state.h"

/* Rows that a run collects in all; the newest `capacity` stay. */
static elbo_status room(const elbo_engine *e, const elbo_setup *setup,
                        size_t *out)
{
    const size_t rounds = e->set.online ? (size_t)e->set.iterations : 1;
    const size_t asked = (size_t)elbo_int(setup->data, "capacity");
    const elbo_task_run *const run = e->task;
    size_t all, each = e->set.steps;

    /* as the last of them ends, other worlds are at most as far */
    if (run->trials > 0 && !elbo_size_mul(run->trials + run->streams, run->T, &each))
        each = SIZE_MAX;
    if (!elbo_size_mul(each, rounds, &all) || all > UINT32_MAX - run->initial)
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu iterations of %zu steps are too many",
                         rounds, each);
    all += e->task->initial;
    *out = asked > 0 && asked < all ? asked : all;
    if (*out == 0) *out = 1;
    return ELBO_OK;
}

static elbo_status open_weights(elbo_engine *e)
{
    elbo_task_run *const run = e->task;

    if (e->set.weight == 1) return ELBO_OK;
    run->weight = elbo_arena_doubles(e->arena, run->data.capacity);
    ELBO_TRY(elbo_arena_check(e->arena, "the data's weights"));
    for (size_t i = 0; i < run->data.capacity; i++)
        run->weight[i] = e->set.weight;
    return ELBO_OK;
}

elbo_status elbo_task_open_data(elbo_engine *e, const elbo_setup *setup)
{
    elbo_task_run *const run = e->task;
    elbo_task_collector *const c = &run->collector;
    size_t capacity = 0;

    run->initial = (size_t)elbo_int(setup->data, "initial");
    run->streams = (size_t)elbo_int(setup->data, "streams");
    run->trials = (size_t)elbo_int(setup->data, "episodes");
    run->epsilon = elbo_real(setup->data, "epsilon");
    run->uniform = elbo_choice_is(setup->data, "policy", "uniform");
    ELBO_TRY(room(e, setup, &capacity));
    ELBO_TRY(elbo_replay_init(&run->data, run->world.no, run->world.nu,
                              capacity, e->arena));
    c->step = elbo_arena_u32(e->arena, run->streams);
    c->episode = elbo_arena_u32(e->arena, run->streams);
    c->earned = elbo_arena_take(e->arena, run->streams, sizeof *c->earned);
    elbo_task_fleet_take(&c->fleet, run, run->streams, e->arena);
    ELBO_TRY(elbo_arena_check(e->arena, "the worlds to collect from"));
    for (size_t i = 0; i < run->streams; i++) {
        c->fleet.noise[i] = elbo_rng_stream(run->problem.seed, "world", i);
        c->fleet.draws[i] =
            elbo_rng_stream(run->problem.seed, "exploration", i);
    }
    return open_weights(e);
}

/* Episode i is over: its sum counts, and a new one begins. */
static void begin(elbo_task_run *run, size_t i)
{
    elbo_task_collector *const c = &run->collector;

    elbo_task_fleet_restart(&c->fleet, run, i);
    c->step[i] = 0;
    c->earned[i] = 0;
    c->episode[i] = c->episodes++;
}

static elbo_status keep(elbo_task_run *run, size_t i)
{
    elbo_task_collector *const c = &run->collector;
    elbo_task_fleet *const f = &c->fleet;
    const size_t no = run->world.no, nu = run->world.nu;
    const double r = f->reward[i];
    const elbo_replay_row row = {
        .o = f->o + i * no,
        .u = f->u + i * nu,
        .next = f->after + i * no,
        .reward = (float)r,
        .end = f->end[i] != 0,
        .step = c->step[i],
        .episode = c->episode[i],
    };

    if (elbo_replay_push(&run->data, &row) != ELBO_OK)
        return elbo_fail_prefix("the world");
    c->least = run->data.pushed > 1 ? fmin(c->least, r) : r;
    c->most = run->data.pushed > 1 ? fmax(c->most, r) : r;
    c->earned[i] += r;
    c->step[i]++;
    return ELBO_OK;
}

/* A share of the actions is pi0's; world i draws from its own stream. */
static void explore(elbo_task_run *run)
{
    elbo_task_fleet *const f = &run->collector.fleet;
    const size_t nu = run->world.nu;

    for (size_t i = 0; i < f->n && run->epsilon > 0; i++)
        if (elbo_rng_uniform(&f->draws[i]) < run->epsilon)
            elbo_task_uniform(&run->world, 1, &f->draws[i], f->u + i * nu);
}

/* One step of every world. */
static elbo_status step(elbo_task_run *run, elbo_task_manner manner,
                        elbo_arena *ws)
{
    elbo_task_collector *const c = &run->collector;
    elbo_task_fleet *const f = &c->fleet;

    ELBO_TRY(elbo_task_fleet_act(f, run, manner, ws));
    explore(run);
    elbo_task_fleet_step(f, run);
    for (size_t i = 0; i < f->n; i++) ELBO_TRY(keep(run, i));
    elbo_task_fleet_advance(f, run, NULL);
    for (size_t i = 0; i < f->n; i++) {
        if (!f->end[i] && c->step[i] < run->T) continue;
        c->finished++;
        c->sum += c->earned[i];
        c->squares += c->earned[i] * c->earned[i];
        begin(run, i);
    }
    return ELBO_OK;
}

static elbo_status collect(elbo_engine *e, size_t steps,
                           elbo_task_manner manner)
{
    for (size_t done = 0; done < steps; done += e->task->streams) {
        const elbo_mark mark = elbo_arena_mark(e->ws);
        const elbo_status s = step(e->task, manner, e->ws);

        elbo_arena_release(e->ws, mark);
        ELBO_TRY(s);
    }
    return ELBO_OK;
}

/* Whole episodes, each as long as it lasts. Where there were initial steps the first
 * iteration has none but these: who collects is to have learnt from them. */
static elbo_status collect_episodes(elbo_engine *e, elbo_task_manner manner)
{
    elbo_task_run *const run = e->task;
    elbo_task_collector *const c = &run->collector;
    const double enough = c->finished + (double)run->trials;

    if (e->iteration == 0 && run->initial > 0) {
        for (size_t i = 0; i < run->streams; i++) begin(run, i);
        return ELBO_OK;
    }
    while (c->finished < enough) ELBO_TRY(collect(e, 1, manner));
    return ELBO_OK;
}

enum { BLOCK = 512 };

/* V of rows that came since `before`, as the networks are: they stand still
 * while data are collected. */
static elbo_status value_rows(elbo_task_run *run, size_t slot, size_t n,
                              elbo_arena *ws)
{
    elbo_replay *const d = &run->data;
    float *const V = elbo_arena_take(ws, 2 * n, sizeof *V);

    ELBO_TRY(elbo_arena_check(ws, "values of new data"));
    ELBO_TRY(run->control->value(run->solver, n, d->o + slot * d->no, V, NULL,
                                 ws));
    ELBO_TRY(run->control->value(run->solver, n, d->next + slot * d->no, V + n,
                                 NULL, ws));
    for (size_t i = 0; i < n; i++) {
        d->then[2 * (slot + i)] = V[i];
        d->then[2 * (slot + i) + 1] = d->end[slot + i] ? 0 : V[n + i];
    }
    return ELBO_OK;
}

static elbo_status value_new(elbo_engine *e, uint64_t before)
{
    elbo_task_run *const run = e->task;
    const elbo_replay *const d = &run->data;

    if (!d->then) return ELBO_OK;
    if (d->pushed - before > d->n) before = d->pushed - d->n;
    while (before < d->pushed) {
        const size_t slot = (size_t)(before % d->capacity);
        const size_t left = (size_t)(d->pushed - before),
                     most = d->capacity - slot;
        size_t n = left < most ? left : most;
        const elbo_mark mark = elbo_arena_mark(e->ws);

        if (n > BLOCK) n = BLOCK;

        const elbo_status s = value_rows(run, slot, n, e->ws);

        elbo_arena_release(e->ws, mark);
        if (s != ELBO_OK) return elbo_fail_prefix("V_then");
        before += n;
    }
    return ELBO_OK;
}

elbo_status elbo_task_gather(elbo_engine *e, elbo_row *row)
{
    elbo_task_run *const run = e->task;
    const elbo_task_manner manner =
        run->uniform ? ELBO_TASK_UNIFORM : ELBO_TASK_EXPLORE;
    const uint64_t old = run->data.pushed;

    if (e->iteration == 0) {
        for (size_t i = 0; i < run->streams; i++) begin(run, i);
        ELBO_TRY(collect(e, run->initial, ELBO_TASK_UNIFORM));
    }

    const uint64_t before = run->data.pushed;

    if (run->trials > 0)
        ELBO_TRY(collect_episodes(e, manner));
    else if (e->iteration == 0 || e->set.online)
        ELBO_TRY(collect(e, e->set.steps, manner));
    run->gathered = (size_t)(run->data.pushed - before);
    row->env_steps = run->data.pushed;
    return value_new(e, old);
}
