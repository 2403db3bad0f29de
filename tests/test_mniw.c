/* tests/test_mniw.c -- the matrix-normal inverse-Wishart against its densities:
 * integrated on a grid in one dimension, sampled in more.
 */
#include "inference/messages/mniw.h"

#include <gsl/gsl_sf_gamma.h>
#include <math.h>

#include "tests/mniw_cases.h"
#include "tests/suites.h"

static const double two_pi = 6.283185307179586476925;

/* sum_ij P_ij (A - B)_ik K_kl (A - B)_jl */
static double form(const gsl_matrix *P, const gsl_matrix *A,
                   const gsl_matrix *B, const gsl_matrix *K)
{
    double sum = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size1; j++)
            for (size_t k = 0; k < A->size2; k++)
                for (size_t l = 0; l < A->size2; l++)
                    sum +=
                        gsl_matrix_get(P, i, j) * gsl_matrix_get(K, k, l)
                        * (gsl_matrix_get(A, i, k) - gsl_matrix_get(B, i, k))
                        * (gsl_matrix_get(A, j, l) - gsl_matrix_get(B, j, l));
    return sum;
}

/* log p(M, W), as the header has it; the inverse of W is left in P. */
static double log_density(const elbo_mniw *q, const gsl_matrix *M,
                          const gsl_matrix *W, gsl_matrix *P)
{
    const double ny = (double)M->size1, nz = (double)M->size2;
    const double logW = lu_inverse(W, P);
    double x = 0.5 * q->nu * lu_inverse(q->Psi, NULL)
               - 0.5 * (q->nu + ny + 1) * logW - 0.5 * q->nu * ny * log(2)
               - 0.25 * ny * (ny - 1) * log(two_pi / 2);

    for (size_t i = 0; i < M->size1; i++) {
        x -= gsl_sf_lngamma(0.5 * (q->nu - (double)i));
        for (size_t j = 0; j < M->size1; j++)
            x -= 0.5 * gsl_matrix_get(q->Psi, i, j) * gsl_matrix_get(P, j, i);
    }
    return x - 0.5 * ny * nz * log(two_pi) + 0.5 * ny * lu_inverse(q->K, NULL)
           - 0.5 * nz * logW - 0.5 * form(P, M, q->M, q->K);
}

/* ---- one dimension: the trapezoid rule over log W and a scaled M ---- */

enum { GRID = 900 };

/* E under q of what the test needs; the evidence integrates the prior p. */
typedef struct integrals {
    double one, precision, W, logW, kl, loglik, evidence;
} integrals;

static integrals integrate(const elbo_mniw *q, const elbo_mniw *p,
                           const mniw_sample *x)
{
    const double du = 36.0 / GRID, dm = 20.0 / GRID;
    integrals sum = {0};
    double m, W, precision;
    gsl_matrix Mm = gsl_matrix_view_array(&m, 1, 1).matrix;
    gsl_matrix Wm = gsl_matrix_view_array(&W, 1, 1).matrix;
    gsl_matrix Pm = gsl_matrix_view_array(&precision, 1, 1).matrix;

    for (size_t i = 0; i <= GRID; i++)
        for (size_t j = 0; j <= GRID; j++) {
            W = exp(-12 + du * (double)i);

            const double scale = sqrt(W / q->K->data[0]);

            m = q->M->data[0] + scale * (-10 + dm * (double)j);

            const double volume = du * dm * scale * W;
            const double logq = log_density(q, &Mm, &Wm, &Pm);
            const double logp = log_density(p, &Mm, &Wm, &Pm);
            const double lik = mniw_log_likelihood(x, &Mm, &Wm, &Pm);
            const double mass = volume * exp(logq);

            sum.one += mass;
            sum.precision += mass / W;
            sum.W += mass * W;
            sum.logW += mass * log(W);
            sum.kl += mass * (logq - logp);
            sum.loglik += mass * lik;
            sum.evidence += volume * exp(logp + lik);
        }
    sum.evidence = log(sum.evidence);
    return sum;
}

