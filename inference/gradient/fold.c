/* inference/gradient/fold.c -- an objective's slopes, folded onto V and Q. */
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/gradient.h"

/* A functional F = sum rho g of the policy's occupancy under one kernel, where
 * theta may move that kernel and the policy may respond. */
typedef struct functional {
    const elbo_plan *plan;
    const elbo_mdp *mdp;
    const elbo_kernel *P;
    const double *g; /* [stages x nS x nA] */
    elbo_into into;  /* p NULL: theta does not move the kernel */
    double *logpi;   /* likewise, or NULL: the policy is held */
} functional;

/* The block of values that follows stage t. */
static const double *after(const elbo_mdp *mdp, const double V[], size_t t)
{
    return V + (mdp->horizon ? t + 1 : 0) * (mdp->nS + 1);
}

/* W and Q_g, the values of g. */
static elbo_status evaluate_slope(const functional *f, double W[], double Q[],
                                  elbo_arena *ws)
{
    const elbo_chain chain = elbo_plan_chain(f->plan, f->mdp, f->P);
    const elbo_tilt mean = {.gamma = f->mdp->gamma};
    const size_t rows = f->mdp->nS * f->mdp->nA, stages = elbo_stages(f->mdp);

    ELBO_TRY(elbo_evaluate(&chain, f->g, W, ws));
    for (size_t t = 0; t < stages; t++)
        elbo_transition_model.expect(&mean, f->P, after(f->mdp, W, t), 0, rows,
                                     Q + t * rows);
    for (size_t i = 0; i < stages * rows; i++) Q[i] += f->g[i];
    return ELBO_OK;
}

/* dF/dp += rho gamma W(s'),  glogpi += rho Q_g. */
static elbo_status add_functional(const functional *f, elbo_arena *ws)
{
    const elbo_chain chain = elbo_plan_chain(f->plan, f->mdp, f->P);
    const elbo_pattern *const pattern = f->P->pattern;
    const size_t rows = f->mdp->nS * f->mdp->nA, stages = elbo_stages(f->mdp);
    double *const rho = elbo_arena_doubles(ws, stages * rows);
    double *const Q = elbo_arena_doubles(ws, stages * rows);
    double *const W =
        elbo_arena_doubles(ws, (stages + 1) * (f->mdp->nS + 1));

    ELBO_TRY(elbo_arena_check(ws, "the slope's values"));
    ELBO_TRY(elbo_occupancy(&chain, rho, ws));
    ELBO_TRY(evaluate_slope(f, W, Q, ws));
    for (size_t i = 0; f->logpi && i < stages * rows; i++)
        f->logpi[i] += rho[i] * Q[i];
    for (size_t n = 0; f->into.p && n < stages * rows; n++) {
        const double *const next = after(f->mdp, W, n / rows);
        const size_t row = n % rows, end = elbo_row_end(pattern, row);

        for (size_t i = elbo_row_begin(pattern, row); i < end; i++)
            f->into.p[i] += rho[n] * f->mdp->gamma
                            * next[elbo_successor(pattern, row, i)];
    }
    return ELBO_OK;
}

/* dF/dr += scale rho. */
static elbo_status add_reward(const functional *f, double scale, elbo_arena *ws)
{
    const elbo_chain chain = elbo_plan_chain(f->plan, f->mdp, f->P);
    const size_t rows = f->mdp->nS * f->mdp->nA;
    const size_t n = elbo_stages(f->mdp) * rows;
    double *const rho = elbo_arena_doubles(ws, n);

    ELBO_TRY(elbo_arena_check(ws, "the slope's occupancy"));
    ELBO_TRY(elbo_occupancy(&chain, rho, ws));
    for (size_t i = 0; i < n; i++) f->into.r[i % rows] += scale * rho[i];
    return ELBO_OK;
}

static bool any(const double x[], size_t n)
{
    for (size_t i = 0; x && i < n; i++)
        if (x[i] != 0) return true;
    return false;
}

/* The return of the mdp that f runs in: g is `scale` times its reward. */
static elbo_status add_return(functional f, double scale, elbo_arena *ws)
{
    const size_t rows = f.mdp->nS * f.mdp->nA, n = elbo_stages(f.mdp) * rows;
    double *const g = elbo_arena_doubles(ws, n);

    if (scale == 0) return ELBO_OK;
    ELBO_TRY(elbo_arena_check(ws, "the slope of a return"));
    for (size_t i = 0; i < n; i++) g[i] = scale * f.mdp->r[i % rows];
    f.g = g;
    ELBO_TRY(add_functional(&f, ws));
    return f.into.r ? add_reward(&f, scale, ws) : ELBO_OK;
}

