/* control/policy_iteration.c -- Howard's improvement on exact solves.
 *
 *   V  solves  V = b_pi + gamma q_pi V,   b = r - charge KL(q || p)
 *   Q  = r + ce_p(V),  q = the tilt of p by V,  pi greedy on Q
 * until the policy is stable and the tilt gains nothing. For beta > 0 each
 * round improves pi and q at once. For beta < 0, or in a ball, q is the
 * opponent: it is brought to its best answer to the fixed pi, by the same
 * solves, before pi moves (Hoffman and Karp 1966). With a horizon one backward
 * induction is exact.
 */
#include "control/registry.h"

#include <assert.h>
#include <math.h>

#include "control/greedy.h"
#include "control/limits.h"
#include "inference/evaluate.h"

static elbo_status open_control(const elbo_values *values,
                                const elbo_problem *problem, elbo_arena *arena,
                                elbo_controller *out)
{
    (void)values, (void)arena;
    ELBO_TRY(elbo_control_limits(&elbo_control_policy_iteration, problem));
    *out = (elbo_controller){&elbo_control_policy_iteration, NULL};
    return ELBO_OK;
}

/* V of (pi, q); b [nS x nA] is scratch. */
static elbo_status evaluate(const elbo_problem *problem, elbo_posterior *post,
                            double b[], elbo_arena *ws)
{
    const elbo_mdp *mdp = &problem->mdp;
    const elbo_kernel q = elbo_posterior_kernel(post, problem, 0);
    const double charge = elbo_tilt_charge(&problem->tilt);

    for (size_t row = 0; row < post->nS * post->nA; row++) {
        b[row] = mdp->r[row];
        if (charge != 0.0) b[row] -= charge * elbo_row_kl(&q, &mdp->P, row);
    }
    const elbo_chain chain = {.mdp = mdp, .pi = post->pi, .q = q};

    return elbo_evaluate(&chain, b, post->V, ws);
}

/* max |E_pi Q - V|: what the new tilt changes while pi stands. */
static double tilt_gain(const elbo_posterior *post)
{
    double most = 0;

    for (size_t s = 0; s < post->nS; s++) {
        double v = 0;

        for (size_t i = s * post->nA; i < (s + 1) * post->nA; i++)
            if (post->pi[i] > 0) v += post->pi[i] * post->Q[i];
        most = fmax(most, fabs(v - post->V[s]));
    }
    return most;
}

static elbo_status iterate(const elbo_problem *problem, elbo_posterior *post,
                           elbo_solve_info *info, elbo_arena *ws)
{
    const size_t n = post->nS * post->nA;
    const bool tilted = problem->tilt.kind->posterior != NULL;
    const bool robust = elbo_tilt_adversarial(&problem->tilt);
    double *b = elbo_arena_doubles(ws, n);
    double *best = elbo_arena_doubles(ws, post->nS + 1);
    double last = HUGE_VAL;

    ELBO_TRY(elbo_arena_check(ws, "policy_iteration"));
    *info = (elbo_solve_info){0};
    elbo_posterior_tilt(problem, post); /* theta has moved since q was made */
    while (!info->converged && info->sweeps < problem->sweeps) {
        if (evaluate(problem, post, b, ws) != ELBO_OK)
            return elbo_fail_prefix("policy_iteration, round %zu",
                                    info->sweeps);
        info->residual =
            elbo_backup(problem, post->pi0, post->V, best, post->Q, NULL);
        info->sweeps++;
        ELBO_TRY(elbo_control_finite(&elbo_control_policy_iteration, post));
        elbo_posterior_tilt(problem, post);

        const double slack = elbo_greedy_slack(post->Q, n);
        const double gain = tilt_gain(post);
        /* Within the tolerance q still goes on while that pays: an opponent
         * left half-way could make two equal policies alternate. */
        const bool settled =
            gain <= slack || (gain <= problem->tolerance && gain > last / 2);

        last = settled ? HUGE_VAL : gain;
        if (robust && !settled) continue;

        const size_t changed = elbo_greedy_improve(post->pi0, post->Q, post->nS,
                                                   post->nA, slack, post->pi);

        info->converged =
            changed == 0
            && (!tilted || gain <= fmax(slack, problem->tolerance));
    }
    return ELBO_OK;
}

static elbo_status estep(elbo_controller *controller,
                         const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws)
{
    (void)controller;
    assert(problem->alpha == 0.0);
    if (problem->mdp.horizon) return elbo_solve(problem, post, info, ws);

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status status = iterate(problem, post, info, ws);

    elbo_arena_release(ws, mark);
    return status;
}

const elbo_control elbo_control_policy_iteration = {
    .name = "policy_iteration",
    .source = "Howard, Dynamic Programming and Markov Processes (1960)",
    .doc = "exact evaluation, greedy improvement; q by the same rounds",
    .options = NULL,
    .optimality = ELBO_EXPONENTIAL,
    .hard = true,
    .promise = ELBO_RISES,
    .fixed_point = true,
    .open = open_control,
    .estep = estep,
};
