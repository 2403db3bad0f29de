#include "models/rewards.h"

#include "models/logits.h"

void elbo_rewards_open(const elbo_values *options,
                       const elbo_model_context *context, elbo_arena *arena,
                       elbo_belief *belief)
{
    const size_t nS = context->mdp->nS, rows = nS * context->mdp->nA;
    const bool by_row = elbo_choice_is(options, "reward", "learned");
    const bool by_state = elbo_choice_is(options, "reward", "state");

    belief->n_kernel = belief->n;
    belief->n_reward = by_row ? rows : by_state ? nS : 0;
    belief->n += belief->n_reward;
    belief->reward_precision = elbo_real(options, "reward_precision");
    belief->theta = elbo_arena_doubles(arena, belief->n);
    if (!belief->theta) return;
    for (size_t j = 0; j < belief->n; j++) belief->theta[j] = 0;
    if (by_row) belief->reward = belief->theta + belief->n_kernel;
    if (by_state) belief->reward = elbo_arena_doubles(arena, rows);
}

/* So many rows share a parameter. */
static size_t sharing(const elbo_belief *belief)
{
    const elbo_pattern *const pattern = belief->mean.pattern;

    return pattern->nS * pattern->nA / belief->n_reward;
}

void elbo_rewards_update(elbo_belief *belief)
{
    const double *const theta = belief->theta + belief->n_kernel;

    if (belief->n_reward == 0 || belief->reward == theta) return;

    double *const rhat = (double *)belief->reward; /* taken by open */
    const size_t share = sharing(belief);

    for (size_t row = 0; row < belief->n_reward * share; row++)
        rhat[row] = theta[row / share];
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

    if (belief->n_reward == 0) return;

    const size_t share = sharing(belief);

    for (size_t row = 0; row < belief->n_reward * share; row++)
        grad[belief->n_kernel + row / share] += G[nnz + row];
}
