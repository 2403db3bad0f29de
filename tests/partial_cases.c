#include "tests/partial_cases.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_linalg.h>
#include <gsl/gsl_math.h>
#include <math.h>

void punch(double y[], size_t n, double holes, elbo_rng *rng)
{
    for (size_t i = 0; i < n; i++)
        if (elbo_rng_uniform(rng) < holes) y[i] = (double)NAN;
}

gsl_matrix *draw_covariance(elbo_rng *rng, size_t n, elbo_arena *ws)
{
    gsl_matrix *const X = elbo_arena_mat(ws, n, n + 2);
    gsl_matrix *const W = elbo_arena_mat(ws, n, n);

    elbo_rng_normals(rng, X->data, n * (n + 2));
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 0.5, X, X, 0, W);
    return W;
}

double dense(const gsl_matrix *W, const double m[], const double y[], double mean[],
             gsl_matrix *cov, elbo_arena *ws)
{
    const size_t ny = W->size1;
    size_t o[PARTIAL_MOST], l[PARTIAL_MOST], n = 0, lost = 0;
    double logp = 0;
    int sign;

    gsl_matrix_set_zero(cov);
    for (size_t i = 0; i < ny; i++)
        if (isnan(y[i]))
            l[lost++] = i;
        else
            o[n++] = i;
    for (size_t i = 0; i < ny; i++) mean[i] = isnan(y[i]) ? m[i] : y[i];
    if (n == 0) {
        gsl_matrix_memcpy(cov, W);
        return 0;
    }

    gsl_matrix *const S = elbo_arena_mat(ws, n, n), *const V = elbo_arena_mat(ws, n, n);
    gsl_permutation *const p = gsl_permutation_alloc(n);

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(S, i, j, gsl_matrix_get(W, o[i], o[j]));
    gsl_linalg_LU_decomp(S, p, &sign);
    gsl_linalg_LU_invert(S, p, V);
    logp = -0.5 * ((double)n * log(2 * M_PI) + gsl_linalg_LU_lndet(S));
    gsl_permutation_free(p);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            const double v = gsl_matrix_get(V, i, j), e = y[o[j]] - m[o[j]];

            logp -= 0.5 * v * e * (y[o[i]] - m[o[i]]);
            for (size_t a = 0; a < lost; a++)
                mean[l[a]] += gsl_matrix_get(W, l[a], o[i]) * v * e;
        }
    for (size_t a = 0; a < lost; a++)
        for (size_t b = 0; b < lost; b++) {
            double w = gsl_matrix_get(W, l[a], l[b]);

            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                    w -= gsl_matrix_get(W, l[a], o[i]) * gsl_matrix_get(V, i, j)
                         * gsl_matrix_get(W, o[j], l[b]);
            gsl_matrix_set(cov, l[a], l[b], w);
        }
    return logp;
}
