#include "control/limits.h"

#include <math.h>

elbo_status elbo_control_limits(const elbo_control *control,
                                const elbo_problem *problem)
{
    if (problem->mdp.nA > ELBO_MOST_ACTIONS)
        return ELBO_FAIL(ELBO_ESIZE, "%s: %zu actions, at most %d",
                         control->name, problem->mdp.nA, ELBO_MOST_ACTIONS);
    return ELBO_OK;
}

elbo_status elbo_control_finite(const elbo_control *control,
                                const elbo_posterior *post)
{
    const size_t nS = post->nS, nA = post->nA;

    for (size_t i = 0; i < post->stages * nS; i++) {
        const size_t stage = i / nS, s = i % nS;
        const double V = post->V[stage * (nS + 1) + s];

        for (size_t a = 0; a < nA; a++)
            if (!isfinite(post->Q[i * nA + a]))
                return ELBO_FAIL(ELBO_ENOTFINITE,
                                 "%s: stage %zu, state %zu, action %zu: Q is "
                                 "%g",
                                 control->name, stage, s, a,
                                 post->Q[i * nA + a]);
        if (!isfinite(V))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "%s: stage %zu, state %zu: V is %g", control->name,
                             stage, s, V);
    }
    return ELBO_OK;
}
