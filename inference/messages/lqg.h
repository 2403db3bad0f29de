/* inference/messages/lqg.h -- control on a belief, and what it earns.
 *
 * A controller sees y_t = C x_t + d + v, keeps the mean of a belief by a Kalman filter
 * of its model, and acts on it:
 *   b_t = p_t + L_t (y_t - C p_t - d),     p_{t+1} = A b_t + B u_t + c
 *   u_t ~ N(K b_t + k, S)
 * In any true linear-Gaussian system, the model's or not, (x_t, b_t) is a
 * linear-Gaussian chain under a linear policy of it: its value, occupancy and
 * gradients are those of inference/messages/lqr.h, exactly. With the model true, L
 * the filter's gain and K, k those of LQR this is LQG (Joseph, Tou 1961), optimal at
 * beta = +-inf.
 *
 * Systems are steps of inference/messages/kalman.h; D is not used: an action that
 * moves its own observation is not supported.
 */
#ifndef ELBO_LQG_H
#define ELBO_LQG_H

#include "inference/messages/kalman.h"
#include "inference/messages/lqr.h"

/* The steady state of the filter: P [nx x nx] the covariance before an observation,
 * L [nx x ny] its gain, P C'(C P C' + R)^-1; either may be NULL. From the dual LQR, so
 * R is positive definite; ELBO_ENOCONV when P has no limit (an unstable state that is
 * not seen), ELBO_ENOTPD. */
elbo_status elbo_filter_gain(const elbo_lgssm_step *sys, gsl_matrix *L,
                             gsl_matrix *P, elbo_arena *ws);

/* One step of a filter that sees the channels `seen` [ny] (NULL: all) of y: its gain L
 * [nx x ny] at the covariance P before y, with columns of 0 for what is not seen, and
 * P before the next y, in Joseph form. ELBO_ENOTPD; P then stands. */
elbo_status elbo_filter_step(const elbo_lgssm_step *sys, const bool seen[],
                             gsl_matrix *P, gsl_matrix *L, elbo_arena *ws);

/* Gains at times 0 .. n - 1 from the covariance P0 before y_0 into L [n] of
 * [nx x ny]; sys [nsys], n or 1; seen [n x ny], or NULL: everything. ELBO_ENOTPD
 * names the time. */
elbo_status elbo_filter_gains(const elbo_lgssm_step sys[], size_t nsys,
                              const gsl_matrix *P0, const bool seen[],
                              gsl_matrix *const L[], size_t n, elbo_arena *ws);

/* Borrowed. Arrays have an entry a time, 0 .. T, or a single one for all; policies
 * T or 1. T = 0: for ever, single entries. */
typedef struct elbo_lqg {
    size_t nx, nu, ny, T;
    const elbo_lgssm_step *truth, *model;
    const gsl_matrix *const *L;
    const elbo_linear_policy *policy; /* of the belief's mean */
    size_t ntruth, nmodel, nL, npolicy;
    double gamma;
} elbo_lqg;

/* The chain of (x, b) [2 nx], whose policy is (0, K), k, S; from `arena`.
 * ELBO_ENOMEM alone. */
elbo_status elbo_lqg_chain(const elbo_lqg *lqg, elbo_linear_chain *out,
                           elbo_arena *arena);

/* The law N(m, P) of (x_0, b_0), taken by the caller, for x_0 ~ N(m0, P0) and the
 * belief's mean `prior` before y_0. */
elbo_status elbo_lqg_start(const elbo_lqg *lqg, const gsl_vector *m0,
                           const gsl_matrix *P0, const gsl_vector *prior,
                           gsl_vector *m, gsl_matrix *P, elbo_arena *ws);

/* A reward of (x, u), or with nu = 0 of x, as one of ((x, b), u); from `arena`. */
elbo_quadratic elbo_lqg_reward(const elbo_quadratic *r, size_t nx, size_t nu,
                               elbo_arena *arena);

/* J = E sum gamma^t r(x_t, u_t), and gamma^T E terminal(x_T), in the true system.
 * Statuses as elbo_linear_evaluate; rho is then that of (x, b). */
elbo_status elbo_lqg_return(const elbo_lqg *lqg, const elbo_quadratic *reward,
                            size_t nreward, const elbo_quadratic *terminal,
                            const gsl_vector *m0, const gsl_matrix *P0,
                            const gsl_vector *prior, double *J, elbo_arena *ws);

#endif
