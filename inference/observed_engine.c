/* inference/observed_engine.c -- the steps of EM in observed worlds, and what must
 * rise.
 */
#include <math.h>

#include "inference/observed_state.h"

/* Each value seen has a term -1/2 log 2 pi, at least. */
double elbo_observed_scale(const elbo_observed *o)
{
    return fabs(o->evidence.value)
           + (double)(elbo_observed_taught(&o->data) * o->data.ny);
}

static elbo_status infer(elbo_engine *e)
{
    elbo_observed *const o = e->observed;

    if (o->inferred) return ELBO_OK;
    ELBO_TRY(o->belief.model->infer(&o->belief, &o->data, &o->evidence, e->ws));
    o->inferred = true;
    return ELBO_OK;
}

static elbo_status log_prior(elbo_engine *e, double *value)
{
    const elbo_observed_belief *const belief = &e->observed->belief;

    *value = 0;
    if (!belief->model->log_prior) return ELBO_OK;
    return belief->model->log_prior(belief, value, e->ws);
}

static elbo_status m_step(elbo_engine *e, elbo_row *row)
{
    elbo_observed *const o = e->observed;
    double prior;

    (void)row;
    o->learnt = false;
    if (!o->belief.model->fit) return ELBO_OK;
    ELBO_TRY(infer(e));
    ELBO_TRY(log_prior(e, &prior));
    o->before = o->evidence;
    o->before.value += prior;
    ELBO_TRY(o->belief.model->fit(&o->belief, e->ws));
    o->inferred = false;
    o->learnt = true;
    return ELBO_OK;
}

/* The E-step closes the iteration: only now is the bound at the new theta tight, and
 * both are of the same D, also where D grows. */
static elbo_status watch_data(elbo_engine *e)
{
    const elbo_observed *const o = e->observed;
    double prior;

    ELBO_TRY(log_prior(e, &prior));

    const elbo_watch watch = {
        .step = "M-step and E-step",
        .quantity = "E_q log p(y, x | theta) + H(q) + log p(theta)",
        .before = o->before.value,
        .after = o->evidence.value + prior,
        .scale = elbo_observed_scale(o) + fabs(o->before.value) + fabs(prior),
        .allowance = o->before.rounding + o->evidence.rounding,
    };

    return elbo_watch_check(&watch);
}

static elbo_status e_step(elbo_engine *e, elbo_row *row, double *allowance)
{
    *allowance = 0;
    row->estep = (elbo_solve_info){.converged = true};
    ELBO_TRY(infer(e));
    if (e->observed->learnt) ELBO_TRY(watch_data(e));
    *allowance = e->observed->before.rounding + e->observed->evidence.rounding;
    return elbo_observed_control_step(e);
}

/* ---- the record ---- */

static elbo_status record(elbo_engine *e, elbo_row *row)
{
    elbo_observed *const o = e->observed;
    const elbo_observed_model *const model = o->belief.model;

    ELBO_TRY(elbo_observed_returns(e, row));
    row->parts.reward = row->return_model;
    row->parts.likelihood = o->evidence.value;
    ELBO_TRY(log_prior(e, &row->parts.prior));
    row->elbo = elbo_parts_total(&row->parts);
    row->ess = (double)elbo_observed_taught(&o->data);
    row->value_gap = row->return_model - row->return_real;
    row->own.n = model->columns ? model->columns(&o->belief, row->own.x) : 0;
    if (o->held > 0)
        ELBO_TRY(elbo_observed_predictive(e, &row->own.x[row->own.n++]));
    return elbo_row_check(row, ELBO_EXPONENTIAL, e->columns);
}

static elbo_status watch_loop(const elbo_engine *e, const elbo_row *row,
                              double allowance)
{
    const elbo_watch watch = {
        .step = "EM iteration",
        .quantity = "F",
        .before = e->F,
        .after = row->elbo,
        .scale = 2 * elbo_observed_scale(e->observed) + fabs(row->parts.prior),
        .allowance = allowance,
    };

    /* with a control the return moves with theta, which does not see it */
    if (e->iteration == 0 || e->set.online || e->observed->control->plan)
        return ELBO_OK;
    return elbo_watch_check(&watch);
}

/* ---- state ---- */

