#include "inference/core/linalg.h"

#include <assert.h>
#include <gsl/gsl_errno.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>

/* OpenBLAS's own; weak, so that another BLAS links as well. Its cblas.h cannot
 * be included beside GSL's. */
extern void openblas_set_num_threads(int n) __attribute__((weak));
extern int openblas_get_parallel(void) __attribute__((weak));
extern char *openblas_get_corename(void) __attribute__((weak));

elbo_status elbo_linalg_start(void)
{
    gsl_set_error_handler_off();
    LAPACKE_set_nancheck(0); /* results are checked here instead */
    if (openblas_get_parallel && openblas_get_parallel() == 0
        && omp_get_max_threads() > 1)
        return ELBO_FAIL(ELBO_EINTERNAL,
                         "the serial OpenBLAS is wrong under %d threads: "
                         "install libopenblas0-pthread, or set "
                         "OMP_NUM_THREADS=1",
                         omp_get_max_threads());
    if (openblas_set_num_threads) openblas_set_num_threads(1);
    return ELBO_OK;
}

const char *elbo_blas_name(void)
{
    static const char *const kinds[] = {"serial", "pthread", "openmp"};
    static _Thread_local char name[96];

    if (!openblas_get_parallel || !openblas_get_corename) return "other";

    const size_t kind = (size_t)openblas_get_parallel();

    snprintf(name, sizeof name, "openblas %s %s",
             kind < sizeof kinds / sizeof *kinds ? kinds[kind] : "unknown",
             openblas_get_corename());
    return name;
}

static int as_int(size_t n)
{
    assert(n <= INT_MAX);
    return (int)n;
}

/* LAPACK counts rows of at least one element. */
static int leading(const gsl_matrix *A)
{
    return A->tda ? as_int(A->tda) : 1;
}

/* Row-major lower is column-major upper: L L' = U' U with U = L', and nothing
 * needs to be transposed. */
elbo_status elbo_chol(gsl_matrix *A)
{
    assert(A->size1 == A->size2);

    const int n = as_int(A->size1);
    int minor =
        LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, A->data, leading(A));

    if (minor < 0)
        return ELBO_FAIL(ELBO_EINTERNAL, "dpotrf: argument %d", -minor);

    /* Whatever is not finite in row i ends in L(i, i). */
    for (int i = 0; minor == 0 && i < n; i++)
        if (!isfinite(gsl_matrix_get(A, (size_t)i, (size_t)i))) minor = i + 1;
    if (minor > 0)
        return ELBO_FAIL(ELBO_ENOTPD,
                         "leading minor %d of %d is not positive definite",
                         minor, n);
    return ELBO_OK;
}

double elbo_chol_logdet(const gsl_matrix *L)
{
    double sum = 0;

    for (size_t i = 0; i < L->size1; i++) sum += log(L->data[i * L->tda + i]);
    return 2 * sum;
}

elbo_status elbo_chol_inverse(gsl_matrix *L)
{
    assert(L->size1 == L->size2);

    const int info = LAPACKE_dpotri_work(
        LAPACK_COL_MAJOR, 'U', as_int(L->size1), L->data, leading(L));

    if (info < 0)
        return ELBO_FAIL(ELBO_EINTERNAL, "dpotri: argument %d", -info);
    if (info > 0)
        return ELBO_FAIL(ELBO_ESINGULAR, "pivot %d of %zu is zero", info,
                         L->size1);
    elbo_sym_from_lower(L);
    return ELBO_OK;
}

