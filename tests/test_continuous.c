/* tests/test_continuous.c -- the nonlinear worlds against differences, energy
 * and a step written out by hand. */
#include "inference/continuous.h"

#include <gsl/gsl_math.h>
#include <math.h>

#include "envs/registry.h"
#include "inference/core/rng.h"
#include "tests/suites.h"

enum { WORLDS = 3, DRAWS = 40, MOST = 16 };

static elbo_plant opened(const elbo_dynamics *d, const char *settings,
                         elbo_arena *ws)
{
    elbo_plant plant;

    ck_assert_int_eq(elbo_plant_open(d, settings, ws, &plant), ELBO_OK);
    return plant;
}

/* The map's Jacobian and central differences of its values, at drawn points. */
static void check_jacobian(const elbo_map *f, double spread, elbo_rng *rng,
                           elbo_arena *ws)
{
    gsl_matrix *const J = elbo_arena_mat(ws, f->ny, f->nx);
    gsl_matrix *const D = elbo_arena_mat(ws, f->ny, f->nx);
    elbo_map by_differences = *f;
    double x[MOST];

    by_differences.jacobian = NULL;
    for (size_t k = 0; k < DRAWS; k++) {
        elbo_rng_normals(rng, x, f->nx);
        for (size_t i = 0; i < f->nx; i++) x[i] *= spread;
        ck_assert_int_eq(elbo_map_jacobian(f, x, J, ws), ELBO_OK);
        ck_assert_int_eq(elbo_map_jacobian(&by_differences, x, D, ws), ELBO_OK);
        for (size_t i = 0; i < f->ny * f->nx; i++)
            ck_assert_double_eq_tol(J->data[i], D->data[i],
                                    1e-6 * (1 + fabs(D->data[i])));
    }
}

START_TEST(jacobians_match_central_differences)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(7, "jacobian", (uint64_t)_i);
    const elbo_plant plant =
        opened(elbo_continuous_worlds[_i], "limit=1e9", ws);
    const elbo_map maps[] = {elbo_plant_step(&plant),
                             elbo_plant_observe(&plant),
                             elbo_plant_observe_end(&plant)};

    for (size_t i = 0; i < 3; i++) check_jacobian(&maps[i], 2.385, &rng, ws);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(inputs_beyond_the_limit_act_as_the_limit)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_dynamics *const d = elbo_continuous_worlds[_i];
    const elbo_plant plant = opened(d, "", ws);
    const double x[] = {0.3, 1.1, -0.4, 0.7}, far = plant.limit + 3;
    double at[4], beyond[4], A[16], B[4];

    ck_assert(isfinite(plant.limit) && plant.dt > 0);
    for (int sign = -1; sign <= 1; sign += 2) {
        const double edge = sign * plant.limit, out = sign * far;

        d->step(plant.self, x, &edge, at);
        d->step(plant.self, x, &out, beyond);
        for (size_t i = 0; i < d->nx; i++) ck_assert(at[i] == beyond[i]);
        d->jacobian(plant.self, x, &out, A, B);
        for (size_t i = 0; i < d->nx; i++) ck_assert(B[i] == 0);
    }
    elbo_arena_free(ws);
}
END_TEST

/* Largest |E - E_0| over `seconds` from a swing, without input and friction. */
static double energy_drift(const elbo_plant *plant, const double start[],
                           double seconds)
{
    const elbo_dynamics *const d = plant->dynamics;
    const double none = 0;
    double x[MOST], next[MOST], worst = 0;

    for (size_t i = 0; i < d->nx; i++) x[i] = start[i];

    const double E = d->energy(plant->self, x);

    for (double t = 0; t < seconds; t += plant->dt) {
        d->step(plant->self, x, &none, next);
        for (size_t i = 0; i < d->nx; i++) x[i] = next[i];
        worst = fmax(worst, fabs(d->energy(plant->self, x) - E));
    }
    return worst;
}

static const struct {
    const char *coarse, *fine;
    int order; /* of the integrator */
    double start[4];
} swings[WORLDS] = {
    {"damping=0 dt=4e-4",  "damping=0 dt=2e-4",  1, {2, 0.5}           },
    {"dt=4e-5",            "dt=2e-5",            1, {0.1, 1, 0.5, 2}   },
    {"friction=0 dt=4e-3", "friction=0 dt=2e-3", 4, {2, 1.4, 0.3, -0.5}},
};

