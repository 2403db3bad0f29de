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
    bool plans;
} facts;

static elbo_status read(const elbo_setup *setup, elbo_arena *arena, facts *f)
{
    *f = (facts){.setup = setup, .plans = setup->control->observed->plan != NULL};
    return elbo_slots_read(setup, arena, &f->slots);
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

static bool warm(const facts *f)
{
    return given(f->setup->control_common, "temperature")
           && elbo_real(f->setup->control_common, "temperature") != 0;
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

static bool file_missing(const facts *f)
{
    const char *const file = elbo_text(f->setup->data, "file");

    return source_is(f, "file") && (!file || !*file);
}

static bool file_online(const facts *f)
{
    return source_is(f, "file") && is_online(f);
}

#define NO_OTHER "these worlds know no other: must be "

/* clang-format off */
static const struct {
    const char *section, *key;
    bool (*broken)(const facts *f);
    const char *text;
} rules[] = {
    {"env", "discount", no_discount, "must be above 0: it is survival"},
    {"env", "discount", forever,
     "without a horizon returns are sums for ever: must be below 1"},
    {"control", "temperature", warm, "this control is hard: its temperature is 0"},
    {"data", "source", population, NO_OTHER "env or file"},
    {"data", "policy", other_policy, NO_OTHER "uniform or current"},
    {"data", "policy", current_idle,
     "current needs mode: online and a control that plans"},
    {"data", "file", file_missing, "needed by source: file"},
    {"data", "mode", file_online, "online needs source: env"},
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
