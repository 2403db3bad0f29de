/* models/rewards.h -- rewards learnt beside the kernel, for the models that follow
 * gradients.
 *
 *   learned  rhat(s, a) = theta[n_kernel + s nA + a]
 *   state    rhat(s, a) = theta[n_kernel + s]
 * theta ~ N(0, 1 / precision).
 */
#ifndef ELBO_REWARDS_H
#define ELBO_REWARDS_H

#include "inference/model.h"

/* For a model's table of options. */
#define ELBO_REWARD_OPTIONS                                                    \
    {.name = "reward",                                                         \
     .type = ELBO_CHOICE,                                                      \
     .unit = "",                                                               \
     .choices = "known|learned|state",                                         \
     .fallback = "known",                                                      \
     .doc = "r(s,a) is given, or rhat, a parameter of the model: one for each " \
            "(s, a), or one for each state"},                                   \
    {                                                                          \
        .name = "reward_precision", .type = ELBO_REAL, .unit = "",             \
        .low = 1e-12, .high = 1e12, .fallback = "1e-3",                        \
        .doc = "precision of the Gaussian prior on a learned reward"           \
    }

/* Adds the rewards, 0, behind the n parameters of `belief`, whose theta is not
 * made yet, when the option asks for them: sets n, n_kernel, n_reward and reward
 * and takes theta from the arena. The caller asks the arena whether it was given. */
void elbo_rewards_open(const elbo_values *options,
                       const elbo_model_context *context, elbo_arena *arena,
                       elbo_belief *belief);

/* rhat from theta: in each `update`. */
void elbo_rewards_update(elbo_belief *belief);

/* The log prior of the learned rewards, 0 for none; grad [n] += its gradient. */
double elbo_rewards_log_prior(const elbo_belief *belief, double grad[]);

/* grad [n] += dF/dreward, which stands behind the kernel's in G. */
void elbo_rewards_pullback(const elbo_belief *belief, const double G[],
                           double grad[]);

#endif
