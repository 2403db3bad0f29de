/* tests/test_observed_return.c -- what a controller earns whose model is not the
 * world, against moments of two numbers: in worlds of one state the law of the state
 * and of the filter's mean is followed here, along every course.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>

#include "tests/observed_cases.h"
#include "tests/suites.h"

typedef struct scalar {
    double A, B, b, Q, C, d, R, m0, P0;
} scalar;

/* Nothing of the model is the world's. */
static const scalar world = {0.9, 0.7, 0.2, 0.3, 1.1, 0.4, 0.5, 1.5, 0.6},
                    model = {0.8, 0.9, -0.1, 0.5, 0.9, 0.1, 0.4, -0.7, 2.5};
static const double goal = 0.8, output_cost = 1.3, action_cost = 0.6, discount = 0.9;

static const char env_own[] =
    "!A=0.9 B=0.7 drift=0.2 noise=0.3 C=1.1 offset=0.4 output_noise=0.5 start=1.5 "
    "start_covariance=0.6 goal=0.8 output_cost=1.3 action_cost=0.6";

/* ---- the model ---- */

static gsl_matrix *matrix(double x, elbo_arena *arena)
{
    gsl_matrix *const M = elbo_arena_mat(arena, 1, 1);

    gsl_matrix_set_all(M, x);
    return M;
}

static gsl_vector *vector(double x, elbo_arena *arena)
{
    gsl_vector *const v = elbo_arena_vec(arena, 1);

    gsl_vector_set_all(v, x);
    return v;
}

/* The controller is the best one for s, its start included. */
static void plan_for(elbo_engine *e, const scalar *s)
{
    elbo_observed *const o = e->observed;
    elbo_arena *const ws = e->ws;
    const elbo_lgssm_step step = {.A = matrix(s->A, ws),
                                  .B = matrix(s->B, ws),
                                  .b = vector(s->b, ws),
                                  .Q = matrix(s->Q, ws),
                                  .C = matrix(s->C, ws),
                                  .d = vector(s->d, ws),
                                  .R = matrix(s->R, ws)};
    elbo_lgssm sys = *o->world.lds;

    sys.steps = &step;
    sys.m0 = vector(s->m0, ws);
    sys.P0 = matrix(s->P0, ws);
    case_ok(elbo_observed_controller_plan(&o->controller, o->control, o->control_own,
                                          &sys, o->world.cost, ws));
}

/* ---- what it earns ---- */

/* The gain at P, the covariance before y, which goes on to the next y. */
static double gain(const scalar *s, bool seen, double *P)
{
    const double L = seen ? *P * s->C / (s->C * s->C * *P + s->R) : 0;

    *P = s->A * s->A * (1 - L * s->C) * *P + s->Q;
    return L;
}

/* Where P stands. */
static double settled(const scalar *s)
{
    double P = s->P0;

    for (int k = 0; k < 2000; k++) gain(s, true, &P);
    return P;
}

/* E x, E p, and their covariances, p the mean before y. */
typedef struct law {
    double x, p, xx, xp, pp;
} law;

static double reward_of(const scalar *w, const law *m, double u, double uu)
{
    const double miss = w->C * m->x + w->d - goal;

    return -0.5 * output_cost * (miss * miss + w->C * w->C * m->xx + w->R)
           - 0.5 * action_cost * (u * u + uu);
}

/* b = p + L (C x + d + v - C' p - d'), u = K b + k; the model's are primed. */
static double advance(const scalar *w, const scalar *s, double L, double K, double k,
                      law *m)
{
    const double of_x = L * w->C, of_p = 1 - L * s->C;
    const double b = of_x * m->x + of_p * m->p + L * (w->d - s->d);
    const double xb = of_x * m->xx + of_p * m->xp, pb = of_x * m->xp + of_p * m->pp;
    const double bb = of_x * xb + of_p * pb + L * L * w->R;
    const double u = K * b + k;
    const double r = reward_of(w, m, u, K * K * bb);
    const double drift = s->A + s->B * K;

    *m = (law){
        .x = w->A * m->x + w->B * u + w->b,
        .p = s->A * b + s->B * u + s->b,
        .xx = w->A * w->A * m->xx + 2 * w->A * w->B * K * xb
              + w->B * w->B * K * K * bb + w->Q,
        .xp = drift * (w->A * xb + w->B * K * bb),
        .pp = drift * drift * bb,
    };
    return r;
}

/* Over `steps`, on a course (NULL: all is seen); at the steady gain, or from P0. */
static double earned(const elbo_observed_controller *c, const bool seen[],
                     bool steady, size_t steps)
{
    law m = {world.m0, model.m0, world.P0, 0, 0};
    double J = 0, discounted = 1, P = steady ? settled(&model) : model.P0;

    for (size_t t = 0; t < steps; t++, discounted *= discount) {
        const elbo_linear_policy *const pi = &c->policy[c->T > 0 ? t : 0];
        const double L = gain(&model, !seen || seen[t], &P);

        J += discounted
             * advance(&world, &model, L, gsl_matrix_get(pi->K, 0, 0),
                       gsl_vector_get(pi->k, 0), &m);
    }
    return J;
}

/* With a horizon or for ever, all seen or not. */
START_TEST(a_return_is_of_the_worlds_start_and_the_models_filter)
{
    const bool endless = _i % 2, lossy = _i / 2;
    char own[300];
    case_setup c;
    elbo_row row;
    double J, want = 0;

    snprintf(own, sizeof own, "%s%s", env_own, lossy ? " missing=0.3" : "");

    elbo_engine *const e = observed_open(
        &c,
        &(case_text){.env_own = own,
                     .env_common = endless ? "discount=0.9"
                                           : "horizon=5 discount=0.9",
                     .control = "lqg",
                     .model = "true",
                     .data = "steps=20 episode_steps=5",
                     .evaluation = "episodes=7"},
        3);
    const elbo_observed_controller *const k = &e->observed->controller;

    observed_iterate(e, &row, 1);
    plan_for(e, &model);
    case_ok(elbo_observed_controller_return(k, &e->observed->truth, &J, e->ws));
    ck_assert_uint_eq(k->courses, lossy ? 7 : 0);
    for (size_t i = 0; i < 7; i++)
        want += earned(k, lossy ? k->seen + i * (k->steps + 1) : NULL,
                       endless && !lossy, lossy ? k->steps : endless ? 400 : 5)
                / 7;
    ck_assert_double_eq_tol(J, want, 1e-9 * fabs(want));
    ck_assert_double_gt(fabs(J - row.return_real), 0.05 * fabs(J));
    observed_close(&c, e);
}
END_TEST

Suite *suite_observed_return(void)
{
    Suite *const s = suite_create("observed_return");
    TCase *const t = tcase_create("observed_return");

    tcase_add_loop_test(t, a_return_is_of_the_worlds_start_and_the_models_filter, 0, 4);
    suite_add_tcase(s, t);
    return s;
}
