#include "tests/task_stand_ins.h"

#include <check.h>
#include <math.h>
#include <string.h>

stand_in stand_ins;

void stand_in_reset(void)
{
    stand_ins = (stand_in){.a = 0.9,
                           .b = 0.7,
                           .s = 0.3,
                           .c = 0.4,
                           .m = 0.6,
                           .v = 0.25,
                           .end = HUGE_VAL,
                           .p = 0.8};
}

double stand_in_return(double gamma, size_t T, double mean, double square, double kl,
                       double alpha)
{
    const stand_in *const k = &stand_ins;
    double m = k->m, S = k->v + k->m * k->m, sum = 0, discount = 1;

    for (size_t t = 0; t < T; t++) {
        sum += discount * (-S - k->c * square - alpha * kl);
        S = k->a * k->a * S + 2 * k->a * k->b * m * mean + k->b * k->b * square
            + k->s * k->s;
        m = k->a * m + k->b * mean;
        discount *= gamma;
    }
    return sum;
}

/* ---- the task ---- */

static const double low[] = {-1}, high[] = {1};

static elbo_status open_task(const elbo_values *options, elbo_arena *arena,
                             elbo_task_world *out)
{
    (void)options, (void)arena;
    out->nx = out->no = out->na = 1;
    out->low = low;
    out->high = high;
    return ELBO_OK;
}

static double normal(elbo_rng *rng)
{
    double e[2];

    elbo_rng_normals(rng, e, 2);
    return e[0];
}

static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    (void)self;
    for (size_t i = 0; i < n; i++)
        x[i] = stand_ins.m + sqrt(stand_ins.v) * normal(&rng[i]);
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[], uint8_t terminal[])
{
    const stand_in *const k = &stand_ins;

    (void)self;
    for (size_t i = 0; i < n; i++) {
        reward[i] = -x[i] * x[i] - k->c * a[i] * a[i];
        next[i] = k->a * x[i] + k->b * a[i] + k->s * normal(&rng[i]);
        terminal[i] = next[i] > k->end;
    }
}

static void observe(const void *self, size_t n, const double x[], elbo_rng rng[],
                    float o[])
{
    (void)self, (void)rng;
    for (size_t i = 0; i < n; i++) o[i] = (float)x[i];
}

static void state(const void *self, size_t n, const float o[], double x[])
{
    (void)self;
    for (size_t i = 0; i < n; i++) x[i] = (double)o[i];
}

static const char *const names[] = {"x", NULL};
static const elbo_task task = {
    .state_names = names,
    .observation_names = names,
    .open = open_task,
    .reset = reset,
    .step = step,
    .observe = observe,
    .state = state,
};
static const elbo_env env = {.name = "line", .task = &task};

/* ---- the model ---- */

static elbo_status open_model(const elbo_values *options, const elbo_task_world *world,
                              uint64_t seed, elbo_arena *arena, elbo_task_belief *out);

static elbo_status draw(const elbo_task_belief *belief, size_t n, const float o[],
                        const float u[], const uint32_t member[], elbo_rng rng[],
                        bool mean, float next[], float reward[], uint8_t end[],
                        elbo_arena *ws)
{
    ELBO_TRY(elbo_model_find("true")->task->draw(belief, n, o, u, member, rng, mean, next,
                                                 reward, end, ws));
    for (size_t i = 0; i < n; i++) reward[i] += (float)stand_ins.bias;
    return ELBO_OK;
}

static size_t elites(const elbo_task_belief *belief, uint32_t out[])
{
    (void)belief;
    out[0] = 0;
    return 1;
}

static const elbo_task_model task_model = {
    .open = open_model, .draw = draw, .elites = elites};
static const elbo_model model = {.name = "biased", .task = &task_model};

