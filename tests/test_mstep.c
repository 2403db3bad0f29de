#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/evaluate.h"
#include "tests/mstep_cases.h"
#include "tests/suites.h"

static const tangle small = {7, 3, 5}, wide = {60, 8, 3};

static double objective_at(mstep_case *m, size_t j, double x)
{
    elbo_belief *const b = &m->c.belief;
    double value;

    b->theta[j] = x;
    b->model->update(b);
    assert_ok(elbo_mstep_objective(&m->step, b, &value, NULL, m->ws));
    return value;
}

START_TEST(the_gradient_matches_central_differences)
{
    mstep_case m;
    double value, scale = 0;

    mstep_case_open(&m, &model_case_grid, NULL, &mstep_plans[_i]);

    const size_t n = m.c.belief.n;
    double *const grad = elbo_arena_doubles(m.c.arena, n);

    /* away from where (pi, q) were found: they are held, theta is not */
    model_case_shake(&m.c, 0.3, 17);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &value, grad, m.ws));
    for (size_t j = 0; j < n; j++) scale = fmax(scale, fabs(grad[j]));
    ck_assert_double_gt(scale, 0.1);
    for (size_t j = 0; j < n; j += 1 + n / 29) {
        const double x = m.c.belief.theta[j], h = 1e-3;
        const double slope =
            (objective_at(&m, j, x - 2 * h) - 8 * objective_at(&m, j, x - h)
             + 8 * objective_at(&m, j, x + h) - objective_at(&m, j, x + 2 * h))
            / (12 * h);

        objective_at(&m, j, x);
        ck_assert_double_eq_tol(grad[j], slope, 1e-7 * scale);
    }
    mstep_case_close(&m);
}
END_TEST

START_TEST(feedback_moves_the_objective_by_the_policys_value)
{
    const plan with = {"softmax", "init_scale=0.7", "model", 1, 0, 3};
    mstep_case m;
    double cut, fed, V[4][8], J = 0;

    mstep_case_open(&m, &model_case_tangle, &small, &with);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &fed, NULL, m.ws));
    m.step.kappa = 0;
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &cut, NULL, m.ws));

    /* three stages backwards, by hand; alpha = 0: no policy term */
    memset(V, 0, sizeof V);
    for (size_t t = 3; t-- > 0;)
        for (size_t row = 0; row < 14; row++) {
            const double *const p = m.c.belief.mean.prob + row * 8;
            double Q = m.c.mdp.r[row];

            for (size_t next = 0; next < 7; next++)
                Q += 0.9 * p[next] * V[t + 1][next];
            V[t][row / 2] += m.post.pi[t * 14 + row] * Q;
        }
    for (size_t s = 0; s < 7; s++) J += m.c.mdp.mu[s] * V[0][s];
    ck_assert_double_gt(J, 0.5);
    ck_assert_double_eq_tol(fed - cut, J, 1e-11 * fabs(cut));
    mstep_case_close(&m);
}
END_TEST

/* -- closed form ------------------------------------------------------------
 */

START_TEST(tabular_is_fitted_to_the_counts_in_one_step)
{
    const plan cut = {"tabular", "prior_count=2.4", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;
    double value;

    mstep_case_open(&m, &model_case_tangle, &small, &cut);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    for (size_t j = 0; j < m.c.belief.n; j++)
        ck_assert_double_eq_tol(m.c.belief.theta[j], 0.3 + m.step.C[j], 1e-13);
    ck_assert(info.closed && info.converged);
    ck_assert_double_gt(info.after, info.before + 1);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &value, NULL, m.ws));
    ck_assert_double_eq(value, info.after);

    /* nothing is left to gain */
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert_double_eq(info.before, info.after);
    mstep_case_close(&m);
}
END_TEST

