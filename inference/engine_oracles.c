/* inference/engine_oracles.c -- which factors of an experiment know the world. */
#include <string.h>

#include "inference/engine_state.h"

/* The settings of `inference` that are expressions. */
static const char *const expressions[] = {"weight", "likelihood"};

enum { EXPRESSIONS = sizeof expressions / sizeof *expressions };

typedef struct oracles {
    const char **name; /* with room for a NULL */
    size_t n;
} oracles;

static bool is_known(const oracles *o, const char *text)
{
    size_t i = 0;

    while (i < o->n && strcmp(o->name[i], text) != 0) i++;
    return i < o->n;
}

static elbo_status add(oracles *o, const elbo_factor_call calls[], size_t n,
                       elbo_arena *arena)
{
    const char **name = elbo_arena_take(arena, o->n + n + 1, sizeof *name);

    ELBO_TRY(elbo_arena_check(arena, "the oracles"));
    if (o->n > 0) memcpy(name, o->name, o->n * sizeof *name);
    o->name = name;
    for (size_t i = 0; i < n; i++) {
        const elbo_factor *factor = elbo_factor_find(calls[i].what.name);
        elbo_values options;
        const char *nearest;
        size_t column;

        if (!factor->oracle) continue;
        ELBO_TRY(elbo_factor_arguments(&calls[i], arena, &options, &column,
                                       &nearest));
        if (factor->oracle(&options) && !is_known(o, calls[i].text))
            o->name[o->n++] = calls[i].text;
    }
    return ELBO_OK;
}

elbo_status elbo_setup_oracles(const elbo_setup *setup, elbo_arena *arena,
                               const char *const **out)
{
    oracles o = {0};

    for (size_t i = 0; i < EXPRESSIONS; i++) {
        elbo_expr *expr;
        elbo_factor_call *calls;
        size_t n;

        ELBO_TRY(
            elbo_objective_parse(elbo_text(setup->inference, expressions[i]),
                                 arena, &expr, NULL, NULL));
        ELBO_TRY(elbo_expr_factors(expr, arena, &calls, &n));
        ELBO_TRY(add(&o, calls, n, arena));
    }
    *out = (const char *const *)o.name;
    return ELBO_OK;
}
