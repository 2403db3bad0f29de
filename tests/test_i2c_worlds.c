/* tests/test_i2c_worlds.c -- i2c swings up the nonlinear worlds. */
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "envs/registry.h"
#include "inference/messages/i2c.h"
#include "tests/linear_control.h"
#include "tests/suites.h"

enum { MOST = 16 };

/* A published experiment, and what it must end with. */
typedef struct experiment {
    const elbo_dynamics *world;
    const elbo_transform_rule *rule;
    double alpha, clip, variance_u, weight_u;
    double amplitude, frequency; /* of the first inputs: a sin(t), a cos(f t) */
    size_t iterations;
} experiment;

typedef struct run {
    elbo_arena *ws;
    elbo_plant plant;
    elbo_i2c_problem p;
    elbo_i2c *i2c;
    elbo_i2c_info info;
} run;

static void first_inputs(const experiment *e, gsl_matrix *mu)
{
    for (size_t t = 0; t < mu->size1; t++)
        mu->data[t] = e->amplitude
                      * (e->frequency > 0 ? cos(e->frequency * (double)t)
                                          : sin((double)t));
}

static void start(const experiment *e, run *r)
{
    const elbo_dynamics *const d = e->world;
    elbo_arena *const ws = r->ws = elbo_arena_alloc(1 << 20);
    elbo_i2c_config config = elbo_i2c_defaults;
    gsl_matrix *const mu = elbo_arena_mat(ws, d->horizon, 1);
    gsl_matrix *const W = diagonal(d->weight, d->nz, 1, ws);
    gsl_vector *const m0 = elbo_arena_vec(ws, d->nx);
    gsl_vector *const goal = elbo_arena_vec(ws, d->nz);
    gsl_vector *const goal_end = elbo_arena_vec(ws, d->nz_end);

    ck_assert_int_eq(elbo_plant_open(d, "", ws, &r->plant), ELBO_OK);
    first_inputs(e, mu);
    memcpy(m0->data, d->start, d->nx * sizeof(double));
    memcpy(goal->data, d->goal, d->nz * sizeof(double));
    memcpy(goal_end->data, d->goal, d->nz_end * sizeof(double));
    gsl_matrix_set(W, d->nz - 1, d->nz - 1, e->weight_u);
    r->p = (elbo_i2c_problem){
        .nx = d->nx,
        .nu = 1,
        .T = d->horizon,
        .f = elbo_plant_step(&r->plant),
        .h = elbo_plant_observe(&r->plant),
        .h_end = elbo_plant_observe_end(&r->plant),
        .m0 = m0,
        .P0 = diagonal(d->start_variance, d->nx, 1, ws),
        .Sigma = diagonal(d->noise, d->nx, 1, ws),
        .goal = goal,
        .goal_end = goal_end,
        .W = W,
        .W_end = diagonal(d->weight_end, d->nz_end, 1, ws),
        .mu = mu,
        .Sigma_u = identity(1, e->variance_u, ws),
    };
    config.transform.rule = e->rule;
    config.transform.order = 4;
    config.alpha = e->alpha;
    config.clip = e->clip;
    ck_assert_int_eq(elbo_i2c_open(&config, &r->p, ws, &r->i2c), ELBO_OK);
}

static void iterate(run *r, size_t n)
{
    for (size_t k = 0; k < n; k++)
        ck_assert_int_eq(elbo_i2c_iterate(r->i2c, &r->info, r->ws), ELBO_OK);
}

/* The noise-free cost of the T steps under the controller; x is the end. */
static double rollout(const run *r, double x[])
{
    const elbo_dynamics *const d = r->plant.dynamics;
    double cost = 0;

    memcpy(x, d->start, d->nx * sizeof *x);
    for (size_t t = 0; t < r->p.T; t++) {
        double u, next[MOST], z[MOST];

        elbo_i2c_act(r->i2c, t, x, &u);
        d->observe(r->plant.self, x, &u, z);
        for (size_t i = 0; i < d->nz; i++)
            cost += gsl_matrix_get(r->p.W, i, i) * (z[i] - d->goal[i])
                    * (z[i] - d->goal[i]);
        d->step(r->plant.self, x, &u, next);
        memcpy(x, next, d->nx * sizeof *x);
    }
    return cost;
}

/* Costs of an independent implementation in numpy, whose smoother leaves out
 * the end's goal as the official code does: hence 1 % of room. */
static const struct {
    experiment e;
    double cost[4], alpha[2], rollout;
} pendulums[] = {
    {{&elbo_pendulum, &elbo_transform_cubature, 100, 0, 2, 2, 0.01, 0, 200},
     {39637.4, 15074.7, 14468.9, 14214.9},
     {99.31, 35.27},
     14212.3},
    {{&elbo_pendulum, &elbo_transform_cubature, 100, 0, 2, 2, 0.01, 0.3, 200},
     {0, 0, 0, 13714.5},
     {0, 0},
     13679.9},
};

START_TEST(the_pendulum_has_its_known_costs)
{
    static const size_t at[] = {1, 11, 51, 200};
    const experiment *const e = &pendulums[_i].e;
    double x[MOST];
    size_t done = 0;
    run r;

    start(e, &r);
    for (size_t k = 0; k < 4; k++) {
        const double cost = pendulums[_i].cost[k];

        iterate(&r, at[k] - done);
        done = at[k];
        if (cost > 0) ck_assert_double_eq_tol(r.info.cost, cost, 0.01 * cost);
        if (k == 0 && pendulums[_i].alpha[0] > 0)
            ck_assert_double_eq_tol(r.info.alpha_next, pendulums[_i].alpha[0],
                                    0.01);
    }
    if (pendulums[_i].alpha[1] > 0)
        ck_assert_double_eq_tol(r.info.alpha_next, pendulums[_i].alpha[1],
                                0.01 * pendulums[_i].alpha[1]);
    ck_assert_double_eq_tol(rollout(&r, x), pendulums[_i].rollout,
                            0.01 * pendulums[_i].rollout);
    ck_assert_double_eq_tol(x[0], 2 * M_PI, 0.01); /* upright */
    ck_assert_double_eq_tol(x[1], 0, 0.01);
    elbo_arena_free(r.ws);
}
END_TEST

