/* inference/finite_slots.c -- which settings go together. */
#include <math.h>
#include <string.h>

#include "inference/finite_facts.h"

typedef elbo_facts facts;

static bool given(const elbo_values *values, const char *name)
{
    return values->value[elbo_option_find(values->options, name)].given;
}

static bool wrong_optimality(const facts *f)
{
    return f->setup->control->optimality != f->slots.optimality;
}

static bool linear_tilt(const facts *f)
{
    return f->linear && f->tilted;
}

static bool linear_horizon(const facts *f)
{
    return f->linear && elbo_horizon_read(f->setup) > 0;
}

static bool linear_undiscounted(const facts *f)
{
    return f->linear && f->slots.gamma >= 1;
}

static bool linear_temperature(const facts *f)
{
    return f->linear && given(f->setup->control_common, "temperature");
}

static bool linear_adversary(const facts *f)
{
    return f->linear && f->kappa < 0;
}

static bool hard_temperature(const facts *f)
{
    return f->setup->control->hard
           && given(f->setup->control_common, "temperature")
           && elbo_real(f->setup->control_common, "temperature") != 0;
}

static bool previous(const facts *f)
{
    return elbo_choice_is(f->setup->control_common, "prior", "previous");
}

static bool extreme(const facts *f)
{
    return (f->slots.alpha == 0 || isinf(f->slots.alpha)) && !f->linear;
}

static bool frozen_control(const facts *f)
{
    return extreme(f) && f->setup->control->previous_prior;
}

static bool frozen_prior(const facts *f)
{
    return extreme(f) && previous(f) && !frozen_control(f);
}

static bool prior_ignored(const facts *f)
{
    return f->setup->control->previous_prior && !previous(f)
           && given(f->setup->control_common, "prior");
}

static bool kl_clash(const facts *f)
{
    return f->kl_clash && given(f->setup->control_common, "kl");
}

static bool no_gradient(const facts *f)
{
    const elbo_model *model = f->setup->model;

    return f->kappa != 0 && !f->tilted && !f->linear && model->update
           && !model->pullback;
}

static bool adversary_tilt(const facts *f)
{
    return f->kappa < 0 && f->tilted && !f->robust && !f->slots.tilt.kind->free;
}

static bool robust_feedback(const facts *f)
{
    return f->kappa != 0 && f->robust;
}

static bool likelihood_of_posterior(const facts *f)
{
    const elbo_model *model = f->setup->model;

    return f->expression && model->update && !model->pullback && !model->weigh
           && !model->regress;
}

static bool is_gaussian(const facts *f)
{
    return f->setup->model->regress != NULL;
}

static bool gaussian_likelihood(const facts *f)
{
    return is_gaussian(f)
           && !elbo_regression_find(elbo_text(f->setup->inference, "likelihood"));
}

static bool gaussian_transition(const facts *f)
{
    return is_gaussian(f) != f->slots.tilt.kind->chosen;
}

static bool shifted(const facts *f)
{
    return f->slots.tilt.kind == &elbo_transition_corrected;
}

static bool gaussian_weight(const facts *f)
{
    return is_gaussian(f) && !f->weight.constant;
}

static bool gaussian_feedback(const facts *f)
{
    return is_gaussian(f) && f->kappa != 0;
}

static bool gradient_linear(const facts *f)
{
    return !f->stops && f->linear;
}

static bool gradient_prior(const facts *f)
{
    return !f->stops && !f->linear && f->setup->control->previous_prior;
}

/* Whether the slot takes its plan from the control. */
static bool plans_by_control(const facts *f)
{
    return !f->stops && !f->slots.route.kind->plan;
}

static bool gradient_no_fixed_point(const facts *f)
{
    return plans_by_control(f) && !f->linear && !gradient_prior(f)
           && !f->setup->control->fixed_point;
}

static bool gradient_hard(const facts *f)
{
    return plans_by_control(f) && f->slots.route.kind->pull
           && !f->slots.route.kind->held && f->slots.alpha == 0
           && f->setup->control->fixed_point;
}

static bool gradient_of_policy(const facts *f)
{
    return !f->stops && f->slots.route.kind->pull && f->gradients;
}

static bool gradient_of_transition(const facts *f)
{
    return f->slots.route.kind->pull && !f->slots.tilt.kind->slopes;
}

static bool gradient_of_returns(const facts *f)
{
    return !f->stops && !f->returned.plain;
}

static bool gradient_budget(const facts *f)
{
    return !f->stops
           && elbo_budget_read(elbo_text(f->setup->inference, "data_scale")) > 0;
}

static bool gradient_beyond_score(const facts *f)
{
    return f->slots.route.kind->held && f->more;
}

static bool has_stages(const facts *f)
{
    return elbo_horizon_read(f->setup) > 0;
}

static bool roll_of_stages(const facts *f)
{
    return f->rolls && has_stages(f);
}

