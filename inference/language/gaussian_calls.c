/* inference/language/gaussian_calls.c -- functions of values, in linear-Gaussian
 * worlds.
 */
#include <float.h>
#include <string.h>

#include "inference/language/gaussian_state.h"

static elbo_term term_of(elbo_poly f)
{
    return (elbo_term){.f = f};
}

/* Argument i, of degree 0. */
static elbo_node plain(elbo_gaussian_compiler *c, const elbo_expr *e, size_t i)
{
    const elbo_term x = elbo_gaussian_term(c, e->arg[i]);

    if (x.f.degree > 0)
        elbo_gaussian_without(c, e, "E and Epi have closed forms of polynomials alone");
    elbo_gaussian_back_to(c, e);
    return x.f.c;
}

static elbo_node together(elbo_gaussian_compiler *c, elbo_binary op, elbo_node x,
                          elbo_node y)
{
    const size_t nx = elbo_rows_cols(c, x), ny = elbo_rows_cols(c, y);

    if (c->status != ELBO_OK) return x;
    if (nx == ny || nx == 1 || ny == 1) return elbo_rows_binary(c, op, x, y);
    elbo_gaussian_refuse(c, "vectors of %zu and %zu numbers do not go together", nx,
                         ny);
    return x;
}

static elbo_term smaller(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_node x = plain(c, e, 0), y = plain(c, e, 1);

    return term_of(elbo_poly_of(c, together(c, ELBO_MIN, x, y)));
}

static elbo_term larger(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_node x = plain(c, e, 0), y = plain(c, e, 1);

    return term_of(elbo_poly_of(c, together(c, ELBO_MAX, x, y)));
}

static double number_of(const elbo_expr *e)
{
    return e->kind == ELBO_EXPR_NEG ? -e->arg[0]->number : e->number;
}

static elbo_term clip(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_node x = plain(c, e, 0);

    return term_of(elbo_poly_of(c, elbo_tape_clip(c->program->tape, x,
                                                  number_of(e->arg[1]),
                                                  number_of(e->arg[2]))));
}

/* As on finite worlds: at 0 the slope is 0, the value 1.5e-154. */
static elbo_node length(elbo_gaussian_compiler *c, elbo_node x)
{
    const elbo_node square =
        elbo_rows_fold(c, elbo_rows_unary(c, ELBO_SQ, x), 1, elbo_rows_cols(c, x));

    return elbo_rows_unary(
        c, ELBO_SQRT,
        elbo_rows_binary(c, ELBO_MAX, elbo_rows_number(c, DBL_MIN), square));
}

static elbo_term norm(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    return term_of(elbo_poly_of(c, length(c, plain(c, e, 0))));
}

static elbo_term normalize(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_node x = plain(c, e, 0);

    return term_of(elbo_poly_of(
        c, elbo_rows_binary(c, ELBO_DIV, x, length(c, x))));
}

static elbo_term distance(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_node x = plain(c, e, 0), y = plain(c, e, 1);

    return term_of(elbo_poly_of(c, length(c, together(c, ELBO_SUB, x, y))));
}

static elbo_term sum(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_term x = elbo_gaussian_term(c, e->arg[0]);

    elbo_gaussian_back_to(c, e);
    return term_of(elbo_poly_sum(c, x.f));
}

static elbo_term dot(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_term x = elbo_gaussian_term(c, e->arg[0]);
    const elbo_term y = elbo_gaussian_term(c, e->arg[1]);

    elbo_gaussian_back_to(c, e);
    return term_of(elbo_poly_sum(c, elbo_poly_mul(c, x.f, y.f)));
}

static elbo_term square(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_term x = elbo_gaussian_term(c, e->arg[0]);

    elbo_gaussian_back_to(c, e);
    return term_of(elbo_poly_mul(c, x.f, x.f));
}

static elbo_term stop(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_term x = elbo_gaussian_term(c, e->arg[0]);

    x.f = elbo_poly_stop(c, x.f);
    return x;
}

typedef elbo_term meaning(elbo_gaussian_compiler *c, const elbo_expr *e);

static const struct {
    const char *name;
    meaning *call;
} functions[] = {
    {"min", smaller},         {"max", larger},        {"clip", clip},
    {"sum", sum},             {"dot", dot},           {"norm", norm},
    {"normalize", normalize}, {"distance", distance}, {"sq", square},
    {"stop", stop},
};

static const struct {
    const char *name;
    elbo_unary op;
} unaries[] = {
    {"exp", ELBO_EXP}, {"log", ELBO_LOG},   {"sqrt", ELBO_SQRT},
    {"abs", ELBO_ABS}, {"relu", ELBO_RELU},
};

bool elbo_gaussian_call(elbo_gaussian_compiler *c, const elbo_expr *e, elbo_term *out)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(functions[i].name, e->name) != 0) continue;
        *out = functions[i].call(c, e);
        return true;
    }
    for (size_t i = 0; i < sizeof unaries / sizeof *unaries; i++) {
        if (strcmp(unaries[i].name, e->name) != 0) continue;
        *out = term_of(
            elbo_poly_of(c, elbo_rows_unary(c, unaries[i].op, plain(c, e, 0))));
        return true;
    }
    return false;
}