/* Swing-ups: angles at the end within `angle` of upright. */
static const struct {
    experiment e;
    size_t angles;
    double angle, share; /* of the first iteration's cost, at most */
} swing_ups[] = {
    {{&elbo_pendulum, &elbo_transform_gauss_hermite, 100, 0, 2, 2, 0.01, 0,
      200},
     1, 0.05,
     0.4 },
    {{&elbo_cart_pole, &elbo_transform_cubature, 80, 0, 1, 1, 1e-3, 0, 100},
     1, 0.2,
     0.45},
    {{&elbo_cart_pole, &elbo_transform_linearised, 70, 0.99, 0.25, 1, 1e-2, 0,
      200},
     1, 0.3,
     0.45},
    {{&elbo_double_pendulum, &elbo_transform_cubature, 100, 0, 4, 0.1, 1e-2, 0,
      200},
     2, 0.05,
     0.3 },
};

START_TEST(worlds_swing_up)
{
    const experiment *const e = &swing_ups[_i].e;
    const size_t first = e->world == &elbo_cart_pole ? 1 : 0;
    double x[MOST], before;
    run r;

    start(e, &r);
    iterate(&r, 1);
    before = r.info.cost;
    iterate(&r, e->iterations - 1);
    ck_assert_double_lt(r.info.cost, swing_ups[_i].share * before);
    ck_assert_double_lt(rollout(&r, x), swing_ups[_i].share * before);
    for (size_t i = 0; i < swing_ups[_i].angles; i++)
        ck_assert_double_lt(fabs(remainder(x[first + i], 2 * M_PI)),
                            swing_ups[_i].angle);
    elbo_arena_free(r.ws);
}
END_TEST

/* The closed loop's expected cost by moments is near the rollouts' own. */
START_TEST(propagated_cost_is_that_of_the_closed_loop)
{
    const experiment *const e = &pendulums[0].e;
    run r;

    start(e, &r);
    iterate(&r, 60);

    const size_t T = r.p.T;
    double *const mean = elbo_arena_doubles(r.ws, (T + 1) * 2);
    double *const cov = elbo_arena_doubles(r.ws, (T + 1) * 4);
    double x[MOST], cost;

    ck_assert_int_eq(elbo_i2c_propagate(r.i2c, mean, cov, &cost, r.ws),
                     ELBO_OK);

    const double one = rollout(&r, x) + elbo_plant_cost_end(&r.plant, x);

    ck_assert_double_gt(cost, one);
    ck_assert_double_lt(cost, 1.05 * one);
    ck_assert_double_eq_tol(mean[2 * T], x[0], 0.05);
    elbo_arena_free(r.ws);
}
END_TEST

/* z = u */
static void input_alone(const void *self, const double xu[], double z[])
{
    (void)self;
    z[0] = xu[2];
}

/* Covariance control of the pendulum (Watson and Peters 2021): only inputs
 * cost, x_T is to be upright with standard deviations of 0.032. */
START_TEST(the_pendulum_reaches_a_target_in_distribution)
{
    static const double none[] = {0, 0};
    const experiment e = {
        &elbo_pendulum, &elbo_transform_cubature, 1, 0, 0.5, 1, 0, 0, 150};
    elbo_i2c_config config = elbo_i2c_defaults;
    double x[MOST], first;
    run r;

    start(&e, &r);

    gsl_vector_const_view zero = gsl_vector_const_view_array(none, 2);
    gsl_vector_const_view goal = gsl_vector_const_view_array(none, 1);

    r.p.h = (elbo_map){NULL, 3, 1, input_alone, NULL};
    r.p.h_end.ny = 0;
    r.p.goal = &goal.vector;
    r.p.W = identity(1, 1, r.ws);
    r.p.target = &zero.vector;
    r.p.target_cov = identity(2, 1e-3, r.ws);
    config.alpha = 300;
    config.clip = 1;
    config.anneal = 1;
    ck_assert_int_eq(elbo_i2c_open(&config, &r.p, r.ws, &r.i2c), ELBO_OK);
    iterate(&r, 1);
    first = r.info.kl_target;
    iterate(&r, e.iterations - 1);
    ck_assert_double_gt(first, 1e4);
    ck_assert_double_lt(r.info.kl_target, 1e-3);

    memcpy(x, e.world->start, sizeof(double) * 2);
    for (size_t t = 0; t < r.p.T; t++) {
        double u, next[2];

        elbo_i2c_act(r.i2c, t, x, &u);
        e.world->step(r.plant.self, x, &u, next);
        memcpy(x, next, sizeof next);
    }
    ck_assert_double_lt(fabs(remainder(x[0], 2 * M_PI)), 0.03);
    ck_assert_double_lt(fabs(x[1]), 0.03);
    elbo_arena_free(r.ws);
}
END_TEST

Suite *suite_i2c_worlds(void)
{
    Suite *const s = suite_create("i2c_worlds");
    TCase *const t = tcase_create("i2c_worlds");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_pendulum_has_its_known_costs, 0, 2);
    tcase_add_loop_test(t, worlds_swing_up, 0, 4);
    tcase_add_test(t, the_pendulum_reaches_a_target_in_distribution);
    tcase_add_test(t, propagated_cost_is_that_of_the_closed_loop);
    suite_add_tcase(s, t);
    return s;
}
