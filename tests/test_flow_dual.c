/* tests/test_flow_dual.c -- the dual of REPS against brute force and its own
 * optimality.
 */
#include "inference/messages/flow_dual.h"

#include <check.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/rng.h"
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

enum { N = 300 };

/* Samples with flow features of mean about `drift` under p. */
static elbo_flow_dual problem_of(size_t m, double drift)
{
    elbo_flow_dual f = elbo_flow_dual_defaults;
    elbo_rng rng = elbo_rng_stream(m, "flow", 0);
    double *const r = elbo_arena_doubles(arena, N);
    gsl_matrix *const D = elbo_arena_mat(arena, N, m);

    ck_assert(elbo_arena_ok(arena));
    elbo_rng_normals(&rng, r, N);
    elbo_rng_normals(&rng, D->data, N * m);
    for (size_t i = 0; i < N; i++) {
        r[i] +=
            gsl_matrix_get(D, i, 0) - 20; /* what pays goes against the flow */
        gsl_matrix_set(D, i, m - 1, gsl_matrix_get(D, i, m - 1) + drift);
    }
    f.n = N;
    f.m = m;
    f.r = r;
    f.D = D;
    return f;
}

/* g of the definition. */
static double dual_at(const elbo_flow_dual *f, const double w[], double eta)
{
    double top = -INFINITY, Z = 0, norm = 0, delta[N];

    for (size_t i = 0; i < N; i++) {
        delta[i] = f->r[i];
        for (size_t k = 0; k < f->m; k++)
            delta[i] += gsl_matrix_get(f->D, i, k) * w[k];
        top = fmax(top, delta[i]);
    }
    for (size_t i = 0; i < N; i++)
        Z += (f->p ? f->p[i] : 1. / N) * exp((delta[i] - top) / eta);
    for (size_t k = 0; k < f->m; k++) norm += w[k] * w[k];
    return eta * (f->epsilon + log(Z)) + top + f->ridge / 2 * norm;
}

static elbo_flow_dual_info solved(const elbo_flow_dual *f, double w[],
                                  double q[])
{
    elbo_flow_dual_info info;
    double eta = 1;

    memset(w, 0, f->m * sizeof *w);
    ck_assert_int_eq(elbo_flow_dual_solve(f, w, &eta, q, &info, arena),
                     ELBO_OK);
    ck_assert(info.converged && info.eta == eta);
    return info;
}

START_TEST(at_the_optimum_the_divergence_is_epsilon_and_the_flow_is_kept)
{
    static const size_t sizes[] = {1, 4, 17};
    static const double epsilons[] = {0.01, 0.1, 0.8};

    for (size_t k = 0; k < 3; k++)
        for (size_t j = 0; j < 3; j++) {
            elbo_flow_dual f = problem_of(sizes[k], 0.05);
            double w[17], q[N], kl = 0, flow = 0, sum = 0;

            f.epsilon = epsilons[j] + 0.03; /* room for the drift itself */
            f.ridge = 0;

            const elbo_flow_dual_info info = solved(&f, w, q);

            for (size_t i = 0; i < N; i++) {
                sum += q[i];
                if (q[i] > 0) kl += q[i] * log(q[i] * N);
            }
            for (size_t c = 0; c < sizes[k]; c++) {
                double one = 0;

                for (size_t i = 0; i < N; i++)
                    one += q[i] * gsl_matrix_get(f.D, i, c);
                flow = fmax(flow, fabs(one));
            }
            ck_assert_double_eq_tol(sum, 1, 1e-12);
            ck_assert_double_eq_tol(kl, f.epsilon, 1e-9);
            ck_assert_double_eq_tol(info.kl, f.epsilon, 1e-12);
            ck_assert_double_eq_tol(flow, 0, 1e-6);
            ck_assert_double_eq_tol(info.flow, flow, 1e-12);
        }
}
END_TEST

