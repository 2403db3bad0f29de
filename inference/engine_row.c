/* inference/engine_row.c -- one row of metrics.csv. */
#include <math.h>

#include "inference/engine_state.h"

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
    for (size_t i = 0; i < row->own.n; i++) out[n + i] = row->own.x[i];
    return n + row->own.n;
}

size_t elbo_engine_name_fixed(elbo_engine *engine)
{
    const char *const *fixed = elbo_row_columns(elbo_engine_optimality(engine));
    size_t n = 0;

    while (*fixed) engine->columns[n++] = *fixed++;
    return n;
}

void elbo_engine_name_last(elbo_engine *engine, size_t n)
{
    if (engine->regretted) engine->columns[n++] = "regret";
    engine->columns[n] = NULL;
}

elbo_status elbo_row_check(const elbo_row *row, elbo_optimality optimality,
                           const char *const columns[])
{
    double x[ELBO_ROW_COLUMNS];
    const size_t n = elbo_row_values(row, optimality, x);

    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "column %s is %g",
                             columns[i], x[i]);
    return ELBO_OK;
}
