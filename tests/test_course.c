/* tests/test_course.c -- the engine in continuous worlds. */
#include <check.h>
#include <math.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

#include "inference/course.h"
#include "inference/linear_state.h"
#include "inference/messages/features.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

static const case_text pendulum = {
    .env = "pendulum",
    .env_common = "discount=1",
    .model = "true",
    .control = "i2c",
    .control_own = "first_inputs=sine",
    .control_common = "temperature=100 prior_variance=2",
    .inference = "iterations=60",
    .data = "steps=0",
    .evaluation = "episodes=20",
};

/* ... in a model learnt on the way. */
static const case_text learnt = {
    .env = "pendulum",
    .env_common = "discount=1 horizon=40",
    .model = "random_features",
    .model_own = "features=20",
    .control = "i2c",
    .control_own = "first_inputs=sine",
    .control_common = "temperature=100 prior_variance=2 plan_rounds=5",
    .inference = "iterations=8",
    .data = "mode=online policy=current epsilon=0.7 noise=1.5 steps=60",
    .evaluation = "episodes=20",
};

/* The published experiment, by an independent implementation without the end's
 * cost in its smoother: within 1 %. */
START_TEST(a_pendulum_is_swung_up)
{
    case_setup c;
    elbo_engine *e = case_start(&c, &pendulum, 7);
    elbo_row row;

    for (int k = 0; k < 51; k++) case_ok(elbo_engine_iterate(e, &row));
    ck_assert_str_eq(e->columns[12], "temperature");
    ck_assert_double_eq_tol(row.own.x[1], 14468.9, 145);
    ck_assert(row.elbo == row.parts.reward - row.parts.policy_kl);
    /* what the posterior expects, and what episodes of the world earn */
    ck_assert_double_eq_tol(row.return_real, -row.own.x[1] / 2, 150);
    case_stop(&c, e);
}
END_TEST

/* Covariance control: the last state comes to its target in distribution. The way there
 * amplifies the last digit: after 120 rounds five sets of BLAS kernels have divergences
 * from 0.04 to 396, after 200 all are below 0.1. */
START_TEST(a_target_is_come_to)
{
    case_text text = pendulum;
    case_setup c;
    elbo_row row;
    double first = 0;

    text.inference = "iterations=200";
    text.control_own = "first_inputs=cosine frequency=0.3 target=0,0 "
                       "target_covariance=1e-3 anneal=1";

    elbo_engine *e = case_start(&c, &text, 7);

    ck_assert_str_eq(e->columns[14], "target_kl");
    for (int k = 0; k < 200; k++) {
        case_ok(elbo_engine_iterate(e, &row));
        if (k == 0) first = row.own.x[2];
    }
    ck_assert_double_gt(first, 1e4);
    ck_assert_double_lt(row.own.x[2], 1);
    case_stop(&c, e);
}
END_TEST

/* The learnt part is the evidence of the data: the posterior is exact. */
START_TEST(a_learnt_map_is_an_exact_posterior)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_features features;
    elbo_mniw prior, post;
    elbo_moments S;
    case_setup c;
    elbo_engine *e = case_start(&c, &learnt, 7);
    const elbo_linear_data *const data = &e->course->data;
    double evidence;
    elbo_row row;

    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_eq(data->n, 60);

    gsl_matrix *Z = elbo_arena_mat(ws, 60, 3), *D = elbo_arena_mat(ws, 60, 2);
    gsl_matrix *Phi = elbo_arena_mat(ws, 60, 24);

    for (size_t i = 0; i < 60; i++) {
        for (size_t j = 0; j < 2; j++) {
            gsl_matrix_set(Z, i, j, data->x[2 * i + j]);
            gsl_matrix_set(D, i, j, data->y[2 * i + j] - data->x[2 * i + j]);
        }
        gsl_matrix_set(Z, i, 2, data->u[i]);
        ck_assert_double_le(fabs(data->u[i]), 2);
    }
    case_ok(elbo_features_open(&elbo_feature_fourier, 20, Z, NULL, 7, ws,
                               &features));
    elbo_features_rows(&features, Z, Phi);
    case_ok(elbo_moments_init(&S, 2, 24, ws));
    case_ok(elbo_moments_rows(&S, D, Phi, NULL));
    case_ok(elbo_mniw_init(&prior, 2, 24, ws));
    case_ok(elbo_mniw_init(&post, 2, 24, ws));
    elbo_mniw_isotropic(&prior, 0.01, 1e-4, 4);
    case_ok(elbo_mniw_posterior(&prior, &S, &post, ws));
    case_ok(elbo_mniw_evidence(&prior, &post, 60, &evidence, ws));
    ck_assert_double_eq_tol(row.parts.likelihood + row.parts.prior, evidence,
                            1e-9 * fabs(evidence));
    ck_assert(row.value_gap == row.return_model - row.return_real);
    ck_assert(row.value_gap != 0);
    elbo_arena_free(ws);
    case_stop(&c, e);
}
END_TEST

