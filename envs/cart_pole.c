/* envs/cart_pole.c -- a pole that hangs from a cart on a rail.
 *
 *   D  = l (4/3 (M + m) - m cos^2 theta)       M cart, m pole, l half its
 * length theta'' = ((M + m) g sin theta - cos theta (F + m l theta'^2 sin
 * theta)) / D x''     = (F + m l (theta'^2 sin theta - theta'' cos theta)) / (M
 * + m) by explicit Euler steps: positions move with the old speeds. z = (x, sin
 * theta, cos theta, x', theta', F), upright at theta = 0
 *
 * Equations: Barto, Sutton, Anderson (1983) without friction; constants,
 * weights and variances: Watson, Abdulsamad, Peters (2019), a Quanser cart, 500
 * steps of 1/250 s.
 */
#include <gsl/gsl_math.h>
#include <math.h>

#include "envs/registry.h"

enum { X, THETA, SPEED, OMEGA, NX };
enum { Z_X, Z_SIN, Z_COS, Z_SPEED, Z_OMEGA, Z_INPUT, NZ };

static const elbo_option options[] = {
    {.name = "dt",
     .type = ELBO_REAL,
     .unit = "s",
     .low = 1e-6,
     .high = 1,
     .fallback = "0.004",
     .doc = "a step"},
    {.name = "cart",
     .type = ELBO_REAL,
     .unit = "kg",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "0.37",
     .doc = "mass of the cart"},
    {.name = "pole",
     .type = ELBO_REAL,
     .unit = "kg",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "0.127",
     .doc = "mass of the pole"},
    {.name = "length",
     .type = ELBO_REAL,
     .unit = "m",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "0.3365",
     .doc = "half of the pole's"},
    {.name = "gravity",
     .type = ELBO_REAL,
     .unit = "m/s^2",
     .low = 0,
     .high = 1e6,
     .fallback = "9.81",
     .doc = "g"},
    {.name = "limit",
     .type = ELBO_REAL,
     .unit = "N",
     .low = 0,
     .high = HUGE_VAL,
     .fallback = "5",
     .doc = "largest force"},
    {0    },
};

typedef struct cart {
    double dt, total, pole, length, gravity, limit;
} cart;

static elbo_status open_plant(const elbo_values *values, elbo_arena *arena,
                              elbo_plant *out)
{
    cart *const w = elbo_arena_take(arena, 1, sizeof *w);

    ELBO_TRY(elbo_arena_check(arena, "cart_pole"));
    *w = (cart){.dt = elbo_real(values, "dt"),
                .total = elbo_real(values, "cart") + elbo_real(values, "pole"),
                .pole = elbo_real(values, "pole"),
                .length = elbo_real(values, "length"),
                .gravity = elbo_real(values, "gravity"),
                .limit = elbo_real(values, "limit")};
    *out = (elbo_plant){&elbo_cart_pole, w, w->dt, w->limit};
    return ELBO_OK;
}

/* Accelerations of the pole and of the cart. */
static void accelerations(const cart *w, const double x[], double force,
                          double *pole, double *along)
{
    const double s = sin(x[THETA]), c = cos(x[THETA]);
    const double ml = w->pole * w->length;
    const double push = force + ml * x[OMEGA] * x[OMEGA] * s;

    *pole = (w->total * w->gravity * s - c * push)
            / (w->length * (4.0 / 3 * w->total - w->pole * c * c));
    *along = (push - ml * *pole * c) / w->total;
}

static void step(const void *self, const double x[], const double u[],
                 double next[])
{
    const cart *const w = self;
    double slope, pole, along;

    accelerations(w, x, elbo_plant_clip(u[0], w->limit, &slope), &pole, &along);
    next[X] = x[X] + w->dt * x[SPEED];
    next[THETA] = x[THETA] + w->dt * x[OMEGA];
    next[SPEED] = x[SPEED] + w->dt * along;
    next[OMEGA] = x[OMEGA] + w->dt * pole;
}

