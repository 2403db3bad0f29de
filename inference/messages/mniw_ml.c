/* inference/messages/mniw_ml.c -- the maximum-likelihood regression, floored.
 */
#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/mniw.h"

static const double rank_tolerance = 1e-14; /* times nz, of scaled channels */

/* W = U' diag(values) U, both triangles; U has eigenvectors as rows. */
static void compose(gsl_matrix *U, const gsl_vector *values, gsl_matrix *W)
{
    for (size_t i = 0; i < U->size1; i++) {
        gsl_vector row = gsl_matrix_row(U, i).vector;

        gsl_vector_scale(&row, sqrt(gsl_vector_get(values, i)));
    }
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, U, 0, W);
    elbo_sym_from_lower(W);
}

static elbo_status raise_to(gsl_matrix *W, double floor, size_t *floored,
                            elbo_arena *ws)
{
    const size_t n = W->size1;
    gsl_matrix *U = elbo_arena_mat(ws, n, n);
    gsl_vector *values = elbo_arena_vec(ws, n);

    *floored = 0;
    ELBO_TRY(elbo_arena_check(ws, "eigenvalues"));
    gsl_matrix_memcpy(U, W);
    ELBO_TRY(elbo_eig_sym(U, values, ws));
    for (size_t i = 0; i < n; i++)
        if (gsl_vector_get(values, i) < floor) {
            gsl_vector_set(values, i, floor);
            ++*floored;
        }
    if (*floored) compose(U, values, W);
    return ELBO_OK;
}

elbo_status elbo_floor_eigenvalues(gsl_matrix *W, double floor, size_t *floored,
                                   elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(floor > 0);

    const elbo_status s = raise_to(W, floor, floored, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* X' = Syz Szz^+ by the eigenvectors of D Szz D with D = diag(Szz)^-1/2:
 * collinear channels, constants of any size and channels that are 0 alike. */
static elbo_status solve(const elbo_moments *S, gsl_matrix *M, size_t *rank,
                         elbo_arena *ws)
{
    const size_t ny = M->size1, nz = M->size2;
    gsl_matrix *U = elbo_arena_mat(ws, nz, nz), *T = elbo_arena_mat(ws, ny, nz);
    gsl_vector *values = elbo_arena_vec(ws, nz), *d = elbo_arena_vec(ws, nz);

    ELBO_TRY(elbo_arena_check(ws, "regression"));
    for (size_t i = 0; i < nz; i++) {
        const double s = gsl_matrix_get(S->Szz, i, i);

        gsl_vector_set(d, i, s > 0 ? 1 / sqrt(s) : 0);
    }
    for (size_t i = 0; i < nz; i++)
        for (size_t j = 0; j <= i; j++)
            gsl_matrix_set(U, i, j,
                           gsl_matrix_get(S->Szz, i, j) * gsl_vector_get(d, i)
                               * gsl_vector_get(d, j));
    ELBO_TRY(elbo_eig_sym(U, values, ws));

    const double least =
        rank_tolerance * (double)nz * gsl_vector_get(values, nz - 1);

    for (size_t i = 0; i < ny; i++)
        for (size_t j = 0; j < nz; j++)
            gsl_matrix_set(M, i, j,
                           gsl_matrix_get(S->Syz, i, j) * gsl_vector_get(d, j));
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, M, U, 0, T);
    *rank = 0;
    for (size_t j = 0; j < nz; j++) {
        const double value = gsl_vector_get(values, j);
        gsl_vector column = gsl_matrix_column(T, j).vector;

        if (value > least) ++*rank;
        gsl_vector_scale(&column, value > least ? 1 / value : 0);
    }
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, T, U, 0, M);
    for (size_t j = 0; j < nz; j++) {
        gsl_vector column = gsl_matrix_column(M, j).vector;

        gsl_vector_scale(&column, gsl_vector_get(d, j));
    }
    return ELBO_OK;
}

/* n W = Syy - M Szy - Syz M' + M Szz M' */
static void residual(const elbo_moments *S, const gsl_matrix *M, gsl_matrix *W,
                     gsl_matrix *T)
{
    gsl_matrix_memcpy(T, S->Syz);
    gsl_blas_dsymm(CblasRight, CblasLower, 1, S->Szz, M, -2, T);
    gsl_matrix_memcpy(W, S->Syy);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 0.5, T, M, 1, W);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 0.5, M, T, 1, W);
    gsl_matrix_scale(W, 1 / S->n);
    elbo_sym_from_lower(W);
}

elbo_status elbo_mniw_ml(const elbo_moments *S, double floor, gsl_matrix *M,
                         gsl_matrix *W, elbo_mniw_ml_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    gsl_matrix *T = elbo_arena_mat(ws, M->size1, M->size2);
    elbo_status s = elbo_arena_check(ws, "regression");

    assert(floor > 0);
    *info = (elbo_mniw_ml_info){0};
    if (!(S->n > 0)) s = ELBO_FAIL(ELBO_EINVAL, "regression on no data");
    if (s == ELBO_OK) s = solve(S, M, &info->rank, ws);
    if (s == ELBO_OK) {
        residual(S, M, W, T);
        s = raise_to(W, floor, &info->floored, ws);
    }
    elbo_arena_release(ws, mark);
    return s;
}
