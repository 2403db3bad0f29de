/* envs/gym_acrobot.c -- two links with a motor in the elbow: swing the tip
 * above a line one link over the joint.
 *
 *   d1 = m lc^2 + m (l^2 + lc^2 + 2 l lc cos t2) + 2 I
 *   d2 = m (lc^2 + l lc cos t2) + I
 *   phi2 = m lc g sin(t1 + t2)
 *   phi1 = -m l lc t2' (t2' + 2 t1') sin t2 + m (lc + l) g sin t1 + phi2
 *   t2'' = (u + d2/d1 phi1 - m l lc t1'^2 sin t2 - phi2) / (m lc^2 + I -
 * d2^2/d1) t1'' = -(d2 t2'' + phi1) / d1
 *
 * (Sutton, Barto 1998), m = l = I = 1, lc = 1/2, g = 9.8, by one step of Runge
 * and Kutta of 0.2 s under the torque u = a - 1; then angles are brought to
 * [-pi, pi] and speeds within +-4 pi and +-9 pi. Every step pays -1, but the
 * last one 0.
 */
#include <math.h>

#include "envs/registry.h"
#include "envs/sincos.h"
#include "inference/task.h"

enum { THETA1, THETA2, OMEGA1, OMEGA2, NX };
enum { COS1, SIN1, COS2, SIN2, SPEED1, SPEED2, NO };

static const double pi = 3.14159265358979323846;
static const double mass = 1, length = 1, centre = 0.5, inertia = 1, g = 9.8;
static const double dt = 0.2;

/* dx/dt under the torque. */
static inline void slope(const double x[NX], double torque, double dx[NX])
{
    const double w1 = x[OMEGA1], w2 = x[OMEGA2];
    const double lever = mass * length * centre;
    double s1, c1, s2, c2, s12, c12;

    elbo_sincos(x[THETA1], &s1, &c1);
    elbo_sincos(x[THETA2], &s2, &c2);
    elbo_sincos(x[THETA1] + x[THETA2], &s12, &c12);

    const double d1 =
        mass * centre * centre
        + mass * (length * length + centre * centre + 2 * length * centre * c2)
        + 2 * inertia;
    const double d2 = mass * (centre * centre + length * centre * c2) + inertia;
    const double phi2 = mass * centre * g * s12;
    const double phi1 = -lever * (w2 * w2) * s2 - 2 * lever * w2 * w1 * s2
                        + (mass * centre + mass * length) * g * s1 + phi2;
    const double a2 = (torque + d2 / d1 * phi1 - lever * (w1 * w1) * s2 - phi2)
                      / (mass * centre * centre + inertia - d2 * d2 / d1);

    dx[THETA1] = w1;
    dx[THETA2] = w2;
    dx[OMEGA1] = -(d2 * a2 + phi1) / d1;
    dx[OMEGA2] = a2;
}

static inline void move(const double x[NX], const double dx[NX], double h,
                        double out[NX])
{
    for (size_t i = 0; i < NX; i++) out[i] = x[i] + h * dx[i];
}

/* The rule of Runge (1895) and Kutta (1901). */
static inline void integrate(const double x[NX], double torque, double out[NX])
{
    double k1[NX], k2[NX], k3[NX], k4[NX], y[NX];

    slope(x, torque, k1);
    move(x, k1, dt / 2, y);
    slope(y, torque, k2);
    move(x, k2, dt / 2, y);
    slope(y, torque, k3);
    move(x, k3, dt, y);
    slope(y, torque, k4);
    for (size_t i = 0; i < NX; i++)
        out[i] = x[i] + dt / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
}

static inline double wrap(double x)
{
    if (x > pi) return x - 2 * pi * ceil((x - pi) / (2 * pi));
    return x < -pi ? x - 2 * pi * floor((x + pi) / (2 * pi)) : x;
}

static inline double bound(double x, double most)
{
    return x < -most ? -most : x > most ? most : x;
}

