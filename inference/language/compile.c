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
    if (e->factor) return elbo_factor_quantity(c, e);
    if (e->kind == ELBO_EXPR_NUMBER) return elbo_quantity_number(e->number);
    if (e->kind == ELBO_EXPR_NAME) return elbo_meaning_name(c, e);
    if (e->kind == ELBO_EXPR_CALL) return elbo_meaning_call(c, e);
    return arithmetic(c, e);
}

static bool is_one(const elbo_quantity *x)
{
    return x->is_number && x->number == 1;
}

static elbo_quantity product(elbo_compiler *c, elbo_quantity x, elbo_quantity y)
{
    if (is_one(&x)) return y;
    return is_one(&y) ? x : elbo_quantity_binary(c, ELBO_MUL, x, y);
}

/* The whole as outer x the rest: what theta does not reach joins the weights,
 * where it costs a run nothing. */
static elbo_quantity split(elbo_compiler *c, const elbo_expr *e,
                           elbo_quantity *outer)
{
    if (e->kind == ELBO_EXPR_NEG) {
        *outer = elbo_quantity_unary(c, ELBO_NEG, *outer);
        return split(c, e->arg[0], outer);
    }
    if (e->kind == ELBO_EXPR_MUL) {
        const elbo_quantity x = split(c, e->arg[0], outer);

        return product(c, x, split(c, e->arg[1], outer));
    }

    const elbo_quantity x = elbo_compile_quantity(c, e);

    if (x.live) return x;
    *outer = product(c, *outer, x);
    return elbo_quantity_number(1);
}

elbo_status elbo_compile(elbo_compiler *c, const elbo_expr *expr)
{
    c->column = expr->column;

    elbo_quantity outer = elbo_quantity_number(1);
    const elbo_quantity rest = split(c, expr, &outer);
    const elbo_quantity each = elbo_batch_weight(c);
    elbo_quantity weight = product(c, each, outer);

    c->program->weight = each.node;
    if (c->status != ELBO_OK) return c->status;
    c->program->outer = outer;
    c->program->inner = rest;

    /* an expression of (s, a), or of nothing, meets the sum of its weights */
    c->column = expr->column;
    if (rest.at != ELBO_AT_SAMPLE)
        weight = elbo_quantity_sum(c, weight, rest.at);
    c->program->total = elbo_quantity_total(c, weight, rest);
    return c->status;
}
