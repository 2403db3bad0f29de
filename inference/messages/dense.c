#include "inference/messages/dense.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

typedef double vec4 __attribute__((vector_size(32), may_alias));

enum { PAD = ELBO_DENSE_PAD, ROWS = 4, VECTORS = 3, BLAS = 20 };

size_t elbo_dense_width(size_t n)
{
    return (n + PAD - 1) / PAD * PAD;
}

gsl_matrix *elbo_dense_mat(elbo_arena *arena, size_t rows, size_t cols)
{
    gsl_matrix *A = elbo_arena_mat(arena, rows, elbo_dense_width(cols));

    if (!A) return NULL;
    gsl_matrix_set_zero(A);
    A->size2 = cols;
    return A;
}

void elbo_dense_copy(gsl_matrix *to, const gsl_matrix *from)
{
    assert(to->size1 == from->size1 && to->size2 == from->size2);
    for (size_t i = 0; i < to->size1; i++)
        memcpy(to->data + i * to->tda, from->data + i * from->tda,
               to->size2 * sizeof(double));
}

void elbo_dense_copy_transposed(gsl_matrix *to, const gsl_matrix *from)
{
    assert(to->size1 == from->size2 && to->size2 == from->size1);
    for (size_t i = 0; i < to->size1; i++)
        for (size_t j = 0; j < to->size2; j++)
            to->data[i * to->tda + j] = from->data[j * from->tda + i];
}

/* ROWS x VECTORS of C in registers: `rows` and `vectors` are constants wherever
 * this is inlined. A is read by two strides: NN and TN are one code. */
static inline __attribute__((always_inline)) void
block(double sign, bool keep, const double *a, size_t next_row, size_t next,
      const gsl_matrix *B, size_t from, double *c, size_t tda, size_t depth,
      int rows, int vectors)
{
    vec4 sum[ROWS][VECTORS];

    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) sum[i][v] = (vec4){0};
    for (size_t k = 0; k < depth; k++) {
        const vec4 *b =
            (const vec4 *)(const void *)(B->data + k * B->tda + from);

        for (int i = 0; i < rows; i++) {
            const double x = a[(size_t)i * next_row + k * next];
            const vec4 all = {x, x, x, x};

            for (int v = 0; v < vectors; v++) sum[i][v] += all * b[v];
        }
    }
    for (int i = 0; i < rows; i++) {
        vec4 *out = (vec4 *)(void *)(c + (size_t)i * tda + from);

        for (int v = 0; v < vectors; v++)
            out[v] = (keep ? out[v] : (vec4){0}) + sign * sum[i][v];
    }
}

#define BLOCK(r, v)                                                            \
    block(sign, keep, a, next_row, next, B, from, c, tda, depth, r, v)

static inline void rows_of(int rows, int vectors, double sign, bool keep,
                           const double *a, size_t next_row, size_t next,
                           const gsl_matrix *B, size_t from, double *c,
                           size_t tda, size_t depth)
{
    switch (rows * 4 + vectors) {
    case 17:
        BLOCK(4, 1);
        break;
    case 18:
        BLOCK(4, 2);
        break;
    case 19:
        BLOCK(4, 3);
        break;
    case 13:
        BLOCK(3, 1);
        break;
    case 14:
        BLOCK(3, 2);
        break;
    case 15:
        BLOCK(3, 3);
        break;
    case 9:
        BLOCK(2, 1);
        break;
    case 10:
        BLOCK(2, 2);
        break;
    case 11:
        BLOCK(2, 3);
        break;
    case 5:
        BLOCK(1, 1);
        break;
    case 6:
        BLOCK(1, 2);
        break;
    default:
        BLOCK(1, 3);
        break;
    }
}

/* C = keep C + sign op(A) B */
static void multiply(elbo_dense_how how, const gsl_matrix *A, bool transposed,
                     const gsl_matrix *B, gsl_matrix *C)
{
    const size_t rows = C->size1, width = elbo_dense_width(C->size2);
    const size_t next_row = transposed ? 1 : A->tda;
    const size_t next = transposed ? A->tda : 1;
    const double sign = how == ELBO_DENSE_SUB ? -1 : 1;

    for (size_t i = 0; i < rows; i += ROWS)
        for (size_t from = 0; from < width; from += VECTORS * PAD) {
            const size_t left = (width - from) / PAD;

            rows_of(rows - i < ROWS ? (int)(rows - i) : ROWS,
                    left < VECTORS ? (int)left : VECTORS, sign,
                    how != ELBO_DENSE_SET, A->data + i * next_row, next_row,
                    next, B, from, C->data + i * C->tda, C->tda, B->size1);
        }
}

