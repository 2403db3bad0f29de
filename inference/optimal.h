/* inference/optimal.h -- the best policy of a known decision process.
 */
#ifndef ELBO_OPTIMAL_H
#define ELBO_OPTIMAL_H

#include "inference/backup.h"

/* Hard value iteration in `mdp`, to the tolerance and sweeps of `like`: post->pi
 * is deterministic, the first best action. Memory from `arena`. */
elbo_status elbo_optimal_policy(const elbo_mdp *mdp, const elbo_problem *like,
                                elbo_arena *arena, elbo_posterior *post);

/* The soft policy of `mdp` at the temperature and under the transition slot of
 * `like`: what a control that solves would do in it. */
elbo_status elbo_expert_policy(const elbo_mdp *mdp, const elbo_problem *like,
                               elbo_arena *arena, elbo_posterior *post);

#endif
