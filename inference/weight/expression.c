/* inference/weight/expression.c -- the weight slot w(x) as text. */
#include <math.h>

#include "inference/likelihood.h"

enum { TEXT_BYTES = 4096 };

static elbo_status read(const char *text, elbo_arena *arena, elbo_weight *out,
                        size_t *column, const char **nearest)
{
    elbo_expr *expr;

    ELBO_TRY(elbo_objective_parse(text, arena, &expr, column, nearest));

    const bool negative = expr->kind == ELBO_EXPR_NEG
                          && expr->arg[0]->kind == ELBO_EXPR_NUMBER
                          && expr->arg[0]->number > 0;

    if (negative) {
        if (column) *column = expr->column;
        return ELBO_FAIL(ELBO_EINVAL, "a weight is not negative, not %s", text);
    }
    *out = (elbo_weight){.constant = expr->kind == ELBO_EXPR_NUMBER,
                         .number = expr->number,
                         .depends = expr->depends};
    return ELBO_OK;
}

elbo_status elbo_weight_parse(const char *text, elbo_weight *out,
                              size_t *column, const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(TEXT_BYTES);

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "a weight");

    const elbo_status s = read(text, arena, out, column, nearest);

    elbo_arena_free(arena);
    return s;
}

elbo_status elbo_weight_check(const char *text, size_t *column,
                              const char **nearest)
{
    elbo_weight unused;

    return elbo_weight_parse(text, &unused, column, nearest);
}
