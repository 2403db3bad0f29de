/* tests/test_candidates.c -- finite sets of kernels: their posterior against
 * Bayes' rule and exponential weights by hand, their mixtures, the wide tree.
 */
#include <math.h>
#include <string.h>

#include "tests/engine_cases.h"
#include "tests/model_cases.h"
#include "tests/suites.h"
#include "tests/world_cases.h"

static const char three[] = "members=world;swap(0,9,1,2);random noise=0.05";

static double member_log(const elbo_belief *b, const double C[], size_t k)
{
    const elbo_kernel P = b->model->member(b, k);
    double sum = 0;

    for (size_t i = 0; i < P.pattern->nnz; i++)
        if (C[i] > 0) sum += C[i] * log(P.prob[i]);
    return sum;
}

START_TEST(posterior_of_logp_is_bayes_rule)
{
    model_case c;
    double L[3], Z = 0, kl = 0, expected = 0;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, "candidates", three);

    elbo_belief *const b = &c.belief;
    double *const C = model_case_counts(&c, 1, 3);

    for (size_t i = 0; i < b->mean.pattern->nnz; i++) C[i] *= 0.02;
    case_ok(b->model->fit(b, C));
    for (size_t k = 0; k < 3; k++) Z += L[k] = exp(member_log(b, C, k));
    for (size_t k = 0; k < 3; k++) {
        const double q = L[k] / Z;

        ck_assert_double_gt(q, 1e-4);
        ck_assert_double_eq_tol(b->theta[k], q, 1e-12);
        kl += q * log(3 * q);
        expected += q * log(L[k]);
    }
    ck_assert_double_eq_tol(b->model->log_prior(b, NULL), -kl, 1e-12);
    ck_assert_double_eq_tol(b->model->expect_log(b, C), expected, 1e-12);
    /* E log L - KL is then the log evidence */
    ck_assert_double_eq_tol(expected - kl, log(Z / 3), 1e-12);
    model_case_close(&c);
}
END_TEST

START_TEST(mean_and_geometric_mean_are_sums_over_the_members)
{
    model_case c;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, "candidates", three);
    model_case_shake(&c, 1.3, 8);

    const elbo_belief *const b = &c.belief;

    for (size_t i = 0; i < b->mean.pattern->nnz; i++) {
        double mean = 0, logs = 0;

        for (size_t k = 0; k < 3; k++) {
            const double p = b->model->member(b, k).prob[i];

            mean += b->theta[k] * p;
            logs += b->theta[k] * log(p);
        }
        ck_assert_double_eq_tol(b->mean.prob[i], mean, 1e-14);
        ck_assert_double_eq_tol(b->geo.prob[i], exp(logs), 1e-14);
    }
    model_case_close(&c);
}
END_TEST

/* A candidate that the data rule out has no weight; all ruled out is an error. */
START_TEST(impossible_members_get_no_weight)
{
    model_case c;

    model_case_open(&c, &model_case_grid, NULL, 0);
    model_case_belief(&c, "candidates", "members=world;turn(0,19,0,18)");

    elbo_belief *const b = &c.belief;
    double *const C = model_case_counts(&c, 3, 3);

    case_ok(b->model->fit(b, C));
    ck_assert_double_eq(b->theta[0], 1);
    ck_assert_double_eq(b->theta[1], 0);
    ck_assert(isfinite(b->model->expect_log(b, C)));
    ck_assert_double_eq_tol(b->model->log_prior(b, NULL), -log(2), 1e-15);

    const double none[2] = {-HUGE_VAL, -HUGE_VAL};
    const double bad[2] = {NAN, 0};

    case_fails(b->model->weigh(b, none), ELBO_ENOTFINITE, "impossible");
    case_fails(b->model->weigh(b, bad), ELBO_ENOTFINITE, "candidate 0");
    ck_assert_double_eq(b->theta[0], 1);
    model_case_close(&c);
}
END_TEST

/* Hedge on the wide tree: after rounds of whole episodes the weights are
 * exp(-rate * cumulated loss). V is -1 in the bad child, 0 in all other
 * successors, so only the root's samples tell the members apart, by 0.16 each:
 * 0.58 where the bad child came under action 0 or the good one under 1 ... */