START_TEST(tabular_with_a_vanishing_prior_still_has_a_finite_objective)
{
    const plan cut = {"tabular", "prior_count=1e-3", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    mstep_case_open(&m, &model_case_tangle, &small, &cut);
    ck_assert_double_eq(m.c.belief.geo.prob[0], 0);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(isfinite(info.before));
    ck_assert_double_gt(info.after, info.before + 1000);
    mstep_case_close(&m);
}
END_TEST

/* beta rho q by forward simulation of the distribution, kl: step. */
static void expected_visits(const mstep_case *m, double beta, double C[])
{
    enum { S = 7, STEPS = 600 };
    double state[S], next[S], discount = 1;

    memcpy(state, m->c.mdp.mu, sizeof state);
    for (int t = 0; t < STEPS; t++, discount *= 0.9) {
        memset(next, 0, sizeof next);
        for (size_t row = 0; row < S * 2; row++)
            for (size_t k = 0; k <= S; k++) {
                const double flow =
                    state[row / 2] * m->post.pi[row] * m->post.q[row * 8 + k];

                C[row * 8 + k] += beta * discount * flow;
                if (k < S) next[k] += flow;
            }
        memcpy(state, next, sizeof state);
    }
}

START_TEST(tabular_adds_the_expected_counts_of_a_tilt)
{
    const plan closed = {"tabular", "prior_count=2.4", "tilt(1.7)", 1, 0.4, 0};
    elbo_mstep_info info;
    mstep_case m;
    double visits[14 * 8] = {0};

    mstep_case_open(&m, &model_case_tangle, &small, &closed);
    expected_visits(&m, 1.7, visits);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    for (size_t j = 0; j < m.c.belief.n; j++)
        ck_assert_double_eq_tol(m.c.belief.theta[j],
                                0.3 + m.step.C[j] + visits[j], 1e-9);
    ck_assert(info.closed);
    ck_assert_double_gt(info.after, info.before);
    mstep_case_close(&m);
}
END_TEST

/* log J of the policy under exp(E log theta). */
static double log_return(mstep_case *m)
{
    const elbo_mdp *const mdp = &m->c.mdp;
    const elbo_chain chain = {mdp, m->post.pi, m->c.belief.geo, 0};
    double V[2 * 8], J = 0;

    assert_ok(elbo_evaluate(&chain, mdp->r, V, m->ws));
    for (size_t s = 0; s < mdp->nS; s++) J += mdp->mu[s] * V[s];
    return log(J);
}

START_TEST(linear_feedback_makes_the_marginal_bound_rise)
{
    const plan with = {
        _i ? "softmax" : "tabular", "support=world", "tilt(1.7)", 1, 0.4, 0};
    elbo_mstep_info info;
    mstep_case m;

    mstep_case_open(&m, &model_case_tangle, &small, &with);

    elbo_belief *const b = &m.c.belief;
    double last = 0, value, first = 0;

    m.problem.optimality = ELBO_LINEAR;
    for (int round = 0; round < 12; round++) {
        const elbo_mstep cut = {.likelihood = &elbo_likelihood_logp,
                                .C = m.step.C};

        m.problem.mdp.P = b->geo;
        assert_ok(elbo_mstep_objective(&cut, b, &value, NULL, m.ws));
        value += log_return(&m);
        if (round == 0) first = value;
        if (round > 0) ck_assert_double_ge(value, last - 1e-11 * fabs(last));
        last = value;
        assert_ok(elbo_mstep_run(&m.step, b, &info, m.ws));
        ck_assert_double_ge(info.after, info.before - 1e-11 * fabs(last));
        ck_assert(info.closed == !_i);
    }
    ck_assert_double_gt(last, first + 1);
    mstep_case_close(&m);
}
END_TEST

START_TEST(a_fixed_model_is_only_evaluated)
{
    const plan cut = {"true", "", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;
    double value;

    mstep_case_open(&m, &model_case_tangle, &small, &cut);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    assert_ok(elbo_likelihood_logp.value(&m.c.mdp.P, m.step.C, &value, NULL));
    ck_assert_double_eq(info.before, value);
    ck_assert_double_eq(info.after, value);
    ck_assert(info.converged);
    mstep_case_close(&m);
}
END_TEST

/* -- determinism and failures -----------------------------------------------
 */

static const plan threaded[] = {
    {"tabular",  "",         "model",     0,  1,   0},
    {"softmax",  "",         "model",     1,  0.4, 0},
    {"low_rank", "rank=6",   "tilt(1.7)", 1,  0.4, 0},
    {"aliased",  "groups=5", "model",     -1, 0.4, 0},
};

START_TEST(threads_do_not_change_the_bits)
{
    const int threads = omp_get_max_threads();
    elbo_mstep_info info[2];
    mstep_case m[2];

    for (int t = 0; t < 2; t++) {
        omp_set_num_threads(t + 1);
        mstep_case_open(&m[t], &model_case_tangle, &wide, &threaded[_i]);
        m[t].step.ascent.iterations = 4;
        assert_ok(
            elbo_mstep_run(&m[t].step, &m[t].c.belief, &info[t], m[t].ws));
    }
    omp_set_num_threads(threads);
    ck_assert_mem_eq(m[0].c.belief.theta, m[1].c.belief.theta,
                     m[0].c.belief.n * sizeof(double));
    ck_assert_mem_eq(&info[0].before, &info[1].before, sizeof(double));
    ck_assert_mem_eq(&info[0].after, &info[1].after, sizeof(double));
    mstep_case_close(&m[0]);
    mstep_case_close(&m[1]);
}
END_TEST

typedef struct refusal {
    plan plan;
    const char *text;
} refusal;

static const refusal refusals[] = {
    {{"tabular", "", "model", 1, 0.4, 0},                   "a posterior"    },
    {{"tabular", "", "model", -1, 0.4, 0},                  "a posterior"    },
    {{"tabular", "prior_count=5", "tilt(1.7)", -1, 0.4, 0}, "negative counts"},
    {{"softmax", "", "tilt(1.7)", -1, 0.4, 0},              "negative counts"},
    {{"softmax", "", "tilt(-1.7)", 1, 0.4, 0},              "robust"         },
};

START_TEST(feedback_that_cannot_reach_the_model_is_refused)
{
    elbo_mstep_info info;
    mstep_case m;
    double value;

    mstep_case_open(&m, &model_case_tangle, &small, &refusals[_i].plan);

    const double before = m.c.belief.theta[3];

    ck_assert_int_eq(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, refusals[_i].text));
    ck_assert_int_eq(
        elbo_mstep_objective(&m.step, &m.c.belief, &value, NULL, m.ws),
        ELBO_EINVAL);
    ck_assert_double_eq(m.c.belief.theta[3], before);
    mstep_case_close(&m);
}
END_TEST

START_TEST(a_posterior_has_no_gradient_for_other_likelihoods)
{
    const plan cut = {"tabular", "", "model", 0, 1, 0};
    elbo_likelihood other = elbo_likelihood_logp;
    elbo_mstep_info info;
    mstep_case m;

    other.name = "other";
    other.conjugate = false;
    mstep_case_open(&m, &model_case_tangle, &small, &cut);
    m.step.likelihood = &other;
    ck_assert_int_eq(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "likelihood other"));
    mstep_case_close(&m);
}
END_TEST

