/* inference/course_rules.c -- which settings go together in continuous worlds. */
#include <math.h>
#include <string.h>

#include "inference/course.h"

static bool discounted(const elbo_setup *s)
{
    return elbo_real(s->env_common, "discount") != 1;
}

static bool weighted(const elbo_setup *s)
{
    elbo_weight w;

    return elbo_weight_parse(elbo_text(s->inference, "weight"), &w, NULL, NULL)
               != ELBO_OK
           || !w.constant;
}

static bool hard_temperature(const elbo_setup *s)
{
    const elbo_values *common = s->control_common;

    return s->control->hard
           && common->value[elbo_option_find(common->options, "temperature")].given
           && elbo_real(common, "temperature") != 0;
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

#define NO_OTHER "these worlds know no other: must be "

/* clang-format off */
static const struct {
    const char *section, *key;
    bool (*broken)(const elbo_setup *s);
    const char *text;
} rules[] = {
    {"env", "discount", discounted, "one trajectory, undiscounted: must be 1"},
    {"inference", "weight", weighted, NO_OTHER "a number"},
    {"control", "temperature", hard_temperature,
     "this control is hard: its temperature is 0"},
    {"data", "steps", collected, "the map is known, nothing is learnt: must be 0"},
    {"data", "steps", uncollected, "the model learns from data: must be above 0"},
    {"data", "policy", other_policy, NO_OTHER "uniform or current"},
    {"data", "policy", current_offline,
     "current needs mode: online: offline nothing is learnt before the data"},
    {"inference", "data_scale", budgeted, NO_OTHER "|D| or a number"},
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
