#include "inference/outer.h"

#include <string.h>

#include "inference/backup.h"

elbo_status elbo_outer_open(elbo_outer *outer, elbo_arena *arena)
{
    const elbo_gradient *const kind = outer->route.kind;
    const size_t nS = outer->start->nS, stages = outer->start->stages;
    const size_t rows = stages * nS * outer->start->nA;
    const size_t traced =
        kind->trace_size ? kind->trace_size(&outer->route, nS) : 0;

    ELBO_TRY(elbo_posterior_init(&outer->post, outer->problem, arena));
    outer->trace = elbo_arena_doubles(arena, traced);
    outer->slopes = (elbo_slopes){
        .V = elbo_arena_doubles(arena, (stages + 1) * (nS + 1)),
        .Q = elbo_arena_doubles(arena, rows),
        .logpi = elbo_arena_doubles(arena, rows),
        .occupancy = elbo_arena_doubles(arena, rows),
        .occupancy_held = elbo_arena_doubles(arena, rows),
    };
    return elbo_arena_check(arena, "the outer objective");
}

void elbo_outer_begin(elbo_outer *outer, uint64_t round)
{
    outer->round = round;
    outer->info = (elbo_gradient_info){0};
    outer->plans = outer->unsolved = 0;
}

/* The working copy as the M-step found the posterior. */
static void restart(elbo_outer *outer)
{
    const elbo_posterior *const from = outer->start;
    elbo_posterior *const to = &outer->post;
    const size_t rows = from->stages * from->nS * from->nA;
    const size_t values = (from->stages + 1) * (from->nS + 1);

    memcpy(to->pi0, outer->previous ? from->pi : from->pi0,
           rows * sizeof(double));
    memcpy(to->pi, from->pi, rows * sizeof(double));
    memcpy(to->Q, from->Q, rows * sizeof(double));
    memcpy(to->V, from->V, values * sizeof(double));
    if (from->q) memcpy(to->q, from->q, from->stages * from->nnz * sizeof(double));
}

static elbo_plan plan_of(const elbo_outer *outer, const elbo_belief *belief)
{
    return (elbo_plan){.truth = outer->truth,
                       .problem = outer->problem,
                       .model = &belief->mean,
                       .post = &outer->post,
                       .solved = true};
}

/* Q with noise, V and pi its soft maximum: one backup of values that are 0, of
 * rewards that are Q. Other draws for each plan of a round. */
static elbo_status disturb(const elbo_outer *outer, elbo_posterior *post,
                           elbo_arena *ws)
{
    const size_t rows = post->nS * post->nA;
    double *const Q = elbo_arena_doubles(ws, rows);
    double *const zero = elbo_arena_doubles(ws, post->nS + 1);
    elbo_rng rng = elbo_rng_stream(outer->seed, "inner",
                                   outer->round << 32 | outer->plans);
    elbo_problem problem = *outer->problem;

    ELBO_TRY(elbo_arena_check(ws, "a disturbed plan"));
    memset(zero, 0, (post->nS + 1) * sizeof *zero);
    elbo_rng_normals(&rng, Q, rows);
    for (size_t i = 0; i < rows; i++)
        Q[i] = post->Q[i] + outer->route.noise * Q[i];
    problem.mdp.r = Q;
    (void)elbo_backup(&problem, post->pi0, zero, post->V, post->Q, post->pi);
    return ELBO_OK;
}

elbo_status elbo_outer_plan(elbo_outer *outer, const elbo_belief *belief,
                            elbo_arena *ws)
{
    const elbo_gradient *const kind = outer->route.kind;
    const elbo_plan plan = plan_of(outer, belief);
    elbo_solve_info info = {.converged = true};

    restart(outer);
    if (outer->rewards) ELBO_TRY(outer->rewards(outer->self));
    if (kind->plan)
        ELBO_TRY(kind->plan(&outer->route, outer->problem, &outer->post,
                            outer->trace));
    else
        ELBO_TRY(outer->controller->control->estep(
            outer->controller, outer->problem, &outer->post, &info, ws));
    if (outer->route.noise > 0) ELBO_TRY(disturb(outer, &outer->post, ws));
    outer->plans++;
    outer->unsolved += !info.converged;
    return elbo_plan_bind(&plan, outer->objective, ws);
}

