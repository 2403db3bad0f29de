/* control/em_policy.c -- expectation-maximisation for decision processes.
 *
 *   E-step  Q of pi under P, by an exact solve: messages summed over all
 * stopping times at once M-step  pi(a|s) <- pi(a|s) Q(s,a) / V(s), or all on
 * the best Q (`greedy`) The likelihood is linear in the reward, so r >= 0; J
 * rises with every round. pi0 and alpha have no part. The posterior's
 * transitions are implied by (pi, P): q stays as it is.
 */
#include "control/registry.h"

#include <math.h>
#include <string.h>

#include "control/greedy.h"
#include "control/limits.h"
#include "inference/evaluate.h"

typedef struct em_policy {
    bool greedy;
    size_t rounds;
} em_policy;

static const elbo_option options[] = {
    {.name = "m_step",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "posterior|greedy",
     .fallback = "posterior",
     .doc = "pi <- pi Q / V, or the first best action (policy iteration)"},
    {.name = "rounds",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1e6,
     .fallback = "1",
     .doc = "EM rounds of the policy in each iteration"},
    {0},
};

static elbo_status open_control(const elbo_values *values,
                                const elbo_problem *problem, elbo_arena *arena,
                                elbo_controller *out)
{
    em_policy *self = elbo_arena_take(arena, 1, sizeof *self);

    ELBO_TRY(elbo_control_limits(&elbo_control_em_policy, problem));
    ELBO_TRY(elbo_arena_check(arena, "em_policy"));
    self->greedy = elbo_choice_is(values, "m_step", "greedy");
    self->rounds = (size_t)elbo_int(values, "rounds");
    *out = (elbo_controller){&elbo_control_em_policy, self};
    return ELBO_OK;
}

static elbo_status rewards_are_likelihoods(const elbo_mdp *mdp)
{
    for (size_t i = 0; i < mdp->nS * mdp->nA; i++)
        if (!(mdp->r[i] >= 0))
            return ELBO_FAIL(ELBO_EDATA,
                             "em_policy: state %zu, action %zu: reward %g, but "
                             "linear optimality needs rewards >= 0",
                             i / mdp->nA, i % mdp->nA, mdp->r[i]);
    return ELBO_OK;
}

/* V and Q of pi under P. *residual is what the solve left of V = E_pi Q. */
static elbo_status evaluate(const elbo_problem *problem, elbo_posterior *post,
                            double *residual, elbo_arena *ws)
{
    const elbo_mdp *mdp = &problem->mdp;
    const elbo_chain chain = {.mdp = mdp, .pi = post->pi, .q = mdp->P};
    const size_t n = post->nS * post->nA;
    double *b = elbo_arena_doubles(ws, post->stages * n);
    double *V = elbo_arena_doubles(ws, post->nS + 1);
    elbo_problem follow = *problem;

    ELBO_TRY(elbo_arena_check(ws, "em_policy"));
    for (size_t t = 0; t < post->stages; t++)
        memcpy(b + t * n, mdp->r, n * sizeof *b);
    ELBO_TRY(elbo_evaluate(&chain, b, post->V, ws));

    /* Q = r + gamma E_P V: the backup at alpha = inf, which follows pi */
    follow.alpha = INFINITY;
    follow.tilt = (elbo_tilt){.kind = &elbo_transition_model,
                              .beta = INFINITY,
                              .kl = problem->tilt.kl,
                              .gamma = mdp->gamma};
    *residual = 0;
    for (size_t t = 0; t < post->stages; t++) {
        const size_t later = mdp->horizon ? t + 1 : t;
        const double *V_next = post->V + later * (post->nS + 1);
        const double left = elbo_backup(&follow, post->pi + t * n, V_next, V,
                                        post->Q + t * n, NULL);

        if (!mdp->horizon) *residual = left;
    }
    return ELBO_OK;
}

/* pi <- pi Q / V. A value that the solve does not tell from 0 says nothing
 * about the actions: the row stays. */
static void reweight(elbo_posterior *post, double unresolved)
{
    const size_t nA = post->nA;

    for (size_t s = 0; s < post->stages * post->nS; s++) {
        const double *Q = post->Q + s * nA;
        double *pi = post->pi + s * nA, v = 0;

        for (size_t a = 0; a < nA; a++) v += pi[a] * fmax(Q[a], 0);
        if (v <= unresolved) continue;
        for (size_t a = 0; a < nA; a++) pi[a] *= fmax(Q[a], 0) / v;
    }
}

static elbo_status improve(const em_policy *self, const elbo_problem *problem,
                           elbo_posterior *post, elbo_solve_info *info,
                           elbo_arena *ws)
{
    const size_t rows = post->stages * post->nS;

    ELBO_TRY(rewards_are_likelihoods(&problem->mdp));
    *info = (elbo_solve_info){.converged = true};
    for (; info->sweeps < self->rounds; info->sweeps++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status status = evaluate(problem, post, &info->residual, ws);

        elbo_arena_release(ws, mark);
        if (status != ELBO_OK)
            return elbo_fail_prefix("em_policy, round %zu", info->sweeps);
        ELBO_TRY(elbo_control_finite(&elbo_control_em_policy, post));
        if (self->greedy)
            elbo_greedy_improve(NULL, post->Q, rows, post->nA,
                                elbo_greedy_slack(post->Q, rows * post->nA),
                                post->pi);
        else
            reweight(post, info->residual);
    }
    return ELBO_OK;
}

static elbo_status estep(elbo_controller *controller,
                         const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws)
{
    return improve(controller->self, problem, post, info, ws);
}

const elbo_control elbo_control_em_policy = {
    .name = "em_policy",
    .source = "Toussaint, Storkey, ICML 2006",
    .doc = "EM for decision processes: pi <- pi Q / V on an exact Q; "
           "rewards >= 0",
    .options = options,
    .optimality = ELBO_LINEAR,
    .promise = ELBO_RISES,
    .open = open_control,
    .estep = estep,
};
