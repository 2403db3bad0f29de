#include "inference/held.h"

#include <math.h>
#include <string.h>

#include "inference/backup.h"

static size_t policies(const elbo_held *held)
{
    return held->backups ? held->backups : 1;
}

/* pi of each backup: the plan's own, or those of the trace's values. */
static elbo_status take_policies(elbo_held *held, const elbo_plan *plan,
                                 const double trace[], elbo_arena *ws)
{
    const elbo_posterior *const post = plan->post;
    const size_t nS = post->nS, rows = nS * post->nA;
    double *const V = elbo_arena_doubles(ws, nS + 1);
    double *const Q = elbo_arena_doubles(ws, rows);

    ELBO_TRY(elbo_arena_check(ws, "the policies that are held"));
    if (!trace) {
        memcpy(held->pi, post->pi, policies(held) * rows * sizeof *post->pi);
        return ELBO_OK;
    }
    for (size_t j = 0; j < held->backups; j++)
        elbo_backup(plan->problem, post->pi0, trace + j * (nS + 1), V, Q,
                    held->pi + j * rows);
    return ELBO_OK;
}

static void charge_policies(elbo_held *held, const elbo_plan *plan, bool traced)
{
    const elbo_posterior *const post = plan->post;
    const size_t nS = post->nS, nA = post->nA;
    const double alpha = plan->problem->alpha;

    for (size_t i = 0; i < policies(held) * nS; i++) {
        const double *const pi0 = post->pi0 + (traced ? i % nS : i) * nA;

        held->cost[i] = alpha > 0 && isfinite(alpha)
                            ? alpha * elbo_policy_kl(held->pi + i * nA, pi0, nA)
                            : 0;
    }
}

elbo_status elbo_held_open(elbo_held *held, const elbo_route *route,
                           const elbo_plan *plan, const double trace[],
                           elbo_arena *arena)
{
    const elbo_posterior *const post = plan->post;
    const size_t nS = post->nS, rows = nS * post->nA;
    const size_t stages = plan->problem->mdp.horizon;
    const bool traced = route->kind->plan != NULL;

    *held = (elbo_held){.backups = traced ? route->n : stages};
    held->pi = elbo_arena_doubles(arena, policies(held) * rows);
    held->cost = elbo_arena_doubles(arena, policies(held) * nS);
    ELBO_TRY(elbo_posterior_init(&held->post, plan->problem, arena));
    memcpy(held->post.pi0, post->pi0, post->stages * rows * sizeof *post->pi0);
    memcpy(held->post.pi, post->pi, post->stages * rows * sizeof *post->pi);
    ELBO_TRY(take_policies(held, plan, traced ? trace : NULL, arena));
    charge_policies(held, plan, traced);
    return elbo_plan_read(plan, NULL, &held->base, arena);
}

/* V = E_pi Q - cost of one backup; its residual. */
static double back_up(const elbo_held *held, const elbo_problem *problem,
                      size_t j, const double V_next[], double V[], double Q[])
{
    const size_t nS = problem->mdp.nS, rows = nS * problem->mdp.nA;
    elbo_problem follow = *problem;
    double residual = 0;

    follow.alpha = HUGE_VAL;
    elbo_backup(&follow, held->pi + j * rows, V_next, V, Q, NULL);
    for (size_t s = 0; s < nS; s++) {
        V[s] -= held->cost[j * nS + s];
        residual = fmax(residual, fabs(V[s] - V_next[s]));
    }
    return residual;
}

/* The last stage first. */
static void plan_stages(elbo_held *held, const elbo_problem *problem)
{
    elbo_posterior *const post = &held->post;
    const size_t width = post->nS + 1;

    memset(post->V + post->stages * width, 0, width * sizeof *post->V);
    for (size_t t = post->stages; t-- > 0;)
        back_up(held, problem, t, post->V + (t + 1) * width,
                post->V + t * width, post->Q + t * post->nS * post->nA);
}

static elbo_status plan_backups(elbo_held *held, const elbo_problem *problem,
                                elbo_arena *ws)
{
    elbo_posterior *const post = &held->post;
    double *from = elbo_arena_doubles(ws, post->nS + 1);
    double *to = elbo_arena_doubles(ws, post->nS + 1);
    const size_t most = held->backups ? held->backups : problem->sweeps;
    double residual = HUGE_VAL;

    ELBO_TRY(elbo_arena_check(ws, "a plan whose policy is held"));
    memset(from, 0, (post->nS + 1) * sizeof *from);
    for (size_t j = 0; j < most; j++) {
        double *const swap = from;

        if (!held->backups && residual <= problem->tolerance) break;
        residual = back_up(held, problem, held->backups ? j : 0, from, to,
                           post->Q);
        from = to;
        to = swap;
    }
    memcpy(post->V, from, (post->nS + 1) * sizeof *from);
    if (held->backups || residual <= problem->tolerance) return ELBO_OK;
    return ELBO_FAIL(ELBO_ENOCONV,
                     "the plan with its policy held is off by %g after %zu "
                     "sweeps",
                     residual, most);
}

elbo_status elbo_held_plan(elbo_held *held, const elbo_plan *plan,
                           elbo_arena *ws)
{
    elbo_plan own = *plan;

    own.post = &held->post;
    own.solved = false;
    if (plan->problem->mdp.horizon)
        plan_stages(held, plan->problem);
    else
        ELBO_TRY(plan_backups(held, plan->problem, ws));
    ELBO_TRY(elbo_plan_read(&own, NULL, &held->now, ws));
    held->now.logpi = held->base.logpi;
    held->now.J = held->base.J;
    return ELBO_OK;
}
