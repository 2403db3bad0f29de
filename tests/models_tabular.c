#include <gsl/gsl_integration.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>
#include <string.h>

#include "inference/likelihood.h"
#include "tests/model_cases.h"

static const tangle small = {7, 3, 5}, pairs = {6, 2, 9};

static void move_theta(elbo_belief *b, size_t j, double to)
{
    b->theta[j] = to;
    b->model->update(b);
}

START_TEST(tabular_fit_is_prior_plus_counts)
{
    model_case c;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "tabular", "prior_count=2.4");

    elbo_belief *const b = &c.belief;
    const double *const C = model_case_counts(&c, 13, 1);
    const size_t width = small.nS + 1, learnt = (small.nS - 1) * 2;
    const double prior = 2.4 / (double)width;

    ck_assert_int_eq(b->model->fit(b, C), ELBO_OK);
    ck_assert_uint_eq(b->n, learnt * width);
    for (size_t i = 0; i < b->n; i++) {
        double a0 = 0;

        for (size_t k = 0; k < width; k++)
            a0 += prior + C[i / width * width + k];
        ck_assert_double_eq_tol(b->theta[i], prior + C[i], 1e-13);
        ck_assert_double_eq_tol(b->mean.prob[i], (prior + C[i]) / a0, 1e-15);
        ck_assert_double_eq_tol(b->geo.prob[i],
                                exp(gsl_sf_psi(prior + C[i]) - gsl_sf_psi(a0)),
                                1e-14);
    }
    model_case_close(&c);
}
END_TEST

START_TEST(tabular_geo_is_the_mean_logarithm_of_its_draws)
{
    enum { DRAWS = 40000 };
    model_case c;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "tabular", "prior_count=9.1");
    ck_assert_int_eq(
        c.belief.model->fit(&c.belief, model_case_counts(&c, 3, 2)), ELBO_OK);

    const size_t width = small.nS + 1, row = 5;
    const double *const a = c.belief.theta + row * width;
    elbo_rng rng = elbo_rng_stream(3, "geo", 0);
    elbo_gsl_rng adaptor;
    gsl_rng *const g = elbo_rng_gsl(&adaptor, &rng);
    double sum[8] = {0}, square[8] = {0}, theta[8];

    for (int n = 0; n < DRAWS; n++) {
        gsl_ran_dirichlet(g, width, a, theta);
        for (size_t k = 0; k < width; k++) {
            sum[k] += log(theta[k]);
            square[k] += log(theta[k]) * log(theta[k]);
        }
    }
    for (size_t k = 0; k < width; k++) {
        const double mean = sum[k] / DRAWS;
        const double se = sqrt((square[k] / DRAWS - mean * mean) / DRAWS);

        ck_assert_double_eq_tol(log(c.belief.geo.prob[row * width + k]), mean,
                                5 * se);
    }
    model_case_close(&c);
}
END_TEST

typedef struct beta_pair {
    double a[2], b[2];
} beta_pair;

static double kl_integrand(double x, void *arg)
{
    const beta_pair *const p = arg;
    const double f = gsl_ran_beta_pdf(x, p->a[0], p->a[1]);

    return f > 0 ? f * log(f / gsl_ran_beta_pdf(x, p->b[0], p->b[1])) : 0;
}

START_TEST(tabular_prior_term_is_the_integral_of_the_kl)
{
    model_case c;
    double expected = 0;

    model_case_open(&c, &model_case_tangle, &pairs, 0);
    model_case_belief(&c, "tabular", "support=world prior_count=3.1");
    ck_assert_double_eq(c.belief.model->log_prior(&c.belief, NULL), 0);
    model_case_shake(&c, 0.5, 8);

    gsl_integration_workspace *const w = gsl_integration_workspace_alloc(200);
    const double *const a = c.belief.theta;

    for (size_t j = 0; j < c.belief.n; j += 2) {
        beta_pair p = {
            {a[j], a[j + 1]},
            {1.55, 1.55    }
        };
        const gsl_function f = {kl_integrand, &p};
        double kl, error;

        ck_assert_int_eq(
            gsl_integration_qags(&f, 0, 1, 1e-12, 1e-10, 200, w, &kl, &error),
            0);
        expected -= kl;
    }
    ck_assert_uint_eq(c.belief.n, 2 * 2 * (pairs.nS - 1));
    ck_assert_double_lt(expected, -0.01);
    ck_assert_double_eq_tol(c.belief.model->log_prior(&c.belief, NULL),
                            expected, 1e-9);
    gsl_integration_workspace_free(w);
    model_case_close(&c);
}
END_TEST

