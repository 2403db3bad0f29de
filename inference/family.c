#include "inference/family.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const elbo_family *elbo_family_of(const elbo_env *env)
{
    if (env->task) return &elbo_task_family;
    if (env->continuous) return &elbo_course_family;
    if (env->observed) return &elbo_observed_family;
    return env->linear ? &elbo_linear_family : &elbo_finite_family;
}

/* Components that belong to another family: what is said of the model, of the
 * control. */
static elbo_status check_members(const elbo_setup *setup, size_t *skip,
                                 const char **section)
{
    const elbo_family *const family = elbo_family_of(setup->env);

    *section = "model";
    if (!family->serves_model(setup->model) && (*skip)-- == 0)
        return ELBO_FAIL(ELBO_ECONFIG,
                         "model.name: %s does not model %s, and %s is one of them",
                         setup->model->name, family->noun, setup->env->name);
    *section = "control";
    if (!family->serves_control(setup->control) && (*skip)-- == 0)
        return ELBO_FAIL(
            ELBO_ECONFIG,
            "control.name: %s does not plan in %s, and %s is one of them",
            setup->control->name, family->noun, setup->env->name);
    return ELBO_OK;
}

static const elbo_values *room(const elbo_setup *setup, const char *section)
{
    if (strcmp(section, "control") == 0) return setup->control_common;
    if (strcmp(section, "data") == 0) return setup->data;
    if (strcmp(section, "evaluation") == 0) return setup->evaluation;
    assert(strcmp(section, "inference") == 0);
    return setup->inference;
}

static bool is_default(const elbo_option *option, const elbo_value *value)
{
    if (!value->given || strcmp(value->text, option->fallback) == 0) return true;
    return (option->type == ELBO_REAL || option->type == ELBO_INT)
           && value->real == strtod(option->fallback, NULL);
}

/* What control tasks alone have a use for. */
static const elbo_absent of_tasks[] = {
    {"inference", "m_step_every"},
    {"control", "updates"},
    {"control", "rollout_length"},
    {"control", "rollout_batch"},
    {"control", "rollout_first"},
    {"control", "rollout_keep"},
    {"control", "real_ratio"},
    {"control", "successors"},
    {"data", "initial"},
    {"data", "capacity"},
    {"data", "streams"},
    {"data", "episodes"},
    {"evaluation", "every"},
    {"evaluation", "rollouts"},
    {"evaluation", "regimes"},
    {0},
};

static elbo_status check_list(const elbo_setup *setup, const elbo_absent list[],
                              size_t *skip, const char **section, const char **key)
{
    const elbo_family *const family = elbo_family_of(setup->env);

    for (const elbo_absent *a = list; a->section; a++) {
        const elbo_values *const values = room(setup, a->section);
        const size_t i = elbo_option_find(values->options, a->key);

        if (is_default(&values->options[i], &values->value[i]) || (*skip)-- > 0)
            continue;
        *section = a->section;
        *key = a->key;
        return ELBO_FAIL(ELBO_ECONFIG,
                         "%s.%s: %s have no use for it: must be %s", *section,
                         *key, family->noun, values->options[i].fallback);
    }
    return ELBO_OK;
}

/* Settings that the family has no use for. */
static elbo_status check_absent(const elbo_setup *setup, size_t *skip,
                                const char **section, const char **key)
{
    ELBO_TRY(check_list(setup, elbo_family_of(setup->env)->absent, skip, section, key));
    if (setup->env->task) return ELBO_OK;
    return check_list(setup, of_tasks, skip, section, key);
}

static bool given_wrappers(const elbo_setup *setup)
{
    return strcmp(elbo_text(setup->env_common, "wrappers"), "none") != 0;
}

elbo_status elbo_setup_check(const elbo_setup *setup, size_t skip,
                             const char **section, const char **key)
{
    const elbo_family *const family = elbo_family_of(setup->env);

    *key = "name";
    ELBO_TRY(check_members(setup, &skip, section));
    if (!setup->env->task && given_wrappers(setup) && skip-- == 0) {
        *section = "env";
        *key = "wrappers";
        return ELBO_FAIL(ELBO_ECONFIG,
                         "env.wrappers: %s have no use for them: must be none",
                         family->noun);
    }
    if (elbo_flag(setup->evaluation, "regret")
        && !(elbo_choice_is(setup->data, "mode", "online")
             && elbo_choice_is(setup->data, "policy", "current"))
        && skip-- == 0) {
        *section = "evaluation";
        *key = "regret";
        return ELBO_FAIL(ELBO_ECONFIG,
                         "evaluation.regret: needs data.mode: online and "
                         "data.policy: current");
    }
    *section = *key = NULL;
    if (!family->serves_model(setup->model)
        || !family->serves_control(setup->control))
        return ELBO_OK;
    ELBO_TRY(check_absent(setup, &skip, section, key));
    return family->check(setup, skip, section, key);
}

elbo_status elbo_setup_expression(const elbo_setup *setup, const char *key,
                                  elbo_arena *arena, size_t *column,
                                  const char **nearest)
{
    const elbo_family *const family = elbo_family_of(setup->env);
    const bool inferred =
        strcmp(key, "weight") == 0 || strcmp(key, "likelihood") == 0;
    const char *const text =
        elbo_text(inferred ? setup->inference : setup->control_common, key);

    if (!family->expression) return ELBO_OK;
    return family->expression(setup, key, text, arena, column, nearest);
}

const char *elbo_setup_kind(const elbo_setup *setup)
{
    return elbo_family_of(setup->env)->kind(setup);
}

const char *elbo_setup_unwatched(const elbo_setup *setup)
{
    return elbo_family_of(setup->env)->unwatched;
}

const char *elbo_setup_named(const elbo_setup *setup)
{
    return elbo_family_of(setup->env)->named(setup);
}

elbo_status elbo_setup_oracles(const elbo_setup *setup, elbo_arena *arena,
                               const char *const **out)
{
    static const char *const none[] = {NULL};
    const elbo_family *const family = elbo_family_of(setup->env);

    *out = none;
    return family->oracles ? family->oracles(setup, arena, out) : ELBO_OK;
}
