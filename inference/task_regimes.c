/* inference/task_regimes.c -- what a model says of real steps where an expert goes,
 * and of a grid's.
 *
 *   expert  the planner's own episodes in the true world
 *   grid    states uniform in the box of states that the expert and uniformly random
 *           actions visit, each component alone, and actions from pi0
 *
 * Both are drawn once, from streams of their own whatever the run's seed, so that
 * models of many runs are asked the same (Lambert, Amos, Yadan, Calandra 2020, 4.1).
 */
#include <math.h>

#include "inference/model.h"
#include "inference/task_state.h"

enum { EPISODES = 4, GRID = 2000 };

static const uint64_t seed = 0; /* of what all runs share */

typedef struct box {
    double *low, *high; /* [nx] */
} box;

/* The planner, in the truth. The run's fleet functions read these. */
static elbo_status open_expert(const elbo_engine *e, const elbo_setup *setup,
                               elbo_task_belief *truth, elbo_task_run *out,
                               elbo_arena *arena)
{
    const elbo_model *const model = elbo_model_find("true");
    const elbo_task_run *const run = e->task;

    *out = *run;
    ELBO_TRY(model->task->open(NULL, &run->world, seed, arena, truth));
    out->problem.belief = truth;
    out->problem.seed = seed;
    return run->control->open(setup->control_own, &out->problem, arena, &out->solver);
}

static void widen(const elbo_task_fleet *f, const elbo_task_world *w, box *b)
{
    for (size_t i = 0; i < w->nx; i++)
        for (size_t j = 0; j < f->n; j++) {
            b->low[i] = fmin(b->low[i], f->next[i * f->n + j]);
            b->high[i] = fmax(b->high[i], f->next[i * f->n + j]);
        }
}

static elbo_status push(const elbo_task_fleet *f, size_t i, elbo_replay *out)
{
    const elbo_replay_row row = {.o = f->o + i * out->no,
                                 .u = f->u + i * out->nu,
                                 .next = f->after + i * out->no,
                                 .reward = (float)f->reward[i],
                                 .end = f->end[i] != 0};

    return elbo_replay_push(out, &row);
}

/* Episodes of the expert, or at random; rows go to `out` unless NULL. */
static elbo_status play(const elbo_task_run *expert, elbo_task_manner manner,
                        uint64_t first, elbo_replay *out, box *b, elbo_arena *ws)
{
    elbo_task_fleet f;

    elbo_task_fleet_take(&f, expert, EPISODES, ws);
    ELBO_TRY(elbo_arena_check(ws, "the expert's episodes"));
    for (size_t i = 0; i < EPISODES; i++) {
        f.noise[i] = elbo_rng_stream(seed, "regimes", first + 2 * i);
        f.draws[i] = elbo_rng_stream(seed, "regimes", first + 2 * i + 1);
    }
    elbo_task_fleet_reset(&f, expert);
    for (size_t t = 0; t < expert->T && f.n > 0; t++) {
        ELBO_TRY(elbo_task_fleet_act(&f, expert, manner, ws));
        elbo_task_fleet_step(&f, expert);
        widen(&f, &expert->world, b);
        for (size_t i = 0; out && i < f.n; i++) ELBO_TRY(push(&f, i, out));
        elbo_task_fleet_advance(&f, expert, f.end);
    }
    return ELBO_OK;
}

/* One step from each of GRID states. */
static elbo_status draw_grid(const elbo_task_run *run, const box *b, elbo_replay *out,
                             elbo_arena *ws)
{
    const elbo_task_world *const w = &run->world;
    elbo_task_fleet f;

    elbo_task_fleet_take(&f, run, GRID, ws);
    ELBO_TRY(elbo_arena_check(ws, "the grid"));
    for (size_t j = 0; j < GRID; j++) {
        f.noise[j] = f.draws[j] = elbo_rng_stream(seed, "grid", j);
        for (size_t i = 0; i < w->nx; i++)
            f.x[i * GRID + j] =
                b->low[i]
                + (b->high[i] - b->low[i]) * elbo_rng_uniform(&f.draws[j]);
    }
    w->task->observe(w->self, GRID, f.x, f.noise, f.o);
    ELBO_TRY(elbo_task_fleet_act(&f, run, ELBO_TASK_UNIFORM, ws));
    elbo_task_fleet_step(&f, run);
    for (size_t j = 0; j < GRID; j++) ELBO_TRY(push(&f, j, out));
    return ELBO_OK;
}

static elbo_status fill(elbo_engine *e, const elbo_setup *setup, elbo_arena *arena)
{
    elbo_task_run *const run = e->task;
    elbo_task_belief truth;
    elbo_task_run expert;
    box b = {elbo_arena_doubles(arena, run->world.nx),
             elbo_arena_doubles(arena, run->world.nx)};

    ELBO_TRY(elbo_arena_check(arena, "the regimes"));
    for (size_t i = 0; i < run->world.nx; i++) {
        b.low[i] = HUGE_VAL;
        b.high[i] = -HUGE_VAL;
    }
    ELBO_TRY(open_expert(e, setup, &truth, &expert, arena));
    ELBO_TRY(play(&expert, ELBO_TASK_JUDGED, 0, &run->expert, &b, arena));
    ELBO_TRY(play(&expert, ELBO_TASK_UNIFORM, 2 * EPISODES, NULL, &b, arena));
    return draw_grid(&expert, &b, &run->grid, arena);
}

elbo_status elbo_task_open_regimes(elbo_engine *e, const elbo_setup *setup)
{
    elbo_task_run *const run = e->task;
    const size_t no = run->world.no, nu = run->world.nu;

    if (!elbo_flag(setup->evaluation, "regimes")) return ELBO_OK;
    run->regimes = true;
    ELBO_TRY(elbo_replay_init(&run->expert, no, nu, EPISODES * run->T, e->arena));
    ELBO_TRY(elbo_replay_init(&run->grid, no, nu, GRID, e->arena));

    elbo_arena *const arena = elbo_arena_alloc(1 << 16);

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "the regimes");

    const elbo_status s = fill(e, setup, arena);

    elbo_arena_free(arena);
    return s;
}

static elbo_status nll(const elbo_task_run *run, const elbo_replay *data, double *out,
                       elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    uint32_t *const slot = elbo_arena_u32(ws, data->n);
    double *const l = elbo_arena_doubles(ws, data->n);
    elbo_status s = elbo_arena_check(ws, "a regime's density");

    *out = 0;
    for (size_t i = 0; s == ELBO_OK && i < data->n; i++) slot[i] = (uint32_t)i;
    if (s == ELBO_OK)
        s = run->belief.model->log_density(&run->belief, data, slot, data->n, l, ws);
    for (size_t i = 0; s == ELBO_OK && i < data->n; i++)
        *out -= l[i] / (double)data->n;
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_task_regimes(elbo_engine *e, elbo_task_score *score)
{
    const elbo_task_run *const run = e->task;

    if (!run->regimes) return ELBO_OK;
    ELBO_TRY(nll(run, &run->expert, &score->nll_expert, e->ws));
    return nll(run, &run->grid, &score->nll_grid, e->ws);
}
