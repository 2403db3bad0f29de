/* inference/plan.h -- a plan at one theta, as an objective reads it.
 *
 * V, Q and pi are those of `post`, of all its stages. The occupancy is that of pi in the model's
 * kernel, scaled to sum to 1; Jmodel its return there, in the planner's
 * rewards; J its return in the environment.
 */
#ifndef ELBO_PLAN_H
#define ELBO_PLAN_H

#include "inference/evaluate.h"
#include "inference/objective.h"
#include "inference/posterior.h"

/* Borrowed. */
typedef struct elbo_plan {
    const elbo_mdp *truth;       /* J is a return in it */
    const elbo_problem *problem; /* its rewards are the planner's */
    const elbo_kernel *model;    /* the model's mean */
    const elbo_posterior *post;
    bool solved; /* pi, V and Q are one backup of pi0: logpi is then
                    log pi0 + (Q - V) / alpha, which keeps what exp loses */
} elbo_plan;

/* What the objective reads of the plan (NULL: all that one may read); V and Q are
 * the posterior's own, the rest is in the arena. */
elbo_status elbo_plan_read(const elbo_plan *plan,
                           const elbo_objective *objective, elbo_bindings *out,
                           elbo_arena *arena);

/* elbo_objective_plan with all that the objective reads of the plan. */
elbo_status elbo_plan_bind(const elbo_plan *plan, elbo_objective *objective,
                           elbo_arena *ws);

/* The chain of pi under a kernel, for elbo_evaluate and elbo_occupancy. */
elbo_chain elbo_plan_chain(const elbo_plan *plan, const elbo_mdp *mdp,
                           const elbo_kernel *P);

#endif
