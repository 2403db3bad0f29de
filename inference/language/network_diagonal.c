/* inference/language/network_diagonal.c -- polynomials of degree 2 in y without
 * products of two entries, y ~ N(m, diag(s^2)):
 *
 *   E (q y^2 + l y + c) = q (m^2 + s^2) + l m + c
 *   Var                 = (l + 2 q m)^2 s^2 + 2 q^2 s^4
 */
#include "inference/language/network_state.h"

static elbo_tape *tape_of(const elbo_net_compiler *c)
{
    return c->program->frame.tape;
}

static elbo_node multiply(elbo_net_compiler *c, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(tape_of(c), ELBO_MUL, x, y);
}

static elbo_node add(elbo_net_compiler *c, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(tape_of(c), ELBO_ADD, x, y);
}

elbo_net_term elbo_net_y(elbo_net_compiler *c)
{
    return (elbo_net_term){.form = ELBO_NET_DIAGONAL,
                           .place = ELBO_NET_SAMPLE,
                           .cols = c->program->frame.no,
                           .depends = ELBO_ON_Y,
                           .draws = c->y,
                           .l = elbo_tape_number(tape_of(c), 1),
                           .c = elbo_tape_number(tape_of(c), 0)};
}

static bool is_diagonal(const elbo_net_term *x)
{
    return x->form == ELBO_NET_DIAGONAL;
}

/* ---- arithmetic ---- */

/* Of x and y, or of x and nothing. */
static elbo_node both(elbo_net_compiler *c, elbo_binary op, bool has_x,
                      elbo_node x, bool has_y, elbo_node y)
{
    if (has_x && has_y) return elbo_tape_binary(tape_of(c), op, x, y);
    if (has_x) return x;
    return op == ELBO_SUB ? elbo_tape_unary(tape_of(c), ELBO_NEG, y) : y;
}

static bool add_diagonal(elbo_net_compiler *c, elbo_binary op,
                         const elbo_net_term *x, const elbo_net_term *y,
                         elbo_net_term *out)
{
    if (x->summed != y->summed || x->cols != y->cols) return false;
    *out = *x;
    out->square = x->square || y->square;
    out->l = elbo_tape_binary(tape_of(c), op, x->l, y->l);
    out->c = elbo_tape_binary(tape_of(c), op, x->c, y->c);
    if (out->square) out->q = both(c, op, x->square, x->q, y->square, y->q);
    return true;
}

/* v knows no y. */
static bool add_value(elbo_net_compiler *c, elbo_binary op,
                      const elbo_net_term *x, elbo_node v, size_t cols,
                      bool y_first, elbo_net_term *out)
{
    if (cols > x->cols) return false;
    *out = *x;
    if (!y_first && op == ELBO_SUB) *out = elbo_net_diagonal_scale(c, *x, -1);
    out->c = elbo_tape_binary(tape_of(c), y_first ? op : ELBO_ADD, out->c, v);
    return true;
}

static bool by_value(elbo_net_compiler *c, elbo_binary op,
                     const elbo_net_term *x, elbo_node v, size_t cols,
                     elbo_net_term *out)
{
    if (cols > x->cols) return false;
    *out = *x;
    out->l = elbo_tape_binary(tape_of(c), op, x->l, v);
    out->c = elbo_tape_binary(tape_of(c), op, x->c, v);
    if (x->square) out->q = elbo_tape_binary(tape_of(c), op, x->q, v);
    return true;
}

/* (l y + c)(l' y + c'), entry by entry. */
static bool multiply_affine(elbo_net_compiler *c, const elbo_net_term *x,
                            const elbo_net_term *y, elbo_net_term *out)
{
    if (x->square || y->square || x->summed || y->summed || x->cols != y->cols)
        return false;
    *out = *x;
    out->square = true;
    out->q = multiply(c, x->l, y->l);
    out->l = add(c, multiply(c, x->l, y->c), multiply(c, x->c, y->l));
    out->c = multiply(c, x->c, y->c);
    return true;
}

static bool with_value(elbo_net_compiler *c, elbo_binary op,
                       const elbo_net_term *x, const elbo_net_term *v,
                       bool y_first, elbo_net_term *out)
{
    const elbo_net_term plain = elbo_net_plain(c, *v);

    switch (op) {
    case ELBO_ADD:
    case ELBO_SUB:
        return add_value(c, op, x, plain.x, plain.cols, y_first, out);
    case ELBO_MUL:
        return by_value(c, op, x, plain.x, plain.cols, out);
    case ELBO_DIV:
        return y_first && by_value(c, op, x, plain.x, plain.cols, out);
    default:
        return false;
    }
}