START_TEST(one_dimension_agrees_with_integrals_over_both_parameters)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_mniw p = mniw_draw(1, 1, 3, ws), q;
    const mniw_sample x = mniw_rows(7, 1, 1, 5, ws);
    double kl, loglik, evidence, logW;

    p.nu = 4.385;
    mniw_ok(elbo_mniw_init(&q, 1, 1, ws));
    mniw_ok(elbo_mniw_posterior(&p, &x.S, &q, ws));

    const integrals by = integrate(&q, &p, &x);
    gsl_matrix *A = elbo_arena_mat(ws, 1, 1);

    mniw_ok(elbo_mniw_kl(&q, &p, &kl, ws));
    mniw_ok(elbo_mniw_loglik(&q, &x.S, &loglik, ws));
    mniw_ok(elbo_mniw_evidence(&p, &q, x.S.n, &evidence, ws));
    mniw_ok(elbo_mniw_logdet(&q, &logW, ws));
    ck_assert_double_eq_tol(by.one, 1, 1e-12);
    ck_assert_double_eq_tol(by.kl, kl, 1e-11);
    ck_assert_double_eq_tol(by.loglik, loglik, 1e-11);
    ck_assert_double_eq_tol(by.evidence, evidence, 1e-11);
    ck_assert_double_eq_tol(by.logW, logW, 1e-11);
    mniw_ok(elbo_mniw_precision(&q, A));
    ck_assert_double_eq_tol(by.precision, A->data[0], 1e-11);
    mniw_ok(elbo_mniw_covariance(&q, A));
    ck_assert_double_eq_tol(by.W, A->data[0], 1e-11);
    elbo_arena_free(ws);
}
END_TEST

/* ---- more dimensions ---- */

static const struct {
    size_t ny, nz, n;
} sizes[] = {
    {1, 1, 0 },
    {1, 4, 9 },
    {2, 3, 2 },
    {3, 1, 40},
    {4, 7, 25}
};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(evidence_is_expected_log_likelihood_minus_kl)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const size_t ny = sizes[_i].ny, nz = sizes[_i].nz;
    const elbo_mniw p = mniw_draw(ny, nz, 11, ws);
    const mniw_sample x = mniw_rows(sizes[_i].n, ny, nz, 12, ws);
    double kl, loglik, evidence;
    elbo_mniw q;

    mniw_ok(elbo_mniw_init(&q, ny, nz, ws));
    mniw_ok(elbo_mniw_posterior(&p, &x.S, &q, ws));
    mniw_ok(elbo_mniw_check(&q, ws));
    mniw_ok(elbo_mniw_kl(&q, &p, &kl, ws));
    mniw_ok(elbo_mniw_loglik(&q, &x.S, &loglik, ws));
    mniw_ok(elbo_mniw_evidence(&p, &q, x.S.n, &evidence, ws));
    ck_assert_double_eq_tol(evidence, loglik - kl, 1e-10);
    ck_assert(kl >= 0);

    /* any other q stands below by its own KL to the posterior */
    elbo_mniw other = mniw_draw(ny, nz, 13, ws);
    double far;

    mniw_ok(elbo_mniw_kl(&other, &p, &kl, ws));
    mniw_ok(elbo_mniw_kl(&other, &q, &far, ws));
    mniw_ok(elbo_mniw_loglik(&other, &x.S, &loglik, ws));
    ck_assert_double_eq_tol(evidence, loglik - kl + far,
                            1e-12 * (fabs(loglik) + kl + far + 10));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(sequential_updates_end_where_one_batch_does)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const size_t ny = sizes[_i].ny, nz = sizes[_i].nz, n = sizes[_i].n;
    const elbo_mniw p = mniw_draw(ny, nz, 21, ws);
    const mniw_sample x = mniw_rows(n, ny, nz, 22, ws);
    double whole, part, sum = 0;
    elbo_mniw batch, q;
    elbo_moments S;

    mniw_ok(elbo_moments_init(&S, ny, nz, ws));
    mniw_ok(elbo_mniw_init(&batch, ny, nz, ws));
    mniw_ok(elbo_mniw_init(&q, ny, nz, ws));
    mniw_ok(elbo_mniw_posterior(&p, &x.S, &batch, ws));
    mniw_ok(elbo_mniw_evidence(&p, &batch, x.S.n, &whole, ws));
    elbo_mniw_copy(&q, &p);
    for (size_t t = 0; t < n; t++) {
        const gsl_matrix y = gsl_matrix_submatrix(x.Y, t, 0, 1, ny).matrix;
        const gsl_matrix z = gsl_matrix_submatrix(x.Z, t, 0, 1, nz).matrix;
        elbo_mniw before;

        mniw_ok(elbo_mniw_init(&before, ny, nz, ws));
        elbo_mniw_copy(&before, &q);
        elbo_moments_clear(&S);
        mniw_ok(elbo_moments_rows(&S, &y, &z, &x.w[t]));
        mniw_ok(elbo_mniw_posterior(&q, &S, &q, ws)); /* in place */
        mniw_ok(elbo_mniw_evidence(&before, &q, S.n, &part, ws));
        sum += part;
    }
    mniw_same(q.M, batch.M, 1e-11);
    mniw_same(q.K, batch.K, 1e-11);
    mniw_same(q.Psi, batch.Psi, 1e-10);
    ck_assert_double_eq_tol(q.nu, batch.nu, 1e-12);
    ck_assert_double_eq_tol(sum, whole, 1e-10);
    elbo_arena_free(ws);
}
END_TEST

