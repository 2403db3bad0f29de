/* envs/gym_pendulum.c -- a rod on a weak motor: swing it up and hold it.
 *
 *   theta'' = 3 g / (2 l) sin theta + 3 u / (m l^2),  0 is upright
 *   theta'  <- theta' + dt theta'' within +-8,  theta <- theta + dt theta'
 *   reward    -(angle^2 + 0.1 theta'^2 + 0.001 u^2) of the state before
 *
 * m = l = 1, dt = 0.05 s; the angle is theta within [-pi, pi); |u| <= 2.
 */
#include <math.h>

#include "envs/registry.h"
#include "envs/sincos.h"
#include "inference/task.h"

enum { THETA, OMEGA, NX };
enum { COS, SIN, SPEED, NO };

static const double pi = 3.14159265358979323846;
static const double fastest = 8, strongest = 2, dt = 0.05;

static const elbo_option options[] = {
    {.name = "gravity",
     .type = ELBO_REAL,
     .unit = "m/s^2",
     .low = 0,
     .high = 1e3,
     .fallback = "10",
     .doc = "g"},
    {0  },
};

static inline double clip(double x, double bound)
{
    return x < -bound ? -bound : x > bound ? bound : x;
}

static inline double cost(double angle, double omega, double u)
{
    return angle * angle + 0.1 * (omega * omega) + 0.001 * (u * u);
}

static void step(const void *self, size_t n, const double x[restrict],
                 const double a[restrict], elbo_rng rng[],
                 double next[restrict], double reward[restrict],
                 uint8_t terminal[restrict])
{
    const double g = *(const double *)self;

    (void)rng;
    for (size_t j = 0; j < n; j++) {
        const double theta = x[THETA * n + j], omega = x[OMEGA * n + j];
        const double u = clip(a[j], strongest);
        const double turn = floor((theta + pi) / (2 * pi));
        double s, c;

        elbo_sincos(theta, &s, &c);

        const double speed =
            clip(omega + (3 * g / 2 * s + 3.0 * u) * dt, fastest);

        next[THETA * n + j] = theta + speed * dt;
        next[OMEGA * n + j] = speed;
        reward[j] = -cost(theta - turn * (2 * pi), omega, u);
    }
    memset(terminal, 0, n);
}

/* theta ~ U(-pi, pi), theta' ~ U(-1, 1). */
static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++) {
        x[THETA * n + j] = pi * (2 * elbo_rng_uniform(&rng[j]) - 1);
        x[OMEGA * n + j] = 2 * elbo_rng_uniform(&rng[j]) - 1;
    }
}

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    (void)self, (void)rng;
    for (size_t j = 0; j < n; j++) {
        double s, c;

        elbo_sincos(x[THETA * n + j], &s, &c);
        o[j * NO + COS] = (float)c;
        o[j * NO + SIN] = (float)s;
        o[j * NO + SPEED] = (float)x[OMEGA * n + j];
    }
}

static void state_of(const void *self, size_t n, const float o[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++) {
        x[THETA * n + j] =
            atan2((double)o[j * NO + SIN], (double)o[j * NO + COS]);
        x[OMEGA * n + j] = (double)o[j * NO + SPEED];
    }
}

static void reward(const void *self, size_t n, const float o[], const float u[],
                   const float next[], float r[])
{
    (void)self, (void)next;
    for (size_t j = 0; j < n; j++) {
        const float *const row = &o[j * NO];
        const double angle = atan2((double)row[SIN], (double)row[COS]);

        r[j] = (float)-cost(angle, (double)row[SPEED],
                            strongest * clip((double)u[j], 1));
    }
}

static elbo_node square(elbo_tape *tape, elbo_node x, double weight)
{
    return elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_SQ, x), weight);
}

static elbo_node reward_node(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next)
{
    (void)self, (void)next;

    const elbo_node angle =
        elbo_tape_binary(tape, ELBO_ATAN2, elbo_tape_columns(tape, o, SIN, 1),
                         elbo_tape_columns(tape, o, COS, 1));
    const elbo_node torque =
        elbo_tape_scale(tape, elbo_tape_clip(tape, u, -1, 1), strongest);
    const elbo_node still = elbo_tape_binary(
        tape, ELBO_ADD, square(tape, angle, 1),
        square(tape, elbo_tape_columns(tape, o, SPEED, 1), 0.1));

    return elbo_tape_unary(
        tape, ELBO_NEG,
        elbo_tape_binary(tape, ELBO_ADD, still, square(tape, torque, 0.001)));
}

static void terminal(const void *self, size_t n, const float o[],
                     const float u[], const float next[], uint8_t end[])
{
    (void)self, (void)o, (void)u, (void)next;
    memset(end, 0, n);
}

static elbo_status open_world(const elbo_values *values, elbo_arena *arena,
                              elbo_task_world *out)
{
    static const double low = -2, high = 2;
    double *const g = elbo_arena_doubles(arena, 1);

    ELBO_TRY(elbo_arena_check(arena, "Pendulum-v1"));
    *g = elbo_real(values, "gravity");
    out->self = g;
    out->nx = NX;
    out->no = NO;
    out->na = 1;
    out->low = &low;
    out->high = &high;
    out->limit = 200;
    return ELBO_OK;
}

static const char *const state[] = {"theta (rad)", "theta' (rad/s)"};
static const char *const observation[] = {"cos theta", "sin theta",
                                          "theta' (rad/s)"};

static const elbo_task task = {
    .state_names = state,
    .observation_names = observation,
    .open = open_world,
    .reset = reset,
    .step = step,
    .observe = observe,
    .state = state_of,
    .reward = reward,
    .terminal = terminal,
    .reward_node = reward_node,
};

const elbo_env elbo_gym_pendulum = {
    .name = "Pendulum-v1",
    .source = "Gymnasium Pendulum-v1",
    .doc = "swing a rod up with a motor too weak to lift it, and hold it; 200 "
           "steps",
    .options = options,
    .task = &task,
};
