/* Settings that are right one by one and wrong together. */
#include "inference/program/form.h"

#include <string.h>

enum { MOST = 64 }; /* contradictions that are asked for */

static bool path_is(const char *path, const char *section)
{
    const char *const dot = strrchr(path, '.');

    return strcmp(path, section) == 0 || (dot && strcmp(dot + 1, section) == 0);
}

/* The field of section and key; false: it is no option (a component's name). */
static bool find_field(const elbo_form *form, const char *section,
                       const char *key, elbo_table *table, size_t *option)
{
    for (size_t t = 0; t < ELBO_TABLES; t++) {
        const elbo_option *const options = form->values[t].options;

        if (!options || !path_is(elbo_table_path[t], section)) continue;
        *option = elbo_option_find(options, key);
        *table = (elbo_table)t;
        if (*option != (size_t)-1) return true;
    }
    return false;
}

elbo_place elbo_form_blame(const elbo_form *form, const char *section,
                           const char *key)
{
    elbo_table table;
    size_t option;

    if (find_field(form, section, key, &table, &option)) {
        const elbo_field *const field = &form->fields[table][option];

        return field->seen ? field->place : form->room[table];
    }
    for (size_t i = 0; i < ELBO_SHELVES; i++)
        if (strcmp(elbo_shelf_of(i).room, section) == 0)
            return form->named[i].place;
    return (elbo_place){.line = 1, .column = 1};
}

/* The finding of an expression that its family of worlds cannot read, at its place
 * in the text; false: the setting is no such. */
static bool blame_expression(const elbo_form *form, const char *section,
                             const char *key, elbo_findings *findings)
{
    const bool is_one = strcmp(section, "inference") == 0
                            ? strcmp(key, "weight") == 0
                                  || strcmp(key, "likelihood") == 0
                            : strcmp(section, "control") == 0
                                  && (strcmp(key, "reward") == 0
                                      || strcmp(key, "return_weight") == 0);
    const char *nearest = NULL;
    elbo_table table;
    size_t option, column;

    if (!is_one || !find_field(form, section, key, &table, &option)
        || !form->fields[table][option].node)
        return false;
    if (elbo_setup_expression(&form->setup, key, findings->arena, &column,
                              &nearest)
        != ELBO_EINVAL)
        return false;
    elbo_findings_add(findings,
                      elbo_form_fault(findings, form->fields[table][option].node,
                                      column),
                      nearest ? "%s: %s; did you mean \"%s\"?" : "%s: %s", key,
                      elbo_last_error()->text, nearest);
    return true;
}

elbo_status elbo_form_contradictions(const elbo_form *form,
                                     elbo_findings *findings)
{
    const char *section, *key;

    for (size_t k = 0; k < MOST; k++) {
        const elbo_status s = elbo_setup_check(&form->setup, k, &section, &key);

        if (s != ELBO_ECONFIG) return s;

        const elbo_error error = *elbo_last_error();

        if (!blame_expression(form, section, key, findings))
            elbo_findings_add(findings, elbo_form_blame(form, section, key), "%s",
                              error.text);
    }
    return ELBO_OK;
}

/* Mute the first default that contradicts when it is written down; *found is
 * false when none does. `all` has every value given that is not muted. */
static elbo_status mute_one(const elbo_form *form, const elbo_form *all,
                            bool *found)
{
    const char *section, *key;
    elbo_table t;
    size_t i;

    *found = false;
    for (size_t k = 0; k < MOST && !*found; k++) {
        const elbo_status s = elbo_setup_check(&all->setup, k, &section, &key);

        if (s != ELBO_ECONFIG) return s;
        if (!find_field(form, section, key, &t, &i)) continue;
        if (form->values[t].value[i].given || form->mute[t][i]) continue;
        form->mute[t][i] = true;
        all->values[t].value[i].given = false;
        *found = true;
    }
    return ELBO_OK;
}

elbo_status elbo_form_mute(elbo_form *form, elbo_arena *arena)
{
    elbo_form all = *form;
    bool found = true;

    for (size_t t = 0; t < ELBO_TABLES; t++) {
        const elbo_values *const v = &form->values[t];
        elbo_value *copy = elbo_arena_take(arena, v->n, sizeof *copy);

        ELBO_TRY(elbo_arena_check(arena, "the resolved experiment"));
        for (size_t i = 0; i < v->n; i++) {
            copy[i] = v->value[i];
            copy[i].given = true;
        }
        all.values[t].value = copy;
    }
    all.setup.env_own = &all.values[ELBO_ENV_OWN];
    all.setup.env_common = &all.values[ELBO_ENV_COMMON];
    all.setup.model_own = &all.values[ELBO_MODEL_OWN];
    all.setup.control_own = &all.values[ELBO_CONTROL_OWN];
    all.setup.control_common = &all.values[ELBO_CONTROL_COMMON];
    all.setup.inference = &all.values[ELBO_INFERENCE];
    all.setup.data = &all.values[ELBO_DATA];
    all.setup.evaluation = &all.values[ELBO_EVALUATION];
    while (found) ELBO_TRY(mute_one(form, &all, &found));
    return ELBO_OK;
}