/* A running mean with its standard error. */
typedef struct mean {
    double n, sum, squares;
} mean;

static void add(mean *m, double x)
{
    m->n++;
    m->sum += x;
    m->squares += x * x;
}

static void near(const mean *m, double x)
{
    const double at = m->sum / m->n;
    const double error = sqrt((m->squares / m->n - at * at) / (m->n - 1));

    ck_assert_msg(fabs(at - x) < 4.5 * error, "%.17g: mean %.17g +- %.3g", x,
                  at, error);
}

/* Draws against the density: E log q/p is the KL, E lik the expected
 * likelihood, and the moments of W and M are those of the header. */
START_TEST(draws_have_the_moments_the_kl_and_the_likelihood)
{
    enum { NY = 2, NZ = 3, DRAWS = 60000 };
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_mniw q = mniw_draw(NY, NZ, 31, ws), p = mniw_draw(NY, NZ, 32, ws);
    const mniw_sample x = mniw_rows(5, NY, NZ, 33, ws);
    elbo_rng rng = elbo_rng_stream(2385, "draws", 0);
    mean kl = {0}, lik = {0}, logW = {0}, W[4] = {0}, P[4] = {0}, C[9] = {0};
    gsl_matrix *M = elbo_arena_mat(ws, NY, NZ), *w = elbo_arena_mat(ws, NY, NY);
    gsl_matrix *inverse = elbo_arena_mat(ws, NY, NY);
    gsl_matrix *EW = elbo_arena_mat(ws, NY, NY),
               *EP = elbo_arena_mat(ws, NY, NY);
    gsl_matrix *V = elbo_arena_mat(ws, NZ, NZ);
    double exact;

    q.nu = 12.385;
    for (size_t k = 0; k < DRAWS; k++) {
        mniw_ok(elbo_mniw_sample(&q, &rng, M, w, ws));

        const double logp = log_density(&p, M, w, inverse);

        add(&kl, log_density(&q, M, w, inverse) - logp);
        add(&lik, mniw_log_likelihood(&x, M, w, inverse));
        add(&logW, lu_inverse(w, NULL));
        for (size_t i = 0; i < NY * NY; i++) {
            add(&W[i], w->data[i / NY * w->tda + i % NY]);
            add(&P[i], inverse->data[i / NY * inverse->tda + i % NY]);
        }
        for (size_t i = 0; i < NZ * NZ; i++) /* Cov of two columns: V E W */
            add(&C[i],
                (gsl_matrix_get(M, 0, i / NZ) - gsl_matrix_get(q.M, 0, i / NZ))
                    * (gsl_matrix_get(M, 1, i % NZ)
                       - gsl_matrix_get(q.M, 1, i % NZ)));
    }
    mniw_ok(elbo_mniw_kl(&q, &p, &exact, ws));
    near(&kl, exact);
    mniw_ok(elbo_mniw_loglik(&q, &x.S, &exact, ws));
    near(&lik, exact);
    mniw_ok(elbo_mniw_logdet(&q, &exact, ws));
    near(&logW, exact);
    mniw_ok(elbo_mniw_covariance(&q, EW));
    mniw_ok(elbo_mniw_precision(&q, EP));
    lu_inverse(q.K, V);
    for (size_t i = 0; i < NY * NY; i++) {
        near(&W[i], gsl_matrix_get(EW, i / NY, i % NY));
        near(&P[i], gsl_matrix_get(EP, i / NY, i % NY));
    }
    for (size_t i = 0; i < NZ * NZ; i++)
        near(&C[i],
             gsl_matrix_get(V, i / NZ, i % NZ) * gsl_matrix_get(EW, 0, 1));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(kernel_is_the_expected_log_likelihood_of_a_row)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const size_t ny = sizes[_i].ny, nz = sizes[_i].nz;
    const elbo_mniw q = mniw_draw(ny, nz, 41, ws);
    mniw_sample x = mniw_rows(1, ny, nz, 42, ws);
    gsl_matrix *P = elbo_arena_mat(ws, ny, ny),
               *zero = elbo_arena_mat(ws, 1, nz);
    elbo_mniw_kernel k;
    double exact;

    x.w[0] = 1;
    elbo_moments_clear(&x.S);
    mniw_ok(elbo_moments_rows(&x.S, x.Y, x.Z, NULL));
    mniw_ok(elbo_mniw_loglik(&q, &x.S, &exact, ws));
    mniw_ok(elbo_mniw_kernel_init(&k, ny, nz, ws));
    mniw_ok(elbo_mniw_kernel_of(&q, &k));
    lu_inverse(k.W, P);
    gsl_matrix_set_zero(zero);

    gsl_matrix one = gsl_matrix_view_array((double[]){1}, 1, 1).matrix;
    const double penalty = 0.5 * (double)ny * form(&one, x.Z, zero, k.V);

    ck_assert_double_eq_tol(mniw_log_likelihood(&x, k.M, k.W, P) + k.constant
                                - penalty,
                            exact, 1e-12 * (1 + fabs(exact)));
    ck_assert(k.constant < 0);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(mode_has_the_largest_density_near_by)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const elbo_mniw q = mniw_draw(2, 3, 51, ws);
    gsl_matrix *M = elbo_arena_mat(ws, 2, 3), *W = elbo_arena_mat(ws, 2, 2);
    gsl_matrix *P = elbo_arena_mat(ws, 2, 2);

    elbo_mniw_mode(&q, M, W);

    const double best = log_density(&q, M, W, P);

    for (size_t k = 0; k < 9; k++)
        for (double h = -1e-3; h < 2e-3; h += 2e-3) {
            static const size_t row[] = {0, 0, 1}, column[] = {0, 1, 1};
            gsl_matrix *A = k < 6 ? M : W;
            const size_t i = k < 6 ? k / 3 : row[k - 6];
            const size_t j = k < 6 ? k % 3 : column[k - 6];
            const double kept = gsl_matrix_get(A, i, j);

            gsl_matrix_set(A, i, j, kept + h);
            if (k >= 6) gsl_matrix_set(A, j, i, kept + h);
            ck_assert(log_density(&q, M, W, P) < best);
            gsl_matrix_set(A, i, j, kept);
            if (k >= 6) gsl_matrix_set(A, j, i, kept);
        }
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_mniw(void)
{
    Suite *s = suite_create("mniw");
    TCase *t = tcase_create("mniw");

    tcase_set_timeout(t, 30);
    tcase_add_test(t, one_dimension_agrees_with_integrals_over_both_parameters);
    tcase_add_loop_test(t, evidence_is_expected_log_likelihood_minus_kl, 0,
                        SIZES);
    tcase_add_loop_test(t, sequential_updates_end_where_one_batch_does, 0,
                        SIZES);
    tcase_add_test(t, draws_have_the_moments_the_kl_and_the_likelihood);
    tcase_add_loop_test(t, kernel_is_the_expected_log_likelihood_of_a_row, 0,
                        SIZES);
    tcase_add_test(t, mode_has_the_largest_density_near_by);
    suite_add_tcase(s, t);
    return s;
}
