/* inference/messages/flow_dual.h -- relative entropy policy search by its dual.
 *
 *   max_q  sum_i q_i r_i   s.t.  KL(q || p) <= epsilon,   sum_i q_i D_i = 0
 *   q_i ~ p_i exp(delta_i / eta),   delta = r + D w
 *   (eta, w) = argmin  g = eta epsilon + eta log sum_i p_i exp(delta_i / eta)
 *                          + ridge/2 |w|^2
 *
 * D_i [m] are features of the flow of transition i: of a discounted process that starts
 * in mu, gamma phi(s'_i) - phi(s_i) + (1 - gamma) E_mu phi. The ridge makes the flow a
 * soft constraint, |sum q D| = ridge |w|, so that samples for which no q has it are no
 * fault; 0: hard. It must be small against Cov_q(D) / eta. g is convex in (eta, w)
 * together. eta is eliminated exactly (reweight.h), and Newton's steps in w use the
 * Hessian of what is left, with x = delta / eta
 *
 *   (Cov_q(D) - Cov_q(D, x) Cov_q(x, D) / Var_q(x)) / eta + ridge
 *
 * so the KL is epsilon at every w, not only at the last.
 *
 * One successor a transition stands in the exponential for the mean over successors:
 * in a noisy world log E exp is above the exponent of the mean, and w learns to seek
 * risk. Who has a model may put the mean of phi over its draws into D.
 *
 * Reference: Peters, Muelling, Altun, Relative entropy policy search (2010).
 */
#ifndef ELBO_FLOW_DUAL_H
#define ELBO_FLOW_DUAL_H

#include <gsl/gsl_matrix.h>

#include "inference/core/arena.h"

/* Borrowed. */
typedef struct elbo_flow_dual {
    size_t n, m;
    const double *r;           /* [n] */
    const gsl_matrix *D;       /* [n x m] */
    const double *p;           /* [n] >= 0, sums to 1; NULL: uniform */
    double epsilon, low, high; /* as in reweight.h */
    double ridge;              /* >= 0 */
    size_t steps;              /* of Newton at most */
    double tolerance; /* ends at half the Newton decrement, over 1 + |g| */
} elbo_flow_dual;
extern const elbo_flow_dual
    elbo_flow_dual_defaults; /* 0.1, 1e-8, 1e8, 1e-12, 100, 1e-18 */

typedef struct elbo_flow_dual_info {
    double eta, dual; /* g without the ridge's term */
    double kl, ess;   /* ess: (sum w)^2 / sum w^2 / n, w = q / p */
    double flow;      /* max_k |sum_i q_i D_ik| */
    size_t steps;
    bool bound, converged;
} elbo_flow_dual_info;

/* w [m] from where it stands, eta from *eta > 0, to the minimum; q [n] its
 * weights. ELBO_ENOTFINITE, ELBO_ENOMEM. Not converged is no error. */
elbo_status elbo_flow_dual_solve(const elbo_flow_dual *problem, double w[],
                                 double *eta, double q[],
                                 elbo_flow_dual_info *info, elbo_arena *ws);

#endif
