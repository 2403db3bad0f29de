/* The key `seed`: one number, a range, or a list of both. */
#include "inference/program/form.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

typedef struct seeds {
    elbo_form *form;
    elbo_findings *findings;
} seeds;

static void refuse(seeds *s, elbo_place place, const char *text)
{
    elbo_findings_add(s->findings, place,
                      "seed must be a whole number from 0, a range \"0..9\" "
                      "or a list \"[1, 2]\", not \"%s\"",
                      text);
}

static bool number(const char **text, uint64_t *out)
{
    char *end;

    if (**text < '0' || **text > '9') return false;
    errno = 0;
    *out = strtoull(*text, &end, 10);
    *text = end;
    return errno == 0 && *out <= INT64_MAX; /* as JSON holds it */
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

static bool add(seeds *s, uint64_t seed, elbo_place place)
{
    elbo_form *const form = s->form;

    for (size_t i = 0; i < form->n_seeds; i++)
        if (form->seeds[i] == seed) {
            elbo_findings_add(s->findings, place,
                              "seed %" PRIu64 " stands twice", seed);
            return false;
        }
    if (form->n_seeds == MOST) {
        elbo_findings_add(s->findings, place, "more than %d seeds", MOST);
        return false;
    }
    form->seeds[form->n_seeds++] = seed;
    return true;
}

/* "7" or "0..9" at *text, which is moved behind it. */
static bool item(seeds *s, const char **text, elbo_place place)
{
    const char *const whole = *text;
    uint64_t first, last;
    bool ok = number(text, &first);

    last = first;
    if (ok && strncmp(*text, "..", 2) == 0) {
        *text += 2;
        ok = number(text, &last);
    }
    if (!ok) {
        refuse(s, place, whole);
        return false;
    }
    if (last < first || last - first >= MOST) {
        elbo_findings_add(s->findings, place,
                          "seed range %" PRIu64 "..%" PRIu64
                          " must rise and have at most %d seeds",
                          first, last, MOST);
        return false;
    }
    for (uint64_t k = first; k <= last; k++)
        if (!add(s, k, place)) return false;
    return true;
}

static void scalar(seeds *s, const elbo_yaml_node *node)
{
    const char *const whole = skip_blanks(node->text);
    const bool list = whole[0] == '[';
    const char *text = whole + list;
    bool more = true;

    while (more) {
        text = skip_blanks(text);
        if (!item(s, &text, node->place)) return;
        text = skip_blanks(text);
        more = list && *text == ',';
        text += more;
    }

    const bool closed = !list || *text == ']';

    if (list && closed) text = skip_blanks(text + 1);
    if (!closed || *text) refuse(s, node->place, node->text);
}

void elbo_form_seeds(elbo_form *form, const elbo_yaml_node *node,
                     elbo_findings *findings, elbo_arena *arena)
{
    seeds s = {form, findings};

    form->seeds = elbo_arena_take(arena, MOST, sizeof *form->seeds);
    if (!form->seeds) return;
    if (!node) {
        form->n_seeds = 1;
        return;
    }
    form->seed_field = (elbo_field){true, node->place, node};
    if (node->kind == ELBO_SCALAR) {
        scalar(&s, node);
    } else if (node->kind == ELBO_LIST) {
        for (const elbo_yaml_node *k = node->first; k; k = k->next) {
            if (k->kind == ELBO_SCALAR)
                scalar(&s, k);
            else if (k->kind != ELBO_REFUSED)
                elbo_findings_add(findings, k->place,
                                  "a seed must be a number or a range");
        }
        if (!node->first)
            elbo_findings_add(findings, node->place, "no seed in the list");
    } else if (node->kind == ELBO_MAP) {
        elbo_findings_add(findings, node->place,
                          "seed must be a whole number, a range or a list, "
                          "not a map");
    }
}
