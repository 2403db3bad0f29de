/* tests/test_policy_gradient.c -- the policy gradient against differences of returns,
 * and how it moves with the kernel.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/policy_gradient.h"
#include "tests/engine_cases.h"
#include "tests/random_process.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* One case a layout: endless, with a horizon, undiscounted until absorbed. */
enum { KINDS = 3, STATES = 9, ACTIONS = 3, HORIZON = 4 };

typedef struct instance {
    elbo_mdp mdp;
    elbo_chain chain;
    double *pi;
    size_t rows, n; /* n = stages x rows */
} instance;

/* In place: the chain borrows the process. */
static void instance_of(instance *x, elbo_rng *rng, int kind)
{
    x->mdp = random_process(rng, STATES, ACTIONS, 3, 0.4, arena);
    if (kind == 1) x->mdp.horizon = HORIZON;
    if (kind == 2) x->mdp.gamma = 1;
    x->rows = STATES * ACTIONS;
    x->n = elbo_stages(&x->mdp) * x->rows;
    x->pi = random_policy(rng, x->n / ACTIONS, ACTIONS, false, arena);
    x->chain = (elbo_chain){.mdp = &x->mdp, .pi = x->pi, .q = x->mdp.P};
}

static double return_of(const instance *x)
{
    double *const rho = elbo_arena_doubles(arena, x->n);

    case_ok(elbo_occupancy(&x->chain, rho, arena));
    return elbo_return(&x->mdp, rho);
}

/* pi at the state of row i with that logit moved by e. */
static void tilt_policy(instance *x, const double base[], size_t i, double e)
{
    const size_t first = i - i % ACTIONS;
    double sum = 0;

    for (size_t a = first; a < first + ACTIONS; a++) {
        x->pi[a] = base[a] * exp(a == i ? e : 0);
        sum += x->pi[a];
    }
    for (size_t a = first; a < first + ACTIONS; a++) x->pi[a] /= sum;
}

START_TEST(gradient_is_the_slope_of_the_return_in_each_logit)
{
    elbo_rng rng = elbo_rng_stream(2385, "policy gradient", (uint64_t)_i);
    const double h = 1e-4;
    instance x;

    instance_of(&x, &rng, _i);

    double *const base = elbo_arena_doubles(arena, x.n);
    double *const g = elbo_arena_doubles(arena, x.n);

    memcpy(base, x.pi, x.n * sizeof *base);
    case_ok(elbo_policy_gradient(&x.chain, x.mdp.r, g, arena));
    for (size_t i = 0; i < x.n; i++) {
        double J[2];

        tilt_policy(&x, base, i, h);
        J[0] = return_of(&x);
        tilt_policy(&x, base, i, -h);
        J[1] = return_of(&x);
        tilt_policy(&x, base, i, 0);
        ck_assert_double_eq_tol(g[i], (J[0] - J[1]) / (2 * h), 2e-7);
    }
}
END_TEST

static double along(const instance *x, const double v[])
{
    double *const g = elbo_arena_doubles(arena, x->n), sum = 0;

    case_ok(elbo_policy_gradient(&x->chain, x->mdp.r, g, arena));
    for (size_t i = 0; i < x->n; i++) sum += v[i] * g[i];
    return sum;
}

START_TEST(pull_is_the_slope_of_the_gradient_in_each_probability)
{
    elbo_rng rng = elbo_rng_stream(2386, "policy gradient", (uint64_t)_i);
    const double h = 1e-5;
    instance x;

    instance_of(&x, &rng, _i);

    const double *const v = random_doubles(&rng, x.n, -1, 1, arena);
    const size_t nnz = x.mdp.P.pattern->nnz;
    double *const dp = elbo_arena_doubles(arena, nnz);
    double *const p = x.chain.q.prob;

    memset(dp, 0, nnz * sizeof *dp);
    case_ok(elbo_policy_gradient_pull(&x.chain, x.mdp.r, v, 2, dp, arena));
    for (size_t i = 0; i < nnz; i += 2) {
        const double was = p[i];
        double L[2];

        p[i] = was + h;
        L[0] = along(&x, v);
        p[i] = was - h;
        L[1] = along(&x, v);
        p[i] = was;
        ck_assert_double_eq_tol(dp[i], (L[0] - L[1]) / h, 1e-6 * (1 + fabs(dp[i])));
    }
}
END_TEST

