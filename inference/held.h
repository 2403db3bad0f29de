/* inference/held.h -- the planner with its policy held while theta moves.
 *
 *   Q = r + ce_p(V),  V = E_pi [Q - alpha log(pi / pi0)]
 * to the fixed point; or as many backups as `unroll` has, each with the policy
 * that it had; or one a stage. It is what fixed_pi means: its derivative is the
 * one that elbo_gradient_pull sends, which differences can then be compared
 * with.
 */
#ifndef ELBO_HELD_H
#define ELBO_HELD_H

#include "inference/control.h"
#include "inference/gradient.h"

typedef struct elbo_held {
    size_t backups;     /* each with a policy of its own; 0: one, for ever */
    double *pi;         /* [backups x nS x nA] in their order */
    double *cost;       /* [backups x nS] alpha KL(pi || pi0) */
    elbo_posterior post; /* the plan at the last theta */
    elbo_bindings base;  /* as the policy was taken: logpi and J stay */
    elbo_bindings now;   /* for elbo_objective_plan_held */
} elbo_held;

/* The policies of a plan, by the route's own trace where it has one, and what
 * an objective reads of it. Memory from the arena. */
elbo_status elbo_held_open(elbo_held *held, const elbo_route *route,
                           const elbo_plan *plan, const double trace[],
                           elbo_arena *arena);

/* held->now at the plan's theta (its post is not read); in `ws` until it is
 * released. ELBO_ENOCONV: the sweeps did not do. */
elbo_status elbo_held_plan(elbo_held *held, const elbo_plan *plan,
                           elbo_arena *ws);

#endif
