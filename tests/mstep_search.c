#include <math.h>

#include "tests/mstep_cases.h"

static const tangle small = {7, 3, 5};

START_TEST(softmax_without_a_prior_reaches_the_frequencies)
{
    const plan cut = {"softmax", "prior_precision=1e-9", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    mstep_case_open(&m, &model_case_tangle, &small, &cut);

    /* a count everywhere, so that the maximum lies inside */
    double *const C = elbo_arena_doubles(m.c.arena, 14 * 8);

    for (size_t i = 0; i < 14 * 8; i++)
        C[i] = m.step.C[i] + (i < 12 * 8 ? 0.5 : 0);
    m.step.C = C;
    m.step.ascent.tolerance = 1e-9;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(info.converged && !info.closed);
    for (size_t row = 0; row < 12; row++) {
        double sum = 0;

        for (size_t k = 0; k < 8; k++) sum += C[row * 8 + k];
        for (size_t k = 0; k < 8; k++)
            ck_assert_double_eq_tol(m.c.belief.mean.prob[row * 8 + k],
                                    C[row * 8 + k] / sum, 1e-6);
    }
    mstep_case_close(&m);
}
END_TEST

/* sum C log(frequency): what no model can exceed. */
static double saturated(const mstep_case *m)
{
    const elbo_pattern *const pattern = m->c.belief.mean.pattern;
    double total = 0;

    for (size_t row = 0; row < pattern->nS * pattern->nA; row++) {
        double sum = 0;

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            sum += m->step.C[i];
        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            if (m->step.C[i] > 0)
                total += m->step.C[i] * log(m->step.C[i] / sum);
    }
    return total;
}

static double fitted_likelihood(const char *settings, double *best)
{
    const plan cut = {"low_rank", settings, "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;
    double value;

    mstep_case_open(&m, &model_case_tangle, &small, &cut);
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    assert_ok(
        elbo_likelihood_logp.value(&m.c.belief.geo, m.step.C, &value, NULL));
    *best = saturated(&m);
    mstep_case_close(&m);
    return value;
}

START_TEST(low_rank_fits_at_full_rank_and_loses_below)
{
    double best;
    const double one = fitted_likelihood("rank=1 prior_precision=1e-6", &best);
    const double two = fitted_likelihood("rank=2 prior_precision=1e-6", &best);
    const double full = fitted_likelihood("rank=8 prior_precision=1e-6", &best);

    ck_assert_double_lt(full, best);
    ck_assert_double_gt(full, best - 1e-2 * fabs(best));
    ck_assert_double_lt(two, full - 0.05 * fabs(best));
    ck_assert_double_lt(one, two - 0.05 * fabs(best));
}
END_TEST

START_TEST(repeated_runs_never_fall_and_end)
{
    const plan *const p = &mstep_plans[_i];
    elbo_mstep_info info = {0};
    mstep_case m;
    double last = -INFINITY, value;

    mstep_case_open(&m, &model_case_grid, NULL, p);
    m.step.ascent.iterations = 5;
    for (int round = 0; round < 8; round++) {
        assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
        ck_assert_double_ge(info.before, last);
        ck_assert_double_ge(info.after, info.before);
        ck_assert_uint_le(info.iterations, 5);
        assert_ok(
            elbo_mstep_objective(&m.step, &m.c.belief, &value, NULL, m.ws));
        ck_assert_double_eq(value, info.after);
        last = info.after;
    }
    ck_assert_double_gt(info.after, -INFINITY);
    mstep_case_close(&m);
}
END_TEST

START_TEST(the_search_ends_where_the_gradient_does)
{
    const plan *const p = &mstep_plans[_i];
    elbo_mstep_info info;
    mstep_case m;
    double value, scale = 0, norm = 0;

    mstep_case_open(&m, &model_case_grid, NULL, p);

    const elbo_pattern *const pattern = m.c.belief.mean.pattern;
    double *const grad = elbo_arena_doubles(m.c.arena, m.c.belief.n);

    m.step.ascent.tolerance = 1e-5;
    m.step.ascent.iterations = 20000;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(info.converged);
    assert_ok(elbo_mstep_objective(&m.step, &m.c.belief, &value, grad, m.ws));
    for (size_t i = 0; i < pattern->nnz; i++) scale += m.step.C[i];
    for (size_t j = 0; j < m.c.belief.n; j++) norm += grad[j] * grad[j];
    ck_assert_double_le(sqrt(norm), 1e-4 * fmax(scale, fabs(value)));
    mstep_case_close(&m);
}
END_TEST

START_TEST(too_few_iterations_are_no_error)
{
    const plan cut = {"softmax", "", "model", 0, 1, 0};
    elbo_mstep_info info;
    mstep_case m;

    mstep_case_open(&m, &model_case_tangle, &small, &cut);
    m.step.ascent.iterations = 1;
    assert_ok(elbo_mstep_run(&m.step, &m.c.belief, &info, m.ws));
    ck_assert(!info.converged);
    ck_assert_uint_eq(info.iterations, 1);
    ck_assert_double_gt(info.after, info.before);
    mstep_case_close(&m);
}
END_TEST

TCase *mstep_search_case(void)
{
    TCase *const t = tcase_create("search");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, softmax_without_a_prior_reaches_the_frequencies);
    tcase_add_test(t, low_rank_fits_at_full_rank_and_loses_below);
    tcase_add_loop_test(t, repeated_runs_never_fall_and_end, 0, n_mstep_plans);
    tcase_add_loop_test(t, the_search_ends_where_the_gradient_does, 0,
                        n_mstep_plans);
    tcase_add_test(t, too_few_iterations_are_no_error);
    return t;
}
