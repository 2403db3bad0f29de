#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inference/core/alloc.h"
#include "inference/engine_state.h"
#include "tests/engine_cases.h"
#include "tests/engine_parts.h"
#include "tests/suites.h"

static void expect_row(elbo_engine *engine, elbo_row *row)
{
    case_ok(elbo_engine_iterate(engine, row));
}

/* ---- rows ---- */

START_TEST(columns_stand_in_the_order_of_the_contract)
{
    static const char *const names[] = {
        "iteration",       "env_steps",  "elbo",
        "reward_term",     "policy_kl",  "transition_kl",
        "likelihood_term", "prior_term", "return_model",
        "return_real",     "value_gap",  "ess",
        "stop_kl"};
    const elbo_row row = {
        .iteration = 1,
        .env_steps = 2,
        .elbo = 3,
        .parts = {4, 5, 6, 13, 7, 8},
        .return_model = 9,
        .return_real = 10,
        .value_gap = 11,
        .ess = 12
    };
    double x[20];

    for (size_t i = 0; i < 13; i++)
        ck_assert_str_eq(elbo_row_columns(ELBO_LINEAR)[i], names[i]);
    ck_assert_ptr_null(elbo_row_columns(ELBO_LINEAR)[13]);
    for (size_t i = 0; i < 12; i++)
        ck_assert_str_eq(elbo_row_columns(ELBO_EXPONENTIAL)[i], names[i]);
    ck_assert_ptr_null(elbo_row_columns(ELBO_EXPONENTIAL)[12]);
    ck_assert_uint_eq(elbo_row_values(&row, ELBO_EXPONENTIAL, x), 12);
    ck_assert_uint_eq(elbo_row_values(&row, ELBO_LINEAR, x), 13);
    for (size_t i = 0; i < 13; i++) ck_assert(x[i] == (double)(i + 1));
}
END_TEST

/* The known world: the row is value iteration's, the gap is 0. */
START_TEST(a_known_model_promises_what_the_world_keeps)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    case_open_small(&c, &(case_text){.model = "true",
                                     .control = "value_iteration",
                                     .data = "steps=50"});
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    expect_row(engine, &row);
    ck_assert_uint_eq(row.iteration, 1);
    ck_assert_uint_eq(row.env_steps, 50);
    ck_assert_double_eq_tol(row.ess, 50, 1e-12);
    ck_assert_double_eq_tol(row.value_gap, 0, 1e-10);
    ck_assert_double_eq_tol(row.return_model, row.parts.reward, 1e-10);
    ck_assert(row.parts.policy_kl == 0 && row.parts.transition_kl == 0);
    ck_assert(row.parts.prior == 0 && row.parts.likelihood < 0);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(the_data_term_scales_by_weight_and_lambda)
{
    const case_text texts[] = {{.inference = "weight=0.5"},
                               {.inference = "data_scale=40"},
                               {.inference = "weight=0"}};
    elbo_row row[3];

    for (size_t i = 0; i < 3; i++) {
        case_setup c;
        case_text text = texts[i];
        elbo_engine *engine;

        text.data = "steps=80";
        case_open_small(&c, &text);
        case_ok(elbo_engine_open(&c.setup, 3, &engine));
        expect_row(engine, &row[i]);
        elbo_engine_free(engine);
        case_close(&c);
    }
    ck_assert_double_eq_tol(row[0].elbo, row[1].elbo, 1e-10);
    ck_assert_double_eq_tol(row[0].ess, 80, 1e-10);
    ck_assert(row[2].parts.likelihood == 0 && row[2].ess == 0);
    ck_assert_double_eq_tol(row[2].parts.prior, 0, 1e-12);
}
END_TEST

