/* inference/mstep.h -- theta <- argmax kappa F_control + lambda E_D[w l] + log
 * p.
 *
 * With gradient != stop l is l(theta, planner(theta)), the planner solved again
 * at each theta tried (inference/outer.h); F_control keeps (pi, q) as they
 * were.
 *
 * Closed form where the model is conjugate, l = logp and F_control reaches
 * theta through counts alone, or the model finite or Gaussian; else a search along the gradient
 * (inference/ascent.h).
 */
#ifndef ELBO_MSTEP_H
#define ELBO_MSTEP_H

#include "inference/ascent.h"
#include "inference/bound.h"
#include "inference/outer.h"

typedef struct elbo_mstep {
    const elbo_likelihood *likelihood; /* NULL: F_control alone is the objective
                                          (transition: free) */
    const double *C; /* [nnz] lambda-scaled weighted data counts */
    double kappa;    /* feedback */
    /* Only read when kappa is not 0: (pi, q) held fixed. With a tilt they send
     * counts; with `model` q = p_theta moves with theta and the gradient of
     * F_control is rho gamma V. */
    const elbo_problem *problem;
    const elbo_posterior *post;
    elbo_outer *outer;  /* the data term, planned again at each theta; NULL: the
                           planner stands still (gradient: stop) */
    elbo_ascent ascent; /* of models that follow gradients; its scale is
                           max(1, sum C) */
} elbo_mstep;

typedef struct elbo_mstep_info {
    double before, after; /* the objective */
    size_t iterations;
    bool closed, converged;
} elbo_mstep_info;

/* The objective at the belief's theta; grad [n] (or NULL) its gradient. For a
 * posterior grad is NULL. */
elbo_status elbo_mstep_objective(const elbo_mstep *step, elbo_belief *belief,
                                 double *value, double grad[], elbo_arena *ws);

/* *value = E l over the belief: a posterior's own sum, exact also where exp(E log
 * theta) underflows; the mean over finitely many kernels; else l at `geo`.
 * G [nnz] += its derivative unless NULL (no posterior gives one). */
elbo_status elbo_belief_likelihood(const elbo_belief *belief,
                                   const elbo_likelihood *likelihood,
                                   const double C[], double *value, double G[]);

/* The closed M-step of a posterior over finitely many kernels: l, and log p on
 * the counts [nnz] that F_control sends, or NULL. theta stays on failure. */
elbo_status elbo_mstep_weigh(const elbo_likelihood *likelihood,
                             const double C[], const double counts[],
                             elbo_belief *belief, elbo_arena *ws);

/* Never leaves theta worse than it was, but for the closed form's rounding; a
 * failure leaves it unchanged. With counts the objective holds sum C log p of
 * data and expected counts, and kappa sum rho rhat where rewards are learned:
 * F_control up to what does not move with theta.
 * ELBO_EINVAL when the feedback cannot reach this model (a conjugate posterior
 * with kappa != 0 and transition: model; kappa < 0 with counts). */
elbo_status elbo_mstep_run(const elbo_mstep *step, elbo_belief *belief,
                           elbo_mstep_info *info, elbo_arena *ws);

#endif
