/* inference/language/gaussian_rows.c -- one matrix a row of the tape.
 */
#include "inference/language/gaussian_state.h"

static elbo_tape *tape_of(const elbo_gaussian_compiler *c)
{
    return c->program->tape;
}

/* A tape without memory gives every node the shape [1 x 1]. */
bool elbo_rows_lost(elbo_gaussian_compiler *c)
{
    elbo_gaussian *const p = c->program;

    if (c->status == ELBO_OK) c->status = elbo_arena_check(p->arena, "an objective");
    if (c->status == ELBO_OK && elbo_rows_cols(c, c->s_a_1) != p->nz + 1)
        c->status = elbo_tape_finish(p->tape);
    return c->status != ELBO_OK;
}

static size_t rows_of(const elbo_gaussian_compiler *c, elbo_node x)
{
    return elbo_tape_rows(tape_of(c), x);
}

size_t elbo_rows_cols(const elbo_gaussian_compiler *c, elbo_node x)
{
    return elbo_tape_cols(tape_of(c), x);
}

elbo_node elbo_rows_number(elbo_gaussian_compiler *c, double x)
{
    return elbo_tape_number(tape_of(c), x);
}

elbo_node elbo_rows_binary(elbo_gaussian_compiler *c, elbo_binary op, elbo_node x,
                           elbo_node y)
{
    return elbo_rows_lost(c) ? 0 : elbo_tape_binary(tape_of(c), op, x, y);
}

elbo_node elbo_rows_unary(elbo_gaussian_compiler *c, elbo_unary op, elbo_node x)
{
    return elbo_rows_lost(c) ? 0 : elbo_tape_unary(tape_of(c), op, x);
}

elbo_node elbo_rows_scale(elbo_gaussian_compiler *c, elbo_node x, double k)
{
    if (elbo_rows_lost(c)) return 0;
    return k == 1 ? x : elbo_tape_scale(tape_of(c), x, k);
}

elbo_node elbo_rows_constant(elbo_gaussian_compiler *c, size_t rows, size_t cols,
                             const double values[])
{
    elbo_gaussian *const p = c->program;
    elbo_gaussian_constant *const x = elbo_arena_take(p->arena, 1, sizeof *x);
    const elbo_node node = elbo_tape_constant(p->tape, rows, cols);

    if (!x) return node; /* the arena remembers */
    *x = (elbo_gaussian_constant){node, values, p->constants};
    p->constants = x;
    return node;
}

/* [m x n] with a 1 at (index[i], i). */
static elbo_node selection(elbo_gaussian_compiler *c, size_t m,
                           const size_t index[], size_t n)
{
    double *const values =
        elbo_arena_take(c->program->arena, m * n, sizeof *values);

    for (size_t i = 0; values && i < n; i++)
        if (index[i] < m) values[index[i] * n + i] = 1;
    return elbo_rows_constant(c, m, n, values);
}

/* Room for `n` places while compiling; NULL: none. */
static size_t *take_index(elbo_gaussian_compiler *c, size_t n)
{
    return elbo_arena_sizes(c->program->arena, n);
}

elbo_node elbo_rows_spread(elbo_gaussian_compiler *c, elbo_node x,
                           const size_t index[], size_t n)
{
    const size_t m = elbo_rows_cols(c, x);

    if (elbo_rows_lost(c)) return 0;
    return elbo_tape_matmul(tape_of(c), x, false, selection(c, m, index, n),
                            false);
}

elbo_node elbo_rows_fold(elbo_gaussian_compiler *c, elbo_node x, size_t R, size_t D)
{
    size_t *index;

    if (elbo_rows_lost(c)) return 0;
    if (D == 1) return x;
    if (R == 1) return elbo_tape_sum(tape_of(c), x, ELBO_ROWS);
    index = take_index(c, R * D);
    if (!index) return 0;
    for (size_t i = 0; i < R * D; i++) index[i] = i / D;
    return elbo_tape_matmul(tape_of(c), x, false, selection(c, R, index, R * D),
                            true);
}

