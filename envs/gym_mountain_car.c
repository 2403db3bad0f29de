/* envs/gym_mountain_car.c -- a car in a valley, too weak to drive up: gain
 * speed by going back and forth.
 *
 *   v <- v + push - 0.0025 cos 3x  within +-0.07
 *   x <- x + v                     within [-1.2, 0.6]; v = 0 at the left wall
 *
 * MountainCar-v0 pushes by (a - 1) 0.001 and pays -1 a step until x >= 0.5.
 * MountainCarContinuous-v0 pushes by 0.0015 a, keeps its state in floats, and
 * pays 100 for x >= 0.45 and -0.1 a^2 a step, of the action before it is
 * clipped to
 * [-1, 1].
 */
#include "envs/registry.h"
#include "envs/shown.h"
#include "envs/sincos.h"
#include "inference/task.h"

enum { PLACE, SPEED, NX };

static const double wall = -1.2, end = 0.6, fastest = 0.07, gravity = 0.0025;
static const double force = 0.001, power = 0.0015;

static const elbo_option options[] = {
    {.name = "goal_velocity",
     .type = ELBO_REAL,
     .unit = "1/step",
     .low = -1,
     .high = 1,
     .fallback = "0",
     .doc = "the least one to arrive with"},
    {0       },
};

static inline double clip(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* One step under a push. */
static inline void drive(double place, double speed, double push, double *x,
                         double *v)
{
    double s, c;

    elbo_sincos(3 * place, &s, &c);
    *v = clip(speed + (push - gravity * c), -fastest, fastest);
    *x = clip(place + *v, wall, end);
    *v = (*x <= wall) & (*v < 0) ? 0 : *v;
}

static void step_choice(const void *self, size_t n, const double x[restrict],
                        const double a[restrict], elbo_rng rng[],
                        double next[restrict], double reward[restrict],
                        uint8_t terminal[restrict])
{
    const double arrival = *(const double *)self;

    (void)rng;
    for (size_t j = 0; j < n; j++) {
        double place, speed;

        drive(x[PLACE * n + j], x[SPEED * n + j], (a[j] - 1) * force, &place,
              &speed);
        next[PLACE * n + j] = place;
        next[SPEED * n + j] = speed;
        reward[j] = -1;
        terminal[j] = (uint8_t)((place >= 0.5) & (speed >= arrival));
    }
}

static void step_box(const void *self, size_t n, const double x[restrict],
                     const double a[restrict], elbo_rng rng[],
                     double next[restrict], double reward[restrict],
                     uint8_t terminal[restrict])
{
    const double arrival = *(const double *)self;

    (void)rng;
    for (size_t j = 0; j < n; j++) {
        double place, speed;

        drive(x[PLACE * n + j], x[SPEED * n + j], clip(a[j], -1, 1) * power,
              &place, &speed);

        const float there = (float)place, then = (float)speed;
        const int over = (there >= 0.45F) & ((double)then >= arrival);

        next[PLACE * n + j] = (double)there;
        next[SPEED * n + j] = (double)then;
        reward[j] = (over ? 100 : 0) - a[j] * a[j] * 0.1;
        terminal[j] = (uint8_t)over;
    }
}

/* x ~ U(-0.6, -0.4), at rest. */
static void reset(const void *self, size_t n, elbo_rng rng[], double x[])
{
    (void)self;
    for (size_t j = 0; j < n; j++) {
        x[PLACE * n + j] = -0.6 + 0.2 * elbo_rng_uniform(&rng[j]);
        x[SPEED * n + j] = 0;
    }
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

static bool is_over(const void *self, const float next[], float goal)
{
    return next[PLACE] >= goal && (double)next[SPEED] >= *(const double *)self;
}

static void terminal_choice(const void *self, size_t n, const float o[],
                            const float u[], const float next[], uint8_t over[])
{
    (void)o, (void)u;
    for (size_t j = 0; j < n; j++) over[j] = is_over(self, &next[j * NX], 0.5F);
}

static void terminal_box(const void *self, size_t n, const float o[],
                         const float u[], const float next[], uint8_t over[])
{
    (void)o, (void)u;
    for (size_t j = 0; j < n; j++)
        over[j] = is_over(self, &next[j * NX], 0.45F);
}

static void reward_choice(const void *self, size_t n, const float o[],
                          const float u[], const float next[], float reward[])
{
    (void)self, (void)o, (void)u, (void)next;
    for (size_t j = 0; j < n; j++) reward[j] = -1;
}

static void reward_box(const void *self, size_t n, const float o[],
                       const float u[], const float next[], float reward[])
{
    (void)o;
    for (size_t j = 0; j < n; j++)
        reward[j] = (is_over(self, &next[j * NX], 0.45F) ? 100.0F : 0.0F)
                    - 0.1F * (u[j] * u[j]);
}

static elbo_node reward_node(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next)
{
    (void)self, (void)u, (void)next;
    return elbo_same_node(tape, o, -1);
}

static elbo_status open_world(const elbo_values *values, elbo_arena *arena,
                              elbo_task_world *out)
{
    double *const arrival = elbo_arena_doubles(arena, 1);

    ELBO_TRY(elbo_arena_check(arena, "mountain car"));
    *arrival = elbo_real(values, "goal_velocity");
    out->self = arrival;
    out->nx = out->no = NX;
    out->na = 1;
    return ELBO_OK;
}

static elbo_status open_choice(const elbo_values *values, elbo_arena *arena,
                               elbo_task_world *out)
{
    out->choices = 3;
    out->limit = 200;
    return open_world(values, arena, out);
}

static elbo_status open_box(const elbo_values *values, elbo_arena *arena,
                            elbo_task_world *out)
{
    static const double low = -1, high = 1;

    out->low = &low;
    out->high = &high;
    out->limit = 999;
    return open_world(values, arena, out);
}

static const char *const names[] = {"x", "x' (1/step)"};

static const elbo_task by_choice = {
    .state_names = names,
    .observation_names = names,
    .open = open_choice,
    .reset = reset,
    .step = step_choice,
    .observe = observe,
    .state = state_of,
    .reward = reward_choice,
    .terminal = terminal_choice,
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
    .reward = reward_box,
    .terminal = terminal_box,
};

const elbo_env elbo_gym_mountain_car = {
    .name = "MountainCar-v0",
    .source = "Moore 1990; Gymnasium MountainCar-v0",
    .doc = "drive a weak car out of a valley, to the left, to the right or not "
           "at all; "
           "200 steps",
    .options = options,
    .task = &by_choice,
};

const elbo_env elbo_gym_mountain_car_continuous = {
    .name = "MountainCarContinuous-v0",
    .source = "Moore 1990; Gymnasium MountainCarContinuous-v0",
    .doc = "drive a weak car out of a valley by a force that costs; 999 steps",
    .options = options,
    .task = &by_force,
};