/* occ = rho / sum rho: g = (slope - sum slope occ) / sum rho. */
static elbo_status add_occupancy(functional f, const double slope[],
                                 elbo_arena *ws)
{
    const elbo_chain chain = elbo_plan_chain(f.plan, f.mdp, f.P);
    const size_t rows = elbo_stages(f.mdp) * f.mdp->nS * f.mdp->nA;
    double *const g = elbo_arena_doubles(ws, rows);

    if (!any(slope, rows)) return ELBO_OK;
    ELBO_TRY(elbo_arena_check(ws, "the slope of the occupancy"));
    ELBO_TRY(elbo_occupancy(&chain, g, ws));

    const double steps = elbo_sum(g, rows);
    const double mean = elbo_dot(g, slope, rows) / steps;

    for (size_t row = 0; row < rows; row++)
        g[row] = (slope[row] - mean) / steps;
    f.g = g;
    f.into.r = NULL; /* a policy's visits do not see the reward */
    return add_functional(&f, ws);
}

/* What occupancies and returns ask: of p, of r, and of the policy, glogpi. */
static elbo_status add_chains(const elbo_pull *pull, double logpi[],
                              elbo_arena *ws)
{
    const elbo_plan *const plan = pull->plan;
    const elbo_slopes *const x = pull->slopes;
    functional model = {plan, &plan->problem->mdp, plan->model,
                        NULL, pull->into,          logpi};
    functional held = model, real = model;

    held.logpi = NULL;
    real.mdp = plan->truth;
    real.P = &plan->truth->P;
    real.into = (elbo_into){NULL, NULL};
    ELBO_TRY(add_return(model, x->Jmodel, ws));
    ELBO_TRY(add_return(held, x->Jmodel_held, ws));
    ELBO_TRY(add_return(real, x->J, ws));
    ELBO_TRY(add_occupancy(model, x->occupancy, ws));
    return add_occupancy(held, x->occupancy_held, ws);
}

static void copy(double to[], const double from[], size_t n)
{
    if (from)
        memcpy(to, from, n * sizeof *to);
    else
        memset(to, 0, n * sizeof *to);
}

/* Of V: one block, or one a stage and a last one. */
static size_t values_of(const elbo_pull *pull)
{
    const elbo_mdp *const mdp = &pull->plan->problem->mdp;

    return (mdp->horizon ? mdp->horizon + 1 : 1) * (mdp->nS + 1);
}

/* gQ' = gQ + glogpi / alpha,  gV' = gV - sum_a glogpi / alpha; pi does not move
 * at alpha = inf. */
static void fold(const elbo_pull *pull, const double logpi[])
{
    const elbo_posterior *const post = pull->plan->post;
    const size_t nS = post->nS, nA = post->nA, n = post->stages * nS * nA;
    const double alpha = pull->plan->problem->alpha;

    copy(pull->gV, pull->slopes->V, values_of(pull));
    copy(pull->gQ, pull->slopes->Q, n);
    for (size_t i = 0; i < n; i++) {
        const size_t state = i / nA; /* of all stages; V has END's */

        if (logpi[i] == 0) continue;
        pull->gQ[i] += logpi[i] / alpha;
        pull->gV[state + state / nS] -= logpi[i] / alpha;
    }
}

static elbo_status check_finite(const elbo_pull *pull)
{
    const elbo_posterior *const post = pull->plan->post;

    for (size_t i = 0; i < post->nnz; i++)
        if (!isfinite(pull->into.p[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "gradient %s: the derivative with respect to "
                             "probability %zu is %g",
                             pull->route->kind->name, i, pull->into.p[i]);
    return ELBO_OK;
}

static elbo_status follow(elbo_pull *pull, elbo_arena *ws)
{
    const elbo_posterior *const post = pull->plan->post;
    const size_t rows = post->stages * post->nS * post->nA;
    double *const logpi = elbo_arena_doubles(ws, rows);

    pull->gV = elbo_arena_doubles(ws, values_of(pull));
    pull->gQ = elbo_arena_doubles(ws, rows);
    ELBO_TRY(elbo_arena_check(ws, "the planner's slopes"));
    copy(logpi, pull->slopes->logpi, rows);
    if (!pull->route->kind->held) ELBO_TRY(add_chains(pull, logpi, ws));
    fold(pull, logpi);
    ELBO_TRY(pull->route->kind->pull(pull, ws));
    return check_finite(pull);
}

/* The same, but for the part of theta that stands still. */
static elbo_status reach(elbo_pull *pull, elbo_arena *ws)
{
    const size_t nnz = pull->plan->post->nnz;

    if (pull->route->reach == ELBO_REACH_KERNEL) pull->into.r = NULL;
    if (pull->route->reach == ELBO_REACH_REWARD) {
        pull->into.p = elbo_arena_doubles(ws, nnz);
        ELBO_TRY(elbo_arena_check(ws, "what goes nowhere"));
        memset(pull->into.p, 0, nnz * sizeof(double));
    }
    return follow(pull, ws);
}

elbo_status elbo_gradient_pull(const elbo_pull *pull, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_pull own = *pull;

    if (!pull->route->kind->pull) return ELBO_OK;

    const elbo_status s = reach(&own, ws);

    elbo_arena_release(ws, mark);
    return s;
}