/* The trajectory of iterative LQR: its return never falls. It swings up (hanging
 * costs 40 000) at the cost of i2c with linearised messages, 16 900 to 17 300. */
START_TEST(iterative_lqr_swings_it_up_too)
{
    case_text text = pendulum;
    case_setup c;
    elbo_row row;
    double F = -HUGE_VAL;

    text.control = "ilqr";
    text.control_common = NULL;

    elbo_engine *e = case_start(&c, &text, 7);

    for (int k = 0; k < 60; k++) {
        case_ok(elbo_engine_iterate(e, &row));
        ck_assert_double_ge(row.elbo, F);
        F = row.elbo;
    }
    ck_assert_double_ge(row.elbo, -17300. / 2);
    ck_assert_double_eq_tol(row.return_real, row.elbo, 0.05 * -row.elbo);
    case_stop(&c, e);
}
END_TEST

/* The return of a controller without noise of its own, in a world without noise,
 * is that of one rollout. */
START_TEST(an_evaluation_is_the_mean_of_rollouts)
{
    case_setup c;
    elbo_engine *e = case_start(&c, &pendulum, 7);
    elbo_course *const course = e->course;
    const elbo_dynamics *d = course->plant.dynamics;
    double x[2], next[2], u, J, cost = 0;
    elbo_row row;

    for (int k = 0; k < 8; k++) case_ok(elbo_engine_iterate(e, &row));

    const elbo_trajectory_view pi = course->control->view(course->solver);

    gsl_matrix_set_zero(course->start);
    gsl_matrix_set_zero(course->noise);
    for (size_t t = 0; t < course->problem.T; t++) ((double *)pi.S)[t] = 0;
    case_ok(elbo_course_return(e, false, &J));
    memcpy(x, d->start, sizeof x);
    for (size_t t = 0; t < course->problem.T; t++) {
        u = pi.k[t] + pi.K[2 * t] * x[0] + pi.K[2 * t + 1] * x[1];
        cost += elbo_plant_cost(&course->plant, x, &u);
        d->step(course->plant.self, x, &u, next);
        memcpy(x, next, sizeof x);
    }
    cost += elbo_plant_cost_end(&course->plant, x);
    ck_assert_double_eq_tol(J, -cost / 2, 1e-9 * cost);
    case_stop(&c, e);
}
END_TEST

START_TEST(a_resumed_run_goes_on_to_the_same_bits)
{
    case_text text = pendulum;

    if (_i) text = learnt;
    if (_i == 1) text.control = "ilqr";
    if (_i == 1) text.control_common = "plan_rounds=3";
    if (_i == 1) text.control_own = NULL;
    case_resumes(&text, 7);
}
END_TEST

/* Evaluations are shared out over threads. */
START_TEST(rows_do_not_depend_on_the_number_of_threads)
{
    const int threads = omp_get_max_threads();
    double x[2][ELBO_ROW_COLUMNS];
    size_t n = 0;

    for (int k = 0; k < 2; k++) {
        case_setup c;
        elbo_row row;

        omp_set_num_threads(1 + 2 * k);

        elbo_engine *e = case_start(&c, &learnt, 7);

        for (int i = 0; i < 3; i++) case_ok(elbo_engine_iterate(e, &row));
        n = elbo_row_values(&row, ELBO_EXPONENTIAL, x[k]);
        case_stop(&c, e);
    }
    omp_set_num_threads(threads);
    ck_assert(memcmp(x[0], x[1], n * sizeof *x[0]) == 0);
}
END_TEST

/* On linear worlds one E-step of i2c is the frame's own: temperature alpha for the
 * inputs, a tilt of the same alpha for the noise, the prior over inputs as pi0.
 * Gains of the independent implementation. */
