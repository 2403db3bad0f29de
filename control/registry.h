/* control/registry.h -- the members of this room; each is one file. */
#ifndef ELBO_CONTROL_REGISTRY_H
#define ELBO_CONTROL_REGISTRY_H

#include "inference/control.h"
#include "inference/task_control.h"

extern const elbo_control elbo_control_soft_value_iteration;
extern const elbo_control elbo_control_value_iteration;
extern const elbo_control elbo_control_policy_iteration;
extern const elbo_control elbo_control_em_policy;
extern const elbo_control elbo_control_psi_learning;
extern const elbo_control elbo_control_q_learning;
extern const elbo_control elbo_control_lqr;
extern const elbo_control elbo_control_i2c;
extern const elbo_control elbo_control_lqg;
extern const elbo_control elbo_control_none;
extern const elbo_control elbo_control_ilqr;
extern const elbo_control elbo_control_cem;
extern const elbo_control elbo_control_icem;
extern const elbo_control elbo_control_mppi;
extern const elbo_control elbo_control_vimpc;
extern const elbo_control elbo_control_sac;
extern const elbo_control elbo_control_mpo;
extern const elbo_control elbo_control_reps;
extern const elbo_control elbo_control_awr;
extern const elbo_control elbo_control_td3;
extern const elbo_control elbo_control_pathwise;

/* What `none` is in control tasks. */
extern const elbo_task_control elbo_task_none;

#endif
