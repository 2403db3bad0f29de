/* tests/linear_control.h -- linear systems with costs as maps, for i2c and
 * iLQR. */
#ifndef ELBO_TEST_LINEAR_CONTROL_H
#define ELBO_TEST_LINEAR_CONTROL_H

#include "inference/messages/transform.h"

/* y = M v + c, M [ny x nv] */
typedef struct linear_map {
    gsl_matrix *M;
    gsl_vector *c;
} linear_map;

/* The map with its Jacobian; borrows f. */
elbo_map linear_map_of(const linear_map *f);

/* d [n] on the diagonal, times s. */
gsl_matrix *diagonal(const double d[], size_t n, double s, elbo_arena *ws);
gsl_matrix *identity(size_t n, double s, elbo_arena *ws);
/* y = v */
linear_map identity_map(size_t n, elbo_arena *ws);

/* The system of the LQR-equivalence experiment (Watson et al. 2019, section
 * 3.1): x' = A x + B u + (I - A) g, goal g = (10, 10), from (5, 5). */
enum { LQ_NX = 2, LQ_NU = 1, LQ_T = 60 };
extern const double lq_A[4], lq_B[2], lq_Q[2];
linear_map lq_dynamics(const double goal[], const double A[], const double B[],
                       elbo_arena *ws);

#endif
