/* inference/finite_row.c -- what a finite world records of an iteration. */
#include <assert.h>
#include <math.h>

#include "inference/core/parallel.h"
#include "inference/engine_state.h"
#include "inference/evaluate.h"
#include "inference/finite.h"
#include "inference/optimal.h"
#include "inference/heldout.h"

void elbo_engine_name_columns(elbo_engine *engine)
{
    const elbo_transition_column *own = engine->problem.tilt.kind->columns;
    size_t n = elbo_engine_name_fixed(engine);

    for (size_t i = 0; own && own[i].name; i++) {
        assert(i < ELBO_TRANSITION_COLUMNS);
        engine->columns[n++] = own[i].name;
    }

    const elbo_belief *belief = &engine->belief;
    const elbo_model *model = belief->model;
    const size_t n_model = model->columns ? model->columns(belief, NULL) : 0;

    for (size_t i = 0; i < n_model; i++)
        engine->columns[n++] = model->column_names[i];
    if (engine->outer) engine->columns[n++] = "inner_unconverged";
    if (engine->expert) engine->columns[n++] = "expert_kl";
    if (engine->set.judged) engine->columns[n++] = "nll";
    if (engine->set.budget > 0) {
        engine->columns[n++] = "multiplier";
        engine->columns[n++] = "shortfall";
    }
    elbo_engine_name_last(engine, n);
}


elbo_status elbo_engine_learnt(const elbo_engine *engine, elbo_parts *parts)
{
    const elbo_belief *belief = &engine->belief;
    const elbo_model *model = belief->model;

    /* q has neither data nor a prior: D is what the log ratio sees */
    parts->likelihood = parts->prior = 0;
    if (engine->problem.tilt.kind->free) return ELBO_OK;
    ELBO_TRY(elbo_belief_likelihood(belief, engine->set.likelihood, engine->C,
                                    &parts->likelihood, NULL));
    parts->prior = model->log_prior ? model->log_prior(belief, NULL) : 0;
    return ELBO_OK;
}

/* J of the policy in the rewards of `mdp`, under a kernel with the pattern of
 * any model or the truth. */
static elbo_status policy_return(elbo_engine *engine, const elbo_mdp *mdp,
                                 const elbo_kernel *P, double *J)
{
    const elbo_chain chain = {.mdp = mdp, .pi = engine->post.pi, .q = *P};
    const elbo_mark mark = elbo_arena_mark(engine->ws);
    double *rho = elbo_arena_doubles(
        engine->ws, engine->post.stages * engine->post.nS * engine->post.nA);
    elbo_status s = elbo_arena_check(engine->ws, "the policy's return");

    if (s == ELBO_OK) s = elbo_occupancy(&chain, rho, engine->ws);
    if (s == ELBO_OK) *J = elbo_return(mdp, rho);
    elbo_arena_release(engine->ws, mark);
    return s;
}

elbo_status elbo_finite_judge(elbo_engine *engine, double *best,
                              double *present)
{
    const elbo_mdp *const truth = &engine->truth;
    const elbo_mark mark = elbo_arena_mark(engine->ws);
    elbo_posterior post;
    double sum = 0;

    ELBO_TRY(elbo_optimal_policy(truth, &engine->problem, engine->ws, &post));
    for (size_t s = 0; s < truth->nS; s++) sum += truth->mu[s] * post.V[s];
    *best = sum;
    elbo_arena_release(engine->ws, mark);
    return policy_return(engine, truth, &truth->P, present);
}

/* A column of the transition slot's own, as the sum over the rows of one stage
 * sees it. */
typedef struct own_column {
    const elbo_transition_column *column;
    const elbo_problem *problem;
    elbo_kernel q;
    const double *rho, *V;
} own_column;

static double add_own(void *arg, size_t first, size_t last)
{
    const own_column *own = arg;
    double sum = 0;

    for (size_t row = first; row < last; row++)
        if (own->rho[row] > 0)
            sum += own->rho[row]
                   * own->column->of(&own->problem->tilt, &own->q,
                                     &own->problem->mdp.P, own->V, row);
    return sum;
}

