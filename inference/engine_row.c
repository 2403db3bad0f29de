/* inference/engine_row.c -- one row of metrics.csv. */
#include <math.h>

#include "inference/engine_state.h"
#include "inference/evaluate.h"

static const char *const exponential_columns[] = {
    "iteration",
    "env_steps",
    "elbo",
    "reward_term",
    "policy_kl",
    "transition_kl",
    "likelihood_term",
    "prior_term",
    "return_model",
    "return_real",
    "value_gap",
    "ess",
    NULL,
};

static const char *const linear_columns[] = {
    "iteration",       "env_steps",  "elbo",
    "reward_term",     "policy_kl",  "transition_kl",
    "likelihood_term", "prior_term", "return_model",
    "return_real",     "value_gap",  "ess",
    "stop_kl",         NULL,
};

const char *const *elbo_row_columns(elbo_optimality optimality)
{
    return optimality == ELBO_LINEAR ? linear_columns : exponential_columns;
}

size_t elbo_row_values(const elbo_row *row, elbo_optimality optimality,
                       double out[])
{
    const double x[] = {
        (double)row->iteration,
        (double)row->env_steps,
        row->elbo,
        row->parts.reward,
        row->parts.policy_kl,
        row->parts.transition_kl,
        row->parts.likelihood,
        row->parts.prior,
        row->return_model,
        row->return_real,
        row->value_gap,
        row->ess,
        row->parts.stop_kl,
    };
    const size_t n = sizeof x / sizeof *x - (optimality != ELBO_LINEAR);

    for (size_t i = 0; i < n; i++) out[i] = x[i];
    return n;
}

static elbo_status check_finite(const elbo_row *row, elbo_optimality optimality)
{
    double x[sizeof linear_columns / sizeof *linear_columns];
    const size_t n = elbo_row_values(row, optimality, x);

    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "column %s is %g",
                             elbo_row_columns(optimality)[i], x[i]);
    return ELBO_OK;
}

elbo_status elbo_engine_learnt(const elbo_engine *engine, elbo_parts *parts)
{
    const elbo_belief *belief = &engine->belief;
    const elbo_model *model = belief->model;
    const elbo_likelihood *likelihood = engine->set.likelihood;
    double value = NAN;

    /* a posterior's own sum is exact where exp(E log theta) underflows */
    if (likelihood->conjugate && model->expect_log)
        value = model->expect_log(belief, engine->C);
    if (!isfinite(value))
        ELBO_TRY(likelihood->value(&belief->geo, engine->C, &value, NULL));
    parts->likelihood = value;
    parts->prior = model->log_prior ? model->log_prior(belief, NULL) : 0;
    return ELBO_OK;
}

/* J of the policy under a kernel with the pattern of any model or the truth. */
static elbo_status policy_return(elbo_engine *engine, const elbo_kernel *P,
                                 double *J)
{
    const elbo_chain chain = {
        .mdp = &engine->truth, .pi = engine->post.pi, .q = *P};
    const elbo_mark mark = elbo_arena_mark(engine->ws);
    double *rho = elbo_arena_doubles(
        engine->ws, engine->post.stages * engine->post.nS * engine->post.nA);
    elbo_status s = elbo_arena_check(engine->ws, "the policy's return");

    if (s == ELBO_OK) s = elbo_occupancy(&chain, rho, engine->ws);
    if (s == ELBO_OK) *J = elbo_return(&engine->truth, rho);
    elbo_arena_release(engine->ws, mark);
    return s;
}

elbo_status elbo_engine_record(elbo_engine *engine, elbo_row *row)
{
    const elbo_problem *problem = &engine->problem;

    ELBO_TRY(elbo_engine_learnt(engine, &row->parts));
    row->elbo = elbo_parts_total(&row->parts);
    row->ess = elbo_data_ess(&engine->data);

    /* q = p_theta: the control part has followed the model's mean already */
    if (problem->optimality == ELBO_EXPONENTIAL
        && elbo_tilt_charge(&problem->tilt) == 0)
        row->return_model = row->parts.reward;
    else
        ELBO_TRY(
            policy_return(engine, &engine->belief.mean, &row->return_model));
    ELBO_TRY(policy_return(engine, &engine->truth.P, &row->return_real));
    row->value_gap = row->return_model - row->return_real;
    return check_finite(row, problem->optimality);
}
