/* inference/core/linalg.h -- LAPACKE behind a status; BLAS kept single-threaded.
 *
 * `info` is never ignored. Matrices are gsl_matrix, row-major.
 */
#ifndef ELBO_LINALG_H
#define ELBO_LINALG_H

#include <gsl/gsl_matrix.h>
#include <gsl/gsl_vector.h>

#include "inference/core/arena.h"

/* Once per process, before the first parallel region: one thread a BLAS call,
 * GSL's error handler off. ELBO_EINTERNAL when the BLAS in use is OpenBLAS's
 * serial variant and OpenMP has more than one thread: that variant returns wrong
 * numbers when two threads call it at once. */
elbo_status elbo_linalg_start(void);

/* The name of the BLAS in use, for the manifest: "openblas pthread Haswell". */
const char *elbo_blas_name(void);

/* A = L L', L in the lower triangle. ELBO_ENOTPD with the leading minor; A is
 * then undefined. */
elbo_status elbo_chol(gsl_matrix *A);
/* log |L L'| of a factor from elbo_chol. */
double elbo_chol_logdet(const gsl_matrix *L);
/* L becomes (L L')^-1, both triangles. */
elbo_status elbo_chol_inverse(gsl_matrix *L);

/* The eigenvalues of a symmetric A [n x n] (its lower triangle), ascending; row
 * i of A becomes the eigenvector of value i. ELBO_ENOTFINITE, ELBO_ENOCONV; A is
 * then undefined. */
elbo_status elbo_eig_sym(gsl_matrix *A, gsl_vector *values, elbo_arena *ws);
/* Bytes of `ws` that it takes, at most. */
size_t elbo_eig_sym_room(size_t n);

/* LU of A [n x n] in place; the pivots are taken from ws and live there.
 * ELBO_ESINGULAR names the zero pivot. */
typedef struct elbo_lu {
    gsl_matrix *A;
    int *pivots;
    double norm1; /* of the matrix that was factored */
} elbo_lu;
elbo_status elbo_lu_factor(gsl_matrix *A, elbo_arena *ws, elbo_lu *lu);
/* x = A \ x, or x = A' \ x. ELBO_ENOTFINITE when the solution is not. */
elbo_status elbo_lu_solve(const elbo_lu *lu, gsl_vector *x);
elbo_status elbo_lu_solve_transposed(const elbo_lu *lu, gsl_vector *x);

/* X = A \ X, X [n x m]. */
elbo_status elbo_lu_solve_columns(const elbo_lu *lu, gsl_matrix *X,
                                  elbo_arena *ws);

/* W = L L' of a positive semi-definite W [n x n], which may be singular; L is
 * [n x n], a column of zeros for each direction without variance: eigenvalues of
 * the order of the largest one's rounding, of either sign, count as 0. ELBO_ENOTPD
 * when one is below that. */
elbo_status elbo_psd_factor(const gsl_matrix *W, gsl_matrix *L, elbo_arena *ws);

/* The largest modulus of the eigenvalues of A [n x n]. ELBO_ENOTFINITE,
 * ELBO_ENOCONV. */
elbo_status elbo_spectral_radius(const gsl_matrix *A, double *radius,
                                 elbo_arena *ws);

/* The upper triangle becomes the mirror of the lower one. */
void elbo_sym_from_lower(gsl_matrix *A);
/* A = (A + A') / 2. */
void elbo_sym_mean(gsl_matrix *A);

#endif