static elbo_status eig_sym(gsl_matrix *A, gsl_vector *values, elbo_arena *ws)
{
    const int n = as_int(A->size1), rows = leading(A);
    int size[1], info;
    double room[1];

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j <= i; j++)
            if (!isfinite(A->data[i * A->tda + j]))
                return ELBO_FAIL(ELBO_ENOTFINITE, "element (%zu, %zu) is %g", i,
                                 j, A->data[i * A->tda + j]);
    info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', n, A->data, rows,
                               values->data, room, -1, size, -1);
    if (info) return ELBO_FAIL(ELBO_EINTERNAL, "dsyevd: argument %d", -info);

    double *work = elbo_arena_doubles(ws, (size_t)room[0]);
    int *integers = elbo_arena_take(ws, (size_t)size[0], sizeof *integers);

    ELBO_TRY(elbo_arena_check(ws, "eigenvalues"));
    info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', n, A->data, rows,
                               values->data, work, (int)room[0], integers,
                               size[0]);
    if (info) return ELBO_FAIL(ELBO_ENOCONV, "dsyevd: info %d", info);
    return ELBO_OK;
}

size_t elbo_eig_sym_room(size_t n)
{
    enum { LINE = 64 };
    double unused = 0, room[1] = {0};
    int size[1] = {0};

    (void)LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'U', as_int(n), &unused,
                              n ? as_int(n) : 1, &unused, room, -1, size, -1);
    return (size_t)room[0] * sizeof(double) + (size_t)size[0] * sizeof(int)
           + 2 * LINE;
}

elbo_status elbo_eig_sym(gsl_matrix *A, gsl_vector *values, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(A->size1 == A->size2 && values->size == A->size1);
    assert(values->stride == 1);

    const elbo_status s = eig_sym(A, values, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* max_j sum_i |a_ij|; NaN if an entry is. */
static double norm1(const gsl_matrix *A, double column[])
{
    double largest = 0;

    for (size_t j = 0; j < A->size2; j++) column[j] = 0;
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            column[j] += fabs(A->data[i * A->tda + j]);
    for (size_t j = 0; j < A->size2; j++)
        if (!(column[j] <= largest) && !isnan(largest)) largest = column[j];
    return largest;
}

static elbo_status factor(gsl_matrix *A, elbo_arena *ws, elbo_lu *lu)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    double *column = elbo_arena_doubles(ws, A->size2);

    ELBO_TRY(elbo_arena_check(ws, "lu"));
    lu->norm1 = norm1(A, column);
    elbo_arena_release(ws, mark);
    lu->A = A;
    lu->pivots = elbo_arena_take(ws, A->size1, sizeof *lu->pivots);
    ELBO_TRY(elbo_arena_check(ws, "lu: pivots"));
    if (!isfinite(lu->norm1))
        return ELBO_FAIL(ELBO_ENOTFINITE, "lu: the matrix has norm %g",
                         lu->norm1);

    const int n = as_int(A->size1);
    const int info = LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, n, n, A->data,
                                         leading(A), lu->pivots);

    if (info < 0)
        return ELBO_FAIL(ELBO_EINTERNAL, "dgetrf: argument %d", -info);
    if (info > 0)
        return ELBO_FAIL(ELBO_ESINGULAR, "pivot %d of %d is zero", info, n);
    return ELBO_OK;
}

/* LAPACK is handed A' (row-major seen by columns) and factors that. */
elbo_status elbo_lu_factor(gsl_matrix *A, elbo_arena *ws, elbo_lu *lu)
{
    assert(A->size1 == A->size2);
    return factor(A, ws, lu);
}

