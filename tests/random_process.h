/* tests/random_process.h -- random finite processes, and one kernel in every
 * layout.
 */
#ifndef ELBO_RANDOM_PROCESS_H
#define ELBO_RANDOM_PROCESS_H

#include "inference/core/rng.h"
#include "inference/backup.h"

typedef enum layout { LAYOUT_FIXED, LAYOUT_CSR, LAYOUT_DENSE, LAYOUTS } layout;

/* Rows of `branching` distinct successors, END among them with probability
 * `ends` a row; rewards in [-1.5, 1.5), random mu, discount 0.93, no horizon.
 * In the fixed layout when branching is at most 8, else CSR. Dies without
 * memory. */
elbo_mdp random_process(elbo_rng *rng, size_t nS, size_t nA, size_t branching,
                        double ends, elbo_arena *arena);

/* The same probabilities in another layout; fixed asks for rows of at most 8.
 */
elbo_kernel in_layout(const elbo_kernel *P, layout wanted, elbo_arena *arena);

/* A random policy [rows x nA], each row on all its actions but, where `sparse`,
 * with about a third of them at exactly 0. */
double *random_policy(elbo_rng *rng, size_t rows, size_t nA, bool sparse,
                      elbo_arena *arena);

/* n uniform numbers in [low, high). */
double *random_doubles(elbo_rng *rng, size_t n, double low, double high,
                       elbo_arena *arena);

/* Its E-step, swept to a residual of 1e-13; beta = inf: transition: model. */
elbo_problem problem_of(const elbo_mdp *mdp, double alpha, double beta,
                        elbo_kl kl);

#endif
