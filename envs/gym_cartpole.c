/* envs/gym_cartpole.c -- a pole on a cart that is pushed: keep it upright.
 *
 *   f       = (F + m l theta'^2 sin theta) / (M + m)
 *   theta'' = (g sin theta - f cos theta) / (l (4/3 - m cos^2 theta / (M + m)))
 *   x''     = f - m l theta'' cos theta / (M + m)
 *
 * by Euler's explicit steps of 0.02 s; l is half the pole's length. The episode
 * is over when the cart leaves +-2.4 m or the pole +-12 degrees; every step
 * pays 1, the last one too. CartPole-v1 pushes by -10 or 10 N,
 * cartpole_continuous by 10 a.
 */
#include <math.h>

#include "envs/registry.h"
#include "envs/shown.h"
#include "envs/sincos.h"
#include "inference/core/explog.h"
#include "inference/task.h"

enum { X, SPEED, THETA, OMEGA, NX };
enum { BLOCK = 1024 };

static const double gravity = 9.8, pole = 0.1, total = 1.1, half = 0.5,
                    push = 10, dt = 0.02;
static const double track = 2.4, lean = 12 * 2 * 3.14159265358979323846 / 360;

static inline uint8_t is_lost(double x, double theta)
{
    return (uint8_t)((fabs(x) > track) | (fabs(theta) > lean));
}

/* World j of n under F / (M + m). Inlined, so that the loops run on vectors;
 * sums of products are fused. */
static inline void advance(size_t n, size_t j, const double *restrict x,
                           double pushed, double *restrict next,
                           double *restrict reward)
{
    const double speed = x[SPEED * n + j], omega = x[OMEGA * n + j];
    const double lever = pole * half / total;
    double s, c;

    elbo_sincos(x[THETA * n + j], &s, &c);

    const double f = elbo_fused(lever * omega * omega, s, pushed);
    const double alpha = elbo_fused(gravity, s, -(c * f))
                         / elbo_fused(c * c, -lever, half * 4.0 / 3.0);
    const double a = elbo_fused(-lever * alpha, c, f);

    next[X * n + j] = elbo_fused(dt, speed, x[X * n + j]);
    next[SPEED * n + j] = elbo_fused(dt, a, speed);
    next[THETA * n + j] = elbo_fused(dt, omega, x[THETA * n + j]);
    next[OMEGA * n + j] = elbo_fused(dt, alpha, omega);
    reward[j] = 1;
}

/* Both loops run over blocks, so that the states whose ends are asked for are
 * near. The ends have a loop of their own: vectors of bytes would make the
 * other too wide. */
static inline void judge(size_t n, size_t from, size_t to,
                         const double *restrict next,
                         uint8_t *restrict terminal)
{
    for (size_t j = from; j < to; j++)
        terminal[j] = is_lost(next[X * n + j], next[THETA * n + j]);
}

static inline size_t block_end(size_t n, size_t from)
{
    return from + BLOCK < n ? from + BLOCK : n;
}

ELBO_WIDE static void step_choice(const void *self, size_t n,
                                  const double x[restrict],
                                  const double a[restrict], elbo_rng rng[],
                                  double next[restrict],
                                  double reward[restrict], uint8_t terminal[])
{
    (void)self, (void)rng;
    for (size_t from = 0, to; from < n; from = to) {
        to = block_end(n, from);
        for (size_t j = from; j < to; j++)
            advance(n, j, x, a[j] > 0.5 ? push / total : -push / total, next,
                    reward);
        judge(n, from, to, next, terminal);
    }
}

ELBO_WIDE static void step_box(const void *self, size_t n,
                               const double x[restrict],
                               const double a[restrict], elbo_rng rng[],
                               double next[restrict], double reward[restrict],
                               uint8_t terminal[])
{
    (void)self, (void)rng;
    for (size_t from = 0, to; from < n; from = to) {
        to = block_end(n, from);
        for (size_t j = from; j < to; j++) {
            const double u = a[j] < -1 ? -1 : a[j] > 1 ? 1 : a[j];

            advance(n, j, x, push / total * u, next, reward);
        }
        judge(n, from, to, next, terminal);
    }
}

/* U(-0.05, 0.05) in each. */
static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < NX; i++)
            x[i * n + j] = -0.05 + 0.1 * elbo_rng_uniform(&rng[j]);
}

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    (void)self, (void)rng;
    elbo_show(n, NX, x, o);
}

static void state_of(const void *self, size_t n, const float o[], double x[])
{
    (void)self;
    elbo_shown(n, NX, o, x);
}

static void reward(const void *self, size_t n, const float o[], const float u[],
                   const float next[], float r[])
{
    (void)self, (void)o, (void)u, (void)next;
    for (size_t j = 0; j < n; j++) r[j] = 1;
}

static void terminal(const void *self, size_t n, const float o[],
                     const float u[], const float next[], uint8_t end[])
{
    (void)self, (void)o, (void)u;
    for (size_t j = 0; j < n; j++)
        end[j] =
            is_lost((double)next[j * NX + X], (double)next[j * NX + THETA]);
}

static elbo_node reward_node(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next)
{
    (void)self, (void)u, (void)next;
    return elbo_same_node(tape, o, 1);
}

static elbo_status open_choice(const elbo_values *options, elbo_arena *arena,
                               elbo_task_world *out)
{
    (void)options, (void)arena;
    out->nx = out->no = NX;
    out->na = 1;
    out->choices = 2;
    out->limit = 500;
    return ELBO_OK;
}

static elbo_status open_box(const elbo_values *options, elbo_arena *arena,
                            elbo_task_world *out)
{
    static const double low = -1, high = 1;

    (void)options, (void)arena;
    out->nx = out->no = NX;
    out->na = 1;
    out->low = &low;
    out->high = &high;
    out->limit = 200;
    return ELBO_OK;
}

static const char *const names[] = {"x (m)", "x' (m/s)", "theta (rad)",
                                    "theta' (rad/s)"};

static const elbo_task by_choice = {
    .state_names = names,
    .observation_names = names,
    .open = open_choice,
    .reset = reset,
    .step = step_choice,
    .observe = observe,
    .state = state_of,
    .reward = reward,
    .terminal = terminal,
    .reward_node = reward_node,
};

static const elbo_task by_force = {
    .state_names = names,
    .observation_names = names,
    .open = open_box,
    .reset = reset,
    .step = step_box,
    .observe = observe,
    .state = state_of,
    .reward = reward,
    .terminal = terminal,
    .reward_node = reward_node,
};

const elbo_env elbo_gym_cartpole = {
    .name = "CartPole-v1",
    .source = "Barto, Sutton, Anderson 1983; Gymnasium CartPole-v1",
    .doc = "keep a pole upright by pushing its cart left or right; 500 steps",
    .task = &by_choice,
};

const elbo_env elbo_cartpole_continuous = {
    .name = "cartpole_continuous",
    .source = "Pineda, Amos, Zhang, Lambert, Calandra 2021 (mbrl-lib)",
    .doc = "CartPole-v1 with a force in [-10, 10] N; 200 steps",
    .task = &by_force,
};