START_TEST(impossible_data_leave_theta_unchanged)
{
    const char *const name = _i ? "softmax" : "tabular";
    const plan cut = {name, "support=world", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    mstep_case_open(&m, &model_case_tangle, &small, &cut);

    const elbo_pattern *const pattern = m.c.belief.mean.pattern;
    const size_t row = 2 * (small.nS - 1),
                 bytes = m.c.belief.n * sizeof(double);
    double *const C = elbo_arena_doubles(m.c.arena, pattern->nnz);
    double *const before = elbo_arena_doubles(m.c.arena, m.c.belief.n);

    /* the known row of the last state ends; its padding, or an own entry whose
     * probability is taken away, is impossible */
    memcpy(C, m.step.C, pattern->nnz * sizeof *C);
    memcpy(before, m.c.belief.theta, bytes);
    C[elbo_row_begin(pattern, row)] = 1;
    m.c.belief.mean.prob[elbo_row_begin(pattern, row)] = 0;
    m.c.belief.geo.prob[elbo_row_begin(pattern, row)] = 0;
    m.step.C = C;
    ck_assert_int_eq(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws),
                     ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "state 6, action 0"));
    ck_assert_mem_eq(m.c.belief.theta, before, bytes);
    mstep_case_close(&m);
}
END_TEST

START_TEST(every_lost_allocation_leaves_theta_unchanged)
{
    const plan *const p = &threaded[_i];
    elbo_status s = ELBO_ENOMEM;
    elbo_mstep_info info;
    mstep_case m;
    long budget = 0;

    mstep_case_open(&m, &model_case_tangle, &small, p);
    m.step.ascent.iterations = 2;

    const size_t bytes = m.c.belief.n * sizeof(double);
    double *const before = elbo_arena_doubles(m.c.arena, m.c.belief.n);

    memcpy(before, m.c.belief.theta, bytes);
    while (s == ELBO_ENOMEM) {
        ck_assert_mem_eq(m.c.belief.theta, before, bytes);
        elbo_alloc_budget(budget++);

        elbo_arena *const ws = elbo_arena_alloc(64);

        s = ws ? elbo_mstep_run(&m.step, &m.c.belief, &info, ws) : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(budget, 2);
    mstep_case_close(&m);
}
END_TEST

START_TEST(a_warm_step_never_allocates)
{
    elbo_mstep_info info;
    mstep_case m;

    mstep_case_open(&m, &model_case_tangle, &small, &threaded[_i]);
    m.step.ascent.iterations = 2;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));

    const unsigned long before = elbo_alloc_count();

    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert_uint_eq(elbo_alloc_count(), before);
    mstep_case_close(&m);
}
END_TEST

Suite *suite_mstep(void)
{
    enum {
        THREADED = sizeof threaded / sizeof *threaded,
        REFUSALS = sizeof refusals / sizeof *refusals
    };
    Suite *const suite = suite_create("mstep");
    TCase *const t = tcase_create("mstep");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_gradient_matches_central_differences, 0,
                        n_mstep_plans);
    tcase_add_test(t, feedback_moves_the_objective_by_the_policys_value);
    tcase_add_test(t, tabular_is_fitted_to_the_counts_in_one_step);
    tcase_add_test(t,
                   tabular_with_a_vanishing_prior_still_has_a_finite_objective);
    tcase_add_test(t, tabular_adds_the_expected_counts_of_a_tilt);
    tcase_add_loop_test(t, linear_feedback_makes_the_marginal_bound_rise, 0, 2);
    tcase_add_test(t, a_fixed_model_is_only_evaluated);
    tcase_add_loop_test(t, threads_do_not_change_the_bits, 0, THREADED);
    tcase_add_loop_test(t, feedback_that_cannot_reach_the_model_is_refused, 0,
                        REFUSALS);
    tcase_add_test(t, a_posterior_has_no_gradient_for_other_likelihoods);
    tcase_add_loop_test(t, impossible_data_leave_theta_unchanged, 0, 2);
    tcase_add_loop_test(t, every_lost_allocation_leaves_theta_unchanged, 0,
                        THREADED);
    tcase_add_loop_test(t, a_warm_step_never_allocates, 0, THREADED);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, mstep_search_case());
    return suite;
}
