/* inference/language/gaussian_poly.c -- polynomials in a Gaussian variable.
 */
#include <stdarg.h>
#include <stdio.h>

#include "inference/language/gaussian_state.h"

elbo_status elbo_gaussian_refuse(elbo_gaussian_compiler *c, const char *format, ...)
{
    char text[ELBO_ERROR_TEXT];
    va_list args;

    if (elbo_rows_lost(c)) return c->status;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return c->status = ELBO_FAIL(ELBO_EINVAL, "%s", text);
}

static elbo_poly nothing(elbo_gaussian_compiler *c)
{
    return elbo_poly_number(c, 0);
}

elbo_poly elbo_poly_of(elbo_gaussian_compiler *c, elbo_node x)
{
    return (elbo_poly){.cols = elbo_rows_cols(c, x), .c = x};
}

elbo_poly elbo_poly_number(elbo_gaussian_compiler *c, double x)
{
    return elbo_poly_of(c, elbo_rows_number(c, x));
}

static elbo_node zeros(elbo_gaussian_compiler *c, size_t n)
{
    return elbo_rows_constant(
        c, 1, n, elbo_arena_take(c->program->arena, n, sizeof(double)));
}

elbo_poly elbo_poly_variable(elbo_gaussian_compiler *c)
{
    const size_t d = c->d;
    double *const one = elbo_arena_take(c->program->arena, d * d, sizeof *one);

    for (size_t i = 0; one && i < d; i++) one[i * d + i] = 1;
    return (elbo_poly){.cols = d,
                       .degree = 1,
                       .c = zeros(c, d),
                       .G = elbo_rows_constant(c, 1, d * d, one)};
}

/* ---- arithmetic ---- */

/* Whether columns go together: as many, or one for all. */
static bool fits(elbo_gaussian_compiler *c, const elbo_poly *x, const elbo_poly *y)
{
    if (c->status != ELBO_OK) return false;
    if (x->cols == y->cols || x->cols == 1 || y->cols == 1) return true;
    elbo_gaussian_refuse(c, "vectors of %zu and %zu numbers do not go together",
                         x->cols, y->cols);
    return false;
}

/* x with as many columns as y. */
static elbo_poly widen(elbo_gaussian_compiler *c, elbo_poly x, size_t cols)
{
    if (x.cols == cols) return x;
    if (x.pairs) {
        elbo_gaussian_refuse(c, "a vector of degree above 2 in what E averages: "
                                "sum it first");
        return nothing(c);
    }
    x.cols = cols;
    x.c = elbo_rows_tile(c, x.c, cols);
    if (x.degree >= 1) x.G = elbo_rows_tile(c, x.G, cols);
    if (x.degree >= 2) x.H = elbo_rows_tile(c, x.H, cols);
    return x;
}

/* Both parts, or the one there is. */
static elbo_node join_parts(elbo_gaussian_compiler *c, elbo_binary op, bool has_x,
                            elbo_node x, bool has_y, elbo_node y)
{
    if (has_x && has_y) return elbo_rows_binary(c, op, x, y);
    if (has_x) return x;
    return op == ELBO_SUB ? elbo_rows_unary(c, ELBO_NEG, y) : y;
}

static elbo_pair *copy_pairs(elbo_gaussian_compiler *c, const elbo_pair *from,
                             double k, elbo_pair *rest)
{
    for (; from; from = from->rest) {
        elbo_pair *const pair = elbo_arena_take(c->program->arena, 1, sizeof *pair);

        if (!pair) return rest; /* the arena remembers */
        *pair = (elbo_pair){elbo_poly_scale(c, from->a, k), from->b, rest};
        rest = pair;
    }
    return rest;
}

/* The degree of what c, G and H say; where there are pairs, G and H are set. */
static size_t plain_degree(const elbo_poly *x)
{
    return x->pairs && x->degree > 2 ? 2 : x->degree;
}

elbo_poly elbo_poly_add(elbo_gaussian_compiler *c, elbo_binary op, elbo_poly x,
                        elbo_poly y)
{
    const size_t dx = plain_degree(&x), dy = plain_degree(&y);
    elbo_poly out = {0};

    if (!fits(c, &x, &y)) return nothing(c);
    out.cols = x.cols > y.cols ? x.cols : y.cols;
    out.degree = x.degree > y.degree ? x.degree : y.degree;
    if (out.degree > 0) {
        x = widen(c, x, out.cols);
        y = widen(c, y, out.cols);
        if (c->status != ELBO_OK) return nothing(c);
    }
    out.c = elbo_rows_binary(c, op, x.c, y.c);
    if (dx >= 1 || dy >= 1) out.G = join_parts(c, op, dx >= 1, x.G, dy >= 1, y.G);
    if (dx >= 2 || dy >= 2) out.H = join_parts(c, op, dx >= 2, x.H, dy >= 2, y.H);
    if (!x.pairs && !y.pairs) return out;
    out.pairs = copy_pairs(c, x.pairs, 1, NULL);
    out.pairs = copy_pairs(c, y.pairs, op == ELBO_SUB ? -1 : 1, out.pairs);
    return out;
}

