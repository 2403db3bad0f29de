/* inference/bound.h -- F and its parts, evaluated afresh at (pi, q, theta).
 *
 * Exponential:  with rho the occupancy of (pi, q) from mu and c the KL's charge,
 *   reward_term   = sum rho r
 *   policy_kl     = alpha sum rho log(pi / pi0)          0 at alpha in {0, inf}
 *   transition_kl = c sum rho KL(q || p)                 0 at beta = +-inf, and
 *                                                        where it is a constraint
 * Linear (Toussaint and Storkey 2006; the exact posterior over the trajectory and
 * its stop, given reward there): with Q, V, J of pi under p, x = rho Q / J the
 * posterior's visits, h = r / Q its stopping probability,
 *   reward_term   = sum x h log r
 *   policy_kl     = sum x log(Q / V)
 *   transition_kl = sum x (1 - h) KL(P V / PV || P) + KL(start | mu)
 *   stop_kl       = sum x [h log(h / (1 - gamma)) + (1 - h) log((1 - h) / gamma)]
 * whose balance is log((1 - gamma) J). The start state is drawn by the dynamics,
 * so its KL stands with the transitions'.
 */
#ifndef ELBO_BOUND_H
#define ELBO_BOUND_H

#include "inference/likelihood.h"
#include "inference/model.h"
#include "inference/posterior.h"

typedef struct elbo_parts {
    double reward, policy_kl, transition_kl, stop_kl, likelihood, prior;
} elbo_parts;

/* reward - policy_kl - transition_kl - stop_kl. */
double elbo_parts_control(const elbo_parts *parts);
/* The same plus likelihood + prior: the bound F. */
double elbo_parts_total(const elbo_parts *parts);
/* The sum of absolute terms, the scale that tolerances refer to. */
double elbo_parts_scale(const elbo_parts *parts);

/* Fill the control parts (likelihood and prior untouched). rho
 * [stages x nS x nA] receives the occupancy of (pi, q); linear: that of (pi, p).
 * ELBO_EDATA names a negative reward (linear); ELBO_ENOTFINITE the part that is
 * not finite (a q outside the support of p; linear: a policy that earns 0). */
elbo_status elbo_bound_control(const elbo_problem *problem,
                               const elbo_posterior *post, elbo_parts *parts,
                               double rho[], elbo_arena *ws);

/* An adversarial q (elbo_tilt_adversarial): *value = min over q of F_control at
 * the policy of `post` (whose q is not read), by exact evaluation and worst
 * answers in turn until V stands still; rho as above, of the minimising q. *error
 * bounds how far *value lies above the minimum. */
elbo_status elbo_bound_profile(const elbo_problem *problem,
                               const elbo_posterior *post, double *value,
                               double *error, double rho[], elbo_arena *ws);

/* Expected transition counts that F_control sends to theta through the KL:
 * C[nnz] += kappa * charge * rho q (exponential) or kappa * x (1 - h) q (linear),
 * summed over stages. Zero for a charge of 0. rho as given above. */
elbo_status elbo_bound_counts(const elbo_problem *problem,
                              const elbo_posterior *post, const double rho[],
                              double kappa, double C[], elbo_arena *ws);

#endif