static inline bool is_up(double c1, double s1, double c2, double s2)
{
    return -c1 - (c1 * c2 - s1 * s2) > 1;
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[])
{
    (void)self, (void)rng;
    for (size_t j = 0; j < n; j++) {
        double y[NX], z[NX], s1, c1, s12, c12;

        for (size_t i = 0; i < NX; i++) y[i] = x[i * n + j];
        integrate(y, a[j] - 1, z);
        z[THETA1] = wrap(z[THETA1]);
        z[THETA2] = wrap(z[THETA2]);
        z[OMEGA1] = bound(z[OMEGA1], 4 * pi);
        z[OMEGA2] = bound(z[OMEGA2], 9 * pi);
        for (size_t i = 0; i < NX; i++) next[i * n + j] = z[i];

        elbo_sincos(z[THETA1], &s1, &c1);
        elbo_sincos(z[THETA2] + z[THETA1], &s12, &c12);
        terminal[j] = -c1 - c12 > 1;
        reward[j] = terminal[j] ? 0 : -1;
    }
}

/* U(-0.1, 0.1) in each. */
static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < NX; i++)
            x[i * n + j] = -0.1 + 0.2 * elbo_rng_uniform(&rng[j]);
}

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    (void)self, (void)rng;
    for (size_t j = 0; j < n; j++) {
        float *const row = &o[j * NO];
        double s1, c1, s2, c2;

        elbo_sincos(x[THETA1 * n + j], &s1, &c1);
        elbo_sincos(x[THETA2 * n + j], &s2, &c2);
        row[COS1] = (float)c1;
        row[SIN1] = (float)s1;
        row[COS2] = (float)c2;
        row[SIN2] = (float)s2;
        row[SPEED1] = (float)x[OMEGA1 * n + j];
        row[SPEED2] = (float)x[OMEGA2 * n + j];
    }
}

static void state_of(const void *self, size_t n, const float o[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++) {
        const float *const row = &o[j * NO];

        x[THETA1 * n + j] = atan2((double)row[SIN1], (double)row[COS1]);
        x[THETA2 * n + j] = atan2((double)row[SIN2], (double)row[COS2]);
        x[OMEGA1 * n + j] = (double)row[SPEED1];
        x[OMEGA2 * n + j] = (double)row[SPEED2];
    }
}

static void terminal(const void *self, size_t n, const float o[],
                     const float u[], const float next[], uint8_t end[])
{
    (void)self, (void)o, (void)u;
    for (size_t j = 0; j < n; j++) {
        const float *const row = &next[j * NO];

        end[j] = is_up((double)row[COS1], (double)row[SIN1], (double)row[COS2],
                       (double)row[SIN2]);
    }
}

static void reward(const void *self, size_t n, const float o[], const float u[],
                   const float next[], float r[])
{
    for (size_t j = 0; j < n; j++) {
        uint8_t end;

        terminal(self, 1, o, u, &next[j * NO], &end);
        r[j] = end ? 0 : -1;
    }
}

static elbo_status open_world(const elbo_values *values, elbo_arena *arena,
                              elbo_task_world *out)
{
    (void)values, (void)arena;
    out->nx = NX;
    out->no = NO;
    out->na = 1;
    out->choices = 3;
    out->limit = 500;
    return ELBO_OK;
}

static const char *const state[] = {"theta1 (rad)", "theta2 (rad)",
                                    "theta1' (rad/s)", "theta2' (rad/s)"};
static const char *const observation[] = {"cos theta1",      "sin theta1",
                                          "cos theta2",      "sin theta2",
                                          "theta1' (rad/s)", "theta2' (rad/s)"};

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
};

const elbo_env elbo_gym_acrobot = {
    .name = "Acrobot-v1",
    .source = "Sutton 1996; Gymnasium Acrobot-v1",
    .doc = "swing the tip of two links over a line by a motor between them; "
           "500 steps",
    .task = &task,
};
