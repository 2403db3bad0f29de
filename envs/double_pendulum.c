/* envs/double_pendulum.c -- two links, a motor at the first joint alone.
 *
 * Point masses m1, m2 at the ends of weightless links l1, l2; angles p, q of
 * the links from the upward vertical, d = p - q: (m1 + m2) l1^2 p'' + m2 l1 l2
 * (cos d q'' + sin d q'^2) = (m1 + m2) g l1 sin p + u - b p' - b (p' - q') m2
 * l2^2 q'' + m2 l1 l2 (cos d p'' - sin d p'^2) = m2 g l2 sin q + b (p' - q')
 * with friction b in both joints; a step is one of Runge and Kutta's, of
 * order 4. z = (sin p, cos p, sin q, cos q, p', q', u), upright at p = q = 0
 */
#include <gsl/gsl_math.h>
#include <math.h>

#include "envs/registry.h"

enum { P, Q, DP, DQ, NX };
enum { SIN_P, COS_P, SIN_Q, COS_Q, SPEED_P, SPEED_Q, INPUT, NZ };

static const elbo_option options[] = {
    {.name = "dt",
     .type = ELBO_REAL,
     .unit = "s",
     .low = 1e-6,
     .high = 1,
     .fallback = "0.02",
     .doc = "a step"},
    {.name = "mass1",
     .type = ELBO_REAL,
     .unit = "kg",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "1",
     .doc = "at the end of the first link"},
    {.name = "mass2",
     .type = ELBO_REAL,
     .unit = "kg",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "1",
     .doc = "at the end of the second link"},
    {.name = "length1",
     .type = ELBO_REAL,
     .unit = "m",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "0.5",
     .doc = "of the first link"},
    {.name = "length2",
     .type = ELBO_REAL,
     .unit = "m",
     .low = 1e-6,
     .high = 1e6,
     .fallback = "0.5",
     .doc = "of the second link"},
    {.name = "friction",
     .type = ELBO_REAL,
     .unit = "N m s",
     .low = 0,
     .high = 1e6,
     .fallback = "0.05",
     .doc = "torque per relative speed in each joint"},
    {.name = "gravity",
     .type = ELBO_REAL,
     .unit = "m/s^2",
     .low = 0,
     .high = 1e6,
     .fallback = "9.81",
     .doc = "g"},
    {.name = "limit",
     .type = ELBO_REAL,
     .unit = "N m",
     .low = 0,
     .high = HUGE_VAL,
     .fallback = "25",
     .doc = "largest torque"},
    {0                      },
};

/* M = [pp, pq cos d; pq cos d, qq]; gravity's torques at the horizontal */
typedef struct links {
    double dt, pp, pq, qq, weight_p, weight_q, friction, limit;
} links;

static elbo_status open_plant(const elbo_values *values, elbo_arena *arena,
                              elbo_plant *out)
{
    links *const w = elbo_arena_take(arena, 1, sizeof *w);
    const double m2 = elbo_real(values, "mass2");
    const double m = elbo_real(values, "mass1") + m2;
    const double l1 = elbo_real(values, "length1");
    const double l2 = elbo_real(values, "length2");
    const double g = elbo_real(values, "gravity");

    ELBO_TRY(elbo_arena_check(arena, "double_pendulum"));
    *w = (links){.dt = elbo_real(values, "dt"),
                 .pp = m * l1 * l1,
                 .pq = m2 * l1 * l2,
                 .qq = m2 * l2 * l2,
                 .weight_p = m * g * l1,
                 .weight_q = m2 * g * l2,
                 .friction = elbo_real(values, "friction"),
                 .limit = elbo_real(values, "limit")};
    *out = (elbo_plant){&elbo_double_pendulum, w, w->dt, w->limit};
    return ELBO_OK;
}

/* (a, b) <- M(d) \ (a, b) */
static void solve(const links *w, double cos_d, double *a, double *b)
{
    const double off = w->pq * cos_d, det = w->pp * w->qq - off * off;
    const double first = (w->qq * *a - off * *b) / det;

    *b = (w->pp * *b - off * *a) / det;
    *a = first;
}

/* rate [4] = x' under the torque */
static void rates(const links *w, const double x[], double torque,
                  double rate[])
{
    const double s = sin(x[P] - x[Q]), c = cos(x[P] - x[Q]);
    const double rub = w->friction * (x[DP] - x[DQ]);

    rate[P] = x[DP];
    rate[Q] = x[DQ];
    rate[DP] = w->weight_p * sin(x[P]) + torque - w->friction * x[DP] - rub
               - w->pq * s * x[DQ] * x[DQ];
    rate[DQ] = w->weight_q * sin(x[Q]) + rub + w->pq * s * x[DP] * x[DP];
    solve(w, c, &rate[DP], &rate[DQ]);
}

/* G [4 x 5] = d rate / d (x, torque): with M a = F,
 * da = M \ (dF - dM a) */