/* Each part by a value v [1 or cols] of degree 0. */
static elbo_poly by_value(elbo_gaussian_compiler *c, elbo_binary op, elbo_poly x,
                          elbo_node v)
{
    const size_t wide = elbo_rows_cols(c, v), d = c->d;
    const size_t plain = plain_degree(&x);

    if (wide > x.cols && x.degree > 0) x = widen(c, x, wide);
    if (wide > x.cols) x.cols = wide;
    if (c->status != ELBO_OK) return nothing(c);
    if (wide > 1 && x.pairs) {
        elbo_gaussian_refuse(c, "a vector of degree above 2 in what E averages: "
                                "sum it first");
        return nothing(c);
    }
    x.c = elbo_rows_binary(c, op, x.c, v);
    if (plain >= 1)
        x.G = elbo_rows_binary(c, op, x.G,
                               wide == 1 ? v : elbo_rows_repeat(c, v, d));
    if (plain >= 2)
        x.H = elbo_rows_binary(c, op, x.H,
                               wide == 1 ? v : elbo_rows_repeat(c, v, d * d));
    if (!x.pairs) return x;

    const elbo_pair *from = x.pairs;

    for (x.pairs = NULL; from; from = from->rest) {
        elbo_pair *const pair = elbo_arena_take(c->program->arena, 1, sizeof *pair);

        if (!pair) return x;
        *pair = (elbo_pair){by_value(c, op, from->a, v), from->b, x.pairs};
        x.pairs = pair;
    }
    return x;
}

elbo_poly elbo_poly_scale(elbo_gaussian_compiler *c, elbo_poly x, double k)
{
    const size_t plain = plain_degree(&x);

    if (k == 1) return x;
    x.c = elbo_rows_scale(c, x.c, k);
    if (plain >= 1) x.G = elbo_rows_scale(c, x.G, k);
    if (plain >= 2) x.H = elbo_rows_scale(c, x.H, k);
    x.pairs = copy_pairs(c, x.pairs, k, NULL);
    return x;
}

/* H_ijk = (a_ij b_ik + b_ij a_ik) / 2 */
static elbo_node outer(elbo_gaussian_compiler *c, size_t cols, elbo_node a,
                       elbo_node b)
{
    const size_t d = c->d, n = cols * d * d;
    size_t *const last = elbo_arena_sizes(c->program->arena, n);
    elbo_node ab, ba;

    if (!last) return 0; /* the arena remembers */
    for (size_t i = 0; i < n; i++) last[i] = i / (d * d) * d + i % d;
    ab = elbo_rows_binary(c, ELBO_MUL, elbo_rows_repeat(c, a, d),
                          elbo_rows_spread(c, b, last, n));
    if (a == b) return ab;
    ba = elbo_rows_binary(c, ELBO_MUL, elbo_rows_repeat(c, b, d),
                          elbo_rows_spread(c, a, last, n));
    return elbo_rows_scale(c, elbo_rows_binary(c, ELBO_ADD, ab, ba), 0.5);
}

/* (c + G x)(c' + G'x), entry by entry. */
static elbo_poly affine_product(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y)
{
    const size_t cols = x.cols > y.cols ? x.cols : y.cols, d = c->d;
    elbo_node left, right;

    x = widen(c, x, cols);
    y = widen(c, y, cols);
    left = elbo_rows_binary(c, ELBO_MUL, x.G, elbo_rows_repeat(c, y.c, d));
    right = elbo_rows_binary(c, ELBO_MUL, y.G, elbo_rows_repeat(c, x.c, d));
    return (elbo_poly){.cols = cols,
                       .degree = 2,
                       .c = elbo_rows_binary(c, ELBO_MUL, x.c, y.c),
                       .G = elbo_rows_binary(c, ELBO_ADD, left, right),
                       .H = outer(c, cols, x.G, y.G)};
}

static elbo_poly pair_of(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y)
{
    elbo_pair *const pair = elbo_arena_take(c->program->arena, 1, sizeof *pair);
    elbo_poly out = {.cols = 1, .degree = x.degree + y.degree, .c = zeros(c, 1)};

    if (!pair) return nothing(c);
    *pair = (elbo_pair){x, y, NULL};
    out.G = zeros(c, c->d);
    out.H = zeros(c, c->d * c->d);
    out.pairs = pair;
    return out;
}

