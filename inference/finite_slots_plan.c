/* inference/finite_slots_plan.c -- which settings go together: transition:
 * free, what control maximises, the data term as a constraint, evaluation.
 */
#include "inference/finite_facts.h"

typedef elbo_facts facts;

static bool is_free(const facts *f)
{
    return f->slots.tilt.kind->free;
}

static bool is_notebook(const facts *f)
{
    return f->slots.tilt.kind->estep != NULL;
}

static bool budgeted(const facts *f)
{
    return elbo_budget_read(elbo_text(f->setup->inference, "data_scale")) > 0;
}

static bool feedback_given(const facts *f)
{
    const elbo_values *how = f->setup->inference;

    return how->value[elbo_option_find(how->options, "feedback")].given;
}

static bool free_feedback(const facts *f)
{
    return is_free(f) && feedback_given(f) && f->kappa != 1;
}

static bool free_likelihood(const facts *f)
{
    return is_free(f) && f->expression;
}

static bool free_weight(const facts *f)
{
    return is_free(f) && !f->weight.constant;
}

static bool estimated_stages(const facts *f)
{
    return is_free(f) && f->slots.tilt.ratio != ELBO_RATIO_EXACT
           && elbo_horizon_read(f->setup) > 0;
}

static bool notebook_soft(const facts *f)
{
    return is_notebook(f) && f->slots.alpha != 0;
}

static bool notebook_stages(const facts *f)
{
    return is_notebook(f) && elbo_horizon_read(f->setup) > 0;
}

static bool notebook_class(const facts *f)
{
    const elbo_model *model = f->setup->model;

    return is_notebook(f) && !model->free_rows && !model->project;
}

static bool weighted_tilt(const facts *f)
{
    return !f->returned.plain && (f->tilted || f->linear);
}

static bool weighted_feedback(const facts *f)
{
    return !f->returned.plain && f->kappa != 0;
}

static bool reward_of_stages(const facts *f)
{
    return f->reward.planned && elbo_horizon_read(f->setup) > 0;
}

static bool returned_of_stages(const facts *f)
{
    return f->returned.planned && elbo_horizon_read(f->setup) > 0;
}

static bool budget_unused(const facts *f)
{
    return budgeted(f) && f->kappa == 0;
}

static bool budget_tilted(const facts *f)
{
    return budgeted(f) && (f->tilted || f->linear);
}

static bool judged_as(const facts *f, const char *whose)
{
    return elbo_choice_is(f->setup->evaluation, "nll", whose);
}

static bool judged_by_file(const facts *f)
{
    return judged_as(f, "data")
           && elbo_choice_is(f->setup->data, "source", "file");
}

static bool judged_without_rows(const facts *f)
{
    return !judged_as(f, "none") && f->setup->model->regress;
}

/* Episodes whose actions' chances are known. */
static bool weighs_no_episodes(const facts *f)
{
    return f->episodes
           && !elbo_choice_is(f->setup->data, "source", "env");
}

static bool learnt_in_weight(const facts *f)
{
    return f->learnt_elsewhere;
}

static bool learnt_through_planner(const facts *f)
{
    return f->learnt && !f->stops;
}

static bool learnt_of_moving(const facts *f)
{
    return f->learnt
           && (f->depends & (ELBO_ON_PLANNER | ELBO_HAS_STOP) || f->target
               || f->samples);
}

static bool learnt_without_plan(const facts *f)
{
    return f->learnt
           && (!f->setup->control->fixed_point || !(f->slots.alpha > 0)
               || !f->slots.tilt.kind->slopes || f->linear);
}

static bool learnt_of_returns(const facts *f)
{
    return f->learnt && !(f->reward.plain && f->returned.plain);
}

static bool learnt_budget(const facts *f)
{
    return f->learnt && budgeted(f);
}

/* clang-format off */
const elbo_clash elbo_plan_clashes[] = {
    {"inference", "feedback", free_feedback,
     "under transition: free theta is q's, and maximises F_control alone: 1, or "
     "not given"},
    {"inference", "likelihood", free_likelihood,
     "under transition: free p is the environment, which no data teach: must "
     "be logp"},
    {"inference", "weight", free_weight,
     "under transition: free there is no data term to weigh"},
    {"env", "horizon", estimated_stages,
     "a clipped or estimated log ratio is one of all stages: no horizon"},
    {"inference", "transition", notebook_soft,
     "mode=notebook is hard control: temperature 0"},
    {"env", "horizon", notebook_stages, "mode=notebook has no horizon"},
    {"model", "name", notebook_class,
     "mode=notebook needs a model that q can be projected on: tabular, aliased"},
    {"control", "return_weight", weighted_tilt,
     "weighs returns of the model: needs transition: model and exponential "
     "optimality"},
    {"control", "return_weight", weighted_feedback,
     "weighed returns do not reach theta: feedback must be 0"},
    {"control", "reward", reward_of_stages,
     "control's reward is one for all stages; V, Q and the policy of a horizon "
     "are not"},
    {"control", "return_weight", returned_of_stages,
     "the weights of returns are the same at all stages; V, Q and the policy of "
     "a horizon are not"},
    {"inference", "data_scale", budget_unused,
     "a budget bounds what feedback may cost the data: needs feedback"},
    {"data", "source", weighs_no_episodes,
     "Jcwpdis weighs episodes by the chances of their actions: must be env"},
    {"inference", "likelihood", learnt_in_weight,
     "a metric learns through the M-step's optimum: it goes into the likelihood, "
     "nowhere else"},
    {"inference", "gradient", learnt_through_planner,
     "a metric's task has a gradient of its own: must be stop"},
    {"inference", "likelihood", learnt_of_moving,
     "a metric weighs a prediction error: with it the likelihood may read no "
     "planner, samples or target copies"},
    {"control", "temperature", learnt_without_plan,
     "a metric's task is seen through a soft fixed point: soft_value_iteration at "
     "a temperature above 0, a transition setting with slopes"},
    {"control", "reward", learnt_of_returns,
     "a metric's task is not followed through control.reward and "
     "control.return_weight"},
    {"inference", "data_scale", learnt_budget,
     "a metric learns from the data term at its maximum, not under a budget"},
    {"inference", "data_scale", budget_tilted,
     "a budget goes with transition: model and exponential optimality"},
    {"evaluation", "nll", judged_by_file,
     "nobody knows who collected a file: must be current or none"},
    {"evaluation", "nll", judged_without_rows,
     "the mean of model gaussian is no distribution: must be none"},
};
/* clang-format on */

const size_t elbo_n_plan_clashes =
    sizeof elbo_plan_clashes / sizeof *elbo_plan_clashes;