static elbo_status open_model(const elbo_values *options, const elbo_task_world *world,
                              uint64_t seed, elbo_arena *arena, elbo_task_belief *out)
{
    (void)options, (void)seed, (void)arena;
    *out = (elbo_task_belief){.model = &task_model, .world = world, .members = 1};
    return ELBO_OK;
}

/* ---- the control ---- */

static elbo_status open_control(const elbo_values *options,
                                const elbo_task_problem *problem, elbo_arena *arena,
                                void **self)
{
    const elbo_task_problem **const own = elbo_arena_take(arena, 1, sizeof *own);

    (void)options;
    ELBO_TRY(elbo_arena_check(arena, "a stand-in"));
    *own = problem;
    *self = own;
    return ELBO_OK;
}

static elbo_status improve(void *self, const elbo_task_estep *estep, elbo_arena *ws)
{
    const elbo_replay *const from =
        estep->rollouts->n > 0 ? estep->rollouts : estep->data;
    elbo_rng rng = elbo_rng_stream(3, "stand-in", estep->round);
    uint32_t slot[8];
    double sum = 0;

    (void)self, (void)ws;
    stand_ins.updates += estep->updates;
    if (!stand_ins.moves) return ELBO_OK;
    elbo_replay_draw(from, &rng, 8, slot);
    for (size_t i = 0; i < 8; i++) sum += (double)from->reward[slot[i]];
    stand_ins.p = 0.5 + 0.4 * tanh(stand_ins.p + 0.1 * sum);
    return ELBO_OK;
}

static elbo_status act(void *self, const elbo_task_act *how, elbo_arena *ws)
{
    (void)self, (void)ws;
    for (size_t i = 0; i < how->n; i++) {
        const double p = stand_ins.p;
        const bool right = elbo_rng_uniform(&how->rng[i]) < p;
        const double u = elbo_rng_uniform(&how->rng[i]);

        how->u[i] = how->explore ? (float)(right ? u : -u) : 0.5F;
        if (how->logpi) how->logpi[i] = log(2 * (right ? p : 1 - p));
    }
    return ELBO_OK;
}

static elbo_status value(void *self, size_t n, const float o[], float V[],
                         float gradient[], elbo_arena *ws)
{
    (void)self, (void)gradient, (void)ws;
    for (size_t i = 0; i < n; i++)
        V[i] = (float)(stand_ins.value + stand_ins.slope * (double)o[i]);
    return ELBO_OK;
}

static const elbo_task_control task_control = {
    .kind = "of a stand-in",
    .box = true,
    .soft = true,
    .weighs = true,
    .open = open_control,
    .improve = improve,
    .act = act,
    .value = value,
};
static const elbo_control control = {.name = "halves", .task = &task_control};

const case_text stand_in_text = {
    .env_common = "horizon=20 discount=0.9",
    .control_common = "temperature=0.3 updates=0.5 rollout_length=2 rollout_batch=10",
    .inference = "iterations=8",
    .data = "mode=online policy=current steps=25",
    .evaluation = "episodes=400",
};

elbo_engine *stand_in_start(case_setup *c, const case_text *text, uint64_t seed)
{
    case_text named = *text;
    const char *section, *key;
    elbo_engine *engine;

    named.env = "Pendulum-v1";
    named.model = "true";
    named.control = "none";
    case_open(c, &named);
    c->setup.env = &env;
    c->setup.model = &model;
    c->setup.control = &control;
    case_ok(elbo_setup_check(&c->setup, 0, &section, &key));
    case_ok(elbo_engine_open(&c->setup, seed, &engine));
    return engine;
}

double stand_in_column(const elbo_engine *e, const elbo_row *row, const char *name)
{
    double x[ELBO_ROW_COLUMNS];
    const size_t n = elbo_row_values(row, ELBO_EXPONENTIAL, x);

    for (size_t i = 0; i < n; i++)
        if (strcmp(elbo_engine_columns(e)[i], name) == 0) return x[i];
    ck_abort_msg("there is no column %s", name);
    return 0;
}
