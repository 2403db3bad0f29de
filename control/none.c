/* control/none.c -- no control: in observed worlds nothing is rewarded, and every
 * return is 0; in control tasks the prior acts. */
#include "control/registry.h"
#include "inference/observed.h"

static const elbo_observed_control observed = {.plan = NULL};

const elbo_control elbo_control_none = {
    .name = "none",
    .source = "a model of sequences, and no more",
    .doc = "observed worlds: no reward; reward_term, policy_kl, transition_kl and "
           "returns are 0 by definition. Control tasks: actions are uniform",
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .promise = ELBO_RISES,
    .fixed_point = true,
    .observed = &observed,
    .task = &elbo_task_none,
};
