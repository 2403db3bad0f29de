/* envs/cartpole_swingup.c -- the cart and pole of PETS: swing the pole up and
 * hold it above the middle of the track.
 *
 * The cart (mass M) slides, the pole (mass m) turns about the joint in it; both
 * are capsules of density 1000. At theta = 0 it hangs. The pole's centre of
 * mass is A to the side of the joint and B above it,
 *
 *   A = p cos theta + q sin theta,  B = q cos theta - p sin theta,
 *
 * p = 0.0005, q = -0.3, and J is its inertia about the joint. With damping b:
 *
 *   (M + m) v' + m B w' = 100 u + m A w^2 - b v + F
 *         m B v' +   J w' = m g A - b w
 *
 * |u| <= 3, F the stop at the track's ends, x = +-2.5. Runge and Kutta's four
 * stages a step of 0.02 s, two steps an action. The reward is of the state that
 * follows, exp(-|tip - goal|^2 / 0.36) - 0.01 u^2, u as given, the tip at (x -
 * 0.6 sin theta, -0.6 cos theta) and the goal at (0, 0.6).
 *
 * The stop is MuJoCo's soft constraint (Todorov 2014), which has a closed form
 * where there is one of them. At a depth e, with the speed y outwards, it wants
 * the acceleration k d e + b y inwards, for the hardness d(e) in [0.9, 0.95]
 * and k, b of a critically damped spring; F is what gives it, divided by 1 +
 * R/A, but it never pulls. A is the cart's acceleration per force, and R =
 * A(theta = 0) (1 - d)/d.
 */
#include <math.h>

#include "envs/registry.h"
#include "envs/sincos.h"
#include "inference/task.h"

enum { X, THETA, SPEED, OMEGA, NX };
enum { SIN, COS, PLACE, VELOCITY, TURN, NO };
enum { REPEATS = 2 };

static const double pi = 3.14159265358979323846;
static const double density = 1000, g = 9.81, gear = 100, strongest = 3;
static const double side = 0.0005, above = -0.3; /* p, q */
static const double reach = 0.6;                 /* of the tip */

static const elbo_option options[] = {
    {.name = "damping",
     .type = ELBO_REAL,
     .unit = "N s/m, N m s",
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .doc = "of the cart, and of the joint"},
    {.name = "track",
     .type = ELBO_REAL,
     .unit = "m",
     .low = 1e-3,
     .high = INFINITY,
     .fallback = "2.5",
     .doc = "from its middle to its ends"},
    {.name = "dt",
     .type = ELBO_REAL,
     .unit = "s",
     .low = 1e-6,
     .high = 0.1,
     .fallback = "0.02",
     .doc = "a step of the integrator; two make an action"},
    {0},
};

typedef struct body {
    double cart, pole; /* masses, kg */
    double J;
    double damping, track, dt;
    double softness; /* A at theta = 0 */
} body;

typedef struct capsule {
    double mass, inertia; /* about its centre, across its axis */
} capsule;

/* A cylinder between two half spheres. */
static capsule make_capsule(double radius, double length)
{
    const double r2 = radius * radius, l2 = length * length;
    const double rod = density * pi * r2 * length;
    const double ball = density * 4 / 3 * pi * r2 * radius;

    return (capsule){
        rod + ball, rod * (r2 / 4 + l2 / 12)
                        + ball * (0.4 * r2 + l2 / 4 + 0.375 * radius * length)};
}

/* The force of the stop on the cart, whose acceleration without it is a, and A
 * per force. */
static double stop_force(const body *w, double x, double v, double a, double A)
{
    const double time = fmax(0.02, 2 * w->dt), hard = 0.95, soft = 0.9;
    const double depth = fabs(x) - w->track, out = x < 0 ? -1 : 1;

    if (!(depth > 0)) return 0;

    const double part = fmin(depth / 0.001, 1);
    const double rise =
        part < 0.5 ? 2 * part * part : 1 - 2 * (1 - part) * (1 - part);
    const double d = soft + (hard - soft) * rise;
    const double k = 1 / (hard * hard * time * time), b = 2 / (hard * time);
    const double wanted = k * d * depth + b * out * v; /* inwards */
    const double R = w->softness * (1 - d) / d;

    return -out * fmax(0, (wanted + out * a) / (A + R));
}

/* dx/dt under the force. */
static void slope(const body *w, const double x[NX], double force,
                  double dx[NX])
{
    const double v = x[SPEED], omega = x[OMEGA];
    double s, c;

    elbo_sincos(x[THETA], &s, &c);

    const double A = side * c + above * s, B = above * c - side * s;
    const double total = w->cart + w->pole, across = w->pole * B;
    const double det = total * w->J - across * across;
    const double f = force + w->pole * A * (omega * omega) - w->damping * v;
    const double torque = w->pole * g * A - w->damping * omega;
    const double free = (w->J * f - across * torque) / det;
    const double stopped = f + stop_force(w, x[X], v, free, w->J / det);

    dx[X] = v;
    dx[THETA] = omega;
    dx[SPEED] = (w->J * stopped - across * torque) / det;
    dx[OMEGA] = (total * torque - across * stopped) / det;
}

static void move(const double x[NX], const double dx[NX], double h,
                 double y[NX])
{
    for (size_t i = 0; i < NX; i++) y[i] = x[i] + h * dx[i];
}

static void integrate(const body *w, double force, double x[NX])
{
    double k1[NX], k2[NX], k3[NX], k4[NX], y[NX];

    slope(w, x, force, k1);
    move(x, k1, w->dt / 2, y);
    slope(w, y, force, k2);
    move(x, k2, w->dt / 2, y);
    slope(w, y, force, k3);
    move(x, k3, w->dt, y);
    slope(w, y, force, k4);
    for (size_t i = 0; i < NX; i++)
        x[i] += w->dt / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]);
}