static void jacobian(const void *self, const double x[], const double u[],
                     double A[], double B[])
{
    const cart *const w = self;
    const double s = sin(x[THETA]), c = cos(x[THETA]), dt = w->dt;
    const double ml = w->pole * w->length;
    double slope, pole, along;
    const double force = elbo_plant_clip(u[0], w->limit, &slope);
    const double push = force + ml * x[OMEGA] * x[OMEGA] * s;
    const double D = w->length * (4.0 / 3 * w->total - w->pole * c * c);

    accelerations(w, x, force, &pole, &along);

    /* of push and of the pole's acceleration N / D; D' = 2 m l c s */
    const double push_theta = ml * x[OMEGA] * x[OMEGA] * c;
    const double push_omega = 2 * ml * x[OMEGA] * s;
    const double pole_theta = (w->total * w->gravity * c + s * push
                               - c * push_theta - pole * 2 * ml * c * s)
                              / D;
    const double pole_omega = -c * push_omega / D;
    const double pole_force = -c / D;

    for (size_t i = 0; i < NX * NX; i++) A[i] = i % (NX + 1) == 0 ? 1 : 0;
    A[X * NX + SPEED] = dt;
    A[THETA * NX + OMEGA] = dt;
    A[SPEED * NX + THETA] =
        dt * (push_theta - ml * (pole_theta * c - pole * s)) / w->total;
    A[SPEED * NX + OMEGA] = dt * (push_omega - ml * pole_omega * c) / w->total;
    A[OMEGA * NX + THETA] = dt * pole_theta;
    A[OMEGA * NX + OMEGA] += dt * pole_omega;
    B[X] = B[THETA] = 0;
    B[SPEED] = dt * (1 - ml * pole_force * c) / w->total * slope;
    B[OMEGA] = dt * pole_force * slope;
}

/* 1/2 (M + m) x'^2 + m l x' theta' cos theta + 2/3 m l^2 theta'^2
 * + m g l cos theta */
static double energy(const void *self, const double x[])
{
    const cart *const w = self;
    const double ml = w->pole * w->length, c = cos(x[THETA]);

    return 0.5 * w->total * x[SPEED] * x[SPEED] + ml * x[SPEED] * x[OMEGA] * c
           + 2.0 / 3 * ml * w->length * x[OMEGA] * x[OMEGA]
           + ml * w->gravity * c;
}

static void observe(const void *self, const double x[], const double u[],
                    double z[])
{
    (void)self;
    z[Z_X] = x[X];
    z[Z_SIN] = sin(x[THETA]);
    z[Z_COS] = cos(x[THETA]);
    z[Z_SPEED] = x[SPEED];
    z[Z_OMEGA] = x[OMEGA];
    z[Z_INPUT] = u[0];
}

static void observe_jacobian(const void *self, const double x[],
                             const double u[], double C[], double D[])
{
    (void)self, (void)u;
    for (size_t i = 0; i < NZ * NX; i++) C[i] = 0;
    for (size_t i = 0; i < NZ; i++) D[i] = 0;
    C[Z_X * NX + X] = 1;
    C[Z_SIN * NX + THETA] = cos(x[THETA]);
    C[Z_COS * NX + THETA] = -sin(x[THETA]);
    C[Z_SPEED * NX + SPEED] = 1;
    C[Z_OMEGA * NX + OMEGA] = 1;
    D[Z_INPUT] = 1;
}

static const char *const state[] = {"x (m)", "theta (rad)", "speed (m/s)",
                                    "angular speed (rad/s)"};
static const char *const input[] = {"force (N)"};
static const double start[] = {0, M_PI, 0, 0};
static const double start_variance[] = {1e-5, 1e-5, 1e-5, 1e-5};
static const double noise[] = {1e-8, 1e-8, 1e-8, 1e-8};
static const double goal[] = {0, 0, 1, 0, 0, 0};
static const double weight[] = {1, 1, 100, 10, 1, 1};

const elbo_dynamics elbo_cart_pole = {
    .name = "cart_pole",
    .source = "Watson, Abdulsamad, Peters 2019; Barto, Sutton, Anderson 1983",
    .doc = "swing a pole up by moving the cart that it hangs from",
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
    .nz_end = Z_INPUT,
    .observe = observe,
    .observe_jacobian = observe_jacobian,
    .start = start,
    .start_variance = start_variance,
    .noise = noise,
    .goal = goal,
    .weight = weight,
    .weight_end = weight,
    .horizon = 500,
};

const elbo_env elbo_env_cart_pole = {
    .name = "cart_pole",
    .source = "Watson, Abdulsamad, Peters 2019; Barto, Sutton, Anderson 1983",
    .doc = "swing a pole up by moving the cart that it hangs from",
    .options = options,
    .continuous = &elbo_cart_pole,
};
