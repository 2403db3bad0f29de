/* What the schema cannot see: settings that the parts themselves refuse. */
#include <string.h>

#include "inference/program/findings.h"
#include "inference/program/form.h"

/* Whether the experiment has such a setting. */
static bool has(const elbo_form *form, const char *section, const char *word)
{
    for (size_t t = 0; t < ELBO_TABLES; t++) {
        const elbo_option *const options = form->values[t].options;
        size_t i;

        if (!options || strcmp(elbo_table_path[t], section) != 0) continue;
        i = elbo_option_find(options, word);
        if (i != (size_t)-1 && form->fields[t][i].seen) return true;
    }
    return false;
}

/* What such a section opens first of all; "": no one setting. */
static const char *usual(const char *section)
{
    if (strcmp(section, "data") == 0) return "steps";
    return strcmp(section, "inference") == 0 ? "likelihood" : "";
}

/* The setting that a failure names, where the experiment has it: the word that it
 * begins with ("groups: 3 of 2 states") or, where nothing is usual, the first one
 * after that; else what is usual. */
static const char *key_of(const elbo_form *form, const char *section,
                          const char *text, elbo_arena *arena)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *const otherwise = usual(section);

    while (*(text += strcspn(text, letters))) {
        const size_t n = strspn(text, letters);
        char *const word = elbo_arena_take(arena, n + 1, 1);

        if (!word) return "";
        memcpy(word, text, n);
        if (has(form, section, word)) return word;
        if (*otherwise) return otherwise;
        text += n;
    }
    return otherwise;
}

elbo_status elbo_experiment_open(const elbo_experiment *e,
                                 elbo_complaints *complaints, elbo_engine **out)
{
    const char *section, *key, *text = elbo_last_error()->text;
    const elbo_status s =
        elbo_engine_open_parts(&e->setup, e->seeds[0], &section, out);
    elbo_findings findings = {
        .source = {e->path, e->source, e->source_bytes},
        .arguments = e->overrides,
        .arena = complaints->arena
    };
    elbo_place place;

    complaints->n = 0;
    if (!section || (s != ELBO_EINVAL && s != ELBO_ESIZE && s != ELBO_ENOMEM))
        return s;
    key = key_of(e->form, section, text, complaints->arena);
    place = elbo_form_blame(e->form, section, key);
    elbo_findings_add(
        &findings, place, "%s%s",
        s == ELBO_ENOMEM ? "needs more memory than this machine has: " : "",
        text);
    return elbo_findings_report(&findings, complaints);
}