elbo_poly elbo_poly_mul(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y)
{
    const size_t degree = x.degree + y.degree;

    if (!fits(c, &x, &y)) return nothing(c);
    if (x.degree == 0) return by_value(c, ELBO_MUL, y, x.c);
    if (y.degree == 0) return by_value(c, ELBO_MUL, x, y.c);
    if (degree == 2) return affine_product(c, x, y);
    if (x.pairs || y.pairs || degree > 4) {
        elbo_gaussian_refuse(c, "a polynomial of degree %zu: the closed forms end "
                                "at 4",
                             degree);
        return nothing(c);
    }
    if (x.cols > 1 || y.cols > 1) {
        elbo_gaussian_refuse(c, "a vector of degree %zu in what E averages: sum "
                                "before multiplying",
                             degree);
        return nothing(c);
    }
    return pair_of(c, x, y);
}

elbo_poly elbo_poly_div(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y)
{
    if (!fits(c, &x, &y)) return nothing(c);
    if (y.degree == 0) return by_value(c, ELBO_DIV, x, y.c);
    elbo_gaussian_refuse(c, "what E averages must be a polynomial: it cannot stand "
                            "below a fraction's line");
    return nothing(c);
}

elbo_poly elbo_poly_stop(elbo_gaussian_compiler *c, elbo_poly x)
{
    const size_t plain = plain_degree(&x);
    const elbo_pair *from = x.pairs;

    x.c = elbo_rows_unary(c, ELBO_STOP, x.c);
    if (plain >= 1) x.G = elbo_rows_unary(c, ELBO_STOP, x.G);
    if (plain >= 2) x.H = elbo_rows_unary(c, ELBO_STOP, x.H);
    for (x.pairs = NULL; from; from = from->rest) {
        elbo_pair *const pair = elbo_arena_take(c->program->arena, 1, sizeof *pair);

        if (!pair) return x;
        *pair = (elbo_pair){elbo_poly_stop(c, from->a), elbo_poly_stop(c, from->b),
                            x.pairs};
        x.pairs = pair;
    }
    return x;
}

/* Of entries [cols n]: sums over the cols. */
static elbo_node sum_blocks(elbo_gaussian_compiler *c, elbo_node x, size_t cols,
                            size_t n)
{
    return elbo_rows_fold(c, elbo_rows_transpose(c, x, cols, n), n, cols);
}

elbo_poly elbo_poly_sum(elbo_gaussian_compiler *c, elbo_poly x)
{
    const size_t cols = x.cols, d = c->d;

    if (cols == 1) return x;
    x.cols = 1;
    x.c = elbo_rows_fold(c, x.c, 1, cols);
    if (x.degree >= 1) x.G = sum_blocks(c, x.G, cols, d);
    if (x.degree >= 2) x.H = sum_blocks(c, x.H, cols, d * d);
    return x;
}

/* ---- maps and quadratics ---- */

static bool affine(elbo_gaussian_compiler *c, const elbo_poly *x)
{
    if (c->status == ELBO_OK && x->degree <= 1) return true;
    elbo_gaussian_refuse(c, "a state that is of degree %zu in what E averages: at "
                            "most 1",
                         x->degree);
    return false;
}

elbo_poly elbo_poly_map(elbo_gaussian_compiler *c, elbo_node T, size_t R, elbo_poly x)
{
    elbo_poly out = {.cols = R, .degree = x.degree};

    if (!affine(c, &x)) return nothing(c);
    out.c = elbo_rows_apply(c, T, R, x.cols, x.c);
    if (x.degree == 1) out.G = elbo_rows_product(c, T, R, x.cols, x.G, c->d);
    return out;
}

elbo_poly elbo_poly_join(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y)
{
    const size_t n = x.cols, m = n + y.cols, d = c->d;
    elbo_poly out = {.cols = m};

    if (!affine(c, &x) || !affine(c, &y)) return nothing(c);
    out.degree = x.degree > y.degree ? x.degree : y.degree;
    out.c = elbo_rows_binary(c, ELBO_ADD, elbo_rows_place(c, x.c, 0, m),
                             elbo_rows_place(c, y.c, n, m));
    if (out.degree == 0) return out;
    if (x.degree == 1) x.G = elbo_rows_place(c, x.G, 0, m * d);
    if (y.degree == 1) y.G = elbo_rows_place(c, y.G, n * d, m * d);
    out.G = join_parts(c, ELBO_ADD, x.degree == 1, x.G, y.degree == 1, y.G);
    return out;
}