START_TEST(rows_that_end_for_sure_are_known)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;
    size_t known = 0;

    case_open_small(&c, &(case_text){.env = "gridworld",
                                     .env_own = "rows=3 cols=3 slip=0 "
                                                "goal_absorbing=true",
                                     .data = "steps=30"});
    case_ok(elbo_engine_open(&c.setup, 3, &engine));
    expect_row(engine, &row);

    const elbo_kernel *mean = &engine->belief.mean;

    for (size_t i = 0; i < engine->world.nS * engine->world.nA; i++) {
        const size_t end = elbo_entry(mean->pattern, i, engine->world.nS);

        if (!engine->context.known[i]) continue;
        known++;
        ck_assert(end != (size_t)-1 && mean->prob[end] == 1);
    }
    ck_assert_uint_ge(known, 2); /* the two moves into the corner */
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

/* ---- data ---- */

START_TEST(the_current_policy_collects_online)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;
    double pi[21];

    case_open_small(
        &c, &(case_text){.control = "value_iteration",
                         .data = "mode=online policy=current steps=40"});
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    expect_row(engine, &row);
    for (size_t k = 1; k < 5; k++) {
        memcpy(pi, engine->post.pi, sizeof pi); /* one action a state */
        expect_row(engine, &row);
        ck_assert_uint_eq(row.env_steps, 40 * (k + 1));
        for (size_t i = 40 * k; i < engine->data.n; i++)
            ck_assert(pi[engine->data.s[i] * 3 + engine->data.a[i]] == 1);
    }
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(the_optimal_policy_collects_as_the_world_deserves)
{
    case_setup c;
    elbo_engine *engine, *known;
    elbo_row row;

    case_open_small(
        &c, &(case_text){.model = "random", .data = "policy=optimal steps=40"});
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    expect_row(engine, &row);

    case_setup v;

    case_open_small(
        &v, &(case_text){.model = "true", .control = "value_iteration"});
    case_ok(elbo_engine_open(&v.setup, 6, &known));
    expect_row(known, &row);
    for (size_t i = 0; i < 40; i++)
        ck_assert(known->post.pi[engine->data.s[i] * 3 + engine->data.a[i]]
                  == 1);
    elbo_engine_free(engine);
    elbo_engine_free(known);
    case_close(&c);
    case_close(&v);
}
END_TEST

START_TEST(the_random_policy_is_drawn_once_a_seed)
{
    case_setup c;
    elbo_engine *x, *y, *z;

    case_open_small(&c, &(case_text){.data = "policy=random"});
    case_ok(elbo_engine_open(&c.setup, 6, &x));
    case_ok(elbo_engine_open(&c.setup, 6, &y));
    case_ok(elbo_engine_open(&c.setup, 7, &z));

    const double *p = x->behaviour.policy;

    ck_assert(memcmp(p, y->behaviour.policy, 21 * sizeof *p) == 0);
    ck_assert(memcmp(p, z->behaviour.policy, 21 * sizeof *p) != 0);
    for (size_t s = 0; s < 7; s++)
        ck_assert_double_eq_tol(p[3 * s] + p[3 * s + 1] + p[3 * s + 2], 1,
                                1e-14);
    elbo_engine_free(x);
    elbo_engine_free(y);
    elbo_engine_free(z);
    case_close(&c);
}
END_TEST

