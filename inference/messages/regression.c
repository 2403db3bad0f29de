/* inference/messages/regression.c -- least squares and floors from moments. */
#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/moments.h"

static const double rank_tolerance = 1e-14; /* times nz, of scaled channels */
static const double safe_pivot = 1e-9;      /* below it: eigenvalues */

static elbo_status leave(elbo_arena *ws, elbo_mark mark, elbo_status s)
{
    elbo_arena_release(ws, mark);
    return s;
}

static elbo_status residual(const elbo_moments *S, const gsl_matrix *M,
                            gsl_matrix *R, elbo_arena *ws)
{
    gsl_matrix *T = elbo_arena_mat(ws, M->size1, M->size2);

    ELBO_TRY(elbo_arena_check(ws, "residual"));
    gsl_matrix_memcpy(T, S->Syz);
    gsl_blas_dsymm(CblasRight, CblasLower, 1, S->Szz, M, -2, T);
    gsl_matrix_memcpy(R, S->Syy);
    gsl_blas_dsyr2k(CblasLower, CblasNoTrans, 0.5, T, M, 1, R);
    elbo_sym_from_lower(R);
    return ELBO_OK;
}

/* R = Syy - M Szy - Syz M' + M Szz M', symmetric to the bit. */
elbo_status elbo_moments_residual(const elbo_moments *S, const gsl_matrix *M,
                                  gsl_matrix *R, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    return leave(ws, mark, residual(S, M, R, ws));
}

/* C = D Szz D, T = Syz D with D = diag(Szz)^-1/2, 0 for a channel that is 0. */
static void scaled(const elbo_moments *S, double d[], gsl_matrix *C,
                   gsl_matrix *T)
{
    for (size_t j = 0; j < C->size1; j++) {
        const double s = gsl_matrix_get(S->Szz, j, j);

        d[j] = s > 0 ? 1 / sqrt(s) : 0;
    }
    for (size_t i = 0; i < C->size1; i++)
        for (size_t j = 0; j < C->size1; j++)
            gsl_matrix_set(C, i, j, gsl_matrix_get(S->Szz, i, j) * d[i] * d[j]);
    for (size_t i = 0; i < T->size1; i++)
        for (size_t j = 0; j < T->size2; j++)
            gsl_matrix_set(T, i, j, gsl_matrix_get(S->Syz, i, j) * d[j]);
}

/* T = T C^-1, or false where C is nearly singular. */
static bool solve_by_chol(const gsl_matrix *C, gsl_matrix *L, gsl_matrix *T)
{
    gsl_matrix_memcpy(L, C);
    if (elbo_chol(L) != ELBO_OK) return false;
    for (size_t i = 0; i < L->size1; i++) /* the diagonal of C is 1 */
        if (gsl_matrix_get(L, i, i) * gsl_matrix_get(L, i, i) < safe_pivot)
            return false;
    gsl_blas_dtrsm(CblasRight, CblasLower, CblasTrans, CblasNonUnit, 1, L, T);
    gsl_blas_dtrsm(CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, T);
    return true;
}

/* T = T C^+; C becomes its eigenvectors. */
static elbo_status solve_by_eigen(gsl_matrix *C, gsl_matrix *T, size_t *rank,
                                  elbo_arena *ws)
{
    const size_t nz = C->size1;
    gsl_matrix *X = elbo_arena_mat(ws, T->size1, nz);
    gsl_vector *values = elbo_arena_vec(ws, nz);

    ELBO_TRY(elbo_arena_check(ws, "regression"));
    ELBO_TRY(elbo_eig_sym(C, values, ws));

    const double least =
        rank_tolerance * (double)nz * gsl_vector_get(values, nz - 1);

    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, T, C, 0, X);
    *rank = 0;
    for (size_t j = 0; j < nz; j++) {
        const double value = gsl_vector_get(values, j);
        gsl_vector column = gsl_matrix_column(X, j).vector;

        if (value > least) ++*rank;
        gsl_vector_scale(&column, value > least ? 1 / value : 0);
    }
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, X, C, 0, T);
    return ELBO_OK;
}

static elbo_status regress(const elbo_moments *S, gsl_matrix *M, size_t *rank,
                           elbo_arena *ws)
{
    const size_t nz = M->size2;
    gsl_matrix *C = elbo_arena_mat(ws, nz, nz), *L = elbo_arena_mat(ws, nz, nz);
    double *d = elbo_arena_doubles(ws, nz);

    ELBO_TRY(elbo_arena_check(ws, "regression"));
    scaled(S, d, C, M);
    *rank = nz;
    if (!solve_by_chol(C, L, M)) {
        scaled(S, d, C, M);
        ELBO_TRY(solve_by_eigen(C, M, rank, ws));
    }
    for (size_t i = 0; i < M->size1; i++)
        for (size_t j = 0; j < nz; j++)
            gsl_matrix_set(M, i, j, gsl_matrix_get(M, i, j) * d[j]);
    return ELBO_OK;
}

elbo_status elbo_moments_regress(const elbo_moments *S, gsl_matrix *M,
                                 size_t *rank, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    return leave(ws, mark, regress(S, M, rank, ws));
}

/* W_ij = U_ij sqrt(scale_i scale_j), or its inverse. */
static void rescale(const gsl_matrix *from, const double scale[], bool divide,
                    gsl_matrix *to)
{
    for (size_t i = 0; i < to->size1; i++)
        for (size_t j = 0; j < to->size1; j++) {
            const double s = scale ? sqrt(scale[i]) * sqrt(scale[j]) : 1;
            const double x = gsl_matrix_get(from, i, j);

            gsl_matrix_set(to, i, j, divide ? x / s : x * s);
        }
}

/* No eigenvalue is below the floor when W - floor I has a factor. */
static bool above(const gsl_matrix *W, double floor, gsl_matrix *L)
{
    gsl_matrix_memcpy(L, W);
    for (size_t i = 0; i < L->size1; i++)
        gsl_matrix_set(L, i, i, gsl_matrix_get(L, i, i) - floor);
    return elbo_chol(L) == ELBO_OK;
}

static elbo_status raise_to(gsl_matrix *W, const double scale[], double floor,
                            size_t *floored, elbo_arena *ws)
{
    const size_t n = W->size1;
    gsl_matrix *U = elbo_arena_mat(ws, n, n), *S = elbo_arena_mat(ws, n, n);
    gsl_vector *values = elbo_arena_vec(ws, n);

    *floored = 0;
    ELBO_TRY(elbo_arena_check(ws, "floor"));
    rescale(W, scale, true, S);
    if (above(S, floor, U)) return ELBO_OK;
    gsl_matrix_memcpy(U, S);
    ELBO_TRY(elbo_eig_sym(U, values, ws));
    for (size_t i = 0; i < n; i++) {
        const double value = gsl_vector_get(values, i);
        gsl_vector row = gsl_matrix_row(U, i).vector;

        if (value < floor) ++*floored;
        gsl_vector_scale(&row, sqrt(fmax(value, floor)));
    }
    if (*floored == 0) return ELBO_OK;
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, U, 0, S);
    elbo_sym_from_lower(S);
    rescale(S, scale, false, W);
    return ELBO_OK;
}

elbo_status elbo_floor_covariance(gsl_matrix *W, const double scale[],
                                  double floor, size_t *floored, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(floor > 0);
    return leave(ws, mark, raise_to(W, scale, floor, floored, ws));
}
