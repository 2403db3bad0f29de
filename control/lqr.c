/* control/lqr.c -- the backup of linear-Gaussian worlds, to its fixed point or
 * through the stages (inference/messages/lqr.h).
 */
#include "control/registry.h"
#include "inference/linear.h"

static elbo_status estep(const elbo_values *options, const elbo_lqr *problem,
                         elbo_arena *arena, elbo_linear_posterior *out)
{
    elbo_lqr_solution solution;

    (void)options;
    *out = (elbo_linear_posterior){0};
    ELBO_TRY(elbo_lqr_solve(problem, &elbo_lqr_config_defaults, &solution,
                            arena));
    *out = (elbo_linear_posterior){solution.stages, solution.info};
    return ELBO_OK;
}

const elbo_control elbo_control_lqr = {
    .name = "lqr",
    .source = "Anderson and Moore, Optimal Control, 1990; Whittle, Risk-sensitive "
              "Optimal Control, 1990",
    .doc = "linear-quadratic control: temperature 0 is LQR, above it maximum "
           "entropy; with a tilt LEQG",
    .optimality = ELBO_EXPONENTIAL,
    .promise = ELBO_RISES,
    .fixed_point = true,
    .linear = estep,
};
