/* tests/partial_cases.h -- rows with holes, and dense conditioning on what is left. */
#ifndef ELBO_PARTIAL_CASES_H
#define ELBO_PARTIAL_CASES_H

#include "inference/core/linalg.h"
#include "inference/core/rng.h"

enum { PARTIAL_MOST = 8 }; /* channels */

/* Each of n values is lost with probability `holes`. */
void punch(double y[], size_t n, double holes, elbo_rng *rng);

/* [n x n], positive definite, from `ws`. */
gsl_matrix *draw_covariance(elbo_rng *rng, size_t n, elbo_arena *ws);

/* By LU and inverses: log N(o; m_o, W_oo), and mean and covariance of all of y given
 * o. Nothing seen: 0, m and W. */
double dense(const gsl_matrix *W, const double m[], const double y[], double mean[],
             gsl_matrix *cov, elbo_arena *ws);

#endif
