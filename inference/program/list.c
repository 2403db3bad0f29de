/* elbo list: what an experiment may name, read from the tables themselves. */
#include <stdio.h>
#include <string.h>

#include "inference/ascent.h"
#include "inference/factor.h"
#include "inference/gradient.h"
#include "inference/language/named.h"
#include "inference/likelihood.h"
#include "inference/norm_bound.h"
#include "inference/program/command.h"
#include "inference/program/diagnostics.h"
#include "inference/program/papers.h"
#include "inference/program/shelf.h"
#include "inference/value_set.h"
#include "inference/wrapper.h"

enum { NAMES = 256 };

/* What one word after `list` shows; `name` is NULL or picks one row. Returns
 * how many rows were shown and, where none, the names there are in known
 * [NAMES]. */
typedef struct section {
    const char *name, *title;
    size_t (*show)(const char *name, const char *known[], size_t *n);
} section;

static void type_text(const elbo_option *o, char out[], size_t room)
{
    static const char *const names[] = {
        [ELBO_BOOL] = "true|false", [ELBO_INT] = "whole number",
        [ELBO_REAL] = "number",     [ELBO_TEXT] = "text",
        [ELBO_CHOICE] = "",         [ELBO_PATH] = "file"};

    if (o->type == ELBO_CHOICE)
        snprintf(out, room, "%s", o->choices);
    else if (o->type == ELBO_INT || o->type == ELBO_REAL)
        snprintf(out, room, "%s in [%g, %g]", names[o->type], o->low, o->high);
    else
        snprintf(out, room, "%s", names[o->type]);
}

static void show_options(const elbo_option *options)
{
    for (size_t i = 0; i < elbo_option_count(options); i++) {
        const elbo_option *const o = &options[i];
        const char *const unit = o->unit ? o->unit : "";
        char type[256];

        type_text(o, type, sizeof type);
        printf("    %-18s %s%s%s%s\n", o->name, type, *unit ? ", " : "", unit,
               o->fallback ? "" : ", required");
        printf("    %-18s %s", "", o->doc);
        if (o->fallback && *o->fallback) printf(" [%s]", o->fallback);
        putchar('\n');
    }
}

static bool picked(const char *name, const char *row, const char *known[],
                   size_t *n)
{
    if (*n < NAMES) known[(*n)++] = row;
    return !name || strcmp(name, row) == 0;
}

static void show_line(const char *text)
{
    if (text && *text) printf("    %s\n", text);
}

static size_t show_shelf(size_t kind, const char *name, const char *known[],
                         size_t *n)
{
    const elbo_shelf shelf = elbo_shelf_of(kind);
    size_t shown = 0, i = 0;

    for (elbo_label l = shelf.at(0); l.name; l = shelf.at(++i)) {
        if (!picked(name, l.name, known, n)) continue;
        printf("%s\n", l.name);
        show_line(l.doc);
        show_line(l.source);
        show_options(l.options);
        shown++;
    }
    if (shown && shelf.common) {
        printf("every %s\n", shelf.noun);
        show_options(shelf.common);
    }
    return shown;
}

static size_t show_wrappers(const char *name, const char *known[], size_t *n)
{
    size_t shown = 0;

    for (size_t i = 0; elbo_wrappers[i]; i++) {
        const elbo_wrapper *const w = elbo_wrappers[i];

        if (!picked(name, w->name, known, n)) continue;
        printf("wrappers: %s\n", w->name);
        show_line(w->doc);
        show_line(w->source);
        show_options(w->options);
        shown++;
    }
    return shown;
}

static size_t show_envs(const char *name, const char *known[], size_t *n)
{
    const size_t shown = show_shelf(ELBO_SHELF_ENV, name, known, n);

    return shown + show_wrappers(name, known, n);
}

static size_t show_models(const char *name, const char *known[], size_t *n)
{
    return show_shelf(ELBO_SHELF_MODEL, name, known, n);
}