/* Its mean over the occupancy of all stages. */
static double own_mean(const elbo_engine *e,
                       const elbo_transition_column *column)
{
    const elbo_posterior *post = &e->post;
    const size_t rows = post->nS * post->nA;
    own_column own = {.column = column, .problem = &e->problem};
    double sum = 0;

    for (size_t t = 0; t < post->stages; t++) {
        own.q = elbo_posterior_kernel(post, &e->problem, t);
        own.rho = e->rho + t * rows;
        own.V = post->V + (e->truth.horizon ? t + 1 : 0) * (post->nS + 1);
        sum += elbo_parallel_sum(rows, 50 * post->nnz, &own, add_own);
    }
    return sum / elbo_sum(e->rho, post->stages * rows);
}

/* The mean over states (and stages) of KL(expert || pi). */
static double expert_kl(const elbo_engine *e)
{
    const size_t nA = e->post.nA, states = e->post.stages * e->post.nS;
    double sum = 0;

    for (size_t i = 0; i < states; i++)
        sum += elbo_policy_kl(e->expert + i * nA, e->post.pi + i * nA, nA);
    return sum / (double)states;
}

/* -log p_theta of the next real step, where evaluation.nll looks. */
static elbo_status heldout(elbo_engine *e, double *nll)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    double *d = elbo_arena_doubles(e->ws, e->post.nS * e->post.nA);
    elbo_status s = elbo_arena_check(e->ws, "the held-out likelihood");

    if (s == ELBO_OK) s = elbo_engine_visits(e, e->set.judged, 1, d);
    if (s == ELBO_OK)
        s = elbo_heldout_nll(&e->truth.P, &e->belief.mean, d, nll);
    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status record_own(elbo_engine *e, elbo_own_values *own)
{
    const elbo_transition_column *columns = e->problem.tilt.kind->columns;

    for (own->n = 0; columns && columns[own->n].name; own->n++)
        own->x[own->n] = own_mean(e, &columns[own->n]);
    if (e->belief.model->columns)
        own->n += e->belief.model->columns(&e->belief, own->x + own->n);
    /* of the M-step: plans and adjoint solves that ended on their limit */
    if (e->outer)
        own->x[own->n++] =
            (double)(e->outer->unsolved + e->outer->info.unconverged);
    if (e->expert) own->x[own->n++] = expert_kl(e);
    if (e->set.judged) ELBO_TRY(heldout(e, &own->x[own->n++]));
    return ELBO_OK;
}

elbo_status elbo_engine_record(elbo_engine *engine, elbo_row *row)
{
    const elbo_problem *problem = &engine->problem;
    const elbo_belief *belief = &engine->belief;
    elbo_mdp promised = engine->truth;

    if (belief->reward) promised.r = belief->reward;
    ELBO_TRY(elbo_engine_prepare(engine, 1));
    ELBO_TRY(elbo_engine_plan(engine));
    ELBO_TRY(elbo_engine_learnt(engine, &row->parts));
    row->elbo = elbo_parts_total(&row->parts);
    row->ess = engine->weigher
                   ? elbo_data_ess(&engine->data)
                   : elbo_tally_ess(&engine->tally, engine->set.weight);

    /* where q is the model the control part has followed it already */
    if (problem->optimality == ELBO_EXPONENTIAL
        && (!engine->post.q || problem->tilt.kind->free
            || problem->tilt.kind->chosen)
        && !engine->returns.weight)
        row->return_model = elbo_return(&promised, engine->rho);
    else
        ELBO_TRY(policy_return(engine, &promised, &belief->mean,
                               &row->return_model));
    ELBO_TRY(policy_return(engine, &engine->truth, &engine->truth.P,
                           &row->return_real));
    row->value_gap = row->return_model - row->return_real;
    ELBO_TRY(record_own(engine, &row->own));
    if (engine->set.budget > 0) {
        row->own.x[row->own.n++] = engine->set.lambda;
        row->own.x[row->own.n++] = row->shortfall;
    }
    return elbo_row_check(row, problem->optimality, engine->columns);
}
