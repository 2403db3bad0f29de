/* inference/linear_record.c -- a row of a run in a linear-Gaussian world: returns, parts
 * and what its policy is judged by.
 */
#include <math.h>

#include "inference/linear_state.h"

elbo_status elbo_linear_return(elbo_engine *e, const elbo_linear_policy pi[],
                               const elbo_linear_dynamics *map, size_t n, double *J)
{
    const elbo_linear *const l = e->linear;
    elbo_linear_chain chain = elbo_linear_chain_in(l, map, n);
    elbo_lqr problem = elbo_linear_problem(e);
    elbo_lqr_parts parts;
    const elbo_mark mark = elbo_arena_mark(e->ws);

    chain.policy = pi;
    problem.alpha = 0;
    problem.beta = HUGE_VAL;
    problem.dynamics = map;
    problem.ndynamics = n;

    const elbo_status s = elbo_lqr_parts_at(&problem, &chain, l->world.m0,
                                            l->world.P0, &parts, e->ws);

    elbo_arena_release(e->ws, mark);
    *J = s == ELBO_OK ? parts.reward : -HUGE_VAL;
    return s == ELBO_ENOCONV ? ELBO_OK : s;
}

/* The same for the row, where it must be finite. */
static elbo_status policy_return(elbo_engine *e, const elbo_linear_dynamics *map,
                                 size_t n, const char *where, double *J)
{
    ELBO_TRY(elbo_linear_return(e, e->linear->pi, map, n, J));
    if (*J > -HUGE_VAL) return ELBO_OK;
    return ELBO_FAIL(ELBO_ENOTFINITE,
                     "return_%s is -inf: the policy does not stabilise the %s (give "
                     "env.horizon, more data or a stronger prior)",
                     where, where);
}

/* The mean of -log p_theta over the world's transitions, where evaluation.nll
 * looks. */
static elbo_status heldout(elbo_engine *e, double *nll)
{
    const elbo_linear *const l = e->linear;
    const elbo_linear_behaviour current = {.policy = l->pi, .stages = l->stages};
    const size_t nz = l->world.nx + l->world.nu + 1;
    elbo_linear_moments *visits;
    double mass, sum = 0;

    ELBO_TRY(elbo_linear_visits(
        e, e->set.judged == ELBO_JUDGED_CURRENT ? &current : &l->behaviour,
        &visits, &mass));
    for (size_t t = 0; t < l->stages; t++) {
        elbo_moments S;
        double one;

        ELBO_TRY(elbo_moments_init(&S, l->world.nx, nz, e->ws));
        elbo_linear_count(&S, 1, &visits[t]);
        ELBO_TRY(elbo_linear_loglik(&l->belief.mean[t % l->belief.stages], &S,
                                    &one, e->ws));
        sum -= one;
    }
    *nll = sum / mass;
    return ELBO_OK;
}

static elbo_status record_heldout(elbo_engine *e, elbo_row *row)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_status s;

    if (!e->set.judged) return ELBO_OK;
    s = heldout(e, &row->own.x[row->own.n++]);
    elbo_arena_release(e->ws, mark);
    return s == ELBO_ENOCONV ? elbo_fail_prefix("nll") : s;
}

elbo_status elbo_linear_record(elbo_engine *e, elbo_row *row)
{
    elbo_linear *const l = e->linear;
    const elbo_linear_model *const model = l->belief.model;

    size_t n;
    const elbo_linear_dynamics *const map = elbo_linear_predictions(l, &n);

    ELBO_TRY(elbo_linear_bind_standing(e));
    ELBO_TRY(elbo_linear_learnt(e, &row->parts.likelihood, &row->parts.prior));
    row->elbo = elbo_parts_total(&row->parts);
    row->ess = e->set.population ? l->mass : elbo_linear_data_ess(&l->data);
    ELBO_TRY(policy_return(e, map, n, "model", &row->return_model));
    ELBO_TRY(policy_return(e, l->truth, l->ntruth, "real", &row->return_real));
    row->value_gap = row->return_model - row->return_real;
    row->own.n = model->columns ? model->columns(&l->belief, row->own.x) : 0;
    ELBO_TRY(record_heldout(e, row));
    return elbo_row_check(row, ELBO_EXPONENTIAL, e->columns);
}

elbo_status elbo_linear_judge(elbo_engine *e, double *best, double *present)
{
    elbo_linear *const l = e->linear;
    elbo_lqr problem = elbo_linear_problem(e);
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_linear_posterior post;

    problem.dynamics = l->truth;
    problem.ndynamics = l->ntruth;
    problem.alpha = 0;
    problem.beta = HUGE_VAL;
    ELBO_TRY(l->control->linear(l->control_own, &problem, e->ws, &post));
    *best = elbo_quadratic_mean(&post.stage[0].V, l->world.m0, l->world.P0);
    elbo_arena_release(e->ws, mark);
    return policy_return(e, l->truth, l->ntruth, "real", present);
}
