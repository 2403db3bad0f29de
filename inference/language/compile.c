#include "inference/language/compile.h"

#include "inference/language/meaning.h"
#include "inference/language/quantity.h"

static const elbo_binary binaries[] = {
    [ELBO_EXPR_ADD] = ELBO_ADD,
    [ELBO_EXPR_SUB] = ELBO_SUB,
    [ELBO_EXPR_MUL] = ELBO_MUL,
    [ELBO_EXPR_DIV] = ELBO_DIV,
};

static elbo_quantity arithmetic(elbo_compiler *c, const elbo_expr *e)
{
    elbo_quantity x[2] = {{0}};

    for (size_t i = 0; i < e->n; i++)
        x[i] = elbo_compile_quantity(c, e->arg[i]);
    if (c->status == ELBO_OK) c->column = e->column;
    if (e->kind == ELBO_EXPR_NEG) return elbo_quantity_unary(c, ELBO_NEG, x[0]);
    if (e->kind != ELBO_EXPR_POW)
        return elbo_quantity_binary(c, binaries[e->kind], x[0], x[1]);
    return e->number == 2 ? elbo_quantity_unary(c, ELBO_SQ, x[0])
                          : elbo_quantity_power(c, x[0], e->number);
}

elbo_quantity elbo_compile_quantity(elbo_compiler *c, const elbo_expr *e)
{
    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    c->column = e->column;
    if (e->kind == ELBO_EXPR_NUMBER) return elbo_quantity_number(e->number);
    if (e->kind == ELBO_EXPR_NAME) return elbo_meaning_name(c, e);
    if (e->kind == ELBO_EXPR_CALL) return elbo_meaning_call(c, e);
    return arithmetic(c, e);
}

static bool is_one(const elbo_quantity *x)
{
    return x->is_number && x->number == 1;
}

/* The whole as weight x rest: factors that theta does not reach join the
 * weights, where they cost a run nothing. */
static elbo_quantity factors(elbo_compiler *c, const elbo_expr *e,
                             elbo_quantity *weight)
{
    if (e->kind == ELBO_EXPR_NEG) {
        *weight = elbo_quantity_unary(c, ELBO_NEG, *weight);
        return factors(c, e->arg[0], weight);
    }
    if (e->kind == ELBO_EXPR_MUL) {
        const elbo_quantity x = factors(c, e->arg[0], weight);
        const elbo_quantity y = factors(c, e->arg[1], weight);

        if (is_one(&x)) return y;
        return is_one(&y) ? x : elbo_quantity_binary(c, ELBO_MUL, x, y);
    }

    const elbo_quantity x = elbo_compile_quantity(c, e);

    if (x.live) return x;
    *weight = elbo_quantity_binary(c, ELBO_MUL, *weight, x);
    return elbo_quantity_number(1);
}

elbo_status elbo_compile(elbo_compiler *c, const elbo_expr *expr)
{
    c->column = expr->column;

    elbo_quantity weight = elbo_batch_weight(c);
    const elbo_quantity rest = factors(c, expr, &weight);

    if (c->status != ELBO_OK) return c->status;

    /* an expression of (s, a), or of nothing, meets the sum of its weights */
    c->column = expr->column;
    if (rest.at != ELBO_AT_SAMPLE)
        weight = elbo_quantity_sum(c, weight, rest.at);
    c->program->total = elbo_quantity_total(c, weight, rest);
    return c->status;
}