static size_t show_controls(const char *name, const char *known[], size_t *n)
{
    return show_shelf(ELBO_SHELF_CONTROL, name, known, n);
}

static void show_term(const char *kind, const char *name, const char *formula)
{
    printf("%s: %s\n    %s\n", kind, name, formula);
}

static size_t show_searches(const char *name, const char *known[], size_t *n)
{
    size_t shown = 0;

    for (size_t i = 0; elbo_ascenders[i]; i++) {
        const elbo_ascender *const a = elbo_ascenders[i];

        if (!picked(name, a->name, known, n)) continue;
        printf("m_step: %s\n", a->name);
        show_line(a->doc);
        show_line(a->source);
        shown++;
    }
    for (size_t i = 0; elbo_norm_rules[i]; i++) {
        const elbo_norm_rule *const r = elbo_norm_rules[i];

        if (!picked(name, r->name, known, n)) continue;
        show_term("norm_bound", r->name, r->formula);
        show_line(r->doc);
        show_line(r->source);
        show_options(r->options);
        shown++;
    }
    return shown;
}

/* The gradient slot, and what its implicit setting takes. */
static size_t show_gradients(const char *name, const char *known[], size_t *n)
{
    size_t shown = 0;

    for (size_t i = 0; elbo_gradients[i]; i++) {
        const elbo_gradient *const g = elbo_gradients[i];

        if (!picked(name, g->name, known, n)) continue;
        show_term("gradient", g->name, g->formula);
        show_line(g->doc);
        show_line(g->source);
        show_options(g->options);
        shown++;
    }
    for (size_t i = 0; elbo_solvers[i]; i++) {
        const elbo_solver *const x = elbo_solvers[i];

        if (!picked(name, x->name, known, n)) continue;
        show_term("gradient, solver of implicit", x->name, x->formula);
        show_line(x->doc);
        show_line(x->source);
        show_options(x->options);
        shown++;
    }
    return shown;
}

/* Likelihoods that are published expressions. */
static size_t show_named(const char *name, const char *known[], size_t *n)
{
    size_t shown = 0;

    for (const elbo_named *x = elbo_named_objectives; x->name; x++) {
        if (!picked(name, x->name, known, n)) continue;
        show_term("likelihood", x->name, x->formula);
        show_line(x->doc);
        printf("    %s; %s\n", x->category, elbo_named_kind_text(x->kind));
        if (*x->gradient) printf("    with gradient: %s\n", x->gradient);
        show_line(x->source);
        shown++;
    }
    return shown;
}

static size_t show_value_sets(const char *name, const char *known[], size_t *n)
{
    size_t shown = 0;

    for (const elbo_value_kind *x = elbo_value_kinds; x->name; x++) {
        if (!picked(name, x->name, known, n)) continue;
        show_term("control.values", x->name, x->doc);
        show_line(x->source);
        show_options(x->options);
        shown++;
    }
    return shown;
}

static size_t show_terms(const char *name, const char *known[], size_t *n)
{
    size_t shown = 0;

    if (picked(name, "weight", known, n)) {
        show_term("weight", "weight", "w(x) >= 0, any expression");
        show_line("read before each M-step at the present theta, then frozen");
        shown++;
    }
    for (size_t i = 0; elbo_likelihoods[i]; i++) {
        const elbo_likelihood *const l = elbo_likelihoods[i];

        if (!picked(name, l->name, known, n)) continue;
        show_term("likelihood", l->name, l->formula);
        show_line(l->doc);
        show_line(l->source);
        shown++;
    }
    shown += show_named(name, known, n);
    shown += show_value_sets(name, known, n);
    for (size_t i = 0; elbo_transitions[i]; i++) {
        const elbo_transition *const t = elbo_transitions[i];

        if (!picked(name, t->name, known, n)) continue;
        show_term("transition", t->name, t->formula);
        show_line(t->doc);
        show_line(t->source);
        show_options(t->options);
        shown++;
    }
    shown += show_gradients(name, known, n);
    return shown + show_searches(name, known, n);
}