/* A softer policy of two states by hand: J = (1 - gamma)^-1 pi(1), nothing moves. */
START_TEST(bandit_matches_its_closed_form)
{
    const uint32_t next[] = {0, 0};
    const elbo_pattern pattern = {.nS = 1, .nA = 2, .width = 1, .next = next, .nnz = 2};
    double prob[] = {1, 1}, g[2];
    const double r[] = {0, 2.385}, mu[] = {1}, pi[] = {0.7, 0.3};
    const elbo_mdp mdp = {
        .nS = 1, .nA = 2, .P = {&pattern, prob}, .r = r, .mu = mu, .gamma = 0.8};
    const elbo_chain chain = {.mdp = &mdp, .pi = pi, .q = mdp.P};

    case_ok(elbo_policy_gradient(&chain, r, g, arena));
    ck_assert_double_eq_tol(g[1], 2.385 * 5 * 0.3 * 0.7, 1e-13);
    ck_assert_double_eq_tol(g[0], -g[1], 1e-13);
}
END_TEST

/* ---- as a word of the language ---- */

static const case_text paml = {
    .env = "garnet",
    .env_own = "states=7 actions=2 branching=3",
    .model = "low_rank",
    .model_own = "rank=2",
    .control = "soft_value_iteration",
    .control_common = "temperature=0.4",
    .inference = "likelihood=-gradJ_error iterations=6",
    .data = "steps=300"};

START_TEST(objective_has_the_derivative_that_differences_see)
{
    elbo_derivative_check found;
    case_text text = paml;
    case_setup c;
    elbo_engine *e;

    if (_i == 1) text.env_common = "horizon=5";
    if (_i == 2) text.inference = "likelihood=logp-3*sq(gradJ_error)*E(V(y))";
    e = case_start(&c, &text, 5);
    case_ok(elbo_engine_check_gradient(e, &found));
    ck_assert_ptr_null(found.skipped);
    ck_assert_uint_gt(found.n, 0);
    ck_assert_double_lt(found.relative, 1e-6);
    case_stop(&c, e);
}
END_TEST

/* A model that can be the world, at a policy that stays. */
START_TEST(realisable_model_leaves_no_error)
{
    case_text text = paml;
    case_setup c;
    elbo_row row;
    elbo_engine *e;

    text.env_common = "discount=0.8";
    text.model = "softmax";
    text.model_own = "prior_precision=1e-12";
    text.control_common = "temperature=inf";
    text.data = "source=population steps=1";
    text.inference = "likelihood=-sq(gradJ_error) m_step_iterations=3000 "
                     "m_step_tolerance=1e-14 iterations=2";
    e = case_start(&c, &text, 5);
    case_ok(elbo_engine_iterate(e, &row));
    case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_gt(row.parts.likelihood, -1e-12);
    case_stop(&c, e);
}
END_TEST

START_TEST(run_resumes_to_the_same_bits)
{
    case_resumes(&paml, 5);
}
END_TEST

START_TEST(planner_may_not_be_followed)
{
    case_text text = paml;

    text.inference = "likelihood=-gradJ_error gradient=implicit";
    case_refused(&text, "inference", "gradient");
}
END_TEST

Suite *suite_policy_gradient(void)
{
    Suite *s = suite_create("policy_gradient");
    TCase *t = tcase_create("policy gradient"), *word = tcase_create("gradJ_error");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, gradient_is_the_slope_of_the_return_in_each_logit, 0, KINDS);
    tcase_add_loop_test(t, pull_is_the_slope_of_the_gradient_in_each_probability, 0,
                        KINDS);
    tcase_add_test(t, bandit_matches_its_closed_form);
    tcase_add_loop_test(word, objective_has_the_derivative_that_differences_see, 0, 3);
    tcase_add_test(word, realisable_model_leaves_no_error);
    tcase_add_test(word, run_resumes_to_the_same_bits);
    tcase_add_test(word, planner_may_not_be_followed);
    suite_add_tcase(s, t);
    suite_add_tcase(s, word);
    return s;
}
