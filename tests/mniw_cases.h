/* tests/mniw_cases.h -- beliefs and rows, and densities by GSL's LU. */
#ifndef ELBO_TESTS_MNIW_CASES_H
#define ELBO_TESTS_MNIW_CASES_H

#include "inference/messages/mniw.h"
#include "tests/suites.h"

/* n random rows with weights in [0.2, 1.2], and their moments. */
typedef struct mniw_sample {
    gsl_matrix *Y, *Z;
    double *w;
    elbo_moments S;
} mniw_sample;
mniw_sample mniw_rows(size_t n, size_t ny, size_t nz, uint64_t seed,
                      elbo_arena *ws);
/* A constant channel, a copy of a channel, a zero channel, fewer rows than
 * channels: rank of z 3 of 6, a constant y. */
mniw_sample mniw_degenerate(size_t n, elbo_arena *ws);

/* A random belief with well separated numbers. */
elbo_mniw mniw_draw(size_t ny, size_t nz, uint64_t seed, elbo_arena *ws);

/* log |A|; the inverse into `inverse`, unless NULL. */
double lu_inverse(const gsl_matrix *A, gsl_matrix *inverse);
/* sum w log N(y; M z, W), row by row; P is the inverse of W. */
double mniw_log_likelihood(const mniw_sample *x, const gsl_matrix *M,
                           const gsl_matrix *W, const gsl_matrix *P);

void mniw_ok(elbo_status s);
void mniw_fill(gsl_matrix *A, elbo_rng *rng);
/* Within tolerance, element by element. */
void mniw_same(const gsl_matrix *A, const gsl_matrix *B, double tolerance);

#endif