elbo_poly elbo_poly_quadratic(elbo_gaussian_compiler *c, double k, elbo_node P,
                              elbo_node p, elbo_node c0, elbo_poly x)
{
    const size_t n = x.cols, d = c->d;
    elbo_poly out = {.cols = 1, .degree = 2 * x.degree};
    elbo_node Px, PG, slope;

    if (!affine(c, &x)) return nothing(c);
    Px = elbo_rows_scale(c, elbo_rows_apply(c, P, n, n, x.c), k);
    out.c = elbo_rows_binary(
        c, ELBO_ADD,
        elbo_rows_dot(c, elbo_rows_binary(c, ELBO_ADD, Px, p), x.c), c0);
    if (x.degree == 0) return out;
    slope = elbo_rows_binary(c, ELBO_ADD, elbo_rows_scale(c, Px, 2), p);
    PG = elbo_rows_product(c, P, n, n, x.G, d);
    out.G = elbo_rows_apply(c, elbo_rows_transpose(c, x.G, n, d), d, n, slope);
    out.H = elbo_rows_scale(
        c,
        elbo_rows_product(c, elbo_rows_transpose(c, x.G, n, d), d, n, PG, d), k);
    return out;
}

/* ---- moments ---- */

/* E x x' = S + m m', as a row. */
static elbo_node second(elbo_gaussian_compiler *c, elbo_node m, elbo_node S)
{
    return elbo_rows_binary(c, ELBO_ADD, S,
                            elbo_rows_binary(c, ELBO_MUL,
                                             elbo_rows_repeat(c, m, c->d),
                                             elbo_rows_tile(c, m, c->d)));
}

/* E of the parts up to degree 2. */
static elbo_node plain_mean(elbo_gaussian_compiler *c, const elbo_poly *f,
                            elbo_node m, elbo_node S)
{
    const size_t plain = plain_degree(f), d = c->d;
    elbo_node mean = f->c;

    if (plain >= 1)
        mean = elbo_rows_binary(c, ELBO_ADD, mean,
                                elbo_rows_apply(c, f->G, f->cols, d, m));
    if (plain >= 2)
        mean = elbo_rows_binary(
            c, ELBO_ADD, mean,
            elbo_rows_apply(c, f->H, f->cols, d * d, second(c, m, S)));
    return mean;
}

/* The slope of a scalar at m: G + 2 H m. */
static elbo_node slope_at(elbo_gaussian_compiler *c, const elbo_poly *f, elbo_node m)
{
    if (plain_degree(f) < 2) return f->G;
    return elbo_rows_binary(
        c, ELBO_ADD, f->G,
        elbo_rows_scale(c, elbo_rows_apply(c, f->H, c->d, c->d, m), 2));
}

/* b_f'S b_h + 2 tr(H_f S H_h S), scalars of degree 1 and 2. */
static elbo_node covariance(elbo_gaussian_compiler *c, const elbo_poly *f,
                            const elbo_poly *h, elbo_node m, elbo_node S)
{
    const size_t d = c->d;
    const elbo_node Sb = elbo_rows_apply(c, S, d, d, slope_at(c, h, m));
    const elbo_node linear = elbo_rows_dot(c, slope_at(c, f, m), Sb);
    elbo_node left, right;

    if (f->degree < 2 || h->degree < 2) return linear;
    left = elbo_rows_product(c, f->H, d, d, S, d);
    right = elbo_rows_product(c, S, d, d, h->H, d); /* (H S)' */
    return elbo_rows_binary(
        c, ELBO_ADD, linear,
        elbo_rows_scale(c, elbo_rows_dot(c, left, right), 2));
}

elbo_poly elbo_poly_mean(elbo_gaussian_compiler *c, elbo_poly f, elbo_node m,
                         elbo_node S)
{
    elbo_node mean;

    if (c->status != ELBO_OK || f.degree == 0) return f;
    mean = plain_mean(c, &f, m, S);
    for (const elbo_pair *pair = f.pairs; pair; pair = pair->rest) {
        const elbo_node a = plain_mean(c, &pair->a, m, S);
        const elbo_node b = plain_mean(c, &pair->b, m, S);

        mean = elbo_rows_binary(c, ELBO_ADD, mean,
                                elbo_rows_binary(c, ELBO_MUL, a, b));
        mean = elbo_rows_binary(c, ELBO_ADD, mean,
                                covariance(c, &pair->a, &pair->b, m, S));
    }
    return elbo_poly_of(c, mean);
}

elbo_poly elbo_poly_variance(elbo_gaussian_compiler *c, elbo_poly f, elbo_node m,
                             elbo_node S)
{
    if (c->status != ELBO_OK || f.degree == 0) return nothing(c);
    if (f.degree == 1)
        return elbo_poly_of(
            c, elbo_rows_apply(c, outer(c, f.cols, f.G, f.G), f.cols,
                               c->d * c->d, S));
    if (f.degree == 2 && f.cols == 1)
        return elbo_poly_of(c, covariance(c, &f, &f, m, S));
    elbo_gaussian_refuse(c, "the variance of a %s of degree %zu: the closed forms "
                            "are those of scalars up to 2 and vectors up to 1",
                         f.cols == 1 ? "scalar" : "vector", f.degree);
    return nothing(c);
}
