/* inference/language/network_values.c -- arithmetic of values at rows and at
 * samples.
 */
#include "inference/language/network_state.h"

static elbo_tape *tape_of(const elbo_net_compiler *c)
{
    return c->program->frame.tape;
}

elbo_net_term elbo_net_row(elbo_node x, size_t cols)
{
    return (elbo_net_term){.place = ELBO_NET_ROW, .cols = cols, .x = x};
}

elbo_net_term elbo_net_one(elbo_node x, size_t cols)
{
    return (elbo_net_term){.place = ELBO_NET_ONE, .cols = cols, .x = x};
}

elbo_net_term elbo_net_number(elbo_net_compiler *c, double x)
{
    return elbo_net_one(elbo_tape_number(tape_of(c), x), 1);
}

bool elbo_net_fits(elbo_net_compiler *c, const elbo_net_term *x,
                   const elbo_net_term *y)
{
    if (c->status != ELBO_OK) return false;
    if (x->cols == y->cols || x->cols == 1 || y->cols == 1) return true;
    elbo_net_refuse(c, "vectors of %zu and %zu numbers do not go together",
                    x->cols, y->cols);
    return false;
}

static size_t wider(const elbo_net_term *x, const elbo_net_term *y)
{
    return x->cols > y->cols ? x->cols : y->cols;
}

/* A tape without memory gives every node one row: finish tells. */
elbo_node elbo_net_spread(elbo_net_compiler *c, elbo_net_term x,
                          elbo_net_draws *draws)
{
    const size_t B = c->program->frame.rows;

    if (x.place != ELBO_NET_ROW || elbo_tape_rows(tape_of(c), x.x) != B
        || draws->n == 1)
        return x.x;
    return elbo_tape_gather(tape_of(c), x.x, draws->row, B * draws->n);
}

elbo_net_term elbo_net_plain(elbo_net_compiler *c, elbo_net_term x)
{
    if (x.form == ELBO_NET_MEAN) {
        x.x = elbo_net_average(c, x.x, x.draws);
        x.draws = NULL;
    }
    if (x.form == ELBO_NET_DIAGONAL) x.x = elbo_net_diagonal_value(c, &x);
    x.form = ELBO_NET_PLAIN;
    return x;
}

/* ---- one argument ---- */

elbo_net_term elbo_net_unary(elbo_net_compiler *c, elbo_unary op,
                             elbo_net_term x)
{
    if (c->status != ELBO_OK) return x;
    x = elbo_net_plain(c, x);
    x.x = elbo_tape_unary(tape_of(c), op, x.x);
    return x;
}

elbo_net_term elbo_net_scale(elbo_net_compiler *c, elbo_net_term x, double k)
{
    if (c->status != ELBO_OK || k == 1) return x;
    if (x.form == ELBO_NET_DIAGONAL) return elbo_net_diagonal_scale(c, x, k);
    x.x = elbo_tape_scale(tape_of(c), x.x, k);
    return x;
}

/* Of a mean of samples: of each. */
elbo_net_term elbo_net_stop(elbo_net_compiler *c, elbo_net_term x)
{
    if (c->status != ELBO_OK) return x;
    if (x.form == ELBO_NET_DIAGONAL) x = elbo_net_plain(c, x);
    x.x = elbo_tape_unary(tape_of(c), ELBO_STOP, x.x);
    return x;
}

elbo_net_term elbo_net_sum(elbo_net_compiler *c, elbo_net_term x)
{
    if (c->status != ELBO_OK) return x;
    if (x.form == ELBO_NET_DIAGONAL) return elbo_net_diagonal_sum(c, x);
    if (x.cols > 1) x.x = elbo_tape_sum(tape_of(c), x.x, ELBO_ROWS);
    x.cols = 1;
    return x;
}

/* ---- two arguments ---- */

/* Where one is at samples, the other too. */
static elbo_net_term plainly(elbo_net_compiler *c, elbo_binary op,
                             elbo_net_term x, elbo_net_term y)
{
    elbo_net_term out;

    x = elbo_net_plain(c, x);
    y = elbo_net_plain(c, y);
    out = x.place > y.place ? x : y;
    out.cols = wider(&x, &y);
    if (out.place == ELBO_NET_SAMPLE) {
        x.x = elbo_net_spread(c, x, out.draws);
        y.x = elbo_net_spread(c, y, out.draws);
    }
    out.x = elbo_tape_binary(tape_of(c), op, x.x, y.x);
    return out;
}

