/* inference/language/gaussian_arithmetic.c -- sums, products and powers of
 * polynomials in y.
 */
#include <math.h>

#include "inference/language/gaussian_state.h"

static elbo_term timeless(elbo_poly f)
{
    return (elbo_term){.f = f};
}

static elbo_term power(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    const elbo_term x = elbo_gaussian_term(c, e->arg[0]);
    const double k = e->number;
    elbo_poly out = x.f;

    if (c->status != ELBO_OK) return x;
    elbo_gaussian_back_to(c, e);
    if (k == 2) return timeless(elbo_poly_mul(c, x.f, x.f));
    if (x.f.degree == 0)
        return timeless(elbo_poly_of(c, elbo_tape_pow(c->program->tape, x.f.c, k)));
    if (!(k >= 1 && k <= 4 && k == floor(k))) {
        elbo_gaussian_refuse(c, "E and Epi have closed forms of polynomials up to "
                                "degree 4 alone");
        return x;
    }
    if (k == 4) { /* as a square of squares: of degree 2 each */
        out = elbo_poly_mul(c, out, out);
        return timeless(elbo_poly_mul(c, out, out));
    }
    for (double i = 1; i < k; i++) out = elbo_poly_mul(c, out, x.f);
    return timeless(out);
}

static elbo_time time_of(const elbo_term *x, const elbo_term *y)
{
    if (x->time == ELBO_TIMELESS || x->time == y->time) return y->time;
    return y->time == ELBO_TIMELESS ? x->time : ELBO_TIMES_MIXED;
}

static elbo_poly binary(elbo_gaussian_compiler *c, elbo_expr_kind kind, elbo_poly x,
                        elbo_poly y)
{
    switch (kind) {
    case ELBO_EXPR_MUL:
        return elbo_poly_mul(c, x, y);
    case ELBO_EXPR_DIV:
        return elbo_poly_div(c, x, y);
    default:
        return elbo_poly_add(c, kind == ELBO_EXPR_ADD ? ELBO_ADD : ELBO_SUB, x, y);
    }
}

elbo_term elbo_gaussian_arithmetic(elbo_gaussian_compiler *c, const elbo_expr *e)
{
    elbo_term x, y;

    if (e->kind == ELBO_EXPR_POW) return power(c, e);
    x = elbo_gaussian_term(c, e->arg[0]);
    if (e->kind == ELBO_EXPR_NEG)
        return (elbo_term){elbo_poly_scale(c, x.f, -1), x.time};
    y = elbo_gaussian_term(c, e->arg[1]);
    elbo_gaussian_back_to(c, e);
    return (elbo_term){binary(c, e->kind, x.f, y.f), time_of(&x, &y)};
}
