/* inference/messages/dense.h -- products and factors of many small matrices.
 *
 * Up to about 20 rows a call to BLAS costs more than its work; there, loops
 * over vectors of four do it. All matrices here are row-major with rows padded
 * to ELBO_DENSE_PAD doubles, the padding zero and kept zero (elbo_dense_mat);
 * larger ones go to BLAS and LAPACK. Nothing aliases. Factors are upper: S = U'
 * U, so that every operation runs along rows.
 */
#ifndef ELBO_DENSE_H
#define ELBO_DENSE_H

#include <stdbool.h>

#include "inference/core/linalg.h"

enum { ELBO_DENSE_PAD = 4 };

/* How long a padded row of n is. */
size_t elbo_dense_width(size_t n);
/* A zero matrix with padded rows; NULL after a failure of the arena. */
gsl_matrix *elbo_dense_mat(elbo_arena *arena, size_t rows, size_t cols);
/* Copies between padded and other matrices. */
void elbo_dense_copy(gsl_matrix *to, const gsl_matrix *from);
void elbo_dense_copy_transposed(gsl_matrix *to, const gsl_matrix *from);

/* C = A B, C += A B, C -= A B by `how`. */
typedef enum elbo_dense_how {
    ELBO_DENSE_SET,
    ELBO_DENSE_ADD,
    ELBO_DENSE_SUB
} elbo_dense_how;
void elbo_dense_nn(elbo_dense_how how, const gsl_matrix *A, const gsl_matrix *B,
                   gsl_matrix *C);
/* The same with A' B. */
void elbo_dense_tn(elbo_dense_how how, const gsl_matrix *A, const gsl_matrix *B,
                   gsl_matrix *C);
/* C (+)= A' A, symmetric to the bit. */
void elbo_dense_square(elbo_dense_how how, const gsl_matrix *A, gsl_matrix *C);

/* The upper factor of a symmetric S in place, zeros below it. False when a
 * pivot is not above `least` times its diagonal element; S is then undefined.
 */
bool elbo_dense_chol(gsl_matrix *S, double least);
/* B = U'^-1 B,  B = U^-1 B */
void elbo_dense_solve_transposed(const gsl_matrix *U, gsl_matrix *B);
void elbo_dense_solve(const gsl_matrix *U, gsl_matrix *B);
/* sum of log U_ii */
double elbo_dense_logdiag(const gsl_matrix *U);

/* y += sign x' A for vectors of A's padded length; x has A's rows. */
void elbo_dense_row(double sign, const double x[], const gsl_matrix *A,
                    double y[]);

/* A becomes (A + A')/2. */
void elbo_dense_symmetrise(gsl_matrix *A);

#endif
