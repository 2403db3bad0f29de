/* inference/finite_oracles.c -- which factors of an experiment know the world.
 */
#include <string.h>

#include "inference/finite.h"

/* The settings that are expressions: of inference, then of control. */
static const char *const expressions[] = {"weight", "likelihood", "reward",
                                          "return_weight"};

/* The words of an expression that read the world. */
static const char *const words[] = {"J", "gradJ_error"};

enum { OF_INFERENCE = 2, EXPRESSIONS = sizeof expressions / sizeof *expressions };

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

static elbo_status add_text(oracles *o, const char *text, elbo_arena *arena)
{
    const char **name = elbo_arena_take(arena, o->n + 2, sizeof *name);

    ELBO_TRY(elbo_arena_check(arena, "the oracles"));
    if (o->n > 0) memcpy(name, o->name, o->n * sizeof *name);
    o->name = name;
    o->name[o->n++] = text;
    return ELBO_OK;
}

/* transition: free, unless its ratio is estimated from data. */
static elbo_status add_free(oracles *o, const elbo_setup *setup,
                            elbo_arena *arena)
{
    elbo_slots slots;

    ELBO_TRY(elbo_slots_read(setup, arena, &slots));
    if (!slots.tilt.kind->free || slots.tilt.ratio == ELBO_RATIO_CLASSIFIER)
        return ELBO_OK;
    return add_text(o, elbo_text(setup->inference, "transition"), arena);
}

/* control.values, where it knows the world. */
static elbo_status add_values(oracles *o, const elbo_setup *setup,
                              elbo_arena *arena)
{
    const char *const text = elbo_text(setup->control_common, "values");
    bool oracle;

    ELBO_TRY(elbo_value_set_oracle(text, &oracle));
    return oracle ? add_text(o, text, arena) : ELBO_OK;
}

elbo_status elbo_finite_oracles(const elbo_setup *setup, elbo_arena *arena,
                               const char *const **out)
{
    oracles o = {0};

    for (size_t i = 0; i < EXPRESSIONS; i++) {
        const elbo_values *room =
            i < OF_INFERENCE ? setup->inference : setup->control_common;
        const char *text = elbo_text(room, expressions[i]);
        elbo_expr *expr;
        elbo_factor_call *calls;
        size_t n;

        if (elbo_likelihood_term(text)) continue;
        ELBO_TRY(elbo_objective_parse(text, arena, &expr, NULL, NULL));
        ELBO_TRY(elbo_expr_factors(expr, arena, &calls, &n));
        ELBO_TRY(add(&o, calls, n, arena));
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (elbo_expr_reads(expr, words[k]) && !is_known(&o, words[k]))
                ELBO_TRY(add_text(&o, words[k], arena));
    }
    ELBO_TRY(add_free(&o, setup, arena));
    if (elbo_choice_is(setup->control_common, "prior", "optimal"))
        ELBO_TRY(add_text(&o, "control.prior: optimal", arena));
    ELBO_TRY(add_values(&o, setup, arena));
    *out = (const char *const *)o.name;
    return ELBO_OK;
}
