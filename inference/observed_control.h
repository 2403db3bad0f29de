/* inference/observed_control.h -- control on a belief in observed worlds: LQG.
 *
 * A controller is a filter and a policy on its mean (inference/messages/lqg.h). It and
 * the systems it is judged in have one number of states: the smaller one is padded
 * with states that are always 0.
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
    gsl_matrix **L;             /* [T + 1] gains of the filter */
    elbo_linear_policy *policy; /* [stages] */
} elbo_observed_controller;

elbo_status elbo_observed_system_init(elbo_observed_system *system, size_t nx,
                                      size_t ny, size_t nu, elbo_arena *arena);
/* The system as `sys` (no more states than it) under `cost`. */
void elbo_observed_system_set(elbo_observed_system *system, const elbo_lgssm *sys,
                              const elbo_observed_cost *cost);

elbo_status elbo_observed_controller_init(elbo_observed_controller *controller,
                                          size_t nx, size_t ny, size_t nu, size_t T,
                                          double gamma, elbo_arena *arena);
/* The controller that is best for `sys`; statuses of elbo_lqr_solve and
 * elbo_filter_gains; the controller is then undefined. */
elbo_status elbo_observed_controller_plan(elbo_observed_controller *controller,
                                          const elbo_observed_control *control,
                                          const elbo_values *options,
                                          const elbo_lgssm *sys,
                                          const elbo_observed_cost *cost,
                                          elbo_arena *ws);
/* What it earns in `truth`, exactly. ELBO_ENOCONV: minus infinity. */
elbo_status elbo_observed_controller_return(const elbo_observed_controller *c,
                                            const elbo_observed_system *truth,
                                            double *J, elbo_arena *ws);

/* One step: from the mean p [nx] before y_t to u_t [nu] and the mean before
 * y_(t+1); in place. `e` [ny] and `b` [nx] are scratch. u_t is the controller's own:
 * what is added to it must be given to `predict`. */
void elbo_observed_controller_act(const elbo_observed_controller *c, size_t t,
                                  const gsl_vector *y, const gsl_vector *p,
                                  gsl_vector *e, gsl_vector *b, gsl_vector *u);
void elbo_observed_controller_predict(const elbo_observed_controller *c,
                                      const gsl_vector *b, const gsl_vector *u,
                                      gsl_vector *p);

#endif