/* One feature: a grid over (w, eta), each time in the best cell of the last. */
START_TEST(the_minimum_is_that_of_brute_force)
{
    elbo_flow_dual f = problem_of(1, 0.1);
    double w, q[N], low[2] = {-8, -4}, high[2] = {8, 4}, least = INFINITY;
    double best[2] = {0, 0};

    f.ridge = 0.02;

    const elbo_flow_dual_info info = solved(&f, &w, q);

    for (size_t level = 0; level < 8; level++) {
        const double a = (high[0] - low[0]) / 40, b = (high[1] - low[1]) / 40;

        for (size_t i = 0; i <= 40; i++)
            for (size_t j = 0; j <= 40; j++) {
                const double x = low[0] + a * (double)i,
                             y = low[1] + b * (double)j;
                const double g = dual_at(&f, &x, exp(y));

                if (g < least) least = g, best[0] = x, best[1] = y;
            }
        low[0] = best[0] - 2 * a, high[0] = best[0] + 2 * a;
        low[1] = best[1] - 2 * b, high[1] = best[1] + 2 * b;
    }
    ck_assert_double_eq_tol(w, best[0], 1e-4);
    ck_assert_double_eq_tol(log(info.eta), best[1], 1e-4);
    ck_assert_double_eq_tol(info.dual + f.ridge / 2 * w * w, least, 1e-9);
    ck_assert_double_eq_tol(dual_at(&f, &w, info.eta), least, 1e-9);
    ck_assert_double_eq_tol(info.flow, f.ridge * fabs(w), 1e-7);
}
END_TEST

START_TEST(weights_do_not_see_a_constant_added_to_rewards)
{
    elbo_flow_dual f = problem_of(4, 0.05);
    double w[4], v[4], q[N], other[N], *const r = elbo_arena_doubles(arena, N);
    const elbo_flow_dual_info a = solved(&f, w, q);

    for (size_t i = 0; i < N; i++) r[i] = f.r[i] + 4096;
    f.r = r;

    const elbo_flow_dual_info b = solved(&f, v, other);

    for (size_t i = 0; i < N; i++)
        ck_assert_double_eq_tol(q[i], other[i], 1e-9);
    ck_assert_double_eq_tol(b.dual - a.dual, 4096, 1e-7);
    ck_assert_double_eq_tol(b.eta, a.eta, 1e-6);
}
END_TEST

/* A sample of twice the mass is the sample twice. */
START_TEST(masses_of_samples_are_repetitions)
{
    elbo_flow_dual f = problem_of(3, 0.05), twice = f;
    double p[N], w[3], v[3], q[N], other[N + 1];
    double *const r = elbo_arena_doubles(arena, N + 1);
    gsl_matrix *const D = elbo_arena_mat(arena, N + 1, 3);

    for (size_t i = 0; i < N; i++) p[i] = (i == 7 ? 2. : 1.) / (N + 1);
    f.p = p;
    memcpy(r, f.r, N * sizeof *r);
    memcpy(D->data, f.D->data, N * 3 * sizeof *r);
    r[N] = r[7];
    for (size_t k = 0; k < 3; k++)
        gsl_matrix_set(D, N, k, gsl_matrix_get(D, 7, k));
    twice.n = N + 1;
    twice.r = r;
    twice.D = D;

    const elbo_flow_dual_info a = solved(&f, w, q);
    double eta = 1;
    elbo_flow_dual_info b;

    memset(v, 0, sizeof v);
    ck_assert_int_eq(elbo_flow_dual_solve(&twice, v, &eta, other, &b, arena),
                     ELBO_OK);
    ck_assert_double_eq_tol(a.eta, b.eta, 1e-8);
    ck_assert_double_eq_tol(q[7], other[7] + other[N], 1e-10);
    ck_assert_double_eq_tol(q[8], other[8], 1e-10);
}
END_TEST

START_TEST(rewards_that_are_not_finite_are_told)
{
    elbo_flow_dual f = problem_of(3, 0);
    double w[3] = {0}, q[N], eta = 1, *const r = elbo_arena_doubles(arena, N);
    elbo_flow_dual_info info;

    memcpy(r, f.r, N * sizeof *r);
    r[12] = NAN;
    f.r = r;
    ck_assert_int_eq(elbo_flow_dual_solve(&f, w, &eta, q, &info, arena),
                     ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "column 12"));
}
END_TEST

Suite *suite_flow_dual(void)
{
    Suite *suite = suite_create("flow_dual");
    TCase *t = tcase_create("flow_dual");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(
        t, at_the_optimum_the_divergence_is_epsilon_and_the_flow_is_kept);
    tcase_add_test(t, the_minimum_is_that_of_brute_force);
    tcase_add_test(t, weights_do_not_see_a_constant_added_to_rewards);
    tcase_add_test(t, masses_of_samples_are_repetitions);
    tcase_add_test(t, rewards_that_are_not_finite_are_told);
    suite_add_tcase(suite, t);
    return suite;
}
