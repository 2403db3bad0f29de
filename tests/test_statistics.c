/* tests/test_statistics.c -- estimates by definition, intervals by a slow way
 * of their own, and how often intervals cover.
 */
#include "inference/core/statistics.h"

#include <math.h>

#include "tests/statistics_cases.h"
#include "tests/suites.h"

enum { REPLICATES = 999 };

/* ---- estimates ---- */

START_TEST(estimates_of_a_small_sample_are_those_by_hand)
{
    static const double x[] = {1.5, 2.385, 4, 10.115};
    const elbo_sample four = {x, 4}, three = {x, 3}, one = {x, 1};

    ck_assert_double_eq_tol(elbo_sample_mean(&four), 4.5, 1e-15);
    ck_assert_double_eq_tol(elbo_sample_median(&four), 3.1925, 1e-15);
    ck_assert_double_eq_tol(elbo_sample_iqm(&four), 3.1925, 1e-15);
    /* squares 9 + 4.473225 + 0.25 + 31.528225 = 45.25145 */
    ck_assert_double_eq_tol(elbo_sample_error(&four), sqrt(45.25145 / 12),
                            1e-15);
    ck_assert_double_eq(elbo_sample_median(&three), 2.385);
    ck_assert_double_eq_tol(elbo_sample_iqm(&three), 7.885 / 3, 1e-15);
    ck_assert_double_eq(elbo_sample_median(&one), 1.5);
    ck_assert_double_eq(elbo_sample_iqm(&one), 1.5);
}
END_TEST

START_TEST(mean_median_and_iqm_agree_with_their_definitions)
{
    double x[MOST];

    for (size_t n = 2; n <= MOST; n++)
        for (uint64_t k = 0; k < 20; k++) {
            const elbo_sample sample = {x, n};

            samples_fill(x, n, 100 * k + n);
            ck_assert_double_eq(elbo_sample_iqm(&sample), slow_iqm(x, n));
            ck_assert_double_eq(elbo_sample_median(&sample), slow_median(x, n));
            ck_assert_double_eq(elbo_sample_mean(&sample), slow_mean(x, n));
        }
}
END_TEST

START_TEST(improvement_counts_every_pair_and_ties_half)
{
    double x[MOST], y[MOST];
    size_t ties = 0;

    for (size_t n = 1; n <= MOST; n++)
        for (size_t m = 1; m <= MOST; m++) {
            const elbo_sample pair[] =
                {
                    {x, n},
                    {y, m}
            },
                              back[] = {{y, m}, {x, n}};

            samples_fill(x, n, n);
            samples_fill(y, m, 50 + m);
            for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < m; k++) ties += x[i] == y[k];
            ck_assert_double_eq(elbo_improvement(pair, 2),
                                slow_improvement(x, n, y, m));
            ck_assert_double_eq_tol(
                elbo_improvement(pair, 2) + elbo_improvement(back, 2), 1, 1e-15);
        }
    ck_assert_uint_gt(ties, 50);
}
END_TEST

/* ---- intervals from replicates ---- */

START_TEST(percentiles_are_interpolated_linearly)
{
    static const double x[] = {0, 1, 2, 3, 5};
    elbo_interval i = elbo_interval_percentile(x, 5, 0.5);

    ck_assert_double_eq_tol(i.low, 1, 1e-15);
    ck_assert_double_eq_tol(i.high, 3, 1e-15);
    i = elbo_interval_percentile(x, 5, 0.95);
    ck_assert_double_eq_tol(i.low, 0.1, 1e-14);
    ck_assert_double_eq_tol(i.high, 4.8, 1e-14);
    i = elbo_interval_percentile(x + 3, 1, 0.95);
    ck_assert_double_eq(i.low, 3);
    ck_assert_double_eq(i.high, 3);
}
END_TEST

START_TEST(bca_is_the_percentile_interval_without_bias_and_acceleration)
{
    double x[REPLICATES];

    for (int i = 0; i < REPLICATES; i++) x[i] = pow(i - REPLICATES / 2, 3);
    for (double level = 0.1; level < 1; level += 0.085) {
        const elbo_interval p = elbo_interval_percentile(x, REPLICATES, level);
        const elbo_interval b = elbo_interval_bca(x, REPLICATES, 0, 0, level);

        ck_assert_double_eq_tol(b.low, p.low, 1e-11 * fabs(x[0]));
        ck_assert_double_eq_tol(b.high, p.high, 1e-11 * fabs(x[0]));
    }
}
END_TEST

START_TEST(bca_shifts_the_shares_as_its_formula_says)
{
    static const double a[] = {-0.2385, -0.05, 0, 0.05, 0.2385};
    double x[REPLICATES]; /* x[i] = i: quantile p is at p (n - 1) */

    for (int i = 0; i < REPLICATES; i++) x[i] = i;
    for (int estimate = 150; estimate < 900; estimate += 150)
        for (size_t k = 0; k < 5; k++) {
            const double z0 = normal_quantile((estimate + 0.5) / REPLICATES);
            const double low = z0 + normal_quantile(0.05);
            const double high = z0 + normal_quantile(0.95);
            const elbo_interval i =
                elbo_interval_bca(x, REPLICATES, estimate, a[k], 0.9);

            ck_assert_double_eq_tol(
                i.low, (REPLICATES - 1) * normal(z0 + low / (1 - a[k] * low)),
                1e-8);
            ck_assert_double_eq_tol(
                i.high,
                (REPLICATES - 1) * normal(z0 + high / (1 - a[k] * high)), 1e-8);
        }
}
END_TEST

START_TEST(bca_is_finite_and_ordered_where_its_formula_has_a_pole)
{
    static const double estimates[] = {-7, 0, 2.385, 9, 70};
    static const double a[] = {-30, -0.9, 0.9, 30};
    static const double x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < 4; k++) {
            const elbo_interval b =
                elbo_interval_bca(x, 10, estimates[i], a[k], 0.95);

            ck_assert_double_ge(b.low, 0);
            ck_assert_double_ge(b.high, b.low);
            ck_assert_double_le(b.high, 9);
        }
    /* z = Phi^-1(0.5 + 0.475) = 1.96 is beyond the pole at 1 / 0.9. */
    ck_assert_double_eq(elbo_interval_bca(x, 10, 4.5, 0.9, 0.95).high, 9);
    ck_assert_double_eq(elbo_interval_bca(x, 10, 4.5, -0.9, 0.95).low, 0);
}
END_TEST

Suite *suite_statistics(void)
{
    Suite *suite = suite_create("statistics");
    TCase *t = tcase_create("statistics");

    tcase_add_test(t, estimates_of_a_small_sample_are_those_by_hand);
    tcase_add_test(t, mean_median_and_iqm_agree_with_their_definitions);
    tcase_add_test(t, improvement_counts_every_pair_and_ties_half);
    tcase_add_test(t, percentiles_are_interpolated_linearly);
    tcase_add_test(
        t, bca_is_the_percentile_interval_without_bias_and_acceleration);
    tcase_add_test(t, bca_shifts_the_shares_as_its_formula_says);
    tcase_add_test(t, bca_is_finite_and_ordered_where_its_formula_has_a_pole);
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, tcase_bootstrap());
    return suite;
}