START_TEST(data_come_from_a_file_in_the_folder)
{
    char path[] = "/tmp/elbo-engine-XXXXXX", data[80];
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    case_file(path, "state,action,reward,next_state,terminated\n"
                    "0,1,2.385,3,0\n0,1,2.385,3,0\n6,2,0,1,0\n");
    snprintf(data, sizeof data, "source=file file=%s", strrchr(path, '/') + 1);
    case_open_small(&c, &(case_text){.data = data});
    c.setup.folder = "/tmp";
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    expect_row(engine, &row);
    ck_assert_uint_eq(row.env_steps, 3);

    const elbo_kernel *mean = &engine->belief.mean;

    ck_assert_double_gt(mean->prob[elbo_entry(mean->pattern, 1, 3)], 0.6);
    elbo_engine_free(engine);
    case_close(&c);

    /* what a fixed model cannot do is bad data, with the sample's number */
    case_open_small(&c,
                    &(case_text){.env_own = "states=7 actions=3 branching=1",
                                 .model = "true",
                                 .data = data});
    c.setup.folder = "/tmp";
    case_ok(elbo_engine_open(&c.setup, 6, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_EDATA,
               "iteration 1: data: sample ");
    elbo_engine_free(engine);
    case_close(&c);
    unlink(path);
}
END_TEST

/* ---- ends and failures ---- */

START_TEST(a_run_ends_converged_or_with_its_budget)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    case_open_small(&c,
                    &(case_text){.model = "true", .inference = "iterations=9"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
    ck_assert_uint_eq(elbo_engine_budget(engine), 9);
    expect_row(engine, &row);
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
    expect_row(engine, &row);
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_CONVERGED);
    elbo_engine_free(engine);
    case_close(&c);

    case_open_small(&c, &(case_text){.control_common = "prior=previous",
                                     .inference = "iterations=3"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    for (size_t k = 0; k < 3; k++) {
        ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_RUNNING);
        expect_row(engine, &row);
    }
    ck_assert_int_eq(elbo_engine_verdict(engine), ELBO_BUDGET);
    ck_assert_uint_eq(elbo_engine_iteration(engine), 3);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(linear_optimality_refuses_rewards_below_zero)
{
    case_setup c;
    elbo_engine *engine = NULL;

    case_open_small(&c,
                    &(case_text){.env_own = "states=7 actions=3 reward=action",
                                 .control = "em_policy",
                                 .inference = "optimality=linear"});
    case_fails(elbo_engine_open(&c.setup, 1, &engine), ELBO_EDATA, "state ");
    ck_assert_ptr_null(engine);
    case_close(&c);
}
END_TEST

START_TEST(a_log_of_nothing_stops_the_run)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    case_open_small(&c, &(case_text){.env_own = "states=7 actions=3 sparsity=1",
                                     .model = "true",
                                     .control = "em_policy",
                                     .inference = "optimality=linear"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_ECHECK, "iteration 1: ");
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(a_world_without_end_cannot_go_undiscounted)
{
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    case_open_small(&c, &(case_text){.model = "true",
                                     .env_common = "discount=1",
                                     .control_common = "sweeps=20"});
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_ESINGULAR,
               "iteration 1: ");
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

/* A control that promises to solve and walks downhill instead. */
static elbo_status fall(elbo_controller *controller,
                        const elbo_problem *problem, elbo_posterior *post,
                        elbo_solve_info *info, elbo_arena *ws)
{
    (void)controller;
    (void)ws;
    *info = (elbo_solve_info){.sweeps = 1, .converged = true};
    for (size_t s = 0; s < post->nS; s++) {
        const size_t nA = post->nA;
        size_t worst = 0;

        for (size_t a = 0; a < nA; a++) {
            post->pi[s * nA + a] = 0;
            if (problem->mdp.r[s * nA + a] < problem->mdp.r[s * nA + worst])
                worst = a;
        }
        post->pi[s * nA + worst] = 1;
    }
    return ELBO_OK;
}

static elbo_status open_faller(const elbo_values *options,
                               const elbo_problem *problem, elbo_arena *arena,
                               elbo_controller *out)
{
    (void)options;
    (void)problem;
    (void)arena;
    out->self = NULL;
    return ELBO_OK;
}

START_TEST(a_broken_promise_stops_the_run_and_names_the_step)
{
    static const elbo_control faller = {.name = "faller",
                                        .promise = ELBO_RISES,
                                        .open = open_faller,
                                        .estep = fall};
    elbo_control honest = faller;
    case_setup c;
    elbo_engine *engine;
    elbo_row row;

    case_open_small(&c, &(case_text){.model = "true"});
    c.setup.control = &faller;
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    case_fails(elbo_engine_iterate(engine, &row), ELBO_ECHECK,
               "iteration 1: E-step: F_control fell");
    elbo_engine_free(engine);

    honest.promise = ELBO_NO_PROMISE;
    c.setup.control = &honest;
    case_ok(elbo_engine_open(&c.setup, 1, &engine));
    expect_row(engine, &row);
    elbo_engine_free(engine);
    case_close(&c);
}
END_TEST

START_TEST(each_allocation_fails_once_and_nothing_leaks)
{
    case_setup c;
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    case_open_small(&c, &(case_text){.inference = "transition=tilt(2)",
                                     .env_common = "discount=0.9 horizon=40",
                                     .data = "steps=30000"});
    for (; s == ELBO_ENOMEM; n++) {
        elbo_engine *engine;
        elbo_row row;

        elbo_alloc_budget(n);
        s = elbo_engine_open(&c.setup, 4, &engine);
        if (s == ELBO_OK) s = elbo_engine_iterate(engine, &row);
        elbo_alloc_budget(-1);
        elbo_engine_free(engine);
    }
    case_ok(s);
    ck_assert_int_ge(n, 4);
    case_close(&c);
}
END_TEST

/* Settings whose rounding was once taken for a fall: a temperature multiplies
 * what cancels in a KL, and exp(E log theta) leaves the range of doubles. */
static const case_text extremes[] = {
    {.control_common = "temperature=1e7",
     .inference = "iterations=15",
     .data = "mode=online policy=current steps=50"},
    {.control_common = "temperature=1e12",
     .inference = "iterations=15",
     .data = "mode=online policy=current steps=50"},
    {.model_own = "support=world",
     .inference = "iterations=15 transition=tilt(1e9) feedback=1",
     .data = "mode=online policy=current steps=50"},
    {.model = "softmax",
     .inference = "iterations=6 transition=tilt(1e8) feedback=1",
     .data = "mode=online policy=current steps=50"},
    {.model_own = "prior_count=1e-6",
     .inference = "iterations=6 transition=tilt(2)",
     .data = "steps=30"},
    {.model_own = "prior_count=1e-4",
     .inference = "iterations=6 transition=tilt(2) feedback=1",
     .data = "steps=30"},
    {.model_own = "prior_count=1e-6",
     .control_common = "temperature=inf",
     .env_common = "horizon=8",
     .inference = "iterations=3 transition=tilt(10,kl=next)",
     .data = "steps=30"},
};

START_TEST(extreme_temperatures_and_priors_raise_no_false_alarm)
{
    for (unsigned seed = 0; seed < 10; seed++) {
        case_setup c;
        elbo_engine *engine;
        elbo_row row;
        case_text text = extremes[_i];

        text.env_own = "states=16 actions=3 branching=3";
        case_open(&c, &text);
        case_ok(elbo_engine_open(&c.setup, seed, &engine));
        while (elbo_engine_verdict(engine) == ELBO_RUNNING) {
            case_ok(elbo_engine_iterate(engine, &row));
            ck_assert(row.parts.policy_kl >= 0);
        }
        elbo_engine_free(engine);
        case_close(&c);
    }
}
END_TEST

Suite *suite_engine(void)
{
    Suite *suite = suite_create("engine");
    TCase *t = tcase_create("engine");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, columns_stand_in_the_order_of_the_contract);
    tcase_add_test(t, a_known_model_promises_what_the_world_keeps);
    tcase_add_test(t, the_data_term_scales_by_weight_and_lambda);
    tcase_add_test(t, rows_that_end_for_sure_are_known);
    tcase_add_test(t, the_current_policy_collects_online);
    tcase_add_test(t, the_optimal_policy_collects_as_the_world_deserves);
    tcase_add_test(t, the_random_policy_is_drawn_once_a_seed);
    tcase_add_test(t, data_come_from_a_file_in_the_folder);
    tcase_add_test(t, a_run_ends_converged_or_with_its_budget);
    tcase_add_test(t, linear_optimality_refuses_rewards_below_zero);
    tcase_add_test(t, a_log_of_nothing_stops_the_run);
    tcase_add_test(t, a_world_without_end_cannot_go_undiscounted);
    tcase_add_test(t, a_broken_promise_stops_the_run_and_names_the_step);
    tcase_add_test(t, each_allocation_fails_once_and_nothing_leaks);
    tcase_add_loop_test(
        t, extreme_temperatures_and_priors_raise_no_false_alarm, 0,
        (int)(sizeof extremes / sizeof *extremes));
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, engine_check());
    return suite;
}
