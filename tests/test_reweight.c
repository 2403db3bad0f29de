/* tests/test_reweight.c -- the dual against brute force, and what its optimum
 * is. */
#include "inference/messages/reweight.h"

#include <check.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/suites.h"

enum { ROWS = 7, COLS = 20, ALL = ROWS * COLS };

/* Rows of very different spread. */
static void draw(uint64_t seed, double X[ALL], double p[ALL])
{
    elbo_rng rng = elbo_rng_stream(seed, "reweight", 0);

    elbo_rng_normals(&rng, X, ALL);
    for (size_t i = 0; i < ROWS; i++) {
        double sum = 0;

        for (size_t j = 0; j < COLS; j++) {
            X[i * COLS + j] = X[i * COLS + j] * (double)(1 + i) - 3;
            p[i * COLS + j] = j == i ? 0 : elbo_rng_uniform(&rng);
            sum += p[i * COLS + j];
        }
        for (size_t j = 0; j < COLS; j++) p[i * COLS + j] /= sum;
    }
}

static elbo_reweight problem_of(const double X[], double epsilon)
{
    return (elbo_reweight){.rows = ROWS,
                           .cols = COLS,
                           .X = X,
                           .epsilon = epsilon,
                           .low = 1e-8,
                           .high = 1e8};
}

/* g by its definition, in long double. */
static long double dual_at(const elbo_reweight *r, double eta)
{
    long double sum = 0;

    for (size_t i = 0; i < r->rows; i++) {
        long double Z = 0, top = -INFINITY;

        for (size_t j = 0; j < r->cols; j++)
            top = fmaxl(top, r->X[i * r->cols + j]);
        for (size_t j = 0; j < r->cols; j++)
            Z += (r->p ? (long double)r->p[i * r->cols + j]
                       : 1 / (long double)r->cols)
                 * expl((r->X[i * r->cols + j] - top) / eta);
        sum += top / eta + logl(Z);
    }
    return eta * (r->epsilon + sum / (long double)r->rows);
}

/* Epsilons over the range that is met: of an E-step, of REPS, nearly none,
 * nearly a maximum. */
static const double epsilons[] = {0.1, 0.5, 1e-4, 2.385};
enum { EPSILONS = sizeof epsilons / sizeof *epsilons };

START_TEST(the_minimiser_is_that_of_brute_force_over_eta)
{
    double X[ALL], p[ALL];
    elbo_reweight_info info;

    draw(1, X, p);
    for (int with_prior = 0; with_prior < 2; with_prior++) {
        elbo_reweight r = problem_of(X, epsilons[_i]);
        double best = 0, low = -8, high = 8;

        r.p = with_prior ? p : NULL;
        ck_assert_int_eq(elbo_reweight_solve(&r, 1, NULL, &info), ELBO_OK);
        /* Four grids of 400 points, each in the best cell of the last. */
        for (size_t level = 0; level < 4; level++) {
            const double width = (high - low) / 400;
            long double least = INFINITY;

            for (size_t k = 0; k <= 400; k++) {
                const double x = low + width * (double)k;
                const long double g = dual_at(&r, pow(10, x));

                if (g < least) least = g, best = x;
            }
            low = best - width;
            high = best + width;
        }
        ck_assert_double_eq_tol(log10(info.eta), best, 1e-6);
        ck_assert_double_eq_tol(info.dual, (double)dual_at(&r, info.eta),
                                1e-12 * (1 + fabs(info.dual)));
        ck_assert(!info.bound && info.steps < 60);
    }
}
END_TEST

/* KL by its definition from the weights. */
static double kl_of(const elbo_reweight *r, const double q[])
{
    double sum = 0;

    for (size_t k = 0; k < r->rows * r->cols; k++) {
        const double p = r->p ? r->p[k] : 1 / (double)r->cols;

        if (q[k] > 0) sum += q[k] * log(q[k] / p);
    }
    return sum / (double)r->rows;
}

START_TEST(at_the_optimum_the_divergence_is_epsilon)
{
    double X[ALL], p[ALL], q[ALL];
    elbo_reweight_info info;

    draw(2, X, p);
    for (int with_prior = 0; with_prior < 2; with_prior++) {
        elbo_reweight r = problem_of(X, epsilons[_i]);

        r.p = with_prior ? p : NULL;
        ck_assert_int_eq(elbo_reweight_solve(&r, 1, q, &info), ELBO_OK);
        for (size_t i = 0; i < ROWS; i++) {
            double sum = 0;

            for (size_t j = 0; j < COLS; j++) sum += q[i * COLS + j];
            ck_assert_double_eq_tol(sum, 1, 1e-14);
        }
        ck_assert_double_eq_tol(info.kl, r.epsilon, 1e-12);
        ck_assert_double_eq_tol(kl_of(&r, q), r.epsilon, 1e-12);
    }
}
END_TEST