static double clip(double u, double most)
{
    return u < -most ? -most : u > most ? most : u;
}

/* For the tip's angle and the cart's place. */
static double payment(double x, double s, double c, double u)
{
    const double dx = x - reach * s, dz = -reach * c - reach;

    return exp(-(dx * dx + dz * dz) / (reach * reach)) - 0.01 * (u * u);
}

static void step(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[])
{
    (void)rng;
    for (size_t j = 0; j < n; j++) {
        double y[NX], s, c;

        for (size_t i = 0; i < NX; i++) y[i] = x[i * n + j];
        for (size_t k = 0; k < REPEATS; k++)
            integrate(self, gear * clip(a[j], strongest), y);
        for (size_t i = 0; i < NX; i++) next[i * n + j] = y[i];
        elbo_sincos(y[THETA], &s, &c);
        reward[j] = payment(y[X], s, c, a[j]);
    }
    memset(terminal, 0, n);
}

/* N(0, 0.1^2) in each. */
static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++) {
        double z[NX];

        elbo_rng_normals(&rng[j], z, NX);
        for (size_t i = 0; i < NX; i++) x[i * n + j] = 0.1 * z[i];
    }
}

static void observe(const void *self, size_t n, const double x[],
                    elbo_rng rng[], float o[])
{
    (void)self, (void)rng;
    for (size_t j = 0; j < n; j++) {
        float *const row = &o[j * NO];
        double s, c;

        elbo_sincos(x[THETA * n + j], &s, &c);
        row[SIN] = (float)s;
        row[COS] = (float)c;
        row[PLACE] = (float)x[X * n + j];
        row[VELOCITY] = (float)x[SPEED * n + j];
        row[TURN] = (float)x[OMEGA * n + j];
    }
}

static void state_of(const void *self, size_t n, const float o[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++) {
        const float *const row = &o[j * NO];

        x[X * n + j] = (double)row[PLACE];
        x[THETA * n + j] = atan2((double)row[SIN], (double)row[COS]);
        x[SPEED * n + j] = (double)row[VELOCITY];
        x[OMEGA * n + j] = (double)row[TURN];
    }
}

static void reward(const void *self, size_t n, const float o[], const float u[],
                   const float next[], float r[])
{
    (void)self, (void)o;
    for (size_t j = 0; j < n; j++) {
        const float *const row = &next[j * NO];

        r[j] =
            (float)payment((double)row[PLACE], (double)row[SIN],
                           (double)row[COS], strongest * clip((double)u[j], 1));
    }
}

static void terminal(const void *self, size_t n, const float o[],
                     const float u[], const float next[], uint8_t end[])
{
    (void)self, (void)o, (void)u, (void)next;
    memset(end, 0, n);
}

static elbo_node reward_node(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next)
{
    (void)self, (void)o;

    const elbo_node lean =
        elbo_tape_scale(tape, elbo_tape_columns(tape, next, SIN, 1), -reach);
    const elbo_node dx = elbo_tape_binary(
        tape, ELBO_ADD, elbo_tape_columns(tape, next, PLACE, 1), lean);
    const elbo_node height =
        elbo_tape_scale(tape, elbo_tape_columns(tape, next, COS, 1), reach);
    const elbo_node dz =
        elbo_tape_binary(tape, ELBO_ADD, height, elbo_tape_number(tape, reach));
    const elbo_node far =
        elbo_tape_binary(tape, ELBO_ADD, elbo_tape_unary(tape, ELBO_SQ, dx),
                         elbo_tape_unary(tape, ELBO_SQ, dz));
    const elbo_node near = elbo_tape_unary(
        tape, ELBO_EXP, elbo_tape_scale(tape, far, -1 / (reach * reach)));
    const elbo_node effort =
        elbo_tape_unary(tape, ELBO_SQ, elbo_tape_clip(tape, u, -1, 1));

    return elbo_tape_binary(
        tape, ELBO_SUB, near,
        elbo_tape_scale(tape, effort, 0.01 * strongest * strongest));
}

static elbo_status open_world(const elbo_values *values, elbo_arena *arena,
                              elbo_task_world *out)
{
    static const double low = -3, high = 3;
    const capsule cart = make_capsule(0.1, 0.2);
    const capsule pole = make_capsule(0.049, hypot(2 * side, 2 * above));
    body *const w = elbo_arena_take(arena, 1, sizeof *w);

    ELBO_TRY(elbo_arena_check(arena, "cartpole_swingup"));
    w->cart = cart.mass;
    w->pole = pole.mass;
    w->J = pole.inertia + pole.mass * (side * side + above * above);
    w->damping = elbo_real(values, "damping");
    w->track = elbo_real(values, "track");
    w->dt = elbo_real(values, "dt");
    w->softness =
        w->J / ((w->cart + w->pole) * w->J - w->pole * w->pole * above * above);
    out->self = w;
    out->nx = NX;
    out->no = NO;
    out->na = 1;
    out->low = &low;
    out->high = &high;
    out->limit = 200;
    return ELBO_OK;
}

static const char *const state[] = {"x (m)", "theta (rad)", "x' (m/s)",
                                    "theta' (rad/s)"};
static const char *const observation[] = {"sin theta", "cos theta", "x (m)",
                                          "x' (m/s)", "theta' (rad/s)"};

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

const elbo_env elbo_cartpole_swingup = {
    .name = "cartpole_swingup",
    .source = "Chua, Calandra, McAllister, Levine 2018 (PETS)",
    .doc = "swing a heavy pole up by its cart and hold it over the middle; 200 "
           "steps",
    .options = options,
    .task = &task,
};