static void save(const elbo_engine *e, elbo_writer *out)
{
    const elbo_observed *const o = e->observed;

    elbo_writer_section(out, "data");
    elbo_observed_data_save(&o->data, out);
    elbo_rng_save(&o->rng, out);
    elbo_put_u64(out, o->started);
    elbo_put_u64(out, o->first);
    elbo_put_u64(out, o->planned);
    elbo_writer_section(out, "model");
    if (o->started && o->belief.model->save) o->belief.model->save(&o->belief, out);
}

static elbo_status load_data(elbo_observed *o, elbo_reader *in)
{
    uint64_t started = 0, first = 0, planned = 0;

    ELBO_TRY(elbo_reader_section(in, "data"));
    ELBO_TRY(elbo_observed_data_load(&o->data, in));
    ELBO_TRY(elbo_rng_load(&o->rng, in));
    ELBO_TRY(elbo_get_u64(in, &started));
    ELBO_TRY(elbo_get_u64(in, &first));
    ELBO_TRY(elbo_get_u64(in, &planned));
    if (started > 1 || planned > started || first > o->data.n
        || (started && first == 0))
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: started %llu on %llu of %zu sequences, planned "
                         "%llu",
                         (unsigned long long)started, (unsigned long long)first,
                         o->data.n, (unsigned long long)planned);
    o->planned = planned;
    o->started = started;
    o->first = (size_t)first;
    o->inferred = false;
    return ELBO_OK;
}

static elbo_status load(elbo_engine *e, elbo_reader *in)
{
    elbo_observed *const o = e->observed;
    const elbo_observed_model *const model = o->belief.model;

    ELBO_TRY(load_data(o, in));
    ELBO_TRY(elbo_reader_section(in, "model"));
    if (!o->started) return ELBO_OK;
    ELBO_TRY(elbo_observed_start(e));
    if (model->load) ELBO_TRY(model->load(&o->belief, in, e->ws));
    return o->planned ? elbo_observed_plan(e) : ELBO_OK;
}

/* ---- the family ---- */

static bool serves_model(const elbo_model *model)
{
    return model->observed != NULL;
}

static bool serves_control(const elbo_control *control)
{
    return control->observed != NULL;
}

static void close(elbo_engine *e)
{
    (void)e;
}

static elbo_status check_gradient(elbo_engine *e, elbo_derivative_check *out)
{
    (void)e;
    out->skipped = "the M-step is closed, it follows no gradient";
    return ELBO_OK;
}

static const elbo_absent absent[] = {
    {"inference", "optimality"},
    {"inference", "weight"},
    {"inference", "likelihood"},
    {"inference", "transition"},
    {"inference", "gradient"},
    {"inference", "feedback"},
    {"inference", "data_scale"},
    {"inference", "norm_bound"},
    {"inference", "m_step"},
    {"inference", "m_step_rate"},
    {"inference", "m_step_keep"},
    {"inference", "m_step_iterations"},
    {"inference", "m_step_tolerance"},
    {"control", "prior"},
    {"control", "prior_epsilon"},
    {"control", "prior_variance"},
    {"control", "kl"},
    {"control", "reward"},
    {"control", "return_weight"},
    {"control", "value"},
    {"control", "values"},
    {"control", "target_rate"},
    {"control", "tolerance"},
    {"control", "sweeps"},
    {"control", "plan_rounds"},
    {"data", "over"},
    {"data", "expert"},
    {"data", "pool"},
    {"data", "state_limit"},
    {"evaluation", "regret"},
    {"evaluation", "expert_discount"},
    {"evaluation", "nll"},
    {0},
};

const elbo_family elbo_observed_family = {
    .noun = "observed worlds",
    .absent = absent,
    .serves_model = serves_model,
    .serves_control = serves_control,
    .check = elbo_observed_check,
    .kind = elbo_observed_kind,
    .named = elbo_observed_named,
    .open = elbo_observed_open_parts,
    .close = close,
    .gather = elbo_observed_gather,
    .m_step = m_step,
    .e_step = e_step,
    .record = record,
    .watch = watch_loop,
    .save = save,
    .load = load,
    .extent = elbo_observed_extent,
    .check_gradient = check_gradient,
};
