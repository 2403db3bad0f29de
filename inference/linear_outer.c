/* inference/linear_outer.c -- the data term with the planner solved again at each
 * theta, in linear-Gaussian worlds.
 *
 * Slopes with respect to V, K, k and S go back through the Riccati recursion, or its
 * fixed point; those of Q through one backup to V and theta; those of J and Jmodel to
 * the policy, and of Jmodel to theta (inference/messages/lqr_gradient.h).
 */
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/linear_state.h"
#include "inference/messages/lqr_gradient.h"

typedef struct outer {
    elbo_engine *e;
    elbo_lqr problem;
    elbo_linear_posterior post;
    elbo_linear_policy *pi;  /* [stages] */
    elbo_quadratic *V, *Q;   /* [stages], of post */
    elbo_linear_slopes plan; /* dF/d the plan */
} outer;

static size_t belief_stage(const outer *o, size_t t)
{
    return t % o->e->linear->belief.stages;
}

/* V of the successor of stage t. */
static const elbo_quadratic *successor(const outer *o, size_t t)
{
    if (o->problem.T == 0) return &o->V[0];
    return t + 1 < o->problem.T ? &o->V[t + 1] : o->problem.terminal;
}

/* ---- the plan ---- */

static elbo_status read_returns(outer *o, elbo_linear_plan *plan)
{
    elbo_engine *const e = o->e;
    elbo_linear *const l = e->linear;

    if (elbo_linear_objective_reads(l->objective, ELBO_GAUSSIAN_J))
        ELBO_TRY(elbo_linear_return(e, o->pi, l->truth, l->ntruth, &plan->J));
    if (elbo_linear_objective_reads(l->objective, ELBO_GAUSSIAN_JMODEL))
        ELBO_TRY(elbo_linear_return(e, o->pi, l->belief.mean, l->belief.stages,
                                    &plan->Jmodel));
    return ELBO_OK;
}

static elbo_status solve(outer *o)
{
    elbo_engine *const e = o->e;
    elbo_linear *const l = e->linear;
    elbo_linear_plan plan = {0};

    o->problem = elbo_linear_problem(e);
    o->pi = elbo_arena_take(e->ws, l->stages, sizeof *o->pi);
    o->V = elbo_arena_take(e->ws, l->stages, sizeof *o->V);
    o->Q = elbo_arena_take(e->ws, l->stages, sizeof *o->Q);
    ELBO_TRY(elbo_arena_check(e->ws, "the outer objective's plan"));
    ELBO_TRY(l->control->linear(l->control_own, &o->problem, e->ws, &o->post));
    for (size_t t = 0; t < l->stages; t++) {
        o->pi[t] = o->post.stage[t].pi;
        o->V[t] = o->post.stage[t].V;
        o->Q[t] = o->post.stage[t].Q;
    }
    plan = (elbo_linear_plan){.V = o->V,
                              .Q = o->Q,
                              .pi = o->pi,
                              .terminal = l->horizon ? &l->world.terminal : NULL};
    ELBO_TRY(elbo_linear_objective_model(l->objective, &l->belief, e->ws));
    ELBO_TRY(read_returns(o, &plan));
    return elbo_linear_objective_plan(l->objective, &plan, e->ws);
}

/* ---- the slopes ---- */

void elbo_linear_slope_add(elbo_linear_slope *to, double scale,
                           const elbo_lqr_gradient *from)
{
    const size_t nx = from->A->size1, nu = from->B->size2;

    for (size_t i = 0; i < nx; i++) {
        for (size_t j = 0; j < nx; j++) {
            *gsl_matrix_ptr(to->M, i, j) += scale * gsl_matrix_get(from->A, i, j);
            *gsl_matrix_ptr(to->W, i, j) += scale * gsl_matrix_get(from->W, i, j);
        }
        for (size_t j = 0; j < nu; j++)
            *gsl_matrix_ptr(to->M, i, nx + j) +=
                scale * gsl_matrix_get(from->B, i, j);
        *gsl_matrix_ptr(to->M, i, nx + nu) += scale * gsl_vector_get(from->c, i);
    }
}

/* Q's own slopes, on to theta and to V of the successor. */
static elbo_status through_Q(outer *o, size_t t, elbo_linear_slope *slope)
{
    elbo_arena *const ws = o->e->ws;
    const elbo_linear_belief *const belief = &o->e->linear->belief;
    const bool last = o->problem.T > 0 && t + 1 == o->problem.T;
    const elbo_quadratic *const V = successor(o, t);
    elbo_lqr_gradient out =
        elbo_lqr_gradient_take(ws, o->problem.nx, o->problem.nu);
    elbo_quadratic next = elbo_quadratic_take(ws, o->problem.nx);

    ELBO_TRY(elbo_arena_check(ws, "slopes of Q"));
    ELBO_TRY(elbo_linear_transition_reverse(
        &belief->mean[belief_stage(o, t)], o->problem.gamma,
        elbo_lqr_exponent(&o->problem), V, &o->plan.Q[t], &out, &next, ws));
    elbo_linear_slope_add(slope, 1, &out);
    if (last) return ELBO_OK;

    elbo_quadratic *const to = &o->plan.V[o->problem.T ? t + 1 : 0];

    gsl_matrix_add(to->P, next.P);
    gsl_vector_add(to->p, next.p);
    to->c += next.c;
    return ELBO_OK;
}

