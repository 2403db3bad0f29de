#include <string.h>

#include "envs/registry.h"

const elbo_env *const elbo_envs[] = {
    &elbo_gridworld,
    &elbo_four_rooms,
    &elbo_chain,
    &elbo_riverswim,
    &elbo_garnet,
    &elbo_frozen_lake,
    &elbo_cliff_walking,
    &elbo_mazes,
    &elbo_taxi,
    &elbo_two_areas,
    &elbo_wide_tree,
    &elbo_table,
    &elbo_linear,
    &elbo_double_integrator,
    &elbo_spring_mass,
    &elbo_boeing747,
    &elbo_random_linear,
    &elbo_env_pendulum,
    &elbo_env_cart_pole,
    &elbo_env_double_pendulum,
    &elbo_env_sequences,
    &elbo_env_lds,
    &elbo_env_hmm,
    &elbo_gym_cartpole,
    &elbo_gym_pendulum,
    &elbo_gym_mountain_car,
    &elbo_gym_mountain_car_continuous,
    &elbo_gym_acrobot,
    &elbo_cartpole_continuous,
    &elbo_cartpole_swingup,
    NULL,
};

const elbo_env *elbo_env_find(const char *name)
{
    for (size_t i = 0; elbo_envs[i]; i++)
        if (strcmp(elbo_envs[i]->name, name) == 0) return elbo_envs[i];
    return NULL;
}

const elbo_dynamics *const elbo_continuous_worlds[] = {
    &elbo_pendulum,
    &elbo_cart_pole,
    &elbo_double_pendulum,
    NULL,
};

const elbo_dynamics *elbo_dynamics_find(const char *name)
{
    for (size_t i = 0; elbo_continuous_worlds[i]; i++)
        if (strcmp(elbo_continuous_worlds[i]->name, name) == 0)
            return elbo_continuous_worlds[i];
    return NULL;
}

const elbo_wrapper *const elbo_wrappers[] = {
    &elbo_wrapper_limit,
    &elbo_wrapper_distractors,
    &elbo_wrapper_noise,
    &elbo_wrapper_remove,
    &elbo_wrapper_repeat,
    NULL,
};