static bool values_of_stages(const facts *f)
{
    return has_stages(f)
           && strcmp(elbo_text(f->setup->control_common, "values"), "planner")
                  != 0;
}

static bool unroll_of_stages(const facts *f)
{
    return has_stages(f) && f->slots.route.kind->plan;
}

static bool rate_of_backups(const facts *f)
{
    return f->slots.route.rate > 0;
}

static bool solver_of_stages(const facts *f)
{
    const elbo_route *route = &f->slots.route;

    return has_stages(f) && route->solver
           && route->solver != elbo_solvers[0]; /* exact */
}

/* By an option of its own, or by the features that its rewards are linear in. */
static bool learns_reward(const facts *f)
{
    const elbo_option *const options = f->setup->model->options;

    if (elbo_option_find(options, "rewards") != (size_t)-1)
        return *elbo_text(f->setup->model_own, "rewards");
    return elbo_option_find(options, "reward") != (size_t)-1
           && elbo_choice_is(f->setup->model_own, "reward", "learned");
}

static bool reward_known(const facts *f)
{
    return f->rhat && !learns_reward(f);
}

/* Neither the data, nor a plan, nor feedback says anything of it. */
static bool reward_untaught(const facts *f)
{
    return learns_reward(f) && !f->rhat && !f->backups && f->kappa == 0
           && (f->stops || !(f->depends & ELBO_ON_PLANNER));
}

static bool reward_linear(const facts *f)
{
    return learns_reward(f) && f->linear;
}

static bool values_unread(const facts *f)
{
    const char *const text = elbo_text(f->setup->control_common, "values");

    return strcmp(text, "planner") != 0
           && (!f->expression
               || !(f->depends & (ELBO_ON_PLANNER | ELBO_HAS_STOP)));
}

static bool is_bounded(const facts *f)
{
    return strcmp(elbo_text(f->setup->inference, "norm_bound"), "none") != 0;
}

static bool bound_of_posterior(const facts *f)
{
    return is_bounded(f) && !f->setup->model->pullback;
}

static bool bound_of_search(const facts *f)
{
    return is_bounded(f) && f->slots.route.search;
}

static bool bound_unkept(const facts *f)
{
    const char *const name = elbo_text(f->setup->inference, "m_step");

    return is_bounded(f) && !f->slots.route.search
           && !elbo_ascender_find(name)->bounded;
}

static bool from_file(const facts *f)
{
    return elbo_choice_is(f->setup->data, "source", "file");
}

static bool is_online(const facts *f)
{
    return elbo_choice_is(f->setup->data, "mode", "online");
}

static bool over_without_population(const facts *f)
{
    return given(f->setup->data, "over")
           && !elbo_choice_is(f->setup->data, "source", "population");
}

static bool pool_unread(const facts *f)
{
    return elbo_choice_is(f->setup->data, "pool", "start") && !f->episodes;
}

static bool population_in_episodes(const facts *f)
{
    return elbo_choice_is(f->setup->data, "source", "population")
           && elbo_int(f->setup->data, "episode_steps") > 0;
}

static bool file_online(const facts *f)
{
    return from_file(f) && is_online(f);
}

