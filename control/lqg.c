/* control/lqg.c -- linear-quadratic control on a filter's belief, in observed worlds.
 */
#include "control/registry.h"
#include "inference/observed.h"

/* Certainty equivalence: the filter's mean in the place of the state. */
static elbo_status plan(const elbo_values *options, const elbo_lqr *problem,
                        elbo_arena *arena, elbo_linear_posterior *out)
{
    elbo_lqr_solution solution;

    (void)options;
    *out = (elbo_linear_posterior){0};
    ELBO_TRY(elbo_lqr_solve(problem, &elbo_lqr_config_defaults, &solution, arena));
    *out = (elbo_linear_posterior){solution.stages, solution.info};
    return ELBO_OK;
}

static const elbo_observed_control observed = {.plan = plan};

const elbo_control elbo_control_lqg = {
    .name = "lqg",
    .source = "Joseph and Tou, On linear control theory, AIEE Trans. 80, 1961",
    .doc = "observed worlds with costs: the model's Kalman filter and LQR on its "
           "mean; with no horizon the filter's steady gain",
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .promise = ELBO_RISES,
    .fixed_point = true,
    .observed = &observed,
};