static const struct {
    const char *control, *transition, *noise;
    double K[2];
} gains[] = {
    {"temperature=1 prior_variance=100", "tilt(1)",   "0",
     {-5.8557145516, -8.1608274832}},
    {"temperature=1 prior_variance=100", "tilt(1)",   "0.01",
     {-2.3095539329, -0.2907114925}},
    {"temperature=0.1 prior_variance=100", "tilt(0.1)", "0.01",
     {-0.655530841, -0.0113092858}},
    {"temperature=0",                    "model",     "0",
     {-5.8665482698, -8.1850701936}},
};

START_TEST(input_inference_is_a_setting_on_linear_worlds)
{
    char own[300], how[60];
    case_setup c;
    elbo_row row;

    snprintf(own, sizeof own,
             "A=1.1,0;0.1,1.1 B=0.1;0 drift=-1,-2 goal=10 start=5 "
             "start_covariance=0 state_cost=10 terminal_cost=10 action_cost=1 "
             "noise=%s",
             gains[_i].noise);
    snprintf(how, sizeof how, "transition=%s", gains[_i].transition);

    elbo_engine *e =
        case_start(&c, &(case_text){.env = "linear",
                                   .env_own = own,
                                   .env_common = "discount=1 horizon=60",
                                   .model = "true",
                                   .control = "lqr",
                                   .control_common = gains[_i].control,
                                   .inference = how,
                                   .data = "steps=0"}, 7);

    case_ok(elbo_engine_iterate(e, &row));

    const gsl_matrix *K = e->linear->stage[30].pi.K;

    ck_assert_double_eq_tol(gsl_matrix_get(K, 0, 0), gains[_i].K[0], 1e-9);
    ck_assert_double_eq_tol(gsl_matrix_get(K, 0, 1), gains[_i].K[1], 1e-9);
    case_stop(&c, e);
}
END_TEST

static const struct {
    const char *section, *key;
    case_text text;
} refused[] = {
    {"env",       "discount",   {.env_common = "discount=0.9"}          },
    {"model",     "name",       {.model = "tabular"}                    },
    {"control",   "name",       {.control = "lqr"}                      },
    {"inference", "transition", {.inference = "transition=tilt(1)"}     },
    {"data",      "steps",      {.data = "steps=10"}                    },
    {"control",   "return_weight", {.control_common = "return_weight=2"}},
    {"inference", "m_step",     {.inference = "m_step=adam"}            },
    {"evaluation", "held_out",  {.evaluation = "held_out=0.5"}          },
    {"data",      "steps",      {.model = "random_features"}            },
    {"data",      "policy",     {.model = "random_features",
                                 .data = "steps=9 policy=current"}      },
};

START_TEST(settings_that_do_not_go_together_are_refused)
{
    case_text text = refused[_i].text;

    text.env = "cart_pole";
    if (!text.env_common) text.env_common = "discount=1";
    if (!text.model) text.model = "true";
    if (!text.control) text.control = "i2c";
    if (!text.data) text.data = "steps=0";
    case_refused(&text, refused[_i].section, refused[_i].key);
}
END_TEST

START_TEST(a_solver_refuses_what_it_cannot_infer_from)
{
    case_text text = pendulum;
    elbo_engine *e;
    case_setup c;

    text.control_common = _i ? "temperature=0 prior_variance=2" : "temperature=1";
    case_open(&c, &text);
    case_fails(elbo_engine_open(&c.setup, 0, &e), ELBO_EINVAL,
               _i ? "temperature" : "prior_variance must be finite");
    case_close(&c);
}
END_TEST

Suite *suite_course(void)
{
    Suite *suite = suite_create("course");
    TCase *tc = tcase_create("engine");

    tcase_add_test(tc, a_pendulum_is_swung_up);
    tcase_add_test(tc, a_target_is_come_to);
    tcase_add_test(tc, a_learnt_map_is_an_exact_posterior);
    tcase_add_test(tc, iterative_lqr_swings_it_up_too);
    tcase_add_test(tc, an_evaluation_is_the_mean_of_rollouts);
    tcase_add_loop_test(tc, a_resumed_run_goes_on_to_the_same_bits, 0, 3);
    tcase_add_test(tc, rows_do_not_depend_on_the_number_of_threads);
    tcase_add_loop_test(tc, input_inference_is_a_setting_on_linear_worlds, 0,
                        sizeof gains / sizeof *gains);
    tcase_add_loop_test(tc, settings_that_do_not_go_together_are_refused, 0,
                        sizeof refused / sizeof *refused);
    tcase_add_loop_test(tc, a_solver_refuses_what_it_cannot_infer_from, 0, 2);
    suite_add_tcase(suite, tc);
    return suite;
}