START_TEST(tabular_fit_is_the_maximum_of_its_bound)
{
    model_case c;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "tabular", "prior_count=4.2");

    elbo_belief *const b = &c.belief;
    const double *const C = model_case_counts(&c, 6, 3);

    ck_assert_int_eq(b->model->fit(b, C), ELBO_OK);

    const double top =
        b->model->expect_log(b, C) + b->model->log_prior(b, NULL);

    for (size_t j = 0; j < b->n; j++)
        for (int sign = -1; sign <= 1; sign += 2) {
            const double a = b->theta[j];

            move_theta(b, j, a * (1 + 0.03 * sign));
            ck_assert_double_lt(
                b->model->expect_log(b, C) + b->model->log_prior(b, NULL), top);
            move_theta(b, j, a);
        }
    model_case_close(&c);
}
END_TEST

START_TEST(tabular_expected_log_is_that_of_geo_and_outlives_it)
{
    model_case c;
    double sum;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "tabular", "prior_count=5");

    const double *const C = model_case_counts(&c, 9, 4);

    model_case_shake(&c, 0.3, 5);
    ck_assert_int_eq(elbo_likelihood_logp.value(&c.belief.geo, C, &sum, NULL),
                     ELBO_OK);
    ck_assert_double_eq_tol(c.belief.model->expect_log(&c.belief, C), sum,
                            1e-12 * fabs(sum));

    /* b = 1/8000: psi(b) is about -8000, and exp of it is 0 */
    model_case_belief(&c, "tabular", "prior_count=1e-3");
    sum = 0;
    for (size_t i = 0; i < (small.nS - 1) * 2 * (small.nS + 1); i++)
        sum += C[i] * (gsl_sf_psi(1e-3 / 8) - gsl_sf_psi(1e-3));
    ck_assert_double_eq(c.belief.geo.prob[0], 0);
    ck_assert_double_eq_tol(c.belief.model->expect_log(&c.belief, C), sum,
                            1e-12 * fabs(sum));
    model_case_close(&c);
}
END_TEST

START_TEST(tabular_bad_counts_leave_it_unchanged)
{
    static const double bad[] = {NAN, INFINITY, -2.385};
    model_case c;

    model_case_open(&c, &model_case_tangle, &small, 0);
    model_case_belief(&c, "tabular", "");

    double *const C = model_case_counts(&c, 3, 1);
    const double before = c.belief.theta[0];

    C[3 * (small.nS + 1) + 2] = bad[_i]; /* row 3: state 1, action 1 */
    ck_assert_int_eq(c.belief.model->fit(&c.belief, C), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "state 1, action 1"));
    ck_assert_double_eq(c.belief.theta[0], before);
    model_case_close(&c);
}
END_TEST

TCase *models_tabular_case(void)
{
    TCase *const t = tcase_create("tabular");

    tcase_add_test(t, tabular_fit_is_prior_plus_counts);
    tcase_add_test(t, tabular_geo_is_the_mean_logarithm_of_its_draws);
    tcase_add_test(t, tabular_prior_term_is_the_integral_of_the_kl);
    tcase_add_test(t, tabular_fit_is_the_maximum_of_its_bound);
    tcase_add_test(t, tabular_expected_log_is_that_of_geo_and_outlives_it);
    tcase_add_loop_test(t, tabular_bad_counts_leave_it_unchanged, 0, 3);
    return t;
}