START_TEST(exponential_weights_on_the_wide_tree_by_hand)
{
    const case_text text = {
        .env = "wide_tree",
        .env_common = "discount=1",
        .model = "candidates",
        .model_own = "members=world;swap(0,0,1,2)",
        .control = "value_iteration",
        .inference = "likelihood=-E(abs(V(y)-V(next))) data_scale=0.15|D| "
                     "iterations=12 tolerance=0",
        .data = "mode=online policy=current expert=0.5 steps=8",
    };
    case_setup c;
    elbo_engine *e;
    elbo_row row;

    case_open(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 3, &e));
    while (elbo_engine_verdict(e) == ELBO_RUNNING)
        case_ok(elbo_engine_iterate(e, &row));
    ck_assert_uint_eq(row.own.n, 2);
    ck_assert_double_eq_tol(row.own.x[0] + row.own.x[1], 1, 1e-15);

    /* every sample at the root favours one member by 0.7 - 0.3 */
    const double odds = log(row.own.x[0] / row.own.x[1]) / (0.15 * 0.4);

    ck_assert_double_eq_tol(odds, round(odds), 1e-9);
    ck_assert_double_le(fabs(odds), 24);
    ck_assert_double_eq_tol(fmod(fabs(round(odds)), 2), 0, 1e-12);
    elbo_engine_free(e);
    case_close(&c);
}
END_TEST

START_TEST(wide_tree_costs_three_tenths_at_best)
{
    const elbo_world w = world_open("wide_tree", "");
    const elbo_world flat =
        world_open("wide_tree", "relays=false leaves=8 slip=0 bad_reward=0 "
                                "good_reward=1");

    ck_assert_uint_eq(w.nS, 105);
    ck_assert_double_eq_tol(world_solve(&w, 1, 5, false)[0], -0.3, 1e-15);
    ck_assert_uint_eq(flat.nS, 11);
    ck_assert_double_eq(world_solve(&flat, 1, 2, false)[0], 1);
    ck_assert_double_eq(world_solve(&flat, 1, 2, true)[0], 0.5);
}
END_TEST

START_TEST(expert_episodes_come_as_evenly_as_they_can)
{
    elbo_world w = world_open("wide_tree", "slip=0");
    double never[2 * 105], always[2 * 105];
    elbo_collector k;
    elbo_data d;
    const elbo_behaviour how = {.policy = never,
                                .stages = 1,
                                .expert = always,
                                .expert_stages = 1,
                                .expert_share = 0.3};

    for (size_t s = 0; s < 105; s++) {
        never[2 * s] = always[2 * s + 1] = 1;
        never[2 * s + 1] = always[2 * s] = 0;
    }
    case_ok(elbo_data_init(&d, 400, world_arena));
    elbo_collector_init(&k, 5);
    case_ok(elbo_collect(&d, &k, &w, &how, 400, world_arena));
    ck_assert_uint_eq(k.episodes, 100);

    size_t n = 0;

    for (size_t i = 0; i < 400; i += 4) {
        n += d.a[i];
        ck_assert_uint_eq(n, (size_t)floor((double)(i / 4 + 1) * 0.3));
        ck_assert_uint_eq(d.a[i], d.a[i + 2]);
    }
}
END_TEST

START_TEST(members_are_refused_with_their_place)
{
    static const struct {
        const char *text;
        size_t column;
        const char *nearest;
    } wrong[] = {
        {"wrld",                  0, "world"},
        {"world; swp(0, 0, 1, 2)", 7, "swap" },
        {"world + turn(0, 1, 2)",  0, NULL   },
        {"world;",                 6, NULL   },
        {"",                       0, NULL   },
    };
    model_case c;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        elbo_arena *arena = elbo_arena_alloc(1024);
        elbo_values values;
        size_t column = 99;
        const char *nearest = NULL;

        case_ok(elbo_values_init(&values,
                                 elbo_model_find("mixture")->options, arena));
        ck_assert_int_eq(
            elbo_values_set(&values, 0, wrong[i].text, &column, &nearest),
            ELBO_EINVAL);
        if (wrong[i].column) ck_assert_uint_eq(column, wrong[i].column);
        if (wrong[i].nearest) ck_assert_str_eq(nearest, wrong[i].nearest);
        elbo_arena_free(arena);
    }
    model_case_open(&c, &model_case_grid, NULL, 0);
    case_fails(model_case_try(&c, "mixture", "members=swap(0,20,1,2)"),
               ELBO_EINVAL, "20 states");
    model_case_close(&c);
}
END_TEST

Suite *suite_candidates(void)
{
    Suite *suite = suite_create("candidates");
    TCase *model = tcase_create("model"), *world = tcase_create("world");

    tcase_add_test(model, posterior_of_logp_is_bayes_rule);
    tcase_add_test(model, mean_and_geometric_mean_are_sums_over_the_members);
    tcase_add_test(model, impossible_members_get_no_weight);
    tcase_add_test(model, exponential_weights_on_the_wide_tree_by_hand);
    tcase_add_test(model, members_are_refused_with_their_place);
    tcase_add_checked_fixture(world, world_set_up, world_tear_down);
    tcase_add_test(world, wide_tree_costs_three_tenths_at_best);
    tcase_add_test(world, expert_episodes_come_as_evenly_as_they_can);
    suite_add_tcase(suite, model);
    suite_add_tcase(suite, world);
    return suite;
}
