/* envs/pendulum.c -- a rod that hangs from a joint with a weak motor.
 *
 *   theta'' = -3 g / (2 l) sin(theta + pi) - damping theta' + 3 u / (m l^2)
 *   theta'  <- theta' + dt theta'',  theta <- theta + dt theta'  (the new one)
 *   z = (sin theta, cos theta, theta', u), goal (0, 1, 0, 0): upright at 0
 *
 * The experiment of Watson, Abdulsamad, Peters (2019) in its cubature version:
 * hangs at pi, 100 steps of 0.05 s.
 */
#include <gsl/gsl_math.h>
#include <math.h>

#include "envs/registry.h"

enum { THETA, OMEGA, NX };
enum { SIN, COS, SPEED, INPUT, NZ };

static const elbo_option options[] = {
    {.name = "dt",
     .type = ELBO_REAL,
     .unit = "s",
     .low = 1e-6,
     .high = 1,
     .fallback = "0.05",
     .doc = "a step"},
    {.name = "mass",
     .type = ELBO_REAL,
     .unit = "kg",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "1",
     .doc = "of the rod"},
    {.name = "length",
     .type = ELBO_REAL,
     .unit = "m",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "1",
     .doc = "of the rod"},
    {.name = "damping",
     .type = ELBO_REAL,
     .unit = "1/s",
     .low = 0,
     .high = 1e6,
     .fallback = "0.01",
     .doc = "angular acceleration per angular speed"},
    {.name = "gravity",
     .type = ELBO_REAL,
     .unit = "m/s^2",
     .low = 0,
     .high = 1e6,
     .fallback = "9.80665",
     .doc = "g"},
    {.name = "limit",
     .type = ELBO_REAL,
     .unit = "N m",
     .low = 0,
     .high = HUGE_VAL,
     .fallback = "2",
     .doc = "largest torque"},
    {0    },
};

typedef struct rod {
    double dt, mass, length, damping, gravity, limit;
} rod;

static elbo_status open_plant(const elbo_values *values, elbo_arena *arena,
                              elbo_plant *out)
{
    rod *const w = elbo_arena_take(arena, 1, sizeof *w);

    ELBO_TRY(elbo_arena_check(arena, "pendulum"));
    *w = (rod){.dt = elbo_real(values, "dt"),
               .mass = elbo_real(values, "mass"),
               .length = elbo_real(values, "length"),
               .damping = elbo_real(values, "damping"),
               .gravity = elbo_real(values, "gravity"),
               .limit = elbo_real(values, "limit")};
    *out = (elbo_plant){&elbo_pendulum, w, w->dt, w->limit};
    return ELBO_OK;
}

/* theta'' = lift sin(theta + pi) - damping theta' + gain u */
static double lift(const rod *w)
{
    return -1.5 * w->gravity / w->length;
}

static double gain(const rod *w)
{
    return 3 / (w->mass * w->length * w->length);
}

static void step(const void *self, const double x[], const double u[],
                 double next[])
{
    const rod *const w = self;
    double slope;
    const double torque = elbo_plant_clip(u[0], w->limit, &slope);
    const double speed = x[OMEGA]
                         + w->dt
                               * (lift(w) * sin(x[THETA] + M_PI)
                                  - w->damping * x[OMEGA] + gain(w) * torque);

    next[THETA] = x[THETA] + w->dt * speed;
    next[OMEGA] = speed;
}

static void jacobian(const void *self, const double x[], const double u[],
                     double A[], double B[])
{
    const rod *const w = self;
    double slope;
    const double dt = w->dt;

    (void)elbo_plant_clip(u[0], w->limit, &slope);
    A[OMEGA * NX + THETA] = dt * lift(w) * cos(x[THETA] + M_PI);
    A[OMEGA * NX + OMEGA] = 1 - dt * w->damping;
    B[OMEGA] = dt * gain(w) * slope;
    A[THETA * NX + THETA] = 1 + dt * A[OMEGA * NX + THETA];
    A[THETA * NX + OMEGA] = dt * A[OMEGA * NX + OMEGA];
    B[THETA] = dt * B[OMEGA];
}

/* 1/6 m l^2 theta'^2 + 1/2 m g l cos theta */
static double energy(const void *self, const double x[])
{
    const rod *const w = self;
    const double inertia = w->mass * w->length * w->length / 3;

    return 0.5 * inertia * x[OMEGA] * x[OMEGA]
           + 0.5 * w->mass * w->gravity * w->length * cos(x[THETA]);
}

static void observe(const void *self, const double x[], const double u[],
                    double z[])
{
    (void)self;
    z[SIN] = sin(x[THETA]);
    z[COS] = cos(x[THETA]);
    z[SPEED] = x[OMEGA];
    z[INPUT] = u[0];
}

static void observe_jacobian(const void *self, const double x[],
                             const double u[], double C[], double D[])
{
    (void)self, (void)u;
    for (size_t i = 0; i < NZ * NX; i++) C[i] = 0;
    for (size_t i = 0; i < NZ; i++) D[i] = 0;
    C[SIN * NX + THETA] = cos(x[THETA]);
    C[COS * NX + THETA] = -sin(x[THETA]);
    C[SPEED * NX + OMEGA] = 1;
    D[INPUT] = 1;
}

static const char *const state[] = {"theta (rad)", "speed (rad/s)"};
static const char *const input[] = {"torque (N m)"};
static const double start[] = {M_PI, 0};
static const double variance[] = {1e-5, 1e-5};
static const double goal[] = {0, 1, 0, 0};
static const double weight[] = {1, 100, 1, 2};

const elbo_dynamics elbo_pendulum = {
    .name = "pendulum",
    .source = "Watson, Abdulsamad, Peters 2019; Gymnasium Pendulum-v1",
    .doc = "swing a rod up with a motor too weak to lift it",
    .nx = NX,
    .nu = 1,
    .options = options,
    .state = state,
    .input = input,
    .open = open_plant,
    .step = step,
    .jacobian = jacobian,
    .energy = energy,
    .nz = NZ,
    .nz_end = INPUT,
    .observe = observe,
    .observe_jacobian = observe_jacobian,
    .start = start,
    .start_variance = variance,
    .noise = variance,
    .goal = goal,
    .weight = weight,
    .weight_end = weight,
    .horizon = 100,
};

const elbo_env elbo_env_pendulum = {
    .name = "pendulum",
    .source = "Watson, Abdulsamad, Peters 2019; Gymnasium Pendulum-v1",
    .doc = "swing a rod up with a motor too weak to lift it",
    .options = options,
    .continuous = &elbo_pendulum,
};
