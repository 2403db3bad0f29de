/* control/soft_value_iteration.c -- the soft backup, swept until it settles.
 *
 *   Q = r + ce_p(V),  V = alpha log E_{pi0} exp(Q / alpha),  pi ~ pi0 exp(Q /
 * alpha)
 *
 * The policy half of F_control's maximum at fixed theta; pi0 is normalised, so
 * V lacks the alpha log|A| a step of the entropy against counting measure.
 */
#include "control/registry.h"

#include "control/limits.h"

static elbo_status open_control(const elbo_values *values,
                                const elbo_problem *problem, elbo_arena *arena,
                                elbo_controller *out)
{
    (void)values, (void)arena;
    ELBO_TRY(elbo_control_limits(&elbo_control_soft_value_iteration, problem));
    *out = (elbo_controller){&elbo_control_soft_value_iteration, NULL};
    return ELBO_OK;
}

static elbo_status estep(elbo_controller *controller,
                         const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws)
{
    (void)controller;
    return elbo_solve(problem, post, info, ws);
}

const elbo_control elbo_control_soft_value_iteration = {
    .name = "soft_value_iteration",
    .source = "Ziebart, Maas, Bagnell, Dey, AAAI 2008; Levine, arXiv "
              "1805.00909",
    .doc = "soft Bellman backups, from the last round's values, to a fixed "
           "point",
    .options = NULL,
    .optimality = ELBO_EXPONENTIAL,
    .promise = ELBO_RISES,
    .fixed_point = true,
    .open = open_control,
    .estep = estep,
};
