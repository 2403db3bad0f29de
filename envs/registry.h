/* envs/registry.h -- the worlds, one line each. */
#ifndef ELBO_REGISTRY_ENVS_H
#define ELBO_REGISTRY_ENVS_H

#include "inference/continuous.h"
#include "inference/env.h"
#include "inference/wrapper.h"

extern const elbo_env elbo_gridworld;
extern const elbo_env elbo_four_rooms;
extern const elbo_env elbo_chain;
extern const elbo_env elbo_riverswim;
extern const elbo_env elbo_garnet;
extern const elbo_env elbo_frozen_lake;
extern const elbo_env elbo_cliff_walking;
extern const elbo_env elbo_mazes;
extern const elbo_env elbo_taxi;
extern const elbo_env elbo_two_areas;
extern const elbo_env elbo_wide_tree;
extern const elbo_env elbo_table;
extern const elbo_env elbo_linear;
extern const elbo_env elbo_double_integrator;
extern const elbo_env elbo_spring_mass;
extern const elbo_env elbo_boeing747;
extern const elbo_env elbo_random_linear;
extern const elbo_env elbo_env_sequences;
extern const elbo_env elbo_env_lds;
extern const elbo_env elbo_env_hmm;

extern const elbo_dynamics elbo_pendulum;
extern const elbo_dynamics elbo_cart_pole;
extern const elbo_dynamics elbo_double_pendulum;
extern const elbo_env elbo_env_pendulum;
extern const elbo_env elbo_env_cart_pole;
extern const elbo_env elbo_env_double_pendulum;

extern const elbo_env elbo_gym_cartpole;
extern const elbo_env elbo_gym_pendulum;
extern const elbo_env elbo_gym_mountain_car;
extern const elbo_env elbo_gym_mountain_car_continuous;
extern const elbo_env elbo_gym_acrobot;
extern const elbo_env elbo_cartpole_continuous;
extern const elbo_env elbo_cartpole_swingup;

extern const elbo_wrapper elbo_wrapper_limit;
extern const elbo_wrapper elbo_wrapper_distractors;
extern const elbo_wrapper elbo_wrapper_noise;
extern const elbo_wrapper elbo_wrapper_remove;
extern const elbo_wrapper elbo_wrapper_repeat;

#endif
