/* inference/task_rules.c -- which settings go together in control tasks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/task_state.h"

static bool given(const elbo_values *values, const char *name)
{
    return values->value[elbo_option_find(values->options, name)].given;
}

static bool is_online(const elbo_setup *s)
{
    return elbo_choice_is(s->data, "mode", "online");
}

static bool is_current(const elbo_setup *s)
{
    return elbo_choice_is(s->data, "policy", "current");
}

static double setting(const elbo_setup *s, const char *name)
{
    return elbo_real(s->control_common, name);
}

static bool rolls(const elbo_setup *s)
{
    elbo_task_schedule schedule;

    return elbo_task_schedule_parse(
               elbo_text(s->control_common, "rollout_length"), &schedule, NULL)
               == ELBO_OK
           && elbo_task_schedule_most(&schedule) > 0;
}

static bool learns(const elbo_setup *s)
{
    return s->model->task->fit != NULL;
}

static bool improves(const elbo_setup *s)
{
    return s->control->task->improve != NULL;
}

/* ---- env ---- */

static bool no_discount(const elbo_setup *s)
{
    return !(elbo_real(s->env_common, "discount") > 0);
}

static bool endless(const elbo_setup *s)
{
    return improves(s) && !(elbo_real(s->env_common, "discount") < 1);
}

/* ---- control ---- */

static bool warm(const elbo_setup *s)
{
    return !s->control->task->soft && given(s->control_common, "temperature")
           && setting(s, "temperature") != 0;
}

static bool no_limit_of_temperature(const elbo_setup *s)
{
    return s->control->task->soft && isinf(setting(s, "temperature"));
}

static bool rolls_for_nobody(const elbo_setup *s)
{
    return given(s->control_common, "rollout_length") && rolls(s)
           && !improves(s);
}

static bool updates_nobody(const elbo_setup *s)
{
    return given(s->control_common, "updates") && setting(s, "updates") != 0
           && !improves(s);
}

static bool all_real(const elbo_setup *s)
{
    return improves(s) && given(s->control_common, "rollout_length") && rolls(s)
           && setting(s, "real_ratio") == 1;
}

/* ---- data ---- */

static bool no_data(const elbo_setup *s)
{
    return elbo_int(s->data, "steps") == 0 && elbo_int(s->data, "initial") == 0
           && (learns(s) || improves(s));
}

static bool nothing_online(const elbo_setup *s)
{
    return is_online(s) && elbo_int(s->data, "steps") == 0;
}

static bool other_policy(const elbo_setup *s)
{
    return !is_current(s) && !elbo_choice_is(s->data, "policy", "uniform");
}

static bool current_offline(const elbo_setup *s)
{
    return is_current(s) && !is_online(s);
}

static bool odd(const elbo_setup *s, const char *key)
{
    return elbo_int(s->data, key) % elbo_int(s->data, "streams") != 0;
}

static bool by_episodes(const elbo_setup *s)
{
    return elbo_int(s->data, "episodes") > 0;
}

static bool odd_steps(const elbo_setup *s)
{
    return !by_episodes(s) && odd(s, "steps");
}

static bool steps_beside_episodes(const elbo_setup *s)
{
    return by_episodes(s) && given(s->data, "steps");
}

static bool episodes_offline(const elbo_setup *s)
{
    return by_episodes(s) && !is_online(s);
}

static bool odd_initial(const elbo_setup *s)
{
    return odd(s, "initial");
}

static bool collected_alone(const elbo_setup *s)
{
    return elbo_int(s->evaluation, "episodes") == 0
           && elbo_int(s->data, "steps") + elbo_int(s->data, "initial") == 0;
}

static bool regimes(const elbo_setup *s)
{
    return elbo_flag(s->evaluation, "regimes");
}

static bool regimes_of_policy(const elbo_setup *s)
{
    return regimes(s) && !s->control->task->plans;
}

static bool regimes_of_no_density(const elbo_setup *s)
{
    return regimes(s) && !s->model->task->log_density;
}

/* ---- inference ---- */

static bool budgeted(const elbo_setup *s)
{
    return elbo_budget_read(elbo_text(s->inference, "data_scale")) > 0;
}

#define NO_OTHER "control tasks know no other: must be "

/* clang-format off */
static const struct {
    const char *section, *key;
    bool (*broken)(const elbo_setup *s);
    const char *text;
} rules[] = {
    {"env", "discount", no_discount, "must be above 0: it is survival"},
    {"env", "discount", endless,
     "a time limit is no end to the values of this control: must be below 1"},
    {"inference", "data_scale", budgeted, NO_OTHER "|D| or a number"},
    {"control", "temperature", warm, "this control is hard: its temperature is 0"},
    {"control", "temperature", no_limit_of_temperature,
     "at temperature inf the policy is the prior: must be finite"},
    {"control", "rollout_length", rolls_for_nobody,
     "this control learns from no rollouts: must be 0"},
    {"control", "updates", updates_nobody,
     "this control has nothing that is improved: must be 0"},
    {"control", "real_ratio", all_real,
     "1 leaves no share for rollouts: rollout_length must be 0"},
    {"data", "steps", no_data, "model or control learn from data: must be above 0"},
    {"data", "steps", nothing_online, "online collects at each iteration: must be above 0"},
    {"data", "policy", other_policy, NO_OTHER "uniform or current"},
    {"data", "policy", current_offline,
     "current needs mode: online: offline nothing is learnt before the data"},
    {"data", "episodes", episodes_offline, "need mode: online"},
    {"data", "steps", steps_beside_episodes,
     "episodes are collected, of as many steps as they last: must not be given"},
    {"data", "steps", odd_steps, "must be a multiple of data.streams"},
    {"data", "initial", odd_initial, "must be a multiple of data.streams"},
    {"evaluation", "episodes", collected_alone,
     "0 takes what collection earned, and nothing is collected: must be above 0"},
    {"evaluation", "regimes", regimes_of_policy,
     "the expert is a planner in the true world, and this control learns: must be false"},
    {"evaluation", "regimes", regimes_of_no_density,
     "this model has no density: must be false"},
};
/* clang-format on */

elbo_status elbo_task_check(const elbo_setup *setup, size_t skip,
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
    return elbo_task_check_slots(setup, &skip, section, key);
}