static elbo_status solve(const elbo_lu *lu, char transpose, gsl_vector *x)
{
    const int n = as_int(lu->A->size1);

    assert(x->size == lu->A->size1 && x->stride == 1);

    const int info =
        LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, transpose, n, 1, lu->A->data,
                            leading(lu->A), lu->pivots, x->data, n ? n : 1);

    if (info) return ELBO_FAIL(ELBO_EINTERNAL, "dgetrs: argument %d", -info);
    for (size_t i = 0; i < x->size; i++)
        if (!isfinite(x->data[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "element %zu of %d is %g", i, n,
                             x->data[i]);
    return ELBO_OK;
}

elbo_status elbo_lu_solve(const elbo_lu *lu, gsl_vector *x)
{
    return solve(lu, 'T', x);
}

elbo_status elbo_lu_solve_transposed(const elbo_lu *lu, gsl_vector *x)
{
    return solve(lu, 'N', x);
}

elbo_status elbo_lu_solve_columns(const elbo_lu *lu, gsl_matrix *X,
                                  elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    gsl_vector *x = elbo_arena_vec(ws, X->size1);
    elbo_status s = elbo_arena_check(ws, "lu: a column");

    for (size_t j = 0; s == ELBO_OK && j < X->size2; j++) {
        gsl_matrix_get_col(x, X, j);
        s = elbo_lu_solve(lu, x);
        if (s == ELBO_OK) gsl_matrix_set_col(X, j, x);
    }
    elbo_arena_release(ws, mark);
    return s;
}

static elbo_status psd_factor(const gsl_matrix *W, gsl_matrix *L, elbo_arena *ws)
{
    const size_t n = W->size1;
    gsl_vector *w = elbo_arena_vec(ws, n);
    gsl_matrix *E = elbo_arena_mat(ws, n, n);

    ELBO_TRY(elbo_arena_check(ws, "a factor"));
    gsl_matrix_memcpy(E, W);
    ELBO_TRY(elbo_eig_sym(E, w, ws));

    /* Rounding moves an eigenvalue by a few units of the largest. */
    const double top = n ? fmax(fabs(w->data[0]), fabs(w->data[n - 1])) : 0;
    const double slack = 16 * (double)n * 0x1p-52 * top;

    if (n && w->data[0] < -slack)
        return ELBO_FAIL(ELBO_ENOTPD,
                         "the smallest eigenvalue is %g, the largest %g",
                         w->data[0], w->data[n - 1]);
    for (size_t i = 0; i < n; i++) {
        const double root = w->data[i] > slack ? sqrt(w->data[i]) : 0;

        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(L, j, i, root * gsl_matrix_get(E, i, j));
    }
    return ELBO_OK;
}

elbo_status elbo_psd_factor(const gsl_matrix *W, gsl_matrix *L, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = psd_factor(W, L, ws);

    elbo_arena_release(ws, mark);
    return s;
}

static elbo_status spectral_radius(const gsl_matrix *A, double *radius,
                                   elbo_arena *ws)
{
    const int n = as_int(A->size1);
    gsl_matrix *const H = elbo_arena_mat(ws, A->size1, A->size1);
    double *const re = elbo_arena_doubles(ws, A->size1);
    double *const im = elbo_arena_doubles(ws, A->size1);
    double largest = 0;

    ELBO_TRY(elbo_arena_check(ws, "eigenvalues"));
    gsl_matrix_memcpy(H, A);
    for (size_t i = 0; i < A->size1 * A->size1; i++)
        if (!isfinite(H->data[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "eigenvalues: an entry is %g",
                             H->data[i]);

    const int info = LAPACKE_dgeev(LAPACK_COL_MAJOR, 'N', 'N', n, H->data,
                                   leading(H), re, im, NULL, 1, NULL, 1);

    if (info < 0)
        return ELBO_FAIL(ELBO_EINTERNAL, "dgeev: argument %d", -info);
    if (info > 0)
        return ELBO_FAIL(ELBO_ENOCONV, "dgeev: %d of %d eigenvalues", info, n);
    for (size_t i = 0; i < A->size1; i++)
        largest = fmax(largest, hypot(re[i], im[i]));
    *radius = largest;
    return ELBO_OK;
}

elbo_status elbo_spectral_radius(const gsl_matrix *A, double *radius,
                                 elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = spectral_radius(A, radius, ws);

    elbo_arena_release(ws, mark);
    return s;
}

void elbo_sym_from_lower(gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < i; j++)
            A->data[j * A->tda + i] = A->data[i * A->tda + j];
}

void elbo_sym_mean(gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < i; j++) {
            double *lower = &A->data[i * A->tda + j];
            double *upper = &A->data[j * A->tda + i];

            *lower = *upper = 0.5 * (*lower + *upper);
        }
}