static void rates_jacobian(const links *w, const double x[], double torque,
                           double G[NX][NX + 1])
{
    const double s = sin(x[P] - x[Q]), c = cos(x[P] - x[Q]);
    const double b = w->friction;
    double a[NX];

    rates(w, x, torque, a);

    /* the angle d alone: of the centrifugal terms and of M */
    const double turn_p = -w->pq * c * x[DQ] * x[DQ] + w->pq * s * a[DQ];
    const double turn_q = w->pq * c * x[DP] * x[DP] + w->pq * s * a[DP];
    const double spin_p = 2 * w->pq * s * x[DP], spin_q = 2 * w->pq * s * x[DQ];
    const double lift_p = w->weight_p * cos(x[P]);
    const double lift_q = w->weight_q * cos(x[Q]);
    const double dF[2][NX + 1] = {
        {lift_p + turn_p, -turn_p,         -2 * b,     b - spin_q, 1},
        {turn_q,          lift_q - turn_q, b + spin_p, -b,         0},
    };

    for (size_t j = 0; j <= NX; j++) {
        G[P][j] = j == DP ? 1 : 0;
        G[Q][j] = j == DQ ? 1 : 0;
        G[DP][j] = dF[0][j];
        G[DQ][j] = dF[1][j];
        solve(w, c, &G[DP][j], &G[DQ][j]);
    }
}

static const double stage[] = {0, 0.5, 0.5, 1};
static const double share[] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};

static void step(const void *self, const double x[], const double u[],
                 double next[])
{
    const links *const w = self;
    double slope, k[NX] = {0}, sum[NX] = {0};
    const double torque = elbo_plant_clip(u[0], w->limit, &slope);

    for (size_t r = 0; r < 4; r++) {
        double at[NX];

        for (size_t i = 0; i < NX; i++) at[i] = x[i] + stage[r] * w->dt * k[i];
        rates(w, at, torque, k);
        for (size_t i = 0; i < NX; i++) sum[i] += share[r] * k[i];
    }
    for (size_t i = 0; i < NX; i++) next[i] = x[i] + w->dt * sum[i];
}

/* The same steps with K = dk/d(x, torque) beside k: K <- G (I + stage dt K) */
static void jacobian(const void *self, const double x[], const double u[],
                     double A[], double B[])
{
    const links *const w = self;
    double slope, k[NX] = {0}, K[NX][NX + 1] = {{0}}, sum[NX][NX + 1] = {{0}};
    const double torque = elbo_plant_clip(u[0], w->limit, &slope);

    for (size_t r = 0; r < 4; r++) {
        const double h = stage[r] * w->dt;
        double at[NX], G[NX][NX + 1], next[NX][NX + 1];

        for (size_t i = 0; i < NX; i++) at[i] = x[i] + h * k[i];
        rates(w, at, torque, k);
        rates_jacobian(w, at, torque, G);
        for (size_t i = 0; i < NX; i++)
            for (size_t j = 0; j <= NX; j++) {
                next[i][j] = G[i][j];
                for (size_t l = 0; l < NX; l++)
                    next[i][j] += h * G[i][l] * K[l][j];
            }
        for (size_t i = 0; i < NX; i++)
            for (size_t j = 0; j <= NX; j++) {
                K[i][j] = next[i][j];
                sum[i][j] += share[r] * K[i][j];
            }
    }
    for (size_t i = 0; i < NX; i++) {
        for (size_t j = 0; j < NX; j++)
            A[i * NX + j] = (i == j ? 1 : 0) + w->dt * sum[i][j];
        B[i] = w->dt * sum[i][NX] * slope;
    }
}

static double energy(const void *self, const double x[])
{
    const links *const w = self;

    return 0.5 * w->pp * x[DP] * x[DP] + 0.5 * w->qq * x[DQ] * x[DQ]
           + w->pq * cos(x[P] - x[Q]) * x[DP] * x[DQ] + w->weight_p * cos(x[P])
           + w->weight_q * cos(x[Q]);
}

static void observe(const void *self, const double x[], const double u[],
                    double z[])
{
    (void)self;
    z[SIN_P] = sin(x[P]);
    z[COS_P] = cos(x[P]);
    z[SIN_Q] = sin(x[Q]);
    z[COS_Q] = cos(x[Q]);
    z[SPEED_P] = x[DP];
    z[SPEED_Q] = x[DQ];
    z[INPUT] = u[0];
}

static void observe_jacobian(const void *self, const double x[],
                             const double u[], double C[], double D[])
{
    (void)self, (void)u;
    for (size_t i = 0; i < NZ * NX; i++) C[i] = 0;
    for (size_t i = 0; i < NZ; i++) D[i] = 0;
    C[SIN_P * NX + P] = cos(x[P]);
    C[COS_P * NX + P] = -sin(x[P]);
    C[SIN_Q * NX + Q] = cos(x[Q]);
    C[COS_Q * NX + Q] = -sin(x[Q]);
    C[SPEED_P * NX + DP] = 1;
    C[SPEED_Q * NX + DQ] = 1;
    D[INPUT] = 1;
}

static const char *const state[] = {"p (rad)", "q (rad)", "p' (rad/s)",
                                    "q' (rad/s)"};
static const char *const input[] = {"torque (N m)"};
static const double start[] = {M_PI, M_PI, 0, 0};
static const double variance[] = {1e-6, 1e-6, 1e-6, 1e-6};
static const double goal[] = {0, 1, 0, 1, 0, 0, 0};
static const double weight[] = {1, 100, 1, 100, 1, 1, 0.1};

const elbo_dynamics elbo_double_pendulum = {
    .name = "double_pendulum",
    .source = "Lagrange's equations of two point masses; no paper's constants",
    .doc = "swing two links up with a motor at the first joint",
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
    .horizon = 150,
};

const elbo_env elbo_env_double_pendulum = {
    .name = "double_pendulum",
    .source = "Lagrange's equations of two point masses; no paper's constants",
    .doc = "swing two links up with a motor at the first joint",
    .options = options,
    .continuous = &elbo_double_pendulum,
};
