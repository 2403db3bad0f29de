/* tests/bent_world.c -- a world whose best and worst affine models are known. */
#include "tests/bent_world.h"

#include <check.h>
#include <math.h>
#include <string.h>

const double bent_start = 0.2;
static const double goal = 0.7;

/* ---- the world ---- */

static const double low[] = {-1}, high[] = {1};

static elbo_status open_task(elbo_task_world *out, const double *width)
{
    out->self = width;
    out->nx = out->no = out->na = 1;
    out->low = low;
    out->high = high;
    return ELBO_OK;
}

static elbo_status open_bent(const elbo_values *options, elbo_arena *arena,
                             elbo_task_world *out)
{
    static const double width = 0;

    (void)options, (void)arena;
    return open_task(out, &width);
}

static elbo_status open_scattered(const elbo_values *options, elbo_arena *arena,
                                  elbo_task_world *out)
{
    static const double width = 1;

    (void)options, (void)arena;
    return open_task(out, &width);
}

static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    const double *const width = self;

    for (size_t i = 0; i < n; i++)
        x[i] = bent_start
               + (*width > 0 ? *width * elbo_rng_uniform(&rng[i]) : 0);
}

static double pay(double next)
{
    return -(next - goal) * (next - goal);
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[])
{
    (void)self, (void)rng;
    for (size_t i = 0; i < n; i++) {
        next[i] = x[i] + a[i] + a[i] * a[i] / 2;
        reward[i] = pay(next[i]);
        terminal[i] = 0;
    }
}

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    (void)self, (void)rng;
    for (size_t i = 0; i < n; i++) o[i] = (float)x[i];
}

static void state(const void *self, size_t n, const float o[], double x[])
{
    (void)self;
    for (size_t i = 0; i < n; i++) x[i] = (double)o[i];
}

static void reward(const void *self, size_t n, const float o[], const float u[],
                   const float next[], float r[])
{
    (void)self, (void)o, (void)u;
    for (size_t i = 0; i < n; i++) r[i] = (float)pay((double)next[i]);
}

static void terminal(const void *self, size_t n, const float o[],
                     const float u[], const float next[], uint8_t end[])
{
    (void)self, (void)o, (void)u, (void)next;
    memset(end, 0, n);
}

static const char *const names[] = {"x", NULL};
#define TASK(how)                                                              \
    {                                                                          \
        .state_names = names, .observation_names = names, .open = (how),       \
        .reset = reset, .step = step, .observe = observe, .state = state,      \
        .reward = reward, .terminal = terminal,                                \
    }

static const elbo_task bent = TASK(open_bent), scattered = TASK(open_scattered);
const elbo_env bent_env = {.name = "bent", .task = &bent};
const elbo_env bent_scattered = {.name = "scattered", .task = &scattered};

case_text bent_text(const char *inference)
{
    return (case_text){
        .env = "Pendulum-v1",
        .env_common = "horizon=1",
        .model = "ensemble",
        .model_own =
            "members=1 layers=0 head=deterministic noise=0.3 epochs=300 "
            "batch=16 rate=0.01 holdout=0 ",
        .control = "cem",
        .control_own = "horizon=1 population=200 iterations=6 particles=1",
        .inference = inference,
        .data = "steps=64",
        .evaluation = "episodes=2 rollouts=1",
    };
}

elbo_engine *bent_open(case_setup *c, const case_text *text, const elbo_env *env,
                       uint64_t seed)
{
    const char *section, *key;
    elbo_engine *engine;

    case_open(c, text);
    c->setup.env = env;
    case_ok(elbo_setup_check(&c->setup, 0, &section, &key));
    case_ok(elbo_engine_open(&c->setup, seed, &engine));
    return engine;
}

/* ---- what is known ---- */

bent_sums bent_sums_of(const elbo_engine *e, double (*weight)(double u))
{
    const elbo_replay *const data = &e->task->data;
    const elbo_ensemble *const model = e->task->belief.self;
    bent_sums t = {.n = (double)data->n, .s = 0.3 * (double)model->out_scale[0]};

    for (size_t i = 0; i < data->n; i++) {
        const double u = (double)data->u[i];
        const double d = (double)data->next[i] - (double)data->o[i];
        const double w = (weight ? weight(u) : 1) / t.n;

        t.w += w;
        t.u += w * u;
        t.u2 += w * u * u;
        t.d += w * d;
        t.d2 += w * d * d;
        t.du += w * d * u;
    }
    return t;
}

double bent_mean_logp(const bent_sums *t, double alpha, double beta)
{
    const double error = t->d2 + alpha * alpha * t->w + beta * beta * t->u2
                         - 2 * alpha * t->d - 2 * beta * t->du
                         + 2 * alpha * beta * t->u;

    return -0.5 * error / (t->s * t->s)
           - t->w * (0.5 * log(2 * acos(-1)) + log(t->s));
}

double bent_earned(double start, double alpha, double beta)
{
    const double u = fmax(-1, fmin(1, (goal - start - alpha) / beta));

    return pay(start + u + u * u / 2);
}

double bent_goal_at(const bent_goal *g, double alpha, double beta)
{
    return g->lambda
               * (bent_mean_logp(&g->sums, alpha, beta)
                  - g->c * g->sums.w * bent_earned(bent_start, alpha, beta))
           - g->tau * beta * beta / 2;
}

double bent_goal_best(const bent_goal *g, double best[2])
{
    enum { SIDE = 121 };
    double middle[2] = {0, 1.275}, half[2] = {1, 1.225}, most = -HUGE_VAL;

    for (; half[0] > 1e-4; half[0] /= 20, half[1] /= 20) {
        for (int i = 0; i < SIDE * SIDE; i++) {
            const double alpha =
                middle[0] + half[0] * (2. * (i % SIDE) / (SIDE - 1) - 1);
            const double beta = fmax(
                0.05, middle[1] + half[1] * (2. * (i / SIDE) / (SIDE - 1) - 1));
            const double value = bent_goal_at(g, alpha, beta);

            if (!(value > most)) continue;
            most = value;
            best[0] = alpha;
            best[1] = beta;
        }
        memcpy(middle, best, sizeof middle);
    }
    return most;
}

void bent_line(const elbo_engine *e, double start, double out[2])
{
    const elbo_task_belief *const belief = &e->task->belief;
    const float o[2] = {(float)start, (float)start}, u[2] = {0, 1};
    const uint32_t member[2] = {0, 0};
    elbo_rng rng[2] = {elbo_rng_stream(0, "line", 0),
                       elbo_rng_stream(0, "line", 1)};
    float next[2], paid[2];
    uint8_t end[2];

    case_ok(belief->model->draw(belief, 2, o, u, member, rng, true, next, paid,
                                end, e->ws));
    out[0] = (double)next[0] - start;
    out[1] = (double)(next[1] - next[0]);
}
