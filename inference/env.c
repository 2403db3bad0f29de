#include "inference/env.h"

elbo_status elbo_world_mdp(const elbo_world *world, double gamma,
                           size_t horizon, elbo_arena *arena, elbo_mdp *out)
{
    elbo_kernel P;
    double *r;

    ELBO_TRY(elbo_mdp_build(world->self, world->env->outcomes, world->nS,
                            world->nA, world->most, arena, &P, &r));
    *out = (elbo_mdp){.nS = world->nS,
                      .nA = world->nA,
                      .P = P,
                      .r = r,
                      .mu = world->mu,
                      .gamma = gamma,
                      .horizon = horizon};
    return elbo_mdp_check(out);
}

/* The inverse of the distribution function; the last possible outcome takes
 * what rounding leaves. One uniform a step, also where there is no choice, so
 * that a stream's position tells the number of steps. */
elbo_outcome elbo_world_step(const elbo_world *world, size_t s, size_t a,
                             elbo_rng *rng, elbo_outcome scratch[])
{
    const size_t n = world->env->outcomes(world->self, s, a, scratch);
    double left = elbo_rng_uniform(rng);
    size_t drawn = 0;

    for (size_t i = 0; i < n; i++) {
        if (scratch[i].prob <= 0) continue;
        drawn = i;
        if (left < scratch[i].prob) break;
        left -= scratch[i].prob;
    }
    return scratch[drawn];
}
