/* inference/messages/lqr_gradient.h -- derivatives through linear-quadratic control.
 *
 * A loss of a solution (its values, gains, policy noise) is given by its cotangents,
 * and comes back as gradients with respect to the dynamics and rewards. Cotangents
 * of symmetric matrices are symmetric, and dL = tr(P^ dP) + p^'dp + c^ dc + ...
 *
 * A cotangent of V is a functional of functions, as moments of a signed measure are:
 * c^ its mass, p^ its mean, -2 P^ its second moment. By the envelope theorem
 * dV(x) = E_{pi,q} [dr + gamma dV(y) + ...], so the reverse pass carries moments
 * forward in time under (pi, q), and the implicit derivative of the infinite horizon
 * is their discounted sum: one Lyapunov equation, no iteration to differentiate.
 * In V~ of lqr.h, with g(m) = p~ - P~ m: dV~(m)/dm = g, dV~(m)/dW = (s g g' - P~)/2.
 */
#ifndef ELBO_LQR_GRADIENT_H
#define ELBO_LQR_GRADIENT_H

#include "inference/messages/lqr.h"

/* dL/d(V, K, k, S) of one stage; NULL matrices and vectors (also within V): 0. */
typedef struct elbo_lqr_cotangent {
    elbo_quadratic V;
    const gsl_matrix *K, *S;
    const gsl_vector *k;
} elbo_lqr_cotangent;

/* dL/d(A, B, W, c) and dL/d reward of one stage. What a penalty adds follows from
 * the reward's: Q holds b (-1/2 [z;1]'G [z;1] + g0). */
typedef struct elbo_lqr_gradient {
    gsl_matrix *A, *B, *W;
    gsl_vector *c;
    elbo_quadratic reward; /* in z */
} elbo_lqr_gradient;
/* Unset, from `arena`; ask elbo_arena_ok. */
elbo_lqr_gradient elbo_lqr_gradient_take(elbo_arena *arena, size_t nx, size_t nu);
/* into += part: what one array entry for all stages needs. */
void elbo_lqr_gradient_add(elbo_lqr_gradient *into, const elbo_lqr_gradient *part);

/* The gradients of all stages, `out` [max(T, 1)], from the cotangents of all stages,
 * `given` [max(T, 1)], at a solution of elbo_lqr_solve. With a horizon the reverse of
 * its recursion, and `terminal` [nx], if not NULL, gets dL/d terminal; T = 0: implicit,
 * and `terminal` is not written. A K or k given at
 * alpha = inf has no effect, as pi is the prior's. ELBO_ENOCONV when T = 0 and the
 * closed loop under q has gamma rho^2 >= 1, or gamma = 1 and L depends on the level
 * of V; `out` is then undefined. */
elbo_status elbo_lqr_reverse(const elbo_lqr *lqr,
                             const elbo_lqr_solution *solution,
                             const elbo_lqr_cotangent given[],
                             elbo_lqr_gradient out[], elbo_quadratic *terminal,
                             elbo_arena *ws);

/* One stage of it: from the cotangent Q [nz] of Q(z) = r(z) + gamma V~(F z + c), at
 * the successor's value V and exponent s, the gradients `out` (those of the reward are
 * Q itself) and the cotangent `next` of V; next may be NULL. Statuses of elbo_tilt. */
elbo_status elbo_linear_transition_reverse(const elbo_linear_dynamics *map,
                                           double gamma, double s,
                                           const elbo_quadratic *V,
                                           const elbo_quadratic *Q,
                                           elbo_lqr_gradient *out,
                                           elbo_quadratic *next, elbo_arena *ws);

/* The gradient of a return J = E sum gamma^t r, x_0 ~ N(m0, P0) (P0 NULL: 0), with
 * respect to the chain's policy, dynamics and reward, stage by stage: `policy` and
 * `world` [max(T, 1)], taken by the caller; either may be NULL. `reward` and
 * `terminal` as elbo_linear_evaluate, and its statuses. */
elbo_status elbo_linear_return_gradient(const elbo_linear_chain *chain,
                                        const elbo_quadratic *reward,
                                        size_t nreward,
                                        const elbo_quadratic *terminal,
                                        const gsl_vector *m0, const gsl_matrix *P0,
                                        elbo_linear_policy policy[],
                                        elbo_lqr_gradient world[], elbo_arena *ws);

/* The mean trajectory of pi in p: x_0 given, u_t = K x_t + k, noise at its mean.
 * X [(T + 1) x nx], U [T x nu]; T > 0. */
void elbo_lqr_trajectory(const elbo_lqr *lqr, const elbo_lqr_solution *solution,
                         const gsl_vector *x0, gsl_matrix *X, gsl_matrix *U);

/* Gradients of a loss of the trajectory, dX and dU its derivatives, for alpha = 0 and
 * beta = +-inf, by one more LQR of the same P and K whose linear terms are dX and dU
 * and whose start is 0 (Amos, Rodriguez, Sacks, Boots, Kolter 2018, module 1); W gets
 * 0. `terminal` and x0_out [nx] may be NULL. ELBO_ENOTPD as elbo_lqr_backup. */
elbo_status elbo_lqr_trajectory_reverse(const elbo_lqr *lqr,
                                        const elbo_lqr_solution *solution,
                                        const gsl_matrix *X, const gsl_matrix *U,
                                        const gsl_matrix *dX, const gsl_matrix *dU,
                                        elbo_lqr_gradient out[],
                                        elbo_quadratic *terminal,
                                        gsl_vector *x0_out, elbo_arena *ws);

#endif