elbo_node elbo_rows_tile(elbo_gaussian_compiler *c, elbo_node x, size_t R)
{
    const size_t D = elbo_rows_cols(c, x);
    size_t *const index = R == 1 ? NULL : take_index(c, R * D);

    if (!index) return x;
    for (size_t i = 0; i < R * D; i++) index[i] = i % D;
    return elbo_rows_spread(c, x, index, R * D);
}

elbo_node elbo_rows_repeat(elbo_gaussian_compiler *c, elbo_node x, size_t D)
{
    const size_t R = elbo_rows_cols(c, x);
    size_t *const index = D == 1 ? NULL : take_index(c, R * D);

    if (!index) return x;
    for (size_t i = 0; i < R * D; i++) index[i] = i / D;
    return elbo_rows_spread(c, x, index, R * D);
}

elbo_node elbo_rows_place(elbo_gaussian_compiler *c, elbo_node x, size_t at, size_t m)
{
    const size_t n = elbo_rows_cols(c, x);
    double *values;

    if (elbo_rows_lost(c)) return 0;
    if (n == m) return x;
    values = elbo_arena_take(c->program->arena, n * m, sizeof *values);
    for (size_t i = 0; values && i < n; i++) values[i * m + at + i] = 1;
    return elbo_tape_matmul(tape_of(c), x, false,
                            elbo_rows_constant(c, n, m, values), false);
}

elbo_node elbo_rows_apply(elbo_gaussian_compiler *c, elbo_node X, size_t R,
                          size_t D, elbo_node v)
{
    elbo_tape *const tape = tape_of(c);
    const size_t n = rows_of(c, X);

    if (elbo_rows_lost(c)) return 0;
    if (n == 1)
        return elbo_tape_matmul(tape, v, false, elbo_tape_reshape(tape, X, R, D),
                                true);
    if (rows_of(c, v) == 1)
        return elbo_tape_reshape(
            tape,
            elbo_tape_matmul(tape, elbo_tape_reshape(tape, X, n * R, D), false, v,
                             true),
            n, R);
    return elbo_rows_fold(
        c, elbo_rows_binary(c, ELBO_MUL, X, elbo_rows_tile(c, v, R)), R, D);
}

elbo_node elbo_rows_transpose(elbo_gaussian_compiler *c, elbo_node X, size_t p,
                              size_t q)
{
    size_t *const index = p == 1 || q == 1 ? NULL : take_index(c, p * q);

    if (!index) return X;
    for (size_t i = 0; i < p * q; i++) index[i] = i % p * q + i / p;
    return elbo_rows_spread(c, X, index, p * q);
}

elbo_node elbo_rows_product(elbo_gaussian_compiler *c, elbo_node X, size_t p,
                            size_t q, elbo_node Y, size_t r)
{
    elbo_tape *const tape = tape_of(c);
    const size_t n = p * r * q;
    size_t *left, *right;

    if (elbo_rows_lost(c)) return 0;
    if (rows_of(c, X) == 1 && rows_of(c, Y) == 1)
        return elbo_tape_reshape(
            tape,
            elbo_tape_matmul(tape, elbo_tape_reshape(tape, X, p, q), false,
                             elbo_tape_reshape(tape, Y, q, r), false),
            1, p * r);
    left = take_index(c, n);
    right = take_index(c, n);
    if (!left || !right) return 0;
    for (size_t i = 0; i < n; i++) {
        const size_t row = i / (r * q), col = i / q % r, k = i % q;

        left[i] = row * q + k;
        right[i] = k * r + col;
    }
    return elbo_rows_fold(c,
                          elbo_rows_binary(c, ELBO_MUL,
                                           elbo_rows_spread(c, X, left, n),
                                           elbo_rows_spread(c, Y, right, n)),
                          p * r, q);
}

elbo_node elbo_rows_dot(elbo_gaussian_compiler *c, elbo_node x, elbo_node y)
{
    const elbo_node xy = elbo_rows_binary(c, ELBO_MUL, x, y);

    return elbo_rows_fold(c, xy, 1, elbo_rows_cols(c, xy));
}
