#include "tests/transition_cases.h"

#include <math.h>

#include "inference/core/explog.h"
#include "inference/core/rng.h"

/* |x - exact| in units of the last place of exact. */
static double ulps(double x, long double exact)
{
    int exponent;

    if (exact == 0) return x == 0 ? 0 : HUGE_VAL;
    (void)frexpl(exact, &exponent);
    return (double)(fabsl((long double)x - exact) / ldexpl(1, exponent - 53));
}

START_TEST(exp_agrees_with_libm_to_two_ulps)
{
    elbo_rng rng = elbo_rng_stream(1, "exp", 0);
    double worst = 0, worst_minus_one = 0;

    for (int i = 0; i < 200000; i++) {
        const double u = elbo_rng_uniform(&rng);
        const double x = i % 2 ? -708.39 * u : -exp(60 * u - 54);
        double minus_one;

        if (x < -708.39) continue;
        worst = fmax(worst, ulps(elbo_exp(x, &minus_one), expl(x)));
        worst_minus_one =
            fmax(worst_minus_one, ulps(minus_one, expm1l((long double)x)));
    }
    ck_assert_double_lt(worst, 2);
    ck_assert_double_lt(worst_minus_one, 2);
}
END_TEST

START_TEST(exp_is_exact_at_its_ends)
{
    double minus_one;

    ck_assert_double_eq(elbo_exp(0, &minus_one), 1);
    ck_assert_double_eq(minus_one, 0);
    ck_assert_double_eq(elbo_exp(-0.0, &minus_one), 1);
    ck_assert_double_eq(elbo_exp(-HUGE_VAL, &minus_one), 0);
    ck_assert_double_eq(minus_one, -1);
    ck_assert_double_eq(elbo_exp(-1e300, &minus_one), 0);
    ck_assert_double_eq(elbo_exp(-745.2, &minus_one), 0);
    ck_assert_double_eq(elbo_exp(-708.3965, &minus_one), 0);
    ck_assert_double_gt(elbo_exp(-708.3964, &minus_one), 2.2e-308);
    ck_assert(isnan(elbo_exp((double)NAN, &minus_one)));
    ck_assert(isnan(minus_one));
}
END_TEST

START_TEST(log_agrees_with_libm_to_two_ulps)
{
    elbo_rng rng = elbo_rng_stream(1, "log", 0);
    double worst = 0, worst_near = 0;

    for (int i = 0; i < 200000; i++) {
        const double u = elbo_rng_uniform(&rng) - 0.5;
        const double s = exp(u * (i % 2 ? 1400 : 2));
        const double d = (u > 0 ? 1 : -1) * exp(-100 * fabs(u));

        worst = fmax(worst, ulps(elbo_log(s), logl((long double)s)));
        if (d > -0.9)
            worst_near = fmax(
                worst_near, ulps(elbo_log_near((double)(1 + (long double)d), d),
                                 log1pl((long double)d)));
    }
    ck_assert_double_lt(worst, 2);
    ck_assert_double_lt(worst_near, 2);
    ck_assert_double_eq(elbo_log(1), 0);
    ck_assert_double_eq(elbo_log(0), -HUGE_VAL);
    ck_assert_double_eq(elbo_log_near(0, -1), -HUGE_VAL);
    ck_assert_double_eq_tol(elbo_log(5e-324), log(5e-324), 2e-13);
    ck_assert(isnan(elbo_log((double)NAN)));
}
END_TEST

TCase *tcase_explog(void)
{
    TCase *t = tcase_create("explog");

    tcase_add_test(t, exp_agrees_with_libm_to_two_ulps);
    tcase_add_test(t, exp_is_exact_at_its_ends);
    tcase_add_test(t, log_agrees_with_libm_to_two_ulps);
    return t;
}
