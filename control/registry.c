#include "control/registry.h"

#include <string.h>

const elbo_control *const elbo_controls[] = {
    &elbo_control_soft_value_iteration, &elbo_control_value_iteration,
    &elbo_control_policy_iteration,     &elbo_control_em_policy,
    &elbo_control_psi_learning,         &elbo_control_q_learning,
    &elbo_control_lqr,
    &elbo_control_i2c,
    &elbo_control_lqg,
    &elbo_control_none,
    &elbo_control_ilqr,
    &elbo_control_cem,
    &elbo_control_icem,
    &elbo_control_mppi,
    &elbo_control_vimpc,
    &elbo_control_sac,
    &elbo_control_mpo,
    &elbo_control_reps,
    &elbo_control_awr,
    &elbo_control_td3,
    &elbo_control_pathwise,
    NULL,
};

const elbo_control *elbo_control_find(const char *name)
{
    for (size_t i = 0; elbo_controls[i]; i++)
        if (strcmp(elbo_controls[i]->name, name) == 0) return elbo_controls[i];
    return NULL;
}