/* It is conserved, up to an error of the integrator's order. */
START_TEST(energy_is_conserved_without_friction_and_input)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_dynamics *const d = elbo_continuous_worlds[_i];
    const elbo_plant coarse = opened(d, swings[_i].coarse, ws);
    const elbo_plant fine = opened(d, swings[_i].fine, ws);
    const double a = energy_drift(&coarse, swings[_i].start, 2);
    const double b = energy_drift(&fine, swings[_i].start, 2);
    const double scale = fabs(d->energy(fine.self, swings[_i].start));
    const double ratio = pow(2, swings[_i].order);

    ck_assert_double_lt(b, 1e-3 * scale);
    ck_assert_double_gt(b, 0);
    ck_assert(a / b > 0.85 * ratio && a / b < 2.4 * ratio);
    elbo_arena_free(ws);
}
END_TEST

/* One step of each, from the equations in the files, in long hand. */
START_TEST(steps_are_those_of_the_equations)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_plant pendulum = opened(&elbo_pendulum, "", ws);
    const elbo_plant cart = opened(&elbo_cart_pole, "", ws);
    const double th = 2, om = -0.7, u = 1.3;
    double next[4];

    elbo_pendulum.step(pendulum.self, (double[]){th, om}, &u, next);

    const double acc = -3 * 9.80665 / 2 * sin(th + M_PI) - 1e-2 * om + 3.0 * u;
    const double speed = om + acc * 0.05;

    ck_assert_double_eq_tol(next[1], speed, 1e-14);
    ck_assert_double_eq_tol(next[0], th + speed * 0.05, 1e-14);

    const double x[] = {0.2, 2.4, -0.6, 1.7}, F = 2.1;
    const double Mp = 0.127, Mt = 0.37 + Mp, l = 0.3365, dt = 1 / 250.0;
    const double s = sin(x[1]), c = cos(x[1]);

    elbo_cart_pole.step(cart.self, x, &F, next);

    const double top = -Mp * l * s * c * x[3] * x[3] + Mt * 9.81 * s - F * c;
    const double a = top / (l * ((4.0 / 3.0) * Mt - Mp * c * c));
    const double b = (Mp * l * s * x[3] * x[3] - Mp * l * a * c + F) / Mt;

    ck_assert_double_eq_tol(next[0], x[0] + dt * x[2], 1e-14);
    ck_assert_double_eq_tol(next[1], x[1] + dt * x[3], 1e-14);
    ck_assert_double_eq_tol(next[2], x[2] + dt * b, 1e-14);
    ck_assert_double_eq_tol(next[3], x[3] + dt * a, 1e-14);
    elbo_arena_free(ws);
}
END_TEST

/* Both rest upright and hanging, whichever input of 0. */
START_TEST(upright_and_hanging_are_at_rest)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_dynamics *const d = elbo_continuous_worlds[_i];
    const elbo_plant plant = opened(d, "", ws);
    const double up[4] = {0}, none = 0;
    double next[4];

    d->step(plant.self, up, &none, next);
    for (size_t i = 0; i < d->nx; i++)
        ck_assert_double_eq_tol(next[i], up[i], 1e-14);
    ck_assert_double_eq_tol(elbo_plant_cost(&plant, up, &none), 0, 1e-28);
    ck_assert_double_eq_tol(elbo_plant_cost_end(&plant, up), 0, 1e-28);
    d->step(plant.self, d->start, &none, next);
    for (size_t i = 0; i < d->nx; i++)
        ck_assert_double_eq_tol(next[i], d->start[i], 1e-14);
    ck_assert(elbo_plant_cost_end(&plant, d->start) > 300);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(settings_that_are_wrong_are_refused)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_plant plant;

    for (size_t i = 0; elbo_continuous_worlds[i]; i++) {
        const elbo_dynamics *const d = elbo_continuous_worlds[i];

        ck_assert_ptr_eq(elbo_dynamics_find(d->name), d);
        ck_assert_int_eq(elbo_plant_open(d, "dt=0", ws, &plant), ELBO_EINVAL);
        ck_assert_int_eq(elbo_plant_open(d, "mas=1", ws, &plant), ELBO_EINVAL);
        ck_assert(d->source && d->doc && d->nz_end <= d->nz);
    }
    ck_assert_ptr_null(elbo_dynamics_find("pendulums"));
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_continuous(void)
{
    Suite *const s = suite_create("continuous");
    TCase *const t = tcase_create("continuous");

    tcase_add_loop_test(t, jacobians_match_central_differences, 0, WORLDS);
    tcase_add_loop_test(t, inputs_beyond_the_limit_act_as_the_limit, 0, WORLDS);
    tcase_add_loop_test(t, energy_is_conserved_without_friction_and_input, 0,
                        WORLDS);
    tcase_add_test(t, steps_are_those_of_the_equations);
    tcase_add_loop_test(t, upright_and_hanging_are_at_rest, 0, WORLDS);
    tcase_add_test(t, settings_that_are_wrong_are_refused);
    suite_add_tcase(s, t);
    return s;
}