bool elbo_net_diagonal(elbo_net_compiler *c, elbo_binary op,
                       const elbo_net_term *x, const elbo_net_term *y,
                       elbo_net_term *out)
{
    if (is_diagonal(x) && is_diagonal(y)) {
        if (op == ELBO_MUL) return multiply_affine(c, x, y, out);
        return (op == ELBO_ADD || op == ELBO_SUB)
               && add_diagonal(c, op, x, y, out);
    }
    if (is_diagonal(x) && y->place != ELBO_NET_SAMPLE)
        return with_value(c, op, x, y, true, out);
    if (is_diagonal(y) && x->place != ELBO_NET_SAMPLE)
        return with_value(c, op, y, x, false, out);
    return false;
}

elbo_net_term elbo_net_diagonal_scale(elbo_net_compiler *c, elbo_net_term x,
                                      double k)
{
    x.l = elbo_tape_scale(tape_of(c), x.l, k);
    x.c = elbo_tape_scale(tape_of(c), x.c, k);
    if (x.square) x.q = elbo_tape_scale(tape_of(c), x.q, k);
    return x;
}

/* The sum of x's entries, `cols` of them though the node may have one. */
static elbo_node sum_entries(elbo_net_compiler *c, elbo_node x, size_t cols)
{
    if (cols == 1) return x;
    if (elbo_tape_cols(tape_of(c), x) == 1)
        return elbo_tape_scale(tape_of(c), x, (double)cols);
    return elbo_tape_sum(tape_of(c), x, ELBO_ROWS);
}

elbo_net_term elbo_net_diagonal_sum(elbo_net_compiler *c, elbo_net_term x)
{
    if (x.summed) return x;
    x.c = sum_entries(c, x.c, x.cols);
    x.summed = true;
    x.cols = 1;
    return x;
}

/* ---- values and moments ---- */

/* Of rows, or of one. */
static elbo_node at_samples(elbo_net_compiler *c, elbo_node x,
                            elbo_net_draws *draws)
{
    const size_t rows = elbo_tape_rows(tape_of(c), x);
    elbo_net_term row = elbo_net_row(x, 0);

    if (rows == 1) row.place = ELBO_NET_ONE;
    return elbo_net_spread(c, row, draws);
}

/* x [.. x no] as the polynomial has it, plus c. */
static elbo_node finish(elbo_net_compiler *c, const elbo_net_term *x,
                        elbo_node value, elbo_node constant)
{
    if (x->summed) value = sum_entries(c, value, c->program->frame.no);
    return add(c, value, constant);
}

elbo_node elbo_net_diagonal_value(elbo_net_compiler *c, const elbo_net_term *x)
{
    const elbo_node y = x->draws->y;
    elbo_node value = multiply(c, at_samples(c, x->l, x->draws), y);

    if (x->square)
        value = add(c, value,
                    multiply(c, at_samples(c, x->q, x->draws),
                             elbo_tape_unary(tape_of(c), ELBO_SQ, y)));
    return finish(c, x, value, at_samples(c, x->c, x->draws));
}

static elbo_node variance_of_y(elbo_net_compiler *c)
{
    return elbo_tape_unary(tape_of(c), ELBO_SQ, c->program->frame.std);
}

elbo_net_term elbo_net_diagonal_mean(elbo_net_compiler *c, elbo_net_term x)
{
    const elbo_node m = c->program->frame.mean;
    elbo_node value = multiply(c, x.l, m);
    elbo_net_term out;

    if (x.square) {
        const elbo_node m2 = elbo_tape_unary(tape_of(c), ELBO_SQ, m);

        value = add(c, value, multiply(c, x.q, add(c, m2, variance_of_y(c))));
    }
    out = elbo_net_row(finish(c, &x, value, x.c), x.cols);
    out.single = x.single;
    return out;
}

elbo_net_term elbo_net_diagonal_variance(elbo_net_compiler *c, elbo_net_term x)
{
    const elbo_node zero = elbo_tape_number(tape_of(c), 0);
    const elbo_node s2 = variance_of_y(c);
    elbo_node slope = x.l, value;

    if (x.square)
        slope =
            add(c, slope,
                elbo_tape_scale(tape_of(c),
                                multiply(c, x.q, c->program->frame.mean), 2));
    value = multiply(c, elbo_tape_unary(tape_of(c), ELBO_SQ, slope), s2);
    if (x.square) {
        const elbo_node qs2 = multiply(c, x.q, s2);

        value =
            add(c, value,
                elbo_tape_scale(tape_of(c),
                                elbo_tape_unary(tape_of(c), ELBO_SQ, qs2), 2));
    }
    return elbo_net_row(finish(c, &x, value, zero), x.cols);
}