static bool is_mean(const elbo_net_term *x)
{
    return x->form == ELBO_NET_MEAN;
}

/* x of a mean of samples, y of rows, of the same samples or of as many of its own:
 * sample by sample. Others may be of the samples that E(f) shares, and none of those
 * that a call has to itself. */
static elbo_net_term by_samples(elbo_net_compiler *c, elbo_binary op,
                                elbo_net_term x, elbo_net_term y)
{
    const bool both = is_mean(&x) && is_mean(&y);
    elbo_net_term out = is_mean(&x) && !(both && y.draws->shared) ? x : y;

    out.cols = wider(&x, &y);
    if (!is_mean(&x)) x.x = elbo_net_spread(c, x, y.draws);
    if (!is_mean(&y)) y.x = elbo_net_spread(c, y, x.draws);
    out.x = elbo_tape_binary(tape_of(c), op, x.x, y.x);
    return out;
}

/* Whether the result is a mean of samples as well. */
static bool stays_mean(elbo_binary op, const elbo_net_term *x,
                       const elbo_net_term *y)
{
    const bool linear = op == ELBO_ADD || op == ELBO_SUB;

    if (x->place == ELBO_NET_SAMPLE || y->place == ELBO_NET_SAMPLE)
        return false;
    if (is_mean(x) && is_mean(y)) return linear && x->draws->n == y->draws->n;
    if (is_mean(x)) return linear || op == ELBO_MUL || op == ELBO_DIV;
    return is_mean(y) && (linear || op == ELBO_MUL);
}

/* One sample stands for Ed's mean where the rest knows neither theta nor next.
 */
static void check_single(elbo_net_compiler *c, elbo_binary op,
                         const elbo_net_term *x, const elbo_net_term *y)
{
    const unsigned moves = ELBO_ON_THETA | ELBO_ON_Y | ELBO_ON_NEXT;
    const bool linear = op == ELBO_ADD || op == ELBO_SUB;
    const elbo_net_term *const other = x->single ? y : x;

    if (linear || !(x->single || y->single)) return;
    if (x->single && y->single)
        elbo_net_refuse(c,
                        "two means Ed, of one and the same sample here: their "
                        "product is not the product of the means");
    else if ((op != ELBO_MUL && op != ELBO_DIV)
             || (op == ELBO_DIV && y->single))
        elbo_net_refuse(
            c, "here one sample stands for Ed's mean, which only sums and "
               "squares bear: write f for Ed(f) if that is meant");
    else if (other->depends & moves)
        elbo_net_refuse(
            c, "here one sample stands for Ed's mean: its factor may not "
               "depend on theta or on next");
}

elbo_net_term elbo_net_binary(elbo_net_compiler *c, elbo_binary op,
                              elbo_net_term x, elbo_net_term y)
{
    const bool single = x.single || y.single;
    elbo_net_term out = x;

    if (!elbo_net_fits(c, &x, &y)) return x;
    check_single(c, op, &x, &y);
    if (c->status != ELBO_OK) return x;
    if (elbo_net_diagonal(c, op, &x, &y, &out))
        ;
    else if (stays_mean(op, &x, &y))
        out = by_samples(c, op, x, y);
    else if (op == ELBO_MUL && is_mean(&x) && is_mean(&y) && x.draws == y.draws)
        out = elbo_net_product(c, x, y);
    else
        out = plainly(c, op, x, y);
    out.single = single;
    return out;
}

elbo_net_term elbo_net_square(elbo_net_compiler *c, elbo_net_term x)
{
    elbo_net_term out = x;

    if (c->status != ELBO_OK) return x;
    if (x.form == ELBO_NET_MEAN)
        out = elbo_net_product(c, x, x);
    else if (!elbo_net_diagonal(c, ELBO_MUL, &x, &x, &out))
        out = elbo_net_unary(c, ELBO_SQ, x);
    out.single = false;
    return out;
}