START_TEST(where_no_eta_has_the_divergence_it_stands_on_its_bound)
{
    double X[ALL], p[ALL];
    elbo_reweight_info info;
    elbo_reweight r = problem_of(X, 3.5); /* above log 20: q may be a maximum */

    draw(3, X, p);
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, NULL, &info), ELBO_OK);
    ck_assert(info.bound && info.eta == r.low && info.kl < 3.5);
    ck_assert_double_eq_tol(info.kl, log(COLS), 1e-12);

    r.epsilon = 1e-3;
    r.high = 0.5; /* so much confidence is not allowed to fade */
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, NULL, &info), ELBO_OK);
    ck_assert(info.bound && info.eta == 0.5 && info.kl > 1e-3);

    /* Nothing to choose: q is p whatever eta. */
    for (size_t k = 0; k < ALL; k++) X[k] = -7.25;
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, p, &info), ELBO_OK);
    ck_assert(info.bound && info.kl < 1e-14);
    ck_assert_double_eq_tol(p[0], 1. / COLS, 1e-15);
}
END_TEST

START_TEST(constants_added_to_a_row_change_nothing_but_the_dual)
{
    double X[ALL], p[ALL], q[ALL], moved[ALL], r_q[ALL];
    elbo_reweight_info a, b;
    elbo_reweight r = problem_of(X, 0.1);

    draw(4, X, p);
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, q, &a), ELBO_OK);
    for (size_t k = 0; k < ALL; k++) /* exact in binary, each row its own */
        moved[k] = X[k] + 1024. * (double)(k / COLS) - 512;
    r.X = moved;
    ck_assert_int_eq(elbo_reweight_solve(&r, 100, r_q, &b), ELBO_OK);
    ck_assert_double_eq_tol(b.eta, a.eta, 1e-9 * a.eta);
    for (size_t k = 0; k < ALL; k++)
        ck_assert_double_eq_tol(r_q[k], q[k], 1e-10);
    ck_assert_double_eq_tol(b.dual - a.dual, 1024. * 3 - 512, 1e-9);
}
END_TEST

START_TEST(values_whose_exponentials_overflow_are_weighed)
{
    double X[4] = {4e5, 4e5 - 1, -3e5, 0}, q[4];
    elbo_reweight r = {
        .rows = 1, .cols = 4, .X = X, .epsilon = 1, .low = 1e-8, .high = 1e8};
    elbo_reweight_info info;

    ck_assert_int_eq(elbo_reweight_at(&r, 1, q, &info), ELBO_OK);
    ck_assert_double_eq_tol(q[0], 1 / (1 + exp(-1)), 1e-14);
    ck_assert(q[2] == 0 && isfinite(info.dual));
    X[2] = NAN;
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, q, &info), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 0, column 2"));
}
END_TEST

START_TEST(rows_without_mass_do_not_count)
{
    double X[ALL], p[ALL], mass[ROWS];
    elbo_reweight_info some, few;
    elbo_reweight r = problem_of(X, 0.1);

    draw(5, X, p);
    for (size_t i = 0; i < ROWS; i++) mass[i] = i < 3 ? 2.5 : 0;
    r.mass = mass;
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, NULL, &some), ELBO_OK);
    r.mass = NULL;
    r.rows = 3;
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, NULL, &few), ELBO_OK);
    ck_assert_double_eq_tol(some.eta, few.eta, 1e-12 * few.eta);
    ck_assert_double_eq_tol(some.ess, few.ess, 1e-12);
    for (size_t i = 0; i < ROWS; i++) mass[i] = 0;
    r.rows = ROWS;
    r.mass = mass;
    ck_assert_int_eq(elbo_reweight_solve(&r, 1, p, &some), ELBO_OK);
    ck_assert(some.eta == r.high && some.kl == 0 && isfinite(p[0]));
}
END_TEST

START_TEST(effective_sample_size_is_its_formula)
{
    const double w[] = {3, 1, 0, 2}, none[] = {0, 0};
    double X[4] = {log(3), 0, -1e6, log(2)};
    elbo_reweight r = {
        .rows = 1, .cols = 4, .X = X, .epsilon = 1, .low = 1, .high = 1};
    elbo_reweight_info info;

    ck_assert_double_eq_tol(elbo_weight_ess(4, w), 36. / 14, 1e-15);
    ck_assert(elbo_weight_ess(2, none) == 0);
    ck_assert_int_eq(elbo_reweight_at(&r, 1, NULL, &info), ELBO_OK);
    ck_assert_double_eq_tol(info.ess, 36. / 14 / 4, 1e-14);
}
END_TEST

Suite *suite_reweight(void)
{
    Suite *suite = suite_create("reweight");
    TCase *t = tcase_create("reweight");

    tcase_add_loop_test(t, the_minimiser_is_that_of_brute_force_over_eta, 0,
                        EPSILONS);
    tcase_add_loop_test(t, at_the_optimum_the_divergence_is_epsilon, 0,
                        EPSILONS);
    tcase_add_test(t, where_no_eta_has_the_divergence_it_stands_on_its_bound);
    tcase_add_test(t, constants_added_to_a_row_change_nothing_but_the_dual);
    tcase_add_test(t, values_whose_exponentials_overflow_are_weighed);
    tcase_add_test(t, rows_without_mass_do_not_count);
    tcase_add_test(t, effective_sample_size_is_its_formula);
    suite_add_tcase(suite, t);
    return suite;
}
