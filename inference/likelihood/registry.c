#include <string.h>

#include "inference/likelihood.h"

enum { TEXT_BYTES = 4096 };

const elbo_likelihood *const elbo_likelihoods[] = {
    &elbo_likelihood_logp,
    &elbo_likelihood_brier,
    NULL,
};

const elbo_likelihood elbo_likelihood_expression = {
    .name = "expression",
    .source = "the objective language",
    .formula = "",
    .doc = "an expression of the language",
};

const elbo_likelihood *elbo_likelihood_term(const char *text)
{
    for (size_t i = 0; elbo_likelihoods[i]; i++)
        if (elbo_likelihoods[i]->term
            && strcmp(text, elbo_likelihoods[i]->name) == 0)
            return elbo_likelihoods[i];
    return NULL;
}

static elbo_status read(const char *text, elbo_arena *arena,
                        const elbo_likelihood **out, unsigned *depends,
                        size_t *column, const char **nearest)
{
    elbo_expr *expr;

    if ((*out = elbo_likelihood_term(text))) {
        *depends = ELBO_ON_SAMPLE | ELBO_ON_NEXT | ELBO_ON_THETA;
        return ELBO_OK;
    }
    ELBO_TRY(elbo_objective_parse(text, arena, &expr, column, nearest));
    *depends = expr->depends;
    *out = &elbo_likelihood_expression;

    const char *const canonical = elbo_expression_text(expr, arena);

    ELBO_TRY(elbo_arena_check(arena, "a likelihood's text"));
    for (size_t i = 0; elbo_likelihoods[i]; i++)
        if (strcmp(canonical, elbo_likelihoods[i]->name) == 0)
            *out = elbo_likelihoods[i];
    return ELBO_OK;
}

static elbo_status parse(const char *text, const elbo_likelihood **out,
                         unsigned *depends, size_t *column,
                         const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(TEXT_BYTES);

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "a likelihood");

    const elbo_status s = read(text, arena, out, depends, column, nearest);

    elbo_arena_free(arena);
    return s;
}

elbo_status elbo_likelihood_parse(const char *text, const elbo_likelihood **out,
                                  size_t *column, const char **nearest)
{
    unsigned depends;

    return parse(text, out, &depends, column, nearest);
}

elbo_status elbo_likelihood_depends(const char *text, unsigned *depends)
{
    const elbo_likelihood *unused;

    return parse(text, &unused, depends, NULL, NULL);
}

static bool reads_beyond(const elbo_expr *expr, const char *name)
{
    static const char *const planner[] = {"V",     "Q",         "A", "gradV",
                                          "logpi", "occupancy", "J", "Jmodel",
                                          "Jcwpdis", "gradJ_error",
                                          "roll",  "T",         "Td",
                                          "Epi"};

    if (expr->name && strcmp(expr->name, "stop") == 0) return false;
    for (size_t i = 0; expr->name && i < sizeof planner / sizeof *planner; i++)
        if (strcmp(expr->name, planner[i]) == 0
            && strcmp(expr->name, name) != 0)
            return true;
    for (size_t i = 0; i < expr->n; i++)
        if (reads_beyond(expr->arg[i], name)) return true;
    return false;
}

elbo_status elbo_likelihood_reads_beyond(const char *text, const char *name,
                                         bool *out)
{
    *out = false;
    if (elbo_likelihood_term(text)) return ELBO_OK;

    elbo_arena *const arena = elbo_arena_alloc(TEXT_BYTES);
    elbo_expr *expr;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "a likelihood");

    const elbo_status s = elbo_objective_parse(text, arena, &expr, NULL, NULL);

    if (s == ELBO_OK) *out = reads_beyond(expr, name);
    elbo_arena_free(arena);
    return s;
}

elbo_status elbo_likelihood_check(const char *text, size_t *column,
                                  const char **nearest)
{
    const elbo_likelihood *unused;

    return elbo_likelihood_parse(text, &unused, column, nearest);
}

elbo_status elbo_likelihood_value(const elbo_likelihood *likelihood,
                                  const elbo_kernel *p, const double C[],
                                  double *value, double G[])
{
    if (likelihood->objective)
        return elbo_objective_value(likelihood->objective, p, value, G);
    return likelihood->value(p, C, value, G);
}
