#include "inference/family.h"

const elbo_family *elbo_family_of(const elbo_env *env)
{
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

elbo_status elbo_setup_check(const elbo_setup *setup, size_t skip,
                             const char **section, const char **key)
{
    const elbo_family *const family = elbo_family_of(setup->env);

    *key = "name";
    ELBO_TRY(check_members(setup, &skip, section));
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
    return family->check(setup, skip, section, key);
}

elbo_status elbo_setup_expression(const elbo_setup *setup, const char *text,
                                  elbo_arena *arena, size_t *column,
                                  const char **nearest)
{
    const elbo_family *const family = elbo_family_of(setup->env);

    if (!family->expression) return ELBO_OK;
    return family->expression(text, arena, column, nearest);
}

const char *elbo_setup_kind(const elbo_setup *setup)
{
    return elbo_family_of(setup->env)->kind(setup);
}

const char *elbo_setup_named(const elbo_setup *setup)
{
    return elbo_family_of(setup->env)->named(setup);
}

elbo_status elbo_setup_oracles(const elbo_setup *setup, elbo_arena *arena,
                               const char *const **out)
{
    return elbo_family_of(setup->env)->oracles(setup, arena, out);
}
