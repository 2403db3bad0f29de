/* inference/backup.h -- the backup that covers nearly every E-step.
 *
 *   Q(s,a) = r(s,a) + ce_p(V)(s,a)        ce: the transition slot's expect
 *   V(s)   = alpha log E_{pi0} exp(Q / alpha)
 *   pi     ~ pi0 exp(Q / alpha)
 * in log-sum-exp form. alpha = 0: V = max over the actions with pi0 > 0, pi on the
 * first of them that attains it; alpha = inf: V = E_{pi0} Q, pi = pi0.
 * beta = inf: soft value iteration (SAC); alpha = beta = 1: VMBPO's operator;
 * beta < 0: Hansen and Sargent's robust control.
 */
#ifndef ELBO_BACKUP_H
#define ELBO_BACKUP_H

#include "inference/posterior.h"

/* A state has so many actions at most. */
enum { ELBO_MOST_ACTIONS = 2048 };

/* One sweep: `V_next` [nS + 1] to V [nS + 1] (V(END) = 0), both full arrays that
 * do not overlap. pi0, Q, pi are [nS x nA]; Q and pi may be NULL. Returns the
 * residual max |V - V_next|. Blocked and parallel over states; the result does
 * not depend on the number of threads. */
double elbo_backup(const elbo_problem *problem, const double pi0[],
                   const double V_next[], double V[], double Q[], double pi[]);

typedef struct elbo_solve_info {
    size_t sweeps;
    double residual; /* of the last sweep, max norm; 0 with a horizon */
    bool converged;
} elbo_solve_info;

/* Sweep from post->V until residual <= tolerance (one stage) or once backwards
 * (horizon); then V, Q, pi and q of `post` are those of the last sweep, consistent
 * with each other: with W the value that the last sweep started from, V = max over
 * (pi, q) of the backup of W, attained by pi and q, and Q is that of q and W.
 * ELBO_ENOTFINITE names the state whose value is not finite, `post` is then
 * undefined; ELBO_ESIZE when there are too many actions. Not converged is no
 * error.
 *
 * Long hard solves of a large dense process read its rows in single precision
 * first, half the bytes, and in full those alone that could be the best within the
 * rounding: a filter as of exact predicates (Shewchuk 1997), so V has the same
 * bits. */
elbo_status elbo_solve(const elbo_problem *problem, elbo_posterior *post,
                       elbo_solve_info *info, elbo_arena *ws);

/* q of every stage from post->V (nothing when post->q is NULL). */
void elbo_posterior_tilt(const elbo_problem *problem, elbo_posterior *post);

#endif
