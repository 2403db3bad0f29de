#include "models/rewards.h"

#include "models/logits.h"

void elbo_rewards_open(const elbo_values *options,
                       const elbo_model_context *context, elbo_arena *arena,
                       elbo_belief *belief)
{
    const bool learned = elbo_choice_is(options, "reward", "learned");

    belief->n_kernel = belief->n;
    belief->n_reward = learned ? context->mdp->nS * context->mdp->nA : 0;
    belief->n += belief->n_reward;
    belief->reward_precision = elbo_real(options, "reward_precision");
    belief->theta = elbo_arena_doubles(arena, belief->n);
    if (!belief->theta) return;
    for (size_t j = 0; j < belief->n; j++) belief->theta[j] = 0;
    if (learned) belief->reward = belief->theta + belief->n_kernel;
}

double elbo_rewards_log_prior(const elbo_belief *belief, double grad[])
{
    return elbo_logits_log_prior(belief->theta + belief->n_kernel,
                                 belief->n_reward, belief->reward_precision,
                                 grad ? grad + belief->n_kernel : NULL);
}

void elbo_rewards_pullback(const elbo_belief *belief, const double G[],
                           double grad[])
{
    const size_t nnz = belief->mean.pattern->nnz;

    for (size_t i = 0; i < belief->n_reward; i++)
        grad[belief->n_kernel + i] += G[nnz + i];
}
