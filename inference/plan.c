#include "inference/plan.h"

#include <math.h>

#include "inference/core/parallel.h"

elbo_chain elbo_plan_chain(const elbo_plan *plan, const elbo_mdp *mdp,
                           const elbo_kernel *P)
{
    return (elbo_chain){.mdp = mdp, .pi = plan->post->pi, .q = *P};
}

static void fill_logpi(const elbo_plan *plan, double logpi[])
{
    const elbo_posterior *const post = plan->post;
    const double alpha = plan->problem->alpha;
    const bool soft = plan->solved && alpha > 0 && isfinite(alpha);

    for (size_t i = 0; i < post->stages * post->nS * post->nA; i++) {
        const size_t state = i / post->nA; /* of all stages; V has END's */
        const double V = post->V[state + state / post->nS];

        logpi[i] = soft ? log(post->pi0[i]) + (post->Q[i] - V) / alpha
                        : log(post->pi[i]);
    }
}

/* The policy's occupancy and return under a kernel, in the rewards of `mdp`. */
static elbo_status follow(const elbo_plan *plan, const elbo_mdp *mdp,
                          const elbo_kernel *P, double rho[], double *J,
                          elbo_arena *ws)
{
    const elbo_chain chain = elbo_plan_chain(plan, mdp, P);

    ELBO_TRY(elbo_occupancy(&chain, rho, ws));
    *J = elbo_return(mdp, rho);
    return ELBO_OK;
}

static bool needs(const elbo_objective *objective, const char *name)
{
    return !objective || elbo_objective_needs(objective, name);
}

elbo_status elbo_plan_read(const elbo_plan *plan,
                           const elbo_objective *objective, elbo_bindings *out,
                           elbo_arena *arena)
{
    const elbo_posterior *const post = plan->post;
    const size_t rows = post->stages * post->nS * post->nA;
    double *const logpi = elbo_arena_doubles(arena, rows);
    double *const rho = elbo_arena_doubles(arena, rows);

    *out = (elbo_bindings){.V = post->V, .Q = post->Q, .logpi = logpi};
    ELBO_TRY(elbo_arena_check(arena, "the objective's plan"));
    fill_logpi(plan, logpi);
    if (needs(objective, "J"))
        ELBO_TRY(
            follow(plan, plan->truth, &plan->truth->P, rho, &out->J, arena));
    if (needs(objective, "Jmodel") || needs(objective, "occupancy")) {
        ELBO_TRY(follow(plan, &plan->problem->mdp, plan->model, rho,
                        &out->Jmodel, arena));

        const double steps = elbo_sum(rho, rows);

        for (size_t i = 0; i < rows; i++) rho[i] /= steps;
        out->occupancy = rho;
    }
    return ELBO_OK;
}

elbo_status elbo_plan_bind(const elbo_plan *plan, elbo_objective *objective,
                           elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_bindings now;
    const elbo_status s = elbo_plan_read(plan, objective, &now, ws);

    if (s == ELBO_OK) elbo_objective_plan(objective, &now);
    elbo_arena_release(ws, mark);
    ELBO_TRY(s);
    return elbo_objective_policy(objective, plan->truth, plan->post->pi);
}
