/* tests/lqr_cases.h -- random linear-Gaussian problems, and plain arithmetic.
 */
#ifndef ELBO_LQR_CASES_H
#define ELBO_LQR_CASES_H

#include <stdbool.h>

#include "inference/core/rng.h"
#include "inference/messages/lqr.h"

/* The arena of the running test, between the two fixtures. */
extern elbo_arena *lqr_arena;
void lqr_set_up(void);
void lqr_tear_down(void);

/* What a random problem has; all else is drawn. */
typedef struct lqr_shape {
    size_t nx, nu, T;
    size_t noise;  /* rank of W */
    bool varying;  /* T different stages */
    bool prior;    /* of full rank, else flat */
    bool penalty;  /* dynamics with a G */
    double radius; /* of A, in the max norm x nx: < 1 is stable */
} lqr_shape;

/* Rewards with cross and linear terms, strictly concave in z; alpha = 0, beta =
 * inf, gamma = 1 with a horizon, else 0.95. Dies without memory. */
elbo_lqr lqr_random(elbo_rng *rng, const lqr_shape *shape, elbo_arena *arena);

/* Entries uniform in [-scale, scale). */
gsl_matrix *matrix_random(elbo_rng *rng, size_t rows, size_t cols, double scale,
                          elbo_arena *arena);
gsl_vector *vector_random(elbo_rng *rng, size_t n, double scale,
                          elbo_arena *arena);
/* M M' / cols of a random M [n x cols], times scale. */
gsl_matrix *covariance_random(elbo_rng *rng, size_t n, size_t cols,
                              double scale, elbo_arena *arena);
gsl_matrix *matrix_of(size_t rows, size_t cols, const double a[],
                      elbo_arena *arena);
gsl_vector *vector_of(size_t n, const double a[], elbo_arena *arena);
gsl_matrix *matrix_zero(size_t rows, size_t cols, elbo_arena *arena);
elbo_quadratic quadratic_of(size_t n, const double P[], const double p[],
                            double c, elbo_arena *arena);

/* A B, A' B: plain loops. */
gsl_matrix *times(const gsl_matrix *A, const gsl_matrix *B, elbo_arena *arena);
gsl_matrix *transposed(const gsl_matrix *A, elbo_arena *arena);

/* max |A - B|, of matrices, vectors and all coefficients of quadratics. */
double matrix_gap(const gsl_matrix *A, const gsl_matrix *B);
double vector_gap(const gsl_vector *a, const gsl_vector *b);
double quadratic_gap(const elbo_quadratic *f, const elbo_quadratic *g);

/* Gains of at most 0.15 and noise of full rank. */
elbo_linear_policy policy_random(elbo_rng *rng, size_t nx, size_t nu,
                                 elbo_arena *arena);

/* Solved, with a death in words. */
elbo_lqr_solution lqr_solved(const elbo_lqr *lqr, elbo_arena *arena);
/* The chain of a solution's pi and q. */
elbo_linear_chain chain_of_solution(const elbo_lqr *lqr,
                                    const elbo_lqr_solution *solution,
                                    elbo_arena *arena);

/* A loss as a function of what `data` points to. */
typedef double (*loss_of)(const void *data);
/* Every entry of A, which the loss reads, against differences to 1e-8 relative
 * to 1 + the slope; of a symmetric matrix both sides at once, so that the slope
 * is twice an entry off the diagonal. A is as it was afterwards. */
void slopes_match(loss_of f, const void *data, const gsl_matrix *A,
                  const gsl_matrix *gradient, bool symmetric, const char *what);
void slopes_match_vector(loss_of f, const void *data, const gsl_vector *a,
                         const gsl_vector *gradient, const char *what);
void slopes_match_quadratic(loss_of f, const void *data,
                            const elbo_quadratic *a,
                            const elbo_quadratic *gradient, const char *what);

#endif
