/* inference/course_rules.c -- which settings go together in continuous worlds. */
#include <math.h>
#include <string.h>

#include "inference/course.h"

static bool text_is(const elbo_values *values, const char *name, const char *text)
{
    return strcmp(elbo_text(values, name), text) == 0;
}

static bool discounted(const elbo_setup *s)
{
    return elbo_real(s->env_common, "discount") != 1;
}

static bool linear(const elbo_setup *s)
{
    return !elbo_choice_is(s->inference, "optimality", "exponential");
}

static bool weighted(const elbo_setup *s)
{
    elbo_weight w;

    return elbo_weight_parse(elbo_text(s->inference, "weight"), &w, NULL, NULL)
               != ELBO_OK
           || !w.constant;
}

static bool other_likelihood(const elbo_setup *s)
{
    return !text_is(s->inference, "likelihood", "logp");
}

static bool other_transition(const elbo_setup *s)
{
    return !text_is(s->inference, "transition", "model");
}

static bool other_gradient(const elbo_setup *s)
{
    return !text_is(s->inference, "gradient", "stop");
}

static bool fed_back(const elbo_setup *s)
{
    return elbo_real(s->inference, "feedback") != 0;
}

static bool hard_temperature(const elbo_setup *s)
{
    const elbo_values *common = s->control_common;

    return s->control->hard
           && common->value[elbo_option_find(common->options, "temperature")].given
           && elbo_real(common, "temperature") != 0;
}

static bool other_prior(const elbo_setup *s)
{
    return !elbo_choice_is(s->control_common, "prior", "uniform");
}

static bool other_reward(const elbo_setup *s)
{
    return !text_is(s->control_common, "reward", "r");
}

static bool held_out(const elbo_setup *s)
{
    return elbo_real(s->evaluation, "held_out") > 0;
}

static bool from_elsewhere(const elbo_setup *s)
{
    return !elbo_choice_is(s->data, "source", "env");
}

static bool collected(const elbo_setup *s)
{
    return !s->model->continuous->fit && elbo_int(s->data, "steps") != 0;
}

static bool uncollected(const elbo_setup *s)
{
    return s->model->continuous->fit && elbo_int(s->data, "steps") == 0;
}

static bool other_policy(const elbo_setup *s)
{
    return !elbo_choice_is(s->data, "policy", "uniform")
           && !elbo_choice_is(s->data, "policy", "current");
}

static bool current_offline(const elbo_setup *s)
{
    return elbo_choice_is(s->data, "policy", "current")
           && !elbo_choice_is(s->data, "mode", "online");
}

static bool budgeted(const elbo_setup *s)
{
    return elbo_budget_read(elbo_text(s->inference, "data_scale")) > 0;
}

static bool heldout(const elbo_setup *s)
{
    return !elbo_choice_is(s->evaluation, "nll", "none")
           || elbo_real(s->evaluation, "held_out") > 0;
}

static bool expert(const elbo_setup *s)
{
    return elbo_real(s->evaluation, "expert_discount") > 0;
}

static bool judged(const elbo_setup *s)
{
    return elbo_flag(s->evaluation, "regret");
}

#define NOT_HERE "continuous worlds have no such setting: must be "

/* clang-format off */
static const struct {
    const char *section, *key;
    bool (*broken)(const elbo_setup *s);
    const char *text;
} rules[] = {
    {"env", "discount", discounted, "one trajectory, undiscounted: must be 1"},
    {"inference", "optimality", linear, "costs are squares: must be exponential"},
    {"inference", "weight", weighted, NOT_HERE "a number"},
    {"inference", "likelihood", other_likelihood, NOT_HERE "logp"},
    {"inference", "transition", other_transition,
     NOT_HERE "model (the process noise is inferred by i2c itself)"},
    {"inference", "gradient", other_gradient, NOT_HERE "stop"},
    {"inference", "feedback", fed_back, "control reaches no parameter here: must be 0"},
    {"control", "temperature", hard_temperature,
     "this control is hard: its temperature is 0"},
    {"control", "prior", other_prior, NOT_HERE "uniform"},
    {"control", "reward", other_reward, NOT_HERE "r"},
    {"data", "source", from_elsewhere, NOT_HERE "env"},
    {"data", "steps", collected, "the map is known, nothing is learnt: must be 0"},
    {"data", "steps", uncollected, "the model learns from data: must be above 0"},
    {"data", "policy", other_policy, NOT_HERE "uniform or current"},
    {"data", "policy", current_offline,
     "current needs mode: online: offline nothing is learnt before the data"},
    {"inference", "data_scale", budgeted, NOT_HERE "|D| or a number"},
    {"evaluation", "nll", heldout, NOT_HERE "none, and held_out 0"},
    {"evaluation", "expert_discount", expert, NOT_HERE "0"},
    {"evaluation", "regret", judged, "no best policy is known here: must be false"},
    {"evaluation", "held_out", held_out, NOT_HERE "0"},
};
/* clang-format on */

elbo_status elbo_course_check(const elbo_setup *setup, size_t skip,
                              const char **section, const char **key)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].broken(setup) || skip-- > 0) continue;
        *section = rules[i].section;
        *key = rules[i].key;
        return ELBO_FAIL(ELBO_ECONFIG, "%s.%s: %s", *section, *key,
                         rules[i].text);
    }
    *section = *key = NULL;
    return ELBO_OK;
}

const char *elbo_course_kind(const elbo_setup *setup)
{
    return setup->control->trajectory->kind;
}
