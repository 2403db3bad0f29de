#include "tests/mniw_cases.h"

#include <gsl/gsl_linalg.h>
#include <math.h>

static const double two_pi = 6.283185307179586476925;

void mniw_ok(elbo_status s)
{
    ck_assert_msg(s == ELBO_OK, "%s", elbo_last_error()->text);
}

void mniw_fill(gsl_matrix *A, elbo_rng *rng)
{
    for (size_t i = 0; i < A->size1; i++)
        elbo_rng_normals(rng, A->data + i * A->tda, A->size2);
}

elbo_mniw mniw_draw(size_t ny, size_t nz, uint64_t seed, elbo_arena *ws)
{
    elbo_rng rng = elbo_rng_stream(seed, "mniw", 0);
    elbo_mniw q;
    gsl_matrix *B = elbo_arena_mat(ws, ny + nz, ny + nz);

    mniw_ok(elbo_mniw_init(&q, ny, nz, ws));
    mniw_fill(q.M, &rng);
    mniw_fill(B, &rng);
    for (size_t k = 0; k < 2; k++) {
        gsl_matrix *S = k ? q.Psi : q.K;

        for (size_t i = 0; i < S->size1; i++)
            for (size_t j = 0; j < S->size1; j++) {
                double sum = i == j ? 0.385 : 0;

                for (size_t l = 0; l < B->size2; l++)
                    sum += gsl_matrix_get(B, i, l) * gsl_matrix_get(B, j, l);
                gsl_matrix_set(S, i, j, sum);
            }
    }
    q.nu = (double)ny + 2.385;
    return q;
}

mniw_sample mniw_rows(size_t n, size_t ny, size_t nz, uint64_t seed,
                      elbo_arena *ws)
{
    elbo_rng rng = elbo_rng_stream(seed, "rows", 0);
    mniw_sample x = {.Y = elbo_arena_mat(ws, n, ny),
                     .Z = elbo_arena_mat(ws, n, nz),
                     .w = elbo_arena_doubles(ws, n)};

    mniw_fill(x.Y, &rng);
    mniw_fill(x.Z, &rng);
    for (size_t i = 0; i < n; i++) x.w[i] = 0.2 + elbo_rng_uniform(&rng);
    mniw_ok(elbo_moments_init(&x.S, ny, nz, ws));
    mniw_ok(elbo_moments_rows(&x.S, x.Y, x.Z, x.w));
    return x;
}

void mniw_same(const gsl_matrix *A, const gsl_matrix *B, double tolerance)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            ck_assert_msg(
                fabs(gsl_matrix_get(A, i, j) - gsl_matrix_get(B, i, j))
                    <= tolerance,
                "(%zu, %zu): %.17g and %.17g", i, j, gsl_matrix_get(A, i, j),
                gsl_matrix_get(B, i, j));
}

double lu_inverse(const gsl_matrix *A, gsl_matrix *inverse)
{
    gsl_matrix *C = gsl_matrix_alloc(A->size1, A->size1);
    gsl_permutation *p = gsl_permutation_alloc(A->size1);
    int sign;

    gsl_matrix_memcpy(C, A);
    gsl_linalg_LU_decomp(C, p, &sign);

    const double logdet = gsl_linalg_LU_lndet(C);

    if (inverse) gsl_linalg_LU_invert(C, p, inverse);
    gsl_permutation_free(p);
    gsl_matrix_free(C);
    return logdet;
}

double mniw_log_likelihood(const mniw_sample *x, const gsl_matrix *M,
                           const gsl_matrix *W, const gsl_matrix *P)
{
    const size_t ny = M->size1;
    const double logW = lu_inverse(W, NULL);
    double sum = 0;

    for (size_t t = 0; t < x->Y->size1; t++) {
        double e[4], quadratic = 0;

        for (size_t i = 0; i < ny; i++) {
            e[i] = gsl_matrix_get(x->Y, t, i);
            for (size_t k = 0; k < M->size2; k++)
                e[i] -= gsl_matrix_get(M, i, k) * gsl_matrix_get(x->Z, t, k);
        }
        for (size_t i = 0; i < ny; i++)
            for (size_t j = 0; j < ny; j++)
                quadratic += e[i] * gsl_matrix_get(P, i, j) * e[j];
        sum -= 0.5 * x->w[t] * ((double)ny * log(two_pi) + logW + quadratic);
    }
    return sum;
}

mniw_sample mniw_degenerate(size_t n, elbo_arena *ws)
{
    mniw_sample x = mniw_rows(n, 2, 6, 61, ws);

    for (size_t t = 0; t < n; t++) {
        gsl_matrix_set(x.Z, t, 1, 1e3);
        gsl_matrix_set(x.Z, t, 2, 7);
        gsl_matrix_set(x.Z, t, 3, -2.5 * gsl_matrix_get(x.Z, t, 0));
        gsl_matrix_set(x.Z, t, 4, 0);
        gsl_matrix_set(x.Y, t, 1, 3.25);
    }
    elbo_moments_clear(&x.S);
    mniw_ok(elbo_moments_rows(&x.S, x.Y, x.Z, x.w));
    return x;
}
