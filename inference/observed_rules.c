/* inference/observed_rules.c -- which settings go together in observed worlds, and
 * what they are.
 */
#include <math.h>
#include <string.h>

#include "inference/observed_state.h"

/* The settings that the rules read. */
typedef struct facts {
    const elbo_setup *setup;
    elbo_slots slots;
    elbo_weight weight;
    bool plans;
} facts;

static elbo_status read(const elbo_setup *setup, elbo_arena *arena, facts *f)
{
    *f = (facts){.setup = setup, .plans = setup->control->observed->plan != NULL};
    ELBO_TRY(elbo_slots_read(setup, arena, &f->slots));
    return elbo_weight_parse(elbo_text(setup->inference, "weight"), &f->weight,
                             NULL, NULL);
}

static bool text_is(const elbo_values *values, const char *name, const char *text)
{
    return strcmp(elbo_text(values, name), text) == 0;
}

static bool given(const elbo_values *values, const char *name)
{
    return values->value[elbo_option_find(values->options, name)].given;
}

static bool no_discount(const facts *f)
{
    return f->plans && !(f->slots.gamma > 0);
}

static bool forever(const facts *f)
{
    return f->plans && elbo_horizon_read(f->setup) == 0 && !(f->slots.gamma < 1);
}

static bool linear(const facts *f)
{
    return f->slots.optimality == ELBO_LINEAR;
}

static bool other_weight(const facts *f)
{
    return !f->weight.constant || f->weight.number != 1;
}

static bool other_likelihood(const facts *f)
{
    return !text_is(f->setup->inference, "likelihood", "logp");
}

static bool other_transition(const facts *f)
{
    return f->slots.tilt.kind != &elbo_transition_model;
}

static bool other_gradient(const facts *f)
{
    return !elbo_route_stops(&f->slots.route);
}

static bool feedback(const facts *f)
{
    return elbo_real(f->setup->inference, "feedback") != 0;
}

static bool other_scale(const facts *f)
{
    return !text_is(f->setup->inference, "data_scale", "|D|");
}

static bool bounded(const facts *f)
{
    return !text_is(f->setup->inference, "norm_bound", "none");
}

static bool warm(const facts *f)
{
    return given(f->setup->control_common, "temperature")
           && elbo_real(f->setup->control_common, "temperature") != 0;
}

static bool other_prior(const facts *f)
{
    return !elbo_choice_is(f->setup->control_common, "prior", "uniform");
}

static bool prior_variance(const facts *f)
{
    return isfinite(elbo_real(f->setup->control_common, "prior_variance"));
}

static bool other_reward(const facts *f)
{
    return !text_is(f->setup->control_common, "reward", "r");
}

static bool other_return_weight(const facts *f)
{
    return !text_is(f->setup->control_common, "return_weight", "1");
}

static bool other_value(const facts *f)
{
    return !elbo_choice_is(f->setup->control_common, "value", "model");
}

static bool other_values(const facts *f)
{
    return !text_is(f->setup->control_common, "values", "planner");
}

static bool source_is(const facts *f, const char *what)
{
    return elbo_choice_is(f->setup->data, "source", what);
}

static bool is_online(const facts *f)
{
    return elbo_choice_is(f->setup->data, "mode", "online");
}

static bool population(const facts *f)
{
    return source_is(f, "population");
}

static bool is_current(const facts *f)
{
    return elbo_choice_is(f->setup->data, "policy", "current");
}

static bool other_policy(const facts *f)
{
    return !is_current(f) && !elbo_choice_is(f->setup->data, "policy", "uniform");
}

static bool current_idle(const facts *f)
{
    return is_current(f) && (!f->plans || !is_online(f));
}

static bool expert_share(const facts *f)
{
    return elbo_real(f->setup->data, "expert") > 0;
}

static bool by_rows(const facts *f)
{
    return elbo_choice_is(f->setup->data, "over", "rows");
}