/* How a factor is written: its arguments, those with defaults in brackets. */
static void show_call(const elbo_factor *f)
{
    const size_t n = elbo_option_count(f->options);
    const bool of_state = f->shape == ELBO_FACTOR_STATE;

    printf("%s%s", f->name, n || of_state ? "(" : "");
    for (size_t i = 0; i < n; i++) {
        const bool optional = f->options[i].fallback;

        printf("%s%s%s%s", i ? ", " : "", optional ? "[" : "",
               f->options[i].name, optional ? "]" : "");
    }
    if (of_state) printf("%sstate", n ? ", " : "");
    puts(n || of_state ? ")" : "");
}

static size_t show_factors(const char *name, const char *known[], size_t *n)
{
    static const char *const shapes[] = {
        [ELBO_FACTOR_ROW] = "at (s, a)",
        [ELBO_FACTOR_ENTRY] = "at (s, a, next), inside E at y",
        [ELBO_FACTOR_STATE] = "at a state",
        [ELBO_FACTOR_EPOCH] = "at the round in which the sample was collected",
    };
    size_t shown = 0;

    for (size_t i = 0; elbo_factors[i]; i++) {
        const elbo_factor *const f = elbo_factors[i];

        if (!picked(name, f->name, known, n)) continue;
        show_call(f);
        printf("    a number %s\n", shapes[f->shape]);
        show_line(f->doc);
        show_line(f->source);
        show_options(f->options);
        shown++;
    }
    return shown;
}

static size_t show_words(const char *name, const char *known[], size_t *n)
{
    size_t shown = 0;

    for (const elbo_word *w = elbo_words; w->name; w++) {
        if (!picked(name, w->name, known, n)) continue;
        printf("%-24s %s\n", w->signature, w->doc);
        shown++;
    }
    return shown;
}

static size_t show_papers(const char *name, const char *known[], size_t *n)
{
    for (const elbo_paper *p = elbo_papers; p->name; p++)
        (void)picked(name, p->name, known, n);
    return elbo_papers_print(name);
}

static const section sections[] = {
    {"envs",    "environments", show_envs    },
    {"models",  "models",       show_models  },
    {"control", "control",      show_controls},
    {"terms",   "terms",        show_terms   },
    {"factors", "factors",      show_factors },
    {"words",   "words",        show_words   },
    {"papers",  "papers",       show_papers  },
};

enum { SECTIONS = sizeof sections / sizeof *sections };

static int list_all(void)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        const char *known[NAMES];
        size_t n = 0;

        printf("%s# %s\n\n", i ? "\n" : "", sections[i].title);
        sections[i].show(NULL, known, &n);
    }
    puts("\n# inference\n");
    show_options(elbo_inference_options);
    puts("\n# inference.data\n");
    show_options(elbo_data_options);
    puts("\n# inference.evaluation\n");
    show_options(elbo_evaluation_options);
    return ELBO_EXIT_OK;
}

static int refuse(const char *what, const char *word, const char *const names[],
                  size_t n)
{
    const char *const nearest = elbo_name_nearest(word, names, n);

    if (nearest)
        elbo_say("list: unknown %s \"%s\"; did you mean \"%s\"?", what, word,
                 nearest);
    else
        elbo_say("list: unknown %s \"%s\"; see elbo list", what, word);
    return ELBO_EXIT_USAGE;
}

int elbo_list_main(const elbo_command *command)
{
    const char *names[SECTIONS];
    const char *known[NAMES];
    size_t n = 0;

    if (command->n_words == 0) return list_all();
    for (size_t i = 0; i < SECTIONS; i++) {
        const char *const name = command->n_words > 1 ? command->word[1] : NULL;

        names[i] = sections[i].name;
        if (strcmp(names[i], command->word[0]) != 0) continue;
        if (sections[i].show(name, known, &n) > 0 || !name) return ELBO_EXIT_OK;
        return refuse(sections[i].title, name, known, n);
    }
    return refuse("list", command->word[0], names, SECTIONS);
}
