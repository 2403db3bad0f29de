/* control/value_iteration.c -- Bellman's backup: the limit alpha = 0.
 *
 *   V(s) = max_a r(s,a) + ce_p(V)(s,a),  pi on the first action that attains it
 */
#include "control/registry.h"

#include <assert.h>

#include "control/limits.h"

static elbo_status open_control(const elbo_values *values,
                                const elbo_problem *problem, elbo_arena *arena,
                                elbo_controller *out)
{
    (void)values, (void)arena;
    ELBO_TRY(elbo_control_limits(&elbo_control_value_iteration, problem));
    *out = (elbo_controller){&elbo_control_value_iteration, NULL};
    return ELBO_OK;
}

static elbo_status estep(elbo_controller *controller,
                         const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws)
{
    (void)controller;
    assert(problem->alpha == 0.0);
    return elbo_solve(problem, post, info, ws);
}

const elbo_control elbo_control_value_iteration = {
    .name = "value_iteration",
    .source = "Bellman, Dynamic Programming (1957)",
    .doc = "hard Bellman backups, from the last round's values, to a fixed "
           "point",
    .options = NULL,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .promise = ELBO_RISES,
    .fixed_point = true,
    .open = open_control,
    .estep = estep,
};