static bool file_missing(const facts *f)
{
    const char *const file = elbo_text(f->setup->data, "file");

    return source_is(f, "file") && (!file || !*file);
}

static bool file_online(const facts *f)
{
    return source_is(f, "file") && is_online(f);
}

static bool expert_discount(const facts *f)
{
    return elbo_real(f->setup->evaluation, "expert_discount") > 0;
}

static bool other_nll(const facts *f)
{
    return !elbo_choice_is(f->setup->evaluation, "nll", "none");
}

static bool regret(const facts *f)
{
    return elbo_flag(f->setup->evaluation, "regret");
}

#define NOT_YET "observed worlds have no such setting: must be "

/* clang-format off */
static const struct {
    const char *section, *key;
    bool (*broken)(const facts *f);
    const char *text;
} rules[] = {
    {"env", "discount", no_discount, "must be above 0: it is survival"},
    {"env", "discount", forever,
     "without a horizon returns are sums for ever: must be below 1"},
    {"inference", "optimality", linear, NOT_YET "exponential"},
    {"inference", "weight", other_weight, NOT_YET "1"},
    {"inference", "likelihood", other_likelihood, NOT_YET "logp"},
    {"inference", "transition", other_transition,
     "q is the smoother of the latent states: must be model"},
    {"inference", "gradient", other_gradient, NOT_YET "stop"},
    {"inference", "feedback", feedback, NOT_YET "0"},
    {"inference", "data_scale", other_scale, NOT_YET "|D|"},
    {"inference", "norm_bound", bounded, "the M-step is closed: must be none"},
    {"control", "temperature", warm, "this control is hard: its temperature is 0"},
    {"control", "prior", other_prior, NOT_YET "uniform"},
    {"control", "prior_variance", prior_variance, NOT_YET "inf"},
    {"control", "reward", other_reward, NOT_YET "r"},
    {"control", "return_weight", other_return_weight, NOT_YET "1"},
    {"control", "value", other_value, NOT_YET "model"},
    {"control", "values", other_values, NOT_YET "planner"},
    {"data", "source", population, NOT_YET "env or file"},
    {"data", "policy", other_policy, NOT_YET "uniform or current"},
    {"data", "policy", current_idle,
     "current needs mode: online and a control that plans"},
    {"data", "expert", expert_share, NOT_YET "0"},
    {"data", "over", by_rows, NOT_YET "occupancy"},
    {"data", "file", file_missing, "needed by source: file"},
    {"data", "mode", file_online, "online needs source: env"},
    {"evaluation", "expert_discount", expert_discount, NOT_YET "0"},
    {"evaluation", "nll", other_nll, NOT_YET "none (held_out is theirs)"},
    {"evaluation", "regret", regret, NOT_YET "false"},
};
/* clang-format on */

static elbo_status check(const elbo_setup *setup, size_t skip, elbo_arena *arena,
                         const char **section, const char **key)
{
    facts f;

    ELBO_TRY(read(setup, arena, &f));
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].broken(&f) || skip-- > 0) continue;
        *section = rules[i].section;
        *key = rules[i].key;
        return ELBO_FAIL(ELBO_ECONFIG, "%s.%s: %s", *section, *key,
                         rules[i].text);
    }
    return ELBO_OK;
}

elbo_status elbo_observed_check(const elbo_setup *setup, size_t skip,
                                const char **section, const char **key)
{
    elbo_arena *arena = elbo_arena_alloc(4096);

    *section = *key = NULL;
    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "checking the settings");

    const elbo_status s = check(setup, skip, arena, section, key);

    elbo_arena_free(arena);
    return s;
}

const char *elbo_observed_kind(const elbo_setup *setup)
{
    if (setup->control->observed->plan)
        return "value: the model's bound on the sequences plus a return, which "
               "bounds no evidence; learning does not see optimality";
    return setup->model->observed->kind(setup->model_own);
}

const char *elbo_observed_named(const elbo_setup *setup)
{
    return setup->model->observed->named(setup->model_own);
}
