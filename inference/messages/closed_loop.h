/* inference/messages/closed_loop.h -- a policy in a world, as a chain of states.
 *
 *   x' = M x + m + noise,   noise ~ N(0, N)        M, N [nx x nx], m [nx]
 *   M = A + B K,  m = c + B k,  N = W + B S B'
 */
#ifndef ELBO_CLOSED_LOOP_H
#define ELBO_CLOSED_LOOP_H

#include "inference/messages/quadratic.h"

typedef struct elbo_closed_loop {
    gsl_matrix *M, *N;
    gsl_vector *m;
} elbo_closed_loop;

/* Taken from ws, where it stays. ELBO_ENOMEM alone. */
elbo_status elbo_closed_loop_take(const elbo_linear_dynamics *map,
                                  const elbo_linear_policy *policy,
                                  elbo_closed_loop *out, elbo_arena *ws);

/* X = sum_k gamma^k A^k X A'^k by doubling; A [n x n] is overwritten, X is symmetric
 * of either sign. ELBO_ENOCONV with the spectral radius of A, as its powers show it,
 * when gamma rho^2 is not below 1; A and X are then undefined. */
elbo_status elbo_sum_powers(double gamma, gsl_matrix *A, gsl_matrix *X,
                            elbo_arena *ws);

#endif