static bool large(const gsl_matrix *C)
{
    return C->size1 * C->size2 >= BLAS * BLAS;
}

void elbo_dense_nn(elbo_dense_how how, const gsl_matrix *A, const gsl_matrix *B,
                   gsl_matrix *C)
{
    assert(A->size2 == B->size1 && A->size1 == C->size1
           && B->size2 == C->size2);
    if (large(C))
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans,
                       how == ELBO_DENSE_SUB ? -1 : 1, A, B,
                       how == ELBO_DENSE_SET ? 0 : 1, C);
    else
        multiply(how, A, false, B, C);
}

void elbo_dense_tn(elbo_dense_how how, const gsl_matrix *A, const gsl_matrix *B,
                   gsl_matrix *C)
{
    assert(A->size1 == B->size1 && A->size2 == C->size1
           && B->size2 == C->size2);
    if (large(C))
        gsl_blas_dgemm(CblasTrans, CblasNoTrans, how == ELBO_DENSE_SUB ? -1 : 1,
                       A, B, how == ELBO_DENSE_SET ? 0 : 1, C);
    else
        multiply(how, A, true, B, C);
}

void elbo_dense_square(elbo_dense_how how, const gsl_matrix *A, gsl_matrix *C)
{
    if (!large(C)) {
        elbo_dense_tn(how, A, A, C);
        return;
    }
    assert(A->size2 == C->size1 && C->size1 == C->size2);
    gsl_blas_dsyrk(CblasLower, CblasTrans, how == ELBO_DENSE_SUB ? -1 : 1, A,
                   how == ELBO_DENSE_SET ? 0 : 1, C);
    elbo_sym_from_lower(C);
}

static void clear_lower(gsl_matrix *U)
{
    for (size_t i = 1; i < U->size1; i++)
        memset(U->data + i * U->tda, 0, i * sizeof(double));
}

/* Right-looking, whole vectors: what is written left of the diagonal is cleared
 * at the end. */
static bool chol_small(gsl_matrix *S)
{
    const size_t n = S->size1, vectors = elbo_dense_width(n) / PAD;

    for (size_t j = 0; j < n; j++) {
        double *const row = S->data + j * S->tda;
        vec4 *const x = (vec4 *)(void *)row;
        const double pivot = row[j];

        if (!(pivot > 0 && isfinite(pivot))) return false;

        const double root = sqrt(pivot), inverse = 1 / root;

        for (size_t v = j / PAD; v < vectors; v++) x[v] *= inverse;
        row[j] = root;
        for (size_t i = j + 1; i < n; i++) {
            vec4 *const y = (vec4 *)(void *)(S->data + i * S->tda);

            for (size_t v = i / PAD; v < vectors; v++) y[v] -= row[i] * x[v];
        }
    }
    return true;
}

/* LAPACK sees the row-major upper triangle as a lower one by columns: its
 * factor L with L L' = S is U' in the same place. */
static bool chol_large(gsl_matrix *S)
{
    const int n = (int)S->size1;

    return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', n, S->data, (int)S->tda)
           == 0;
}

/* U_ii^2 is S_ii less what the rows above explain of it. */
static bool pivots_above(const gsl_matrix *U, double least)
{
    for (size_t j = 0; j < U->size1; j++) {
        const double pivot = U->data[j * U->tda + j];
        double diagonal = 0;

        for (size_t i = 0; i <= j; i++) {
            const double u = U->data[i * U->tda + j];

            diagonal += u * u;
        }
        if (!(pivot * pivot > least * diagonal && isfinite(diagonal)))
            return false;
    }
    return true;
}

bool elbo_dense_chol(gsl_matrix *S, double least)
{
    assert(S->size1 == S->size2);
    if (!(S->size1 < BLAS ? chol_small(S) : chol_large(S))) return false;
    clear_lower(S);
    return pivots_above(S, least);
}

