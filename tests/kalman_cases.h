/* tests/kalman_cases.h -- linear-Gaussian systems, and the dense way to
 * condition.
 *
 * The joint Gaussian of all states and all outputs is written down and
 * conditioned on the values seen, by one Cholesky factor: no recursion over
 * time.
 */
#ifndef ELBO_TESTS_KALMAN_CASES_H
#define ELBO_TESTS_KALMAN_CASES_H

#include "inference/core/rng.h"
#include "inference/messages/kalman.h"
#include "tests/suites.h"

/* What is missing of Y. */
typedef enum holes { COMPLETE, ROWS, CHANNELS, BOTH, HOLES } holes;

typedef struct kalman_case {
    elbo_arena *arena;
    elbo_lgssm sys;
    elbo_lgssm_step *steps;
    elbo_sequence x;
    gsl_matrix *states; /* [T x nx], as drawn */
    size_t T;
} kalman_case;

/* A stable random system with inputs and offsets and a sequence drawn from it;
 * varying: another system at each row. */
void kalman_case_open(kalman_case *c, size_t nx, size_t ny, size_t nu, size_t T,
                      bool varying, uint64_t seed);
void kalman_case_close(kalman_case *c);
/* Take values away. */
void kalman_case_punch(kalman_case *c, holes what, uint64_t seed);
/* A drawn sequence of its own, of the same system. */
elbo_sequence kalman_case_draw(const kalman_case *c, size_t T, uint64_t seed);

/* Of [x_0 .. x_(T-1), y_0 .. y_(T-1)] given what is seen of y (and the
 * penalties). */
typedef struct dense_posterior {
    size_t nx, ny, T;
    gsl_vector *mean;
    gsl_matrix *P;
    double loglik;
} dense_posterior;
dense_posterior dense_condition(const kalman_case *c, elbo_arena *arena);

/* Places of x_t and y_t in it. */
size_t dense_x(const dense_posterior *p, size_t t);
size_t dense_y(const dense_posterior *p, size_t t);

/* A workspace with the case's model. */
elbo_kalman *kalman_case_workspace(const kalman_case *c, double steady);
/* V = B B' over z, B [nz x rank]. */
const gsl_matrix *kalman_case_penalty(const kalman_case *c, size_t rank,
                                      uint64_t seed);

/* Within tolerance max(1, |b|). */
void kalman_near(double a, double b, double tolerance, const char *what,
                 size_t t);
/* A is the block of P at (row, column). */
void kalman_near_block(const gsl_matrix *A, const gsl_matrix *P, size_t row,
                       size_t column, double tolerance, const char *what,
                       size_t t);

void kalman_ok(elbo_status s);
void fill_normal(gsl_matrix *A, double scale, elbo_rng *rng);
/* S = B B' / n + least I with B normal. */
void fill_covariance(gsl_matrix *S, double least, elbo_rng *rng,
                     elbo_arena *ws);

#endif