/* clang-format off */
static const elbo_clash rules[] = {
    {"inference", "optimality", wrong_optimality,
     "this control serves the other optimality (em_policy goes with linear, "
     "all others with exponential)"},
    {"inference", "transition", linear_tilt,
     "linear optimality has its own posterior over transitions: must be "
     "model"},
    {"env", "horizon", linear_horizon,
     "linear optimality stops at random (probability 1 - discount): no "
     "horizon"},
    {"env", "discount", linear_undiscounted,
     "linear optimality stops with probability 1 - discount: must be below 1"},
    {"control", "temperature", linear_temperature,
     "linear optimality has no temperature"},
    {"inference", "feedback", linear_adversary,
     "linear optimality reaches theta through counts, which cannot be "
     "negative"},
    {"control", "temperature", hard_temperature,
     "this control is hard: its temperature is 0"},
    {"control", "temperature", frozen_control,
     "must be above 0 and finite: this control's prior is its last policy, "
     "which could never change"},
    {"control", "prior", frozen_prior,
     "previous at temperature 0 or inf: the first policy could never change"},
    {"control", "prior", prior_ignored,
     "this control always takes the previous policy as its prior"},
    {"control", "kl", kl_clash,
     "contradicts the kl that inference.transition gives itself"},
    {"inference", "feedback", no_gradient,
     "with transition: model feedback needs a gradient, which a posterior "
     "over theta has not (give a tilt, or a model with point parameters)"},
    {"inference", "feedback", adversary_tilt,
     "below 0 a tilt would send negative counts: use transition: model"},
    {"inference", "feedback", robust_feedback,
     "a robust q never enters the M-step: must be 0"},
    {"inference", "likelihood", gaussian_likelihood,
     "model gaussian is the conjugate of squares of its rows: "
     "-0.5*sq(E(V_then(y)) - V_then(next)) or brier"},
    {"inference", "transition", gaussian_transition,
     "optimistic needs a model whose rows have a spread, and such a model needs "
     "it: model gaussian"},
    {"inference", "transition", shifted,
     "states of a finite world cannot be added: corrected is for linear-Gaussian "
     "worlds"},
    {"inference", "weight", gaussian_weight,
     "model gaussian adds each sample up once, when it comes: must be a number"},
    {"inference", "feedback", gaussian_feedback,
     "model gaussian learns from squares alone: must be 0"},
    {"inference", "gradient", gradient_linear,
     "linear optimality improves the policy that it has by expected counts: its "
     "plan is no function of theta, must be stop"},
    {"inference", "gradient", gradient_prior,
     "this control goes on from the policy and the values that it has: its plan "
     "is no function of theta, must be stop"},
    {"inference", "gradient", gradient_no_fixed_point,
     "this control's V is no fixed point: use soft_value_iteration, or unroll"},
    {"inference", "gradient", gradient_hard,
     "at temperature 0 the fixed point has kinks: use unroll, or a temperature "
     "above 0"},
    {"inference", "gradient", gradient_of_transition,
     "theta is not followed through this transition setting: must be stop"},
    {"inference", "gradient", gradient_of_returns,
     "weights of returns stand for p / q, which theta never moves: with "
     "control.return_weight it must be stop"},
    {"inference", "gradient", gradient_budget,
     "a budget bounds what the model may cost the data; a data term that moves "
     "with the plan bounds no model: must be stop"},
    {"inference", "gradient", gradient_of_policy,
     "gradJ_error follows theta at a policy that stands still: must be stop or a "
     "search"},
    {"inference", "gradient", gradient_beyond_score,
     "score knows the gradient of Jmodel alone: the likelihood may read nothing "
     "else of the planner"},
    {"inference", "likelihood", likelihood_of_posterior,
     "only logp is conjugate: any other needs a gradient, which a posterior "
     "over theta has not (give a model with point parameters)"},
    {"env", "horizon", roll_of_stages,
     "roll follows one policy; with a horizon each step has its own"},
    {"control", "values", values_of_stages,
     "a set's policies and functions are of one stage, with a horizon the "
     "planner's are not: must be planner"},
    {"inference", "gradient", unroll_of_stages,
     "with a horizon the planner's backups are its stages: implicit goes back "
     "through them, exactly"},
    {"inference", "gradient", rate_of_backups,
     "a step of a finite world's planner is one backup, and has no rate: that is of "
     "networks' critics"},
    {"inference", "gradient", solver_of_stages,
     "with a horizon one pass over the stages is the exact derivative: implicit, "
     "without a solver"},
    {"inference", "norm_bound", bound_of_posterior,
     "this model follows no gradient that a bound could stop"},
    {"inference", "norm_bound", bound_of_search,
     "a search by values keeps to no bound"},
    {"inference", "m_step", bound_unkept,
     "keeps to no norm_bound: use spg, or adam"},
    {"control", "values", values_unread,
     "the likelihood reads no values or policies: must be planner"},
    {"model", "reward", reward_known,
     "an expression reads rhat, the model's reward: must be learned (of models "
     "that have the option)"},
    {"model", "reward", reward_untaught,
     "nothing teaches a learned reward (add -0.5*sq(r - rhat) to the "
     "likelihood)"},
    {"model", "reward", reward_linear,
     "linear optimality needs rewards of 0 or more: must be known"},
    {"data", "over", over_without_population,
     "says what a population is taken over: needs source: population"},
    {"data", "pool", pool_unread,
     "nothing weighs episodes: for Jcwpdis"},
    {"data", "episode_steps", population_in_episodes,
     "a population has no episodes: its visits are discounted"},
    {"data", "mode", file_online, "online needs source: env"},
};
/* clang-format on */

static elbo_status check(const elbo_setup *setup, size_t skip,
                         elbo_arena *arena, const char **section,
                         const char **key)
{
    facts f;

    ELBO_TRY(elbo_facts_read(setup, arena, &f));
    ELBO_TRY(elbo_clash_check(rules, sizeof rules / sizeof *rules, &f, &skip,
                              section, key));
    ELBO_TRY(elbo_clash_check(elbo_plan_clashes, elbo_n_plan_clashes, &f, &skip,
                              section, key));
    return elbo_clash_check(elbo_shared_clashes, elbo_n_shared_clashes, &f, &skip,
                            section, key);
}

elbo_status elbo_finite_check(const elbo_setup *setup, size_t skip,
                             const char **section, const char **key)
{
    elbo_arena *arena = elbo_arena_alloc(4096);

    *section = *key = NULL;
    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "checking the settings");

    const elbo_status s = check(setup, skip, arena, section, key);

    elbo_arena_free(arena);
    return s;
}
