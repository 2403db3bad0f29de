/* inference/outer.h -- the data term with the planner solved again at each
 * theta.
 *
 *   lambda E_D[w l(theta, planner(theta))]
 * The planner is the control's E-step on a copy of the posterior, or the
 * gradient slot's own plan. Each solve starts where the M-step found the
 * posterior: the value is a function of theta alone, whatever was tried before.
 */
#ifndef ELBO_OUTER_H
#define ELBO_OUTER_H

#include "inference/control.h"
#include "inference/gradient.h"
#include "inference/held.h"
#include "inference/model.h"

typedef struct elbo_outer {
    /* Borrowed, by the caller. The problem's kernel and rewards are those that
     * the belief's theta moves. */
    elbo_route route;
    elbo_objective *objective;
    const elbo_mdp *truth;
    const elbo_problem *problem;
    elbo_controller *controller; /* of one without state */
    const elbo_posterior *start;
    /* What control maximises, if it is an expression of theta: the problem's
     * rewards at the belief's theta; and G += what their slopes [nS x nA] send to
     * theta through it. NULL: they are known, or the model's own. */
    elbo_status (*rewards)(void *self);
    elbo_status (*pull_rewards)(void *self, const double slope[], double G[],
                                elbo_arena *ws);
    void *self;
    bool previous; /* pi0 is the policy that the M-step found, as in the E-step */
    uint64_t seed;
    bool potential; /* its derivatives are its value's own: it must rise */

    /* By elbo_outer_open and what follows. */
    uint64_t round;      /* of draws: the same in all of one M-step */
    elbo_posterior post; /* the plan at the last theta */
    double *trace;       /* of the slot's own plan */
    elbo_slopes slopes;  /* [..] of the objective there */
    elbo_gradient_info info;
    size_t plans, unsolved; /* E-steps, and those that ended on their limit */
    elbo_held *held;        /* by elbo_outer_hold; NULL: no policy is held */
} elbo_outer;

/* Memory from the arena. */
elbo_status elbo_outer_open(elbo_outer *outer, elbo_arena *arena);

/* Before each M-step: counts from 0, the draws of this round. */
void elbo_outer_begin(elbo_outer *outer, uint64_t round);

/* The plan at the belief's theta, bound to the objective. */
elbo_status elbo_outer_plan(elbo_outer *outer, const elbo_belief *belief,
                            elbo_arena *ws);

/* For differences: from here on values alone (G NULL) read under fixed_pi the
 * planner with the policies of its last plan, and what stands under stop keeps
 * what it was at the last derivative. Memory from the arena. */
elbo_status elbo_outer_hold(elbo_outer *outer, const elbo_belief *belief,
                            elbo_arena *arena);
void elbo_outer_release(elbo_outer *outer);

/* The data term with its plan; G [elbo_belief_slopes] += its derivative, direct
 * and through the planner, unless NULL. */
elbo_status elbo_outer_value(elbo_outer *outer, const elbo_belief *belief,
                             double *value, double G[], elbo_arena *ws);

#endif