/* scale dJ under n maps; slope [belief stages] unless NULL: added to. */
static elbo_status through_return(outer *o, double scale,
                                  const elbo_linear_dynamics *map, size_t n,
                                  elbo_linear_slope slope[])
{
    elbo_linear *const l = o->e->linear;
    elbo_arena *const ws = o->e->ws;
    elbo_linear_chain chain = elbo_linear_chain_in(l, map, n);
    elbo_linear_policy *pi = elbo_arena_take(ws, l->stages, sizeof *pi);
    elbo_lqr_gradient *out = elbo_arena_take(ws, l->stages, sizeof *out);

    ELBO_TRY(elbo_arena_check(ws, "a return's slopes"));
    chain.policy = o->pi;
    for (size_t t = 0; t < l->stages; t++) {
        pi[t] = elbo_linear_policy_take(ws, o->problem.nx, o->problem.nu);
        out[t] = elbo_lqr_gradient_take(ws, o->problem.nx, o->problem.nu);
    }
    ELBO_TRY(elbo_arena_check(ws, "a return's slopes"));
    ELBO_TRY(elbo_linear_return_gradient(&chain, &l->world.reward, 1,
                                         o->problem.terminal, l->world.m0,
                                         l->world.P0, pi, out, ws));
    for (size_t t = 0; t < l->stages; t++) {
        gsl_matrix_scale(pi[t].K, scale);
        gsl_matrix_scale(pi[t].S, scale);
        gsl_matrix_add(o->plan.K[t], pi[t].K);
        gsl_matrix_add(o->plan.S[t], pi[t].S);
        gsl_blas_daxpy(scale, pi[t].k, o->plan.k[t]);
        if (slope) elbo_linear_slope_add(&slope[belief_stage(o, t)], scale, &out[t]);
    }
    return ELBO_OK;
}

/* ---- all of it ---- */

static elbo_status through_planner(outer *o, elbo_linear_slope slope[])
{
    elbo_arena *const ws = o->e->ws;
    const size_t stages = o->e->linear->stages;
    const elbo_lqr_solution solution = {o->post.stage, o->post.info};
    elbo_lqr_cotangent *given = elbo_arena_take(ws, stages, sizeof *given);
    elbo_lqr_gradient *out = elbo_arena_take(ws, stages, sizeof *out);

    ELBO_TRY(elbo_arena_check(ws, "slopes through the planner"));
    for (size_t t = 0; t < stages; t++) {
        given[t] = (elbo_lqr_cotangent){.V = o->plan.V[t],
                                        .K = o->plan.K[t],
                                        .S = o->plan.S[t],
                                        .k = o->plan.k[t]};
        out[t] = elbo_lqr_gradient_take(ws, o->problem.nx, o->problem.nu);
    }
    ELBO_TRY(elbo_arena_check(ws, "slopes through the planner"));
    ELBO_TRY(elbo_lqr_reverse(&o->problem, &solution, given, out, NULL, ws));
    for (size_t t = 0; t < stages; t++)
        elbo_linear_slope_add(&slope[belief_stage(o, t)], 1, &out[t]);
    return ELBO_OK;
}

static elbo_status pull(outer *o, elbo_linear_slope slope[])
{
    elbo_linear *const l = o->e->linear;

    if (elbo_linear_objective_reads(l->objective, ELBO_GAUSSIAN_J))
        ELBO_TRY(through_return(o, o->plan.J, l->truth, l->ntruth, NULL));
    if (elbo_linear_objective_reads(l->objective, ELBO_GAUSSIAN_JMODEL))
        ELBO_TRY(through_return(o, o->plan.Jmodel, l->belief.mean,
                                l->belief.stages, slope));
    for (size_t t = 0; t < l->stages; t++)
        if (elbo_linear_objective_reads(l->objective, ELBO_GAUSSIAN_Q_P))
            ELBO_TRY(through_Q(o, t, &slope[belief_stage(o, t)]));
    return through_planner(o, slope);
}

elbo_status elbo_linear_outer_value(elbo_engine *e, double *value,
                                    elbo_linear_slope slope[])
{
    outer o = {.e = e};
    elbo_linear *const l = e->linear;

    ELBO_TRY(solve(&o));
    if (!slope)
        return elbo_linear_objective_value(l->objective, value, NULL, NULL);
    ELBO_TRY(elbo_linear_slopes_take(&o.plan, l->world.nx, l->world.nu, l->stages,
                                     e->ws));
    ELBO_TRY(elbo_linear_objective_value(l->objective, value, slope, &o.plan));
    return pull(&o, slope);
}
