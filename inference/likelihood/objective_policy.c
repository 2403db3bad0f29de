/* inference/likelihood/objective_policy.c -- gradJ_error: how far the model's gradient
 * of the policy's return is from the environment's.
 *
 *   |g(p) - g|,  g = dJ / d logits of pi (inference/policy_gradient.h)
 * (Abachi, Ghavamzadeh, Farahmand 2020, equation 2). The policy is the planner's and
 * stands still; theta moves g(p) directly.
 */
#include <math.h>
#include <string.h>

#include "inference/likelihood/objective_state.h"
#include "inference/policy_gradient.h"

struct elbo_compared {
    const elbo_mdp *truth; /* NULL: no policy yet */
    size_t n;              /* stages x nS x nA */
    double *pi, *real, *error; /* [n] */
};

elbo_status elbo_objective_open_policy(elbo_objective *o, const elbo_mdp *mdp,
                                       elbo_arena *arena)
{
    struct elbo_compared *x;

    if (!elbo_expr_reads(o->expr, "gradJ_error")) return ELBO_OK;
    x = elbo_arena_take(arena, 1, sizeof *x);
    ELBO_TRY(elbo_arena_check(arena, "the objective"));
    x->n = elbo_stages(mdp) * mdp->nS * mdp->nA;
    x->pi = elbo_arena_doubles(arena, x->n);
    x->real = elbo_arena_doubles(arena, x->n);
    x->error = elbo_arena_doubles(arena, x->n);
    o->policy = x;
    return elbo_arena_check(arena, "the objective");
}

elbo_status elbo_objective_policy(elbo_objective *o, const elbo_mdp *truth,
                                  const double pi[])
{
    struct elbo_compared *const x = o->policy;

    if (!x) return ELBO_OK;
    memcpy(x->pi, pi, x->n * sizeof *pi);
    x->truth = truth;

    const elbo_chain chain = {.mdp = truth, .pi = x->pi, .q = truth->P};

    if (elbo_policy_gradient(&chain, truth->r, x->real, o->scratch) == ELBO_OK)
        return ELBO_OK;
    return elbo_fail_prefix("%s, gradJ_error", o->slot);
}

static elbo_status compare(elbo_objective *o, const elbo_kernel *p, double slope,
                           double G[])
{
    struct elbo_compared *const x = o->policy;
    const elbo_chain chain = {.mdp = x->truth, .pi = x->pi, .q = *p};
    double sum = 0;

    ELBO_TRY(elbo_policy_gradient(&chain, x->truth->r, x->error, o->scratch));
    for (size_t i = 0; i < x->n; i++) {
        x->error[i] -= x->real[i];
        sum += x->error[i] * x->error[i];
    }
    o->bind.gradJ_error = sqrt(sum);
    if (!G || sum == 0) return ELBO_OK; /* at 0 a norm has no slope */
    return elbo_policy_gradient_pull(&chain, x->truth->r, x->error,
                                     slope / o->bind.gradJ_error, G, o->scratch);
}

elbo_status elbo_objective_compare(elbo_objective *o, const elbo_kernel *p,
                                   double slope, double G[])
{
    if (!o->policy || !o->policy->truth || !o->program) return ELBO_OK;
    if (compare(o, p, slope, G) == ELBO_OK) return ELBO_OK;
    return elbo_fail_prefix("%s, gradJ_error", o->slot);
}
