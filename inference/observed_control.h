/* inference/observed_control.h -- control on a belief in observed worlds: LQG.
 *
 * A controller is a filter and a policy on its mean (inference/messages/lqg.h). It and
 * the systems it is judged in have one number of states: the smaller one is padded
 * with states that are always 0.
 *
 * Where values of y are not seen, the filter's gains are those of what is: they and the
 * return depend on the course of what is lost. LQR on the mean stays the optimum, for
 * what is lost depends on nothing that is decided; the return is the mean over courses
 * that are drawn once, exact for each.
 */
#ifndef ELBO_OBSERVED_CONTROL_H
#define ELBO_OBSERVED_CONTROL_H

#include "inference/messages/lqg.h"
#include "inference/observed.h"

/* A system of its own: copies, padded to nx. */
typedef struct elbo_observed_system {
    elbo_lgssm_step step; /* no D; what it points to is the arena's */
    gsl_matrix *A, *B, *Q, *C, *R, *P0;
    gsl_vector *b, *d, *m0;
    elbo_quadratic reward; /* [nx + nu] */
} elbo_observed_system;

typedef struct elbo_observed_controller {
    size_t nx, ny, nu, T; /* T = 0: for ever, with the filter's steady gain */
    size_t stages;        /* max(T, 1) */
    double gamma;
    elbo_observed_system model; /* what it believes */
    gsl_matrix **L;             /* [T + 1] gains of the filter; not where y is lost */
    elbo_linear_policy *policy; /* [stages] */
    size_t courses, steps;      /* 0: all of y is seen; steps that are judged */
    bool *seen;                 /* [courses x (steps + 1) x ny] */
} elbo_observed_controller;

/* What the filter believes in an episode. */
typedef struct elbo_observed_filter {
    gsl_vector *p, *b; /* [nx], the mean before y_t and after */
    gsl_vector *e;     /* [ny] */
    gsl_matrix *P, *L; /* the covariance before y_t, and the gain, where y is lost */
    bool *seen;        /* [ny] */
} elbo_observed_filter;

elbo_status elbo_observed_system_init(elbo_observed_system *system, size_t nx,
                                      size_t ny, size_t nu, elbo_arena *arena);
/* The system as `sys` (no more states than it) under `cost`. */
void elbo_observed_system_set(elbo_observed_system *system, const elbo_lgssm *sys,
                              const elbo_observed_cost *cost);

elbo_status elbo_observed_controller_init(elbo_observed_controller *controller,
                                          size_t nx, size_t ny, size_t nu, size_t T,
                                          double gamma, elbo_arena *arena);
/* Values of y are lost with probability `missing` each: draw so many courses, by the
 * streams (seed, "missing", course). Without a horizon they are as long as gamma is
 * above 1e-10. Once, after init. */
elbo_status elbo_observed_controller_lose(elbo_observed_controller *controller,
                                          double missing, size_t courses,
                                          uint64_t seed, elbo_arena *arena);
/* The controller that is best for `sys`; statuses of elbo_lqr_solve and
 * elbo_filter_gains; the controller is then undefined. */
elbo_status elbo_observed_controller_plan(elbo_observed_controller *controller,
                                          const elbo_observed_control *control,
                                          const elbo_values *options,
                                          const elbo_lgssm *sys,
                                          const elbo_observed_cost *cost,
                                          elbo_arena *ws);
/* What it earns in `truth`, exactly, or the mean over the courses. ELBO_ENOCONV: minus
 * infinity, or a course without a horizon that has not settled in its second half. */
elbo_status elbo_observed_controller_return(const elbo_observed_controller *c,
                                            const elbo_observed_system *truth,
                                            double *J, elbo_arena *ws);

elbo_status elbo_observed_filter_init(const elbo_observed_controller *c,
                                      elbo_observed_filter *filter,
                                      elbo_arena *arena);
/* Before y_0. */
void elbo_observed_filter_start(const elbo_observed_controller *c,
                                elbo_observed_filter *filter);
/* u_t [nu] after y_t, of which NaN is not seen. u_t is the controller's own: what is
 * added to it must be given to `predict`, which ends the step. ELBO_ENOTPD. */
elbo_status elbo_observed_controller_act(const elbo_observed_controller *c, size_t t,
                                         const gsl_vector *y,
                                         elbo_observed_filter *filter, gsl_vector *u,
                                         elbo_arena *ws);
void elbo_observed_controller_predict(const elbo_observed_controller *c,
                                      const gsl_vector *u,
                                      elbo_observed_filter *filter);

#endif