static void clear_slopes(elbo_outer *outer)
{
    const size_t nS = outer->post.nS, stages = outer->post.stages;
    const size_t rows = stages * nS * outer->post.nA;
    elbo_slopes *const x = &outer->slopes;

    memset(x->V, 0, (stages + 1) * (nS + 1) * sizeof(double));
    memset(x->Q, 0, rows * sizeof(double));
    memset(x->logpi, 0, rows * sizeof(double));
    memset(x->occupancy, 0, rows * sizeof(double));
    memset(x->occupancy_held, 0, rows * sizeof(double));
    x->J = x->Jmodel = x->Jmodel_held = x->Jcwpdis = x->gradJ_error = 0;
}

elbo_status elbo_outer_hold(elbo_outer *outer, const elbo_belief *belief,
                            elbo_arena *arena)
{
    const elbo_plan plan = plan_of(outer, belief);

    outer->held = elbo_arena_take(arena, 1, sizeof *outer->held);
    ELBO_TRY(elbo_arena_check(arena, "a policy that is held"));
    ELBO_TRY(elbo_held_open(outer->held, &outer->route, &plan, outer->trace,
                            arena));
    elbo_objective_plan_held(outer->objective, &outer->held->now);
    elbo_objective_still(outer->objective, true);
    return ELBO_OK;
}

void elbo_outer_release(elbo_outer *outer)
{
    outer->held = NULL;
    elbo_objective_plan_held(outer->objective, NULL);
    elbo_objective_still(outer->objective, false);
}

/* As the derivative sees it: its slopes' own value. */
static elbo_status held_value(elbo_outer *outer, const elbo_belief *belief,
                              double *value, elbo_arena *ws)
{
    const elbo_plan plan = plan_of(outer, belief);

    clear_slopes(outer);
    ELBO_TRY(elbo_held_plan(outer->held, &plan, ws));
    return elbo_objective_slopes(outer->objective, &belief->mean, value, NULL,
                                 &outer->slopes);
}

elbo_status elbo_outer_value(elbo_outer *outer, const elbo_belief *belief,
                             double *value, double G[], elbo_arena *ws)
{
    const size_t nnz = belief->mean.pattern->nnz;
    const size_t rows = outer->post.nS * outer->post.nA;
    const elbo_plan plan = plan_of(outer, belief);
    double *const slope =
        G && outer->rewards ? elbo_arena_doubles(ws, rows) : NULL;
    elbo_pull pull = {
        .route = &outer->route,
        .plan = &plan,
        .slopes = &outer->slopes,
        .trace = outer->trace,
        .into = {G, G && belief->reward ? G + nnz : NULL},
        .seed = outer->seed,
        .index = outer->round,
        .info = &outer->info,
    };

    ELBO_TRY(elbo_arena_check(ws, "the slopes of rewards"));
    ELBO_TRY(elbo_outer_plan(outer, belief, ws));
    if (!G && outer->held) return held_value(outer, belief, value, ws);
    if (!G)
        return elbo_objective_value(outer->objective, &belief->mean, value,
                                    NULL);
    clear_slopes(outer);
    ELBO_TRY(elbo_objective_slopes(outer->objective, &belief->mean, value, G,
                                   &outer->slopes));
    if (!slope) return elbo_gradient_pull(&pull, ws);

    memset(slope, 0, rows * sizeof *slope);
    pull.into.r = slope;
    ELBO_TRY(elbo_gradient_pull(&pull, ws));
    return outer->pull_rewards(outer->self, slope, G, ws);
}