/* Up to VECTORS columns of vectors at once; down or up the rows. */
static inline __attribute__((always_inline)) void
substitute(const gsl_matrix *U, bool transposed, gsl_matrix *B, size_t from,
           int vectors)
{
    const size_t n = U->size1;

    for (size_t step = 0; step < n; step++) {
        const size_t i = transposed ? step : n - 1 - step;
        const double inverse = 1 / U->data[i * U->tda + i];
        vec4 *out = (vec4 *)(void *)(B->data + i * B->tda + from);
        vec4 sum[VECTORS];

        for (int v = 0; v < vectors; v++) sum[v] = out[v];
        for (size_t done = 0; done < step; done++) {
            const size_t k = transposed ? done : n - 1 - done;
            const double u =
                transposed ? U->data[k * U->tda + i] : U->data[i * U->tda + k];
            const vec4 *b = (const vec4 *)(void *)(B->data + k * B->tda + from);

            for (int v = 0; v < vectors; v++) sum[v] -= u * b[v];
        }
        for (int v = 0; v < vectors; v++) out[v] = sum[v] * inverse;
    }
}

static void solve_small(const gsl_matrix *U, bool transposed, gsl_matrix *B)
{
    const size_t width = elbo_dense_width(B->size2);

    for (size_t from = 0; from < width; from += VECTORS * PAD) {
        const size_t left = (width - from) / PAD;

        if (left >= 3)
            transposed ? substitute(U, true, B, from, 3)
                       : substitute(U, false, B, from, 3);
        else if (left == 2)
            transposed ? substitute(U, true, B, from, 2)
                       : substitute(U, false, B, from, 2);
        else
            transposed ? substitute(U, true, B, from, 1)
                       : substitute(U, false, B, from, 1);
    }
}

void elbo_dense_solve_transposed(const gsl_matrix *U, gsl_matrix *B)
{
    if (U->size1 < BLAS)
        solve_small(U, true, B);
    else
        gsl_blas_dtrsm(CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, 1, U,
                       B);
}

void elbo_dense_solve(const gsl_matrix *U, gsl_matrix *B)
{
    if (U->size1 < BLAS)
        solve_small(U, false, B);
    else
        gsl_blas_dtrsm(CblasLeft, CblasUpper, CblasNoTrans, CblasNonUnit, 1, U,
                       B);
}

double elbo_dense_logdiag(const gsl_matrix *U)
{
    double sum = 0;

    for (size_t i = 0; i < U->size1; i++) sum += log(U->data[i * U->tda + i]);
    return sum;
}

/* Several sums at once hide the latency of each. */
static inline __attribute__((always_inline)) void
row_part(double sign, const double x[], const gsl_matrix *A, size_t from,
         double y[], int vectors)
{
    vec4 *const out = (vec4 *)(void *)(y + from);
    vec4 sum[ROWS];

    for (int v = 0; v < vectors; v++) sum[v] = (vec4){0};
    for (size_t k = 0; k < A->size1; k++) {
        const vec4 *a =
            (const vec4 *)(const void *)(A->data + k * A->tda + from);

        for (int v = 0; v < vectors; v++) sum[v] += x[k] * a[v];
    }
    for (int v = 0; v < vectors; v++) out[v] += sign * sum[v];
}

void elbo_dense_row(double sign, const double x[], const gsl_matrix *A,
                    double y[])
{
    const size_t width = elbo_dense_width(A->size2);

    for (size_t from = 0; from < width; from += ROWS * PAD)
        switch (width - from > 3 * PAD ? 4 : (width - from) / PAD) {
        case 4:
            row_part(sign, x, A, from, y, 4);
            break;
        case 3:
            row_part(sign, x, A, from, y, 3);
            break;
        case 2:
            row_part(sign, x, A, from, y, 2);
            break;
        default:
            row_part(sign, x, A, from, y, 1);
            break;
        }
}

void elbo_dense_symmetrise(gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < i; j++) {
            double *const a = A->data + i * A->tda + j;
            double *const b = A->data + j * A->tda + i;

            *a = *b = 0.5 * (*a + *b);
        }
}
