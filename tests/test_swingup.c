/* tests/test_swingup.c -- the cart and pole of PETS against mechanics done
 * another way: the bodies as sums of discs, the motion from their Lagrangian by
 * differences. */
#include <math.h>

#include "tests/suites.h"
#include "tests/task_cases.h"

enum { X, THETA, SPEED, OMEGA };

static const double pi = 3.14159265358979323846;

/* The mass of the discs of a capsule of density 1000 between two places on its
 * axis, and their second moment about an axis across it at `pivot`, by Gauss'
 * three points: exact, as both are polynomials of the place. */
static void discs(double radius, double length, double pivot, double from,
                  double to, double *mass, double *inertia)
{
    const double point[] = {-sqrt(0.6), 0, sqrt(0.6)};
    const double weight[] = {5.0 / 18, 8.0 / 18, 5.0 / 18};

    for (size_t i = 0; i < 3; i++) {
        const double z = 0.5 * (from + to) + 0.5 * (to - from) * point[i];
        const double cap = fmax(0, fabs(z) - length / 2);
        const double r2 = radius * radius - cap * cap;
        const double dm = 1000 * pi * r2 * weight[i] * (to - from);

        *mass += dm;
        *inertia += dm * (r2 / 4 + (z - pivot) * (z - pivot));
    }
}

static void capsule(double radius, double length, double pivot, double *mass,
                    double *inertia)
{
    const double end[] = {-length / 2 - radius, -length / 2, length / 2,
                          length / 2 + radius};

    *mass = *inertia = 0;
    for (size_t i = 0; i < 3; i++)
        discs(radius, length, pivot, end[i], end[i + 1], mass, inertia);
}

typedef struct lab {
    double cart, pole, inertia; /* the pole's about the joint */
} lab;

static lab measure(void)
{
    const double length = sqrt(0.001 * 0.001 + 0.6 * 0.6);
    lab w;
    double unused;

    capsule(0.1, 0.2, 0, &w.cart, &unused);
    capsule(0.049, length, length / 2, &w.pole, &w.inertia);
    return w;
}

/* The pole's centre, from the joint. */
static void centre(double theta, double *side, double *up)
{
    *side = 0.0005 * cos(theta) - 0.3 * sin(theta);
    *up = -0.0005 * sin(theta) - 0.3 * cos(theta);
}

static double kinetic(const lab *w, const double q[2], const double v[2])
{
    const double h = 1e-6;
    double left, low, right, high;

    centre(q[1] - h, &left, &low);
    centre(q[1] + h, &right, &high);

    const double vx = v[0] + v[1] * (right - left) / (2 * h);
    const double vz = v[1] * (high - low) / (2 * h);
    /* about its own centre: Steiner backwards */
    const double spin = w->inertia - w->pole * (0.0005 * 0.0005 + 0.3 * 0.3);

    return 0.5 * w->cart * v[0] * v[0] + 0.5 * w->pole * (vx * vx + vz * vz)
           + 0.5 * spin * v[1] * v[1];
}

static double potential(const lab *w, const double q[2])
{
    double side, up;

    centre(q[1], &side, &up);
    return w->pole * 9.81 * up;
}

static double energy(const lab *w, const double x[])
{
    return kinetic(w, x, x + 2) + potential(w, x);
}

START_TEST(energy_is_conserved_without_damping_and_input)
{
    const lab w = measure();
    double worst[2] = {0, 0};

    for (size_t k = 0; k < 2; k++) {
        const elbo_task_world world =
            task_open("cartpole_swingup",
                      k == 0 ? "damping=0 track=inf dt=0.01"
                             : "damping=0 track=inf dt=0.005",
                      NULL, 0);
        double x[] = {0.3, 2, 0.7, -1.4}, next[4];
        const double none = 0, start = energy(&w, x);
        uint8_t terminal;

        for (double t = 0; t < 4; t += k == 0 ? 0.02 : 0.01) {
            (void)task_step(&world, x, &none, NULL, next, &terminal);
            for (size_t i = 0; i < 4; i++) x[i] = next[i];
            worst[k] = fmax(worst[k], fabs(energy(&w, x) - start));
        }
        ck_assert_double_lt(worst[k], 1e-2);
    }
    /* of the fourth order */
    ck_assert(worst[0] / worst[1] > 10 && worst[0] / worst[1] < 40);
}
END_TEST

