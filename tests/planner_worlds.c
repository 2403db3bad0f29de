#include "tests/planner_worlds.h"

#include <check.h>
#include <string.h>

#include "inference/core/parallel.h"

/* Arguments of `draw`, for rows in parallel. */
typedef struct drawing {
    const stand_in *s;
    const float *o, *u;
    const uint32_t *member;
    elbo_rng *rng;
    bool mean;
    float *next, *reward;
    uint8_t *end;
} drawing;

static void draw_rows(void *arg, size_t first, size_t last)
{
    const drawing *const d = arg;
    const elbo_task_world *const w = &d->s->world;

    for (size_t i = first; i < last; i++)
        d->s->one(d->s, d->o + i * w->no, d->u + i * w->nu, d->member[i],
                  d->rng + i, d->mean, d->next + i * w->no, d->reward + i,
                  d->end + i);
}

static elbo_status draw(const elbo_task_belief *belief, size_t n,
                        const float o[], const float u[],
                        const uint32_t member[], elbo_rng rng[], bool mean,
                        float next[], float reward[], uint8_t end[],
                        elbo_arena *ws)
{
    drawing d = {belief->self, o, u, member, rng, mean, next, reward, end};

    (void)ws;
    elbo_parallel_rows(n, n * 1000, &d, draw_rows);
    return ELBO_OK;
}

static size_t elites(const elbo_task_belief *belief, uint32_t out[])
{
    const stand_in *const s = belief->self;

    memcpy(out, s->elite, s->n_elites * sizeof *out);
    return s->n_elites;
}

static const elbo_task_model model = {.draw = draw, .elites = elites};

void stand_in_open(stand_in *s, size_t no, size_t nu, size_t choices,
                   size_t members)
{
    static const double low[STAND_IN_MOST] = {-1, -1, -1, -1, -1, -1, -1, -1};
    static const double high[STAND_IN_MOST] = {1, 1, 1, 1, 1, 1, 1, 1};

    *s = (stand_in){.n_elites = members};
    s->world = (elbo_task_world){.nx = no,
                                 .no = no,
                                 .na = choices ? 1 : nu,
                                 .choices = choices,
                                 .nu = choices ? choices : nu,
                                 .low = choices ? NULL : low,
                                 .high = choices ? NULL : high};
    s->belief = (elbo_task_belief){
        .model = &model, .self = s, .world = &s->world, .members = members};
    s->problem = (elbo_task_problem){
        .world = &s->world, .belief = &s->belief, .gamma = 1, .temperature = 1};
    for (uint32_t e = 0; e < members; e++) s->elite[e] = e;
}

const double planner_A[4] = {1, 0.3, 0, 1}, planner_B[2] = {0.045, 0.3};
const double planner_Q[4] = {1, 0.1, 0.1, 0.5}, planner_R = 0.4;

void linear_quadratic(const stand_in *self, const float o[], const float u[],
                      uint32_t member, elbo_rng *rng, bool mean, float next[],
                      float *reward, uint8_t *end)
{
    const double a = (double)u[0];
    double cost = planner_R * a * a, e[LQ_STATES] = {0};

    (void)member;
    if (!mean && self->noise > 0) elbo_rng_normals(rng, e, LQ_STATES);
    for (size_t i = 0; i < LQ_STATES; i++) {
        double x = planner_B[i] * a + self->noise * e[i];

        for (size_t j = 0; j < LQ_STATES; j++) {
            x += planner_A[i * LQ_STATES + j] * (double)o[j];
            cost += planner_Q[i * LQ_STATES + j] * (double)o[i] * (double)o[j];
        }
        next[i] = (float)x;
    }
    *reward = (float)-cost;
    *end = 0;
}

planner_trial trial_of(const stand_in *s, const char *control,
                       const char *settings, size_t n, uint64_t seed)
{
    planner_trial t = {.control = elbo_control_find(control),
                       .arena = elbo_arena_alloc(1 << 16),
                       .ws = elbo_arena_alloc(1 << 16),
                       .n = n};
    elbo_rng *rng;

    ck_assert_ptr_nonnull(t.control);
    ck_assert_int_eq(elbo_values_init(&t.values, t.control->options, t.arena),
                     ELBO_OK);
    ck_assert_msg(elbo_values_parse(&t.values, settings) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    ck_assert_msg(
        t.control->task->open(&t.values, &s->problem, t.arena, &t.self)
            == ELBO_OK,
        "%s", elbo_last_error()->text);
    t.memory = t.control->task->memory(t.self);
    rng = elbo_arena_take(t.arena, n, sizeof *rng);
    t.o = elbo_arena_take(t.arena, n * s->world.no, sizeof *t.o);
    t.first = elbo_arena_take(t.arena, n, 1);
    for (size_t i = 0; i < n; i++) {
        rng[i] = elbo_rng_stream(seed, "acting", i);
        t.first[i] = 1;
    }
    t.act = (elbo_task_act){
        .n = n,
        .o = t.o,
        .first = t.first,
        .memory = elbo_arena_take(t.arena, n * t.memory, sizeof(float)),
        .rng = rng,
        .u = elbo_arena_take(t.arena, n * s->world.nu, sizeof(float)),
    };
    ck_assert(elbo_arena_ok(t.arena));
    return t;
}

void trial_act(planner_trial *t)
{
    ck_assert_msg(t->control->task->act(t->self, &t->act, t->ws) == ELBO_OK,
                  "%s", elbo_last_error()->text);
    memset(t->first, 0, t->n);
}

void trial_end(planner_trial *t)
{
    elbo_arena_free(t->arena);
    elbo_arena_free(t->ws);
}

double trial_column(const planner_trial *t, const char *name)
{
    double value[ELBO_TASK_CONTROL_COLUMNS];
    size_t i = 0;

    t->control->task->columns(t->self, value);
    while (strcmp(t->control->task->column_names[i], name) != 0) {
        i++;
        ck_assert_ptr_nonnull(t->control->task->column_names[i]);
    }
    return value[i];
}

elbo_sequence_config plain_sequence(size_t horizon, size_t population)
{
    return (elbo_sequence_config){.horizon = horizon,
                                  .population = population,
                                  .iterations = 1,
                                  .components = 1,
                                  .elites = 0.1,
                                  .refit_std = true,
                                  .initial_std = 0.5,
                                  .decay = 1,
                                  .replan = 1,
                                  .particles = 1,
                                  .propagation = ELBO_TSINF};
}