/* d/dt dT/dv by differences along a motion, for accelerations a. */
static double impulse(const lab *w, const double q[2], const double v[2],
                      size_t i)
{
    const double h = 1e-3;
    double more[] = {v[0], v[1]}, less[] = {v[0], v[1]};

    more[i] += h;
    less[i] -= h;
    return (kinetic(w, q, more) - kinetic(w, q, less)) / (2 * h);
}

static double slope(const lab *w, const double q[2], const double v[2],
                    size_t i)
{
    const double h = 1e-4;
    double more[] = {q[0], q[1]}, less[] = {q[0], q[1]};

    more[i] += h;
    less[i] -= h;
    return (kinetic(w, more, v) - potential(w, more) - kinetic(w, less, v)
            + potential(w, less))
           / (2 * h);
}

/* d/dt dL/dv - dL/dq = force - damping, over one action of 2e-5 s. */
START_TEST(its_motion_is_that_of_the_lagrangian)
{
    const lab w = measure();
    const elbo_task_world world =
        task_open("cartpole_swingup", "dt=1e-5 track=inf", NULL, 0);
    elbo_rng rng = elbo_rng_stream(5, "motion", 0);

    for (size_t k = 0; k < 50; k++) {
        double x[4], next[4], u = 4 * elbo_rng_uniform(&rng) - 2;
        uint8_t terminal;

        elbo_rng_normals(&rng, x, 4);
        for (size_t i = 0; i < 4; i++) x[i] *= 2.385;
        (void)task_step(&world, x, &u, NULL, next, &terminal);
        for (size_t i = 0; i < 2; i++) {
            const double rate =
                (impulse(&w, next, next + 2, i) - impulse(&w, x, x + 2, i))
                / 2e-5;
            const double middle =
                0.5 * (slope(&w, x, x + 2, i) + slope(&w, next, next + 2, i));
            const double driven =
                (i == 0 ? 100 * u : 0) - 0.5 * (x[2 + i] + next[2 + i]);

            ck_assert_double_eq_tol(rate - middle, driven,
                                    1e-3 * (10 + fabs(driven) + fabs(middle)));
        }
    }
}
END_TEST

START_TEST(upright_over_the_middle_pays_one)
{
    const elbo_task_world world =
        task_open("cartpole_swingup", "dt=1e-6", NULL, 0);
    double up[] = {0, pi, 0, 0}, down[] = {0.6, 0, 0, 0}, next[4], u[] = {0, 1};
    uint8_t terminal;

    ck_assert_double_eq_tol(task_step(&world, up, &u[0], NULL, next, &terminal),
                            1, 1e-9);
    ck_assert_double_eq_tol(task_step(&world, up, &u[1], NULL, next, &terminal),
                            0.99, 1e-9);
    ck_assert_double_eq_tol(
        task_step(&world, down, &u[0], NULL, next, &terminal), exp(-5), 1e-9);
    ck_assert(!terminal);
}
END_TEST

Suite *suite_swingup(void)
{
    Suite *s = suite_create("swingup");
    TCase *t = tcase_create("swingup");

    tcase_add_checked_fixture(t, task_set_up, task_tear_down);
    tcase_add_test(t, energy_is_conserved_without_damping_and_input);
    tcase_add_test(t, its_motion_is_that_of_the_lagrangian);
    tcase_add_test(t, upright_over_the_middle_pays_one);
    suite_add_tcase(s, t);
    return s;
}
