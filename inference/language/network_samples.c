/* inference/language/network_samples.c -- means over samples of the model's y,
 * and what is unbiased for their products.
 */
#include "inference/language/network_state.h"

static elbo_tape *tape_of(const elbo_net_compiler *c)
{
    return c->program->frame.tape;
}

/* ---- samples ---- */

elbo_node elbo_net_noise(elbo_net_compiler *c, size_t rows, size_t cols)
{
    elbo_network *const p = c->program;
    elbo_net_normals *const leaf = elbo_arena_take(p->arena, 1, sizeof *leaf);
    double *const scratch = elbo_arena_doubles(p->arena, rows * cols);
    const elbo_node node = elbo_tape_constant(p->frame.tape, rows, cols);

    if (!leaf) return node; /* the arena remembers */
    *leaf = (elbo_net_normals){node, rows * cols, scratch, p->normals};
    p->normals = leaf;
    return node;
}

elbo_net_draws *elbo_net_draws_of_rows(elbo_net_compiler *c, size_t n)
{
    elbo_network *const p = c->program;
    const elbo_network_frame *const f = &p->frame;
    const size_t rows = f->rows * n;
    elbo_net_draws *const draws = elbo_arena_take(p->arena, 1, sizeof *draws);
    uint32_t *const row = elbo_arena_u32(p->arena, rows);
    size_t *const start = elbo_arena_sizes(p->arena, f->rows + 1);

    if (c->status == ELBO_OK)
        c->status = elbo_arena_check(p->arena, "an expression's samples");
    if (c->status != ELBO_OK) return NULL;
    for (size_t i = 0; i < rows; i++) row[i] = (uint32_t)(i / n);
    for (size_t b = 0; b <= f->rows; b++) start[b] = b * n;
    *draws = (elbo_net_draws){.n = n,
                              .depth = c->depth,
                              .scope = c->scope,
                              .row = row,
                              .start = start,
                              .rest = p->draws};
    p->draws = draws;
    return draws;
}

static elbo_net_draws *make(elbo_net_compiler *c, size_t n, bool shared)
{
    const elbo_network_frame *const f = &c->program->frame;
    elbo_net_draws *const draws = elbo_net_draws_of_rows(c, n);
    elbo_node mean, std, noise;

    if (!draws) return NULL;
    draws->shared = shared;
    draws->y = f->mean;
    if (f->certain) return draws;
    noise = elbo_net_noise(c, f->rows * n, f->no);
    mean = elbo_net_spread(c, elbo_net_row(f->mean, f->no), draws);
    std = elbo_net_spread(c, elbo_net_row(f->std, f->no), draws);
    draws->y = elbo_tape_binary(
        f->tape, ELBO_ADD, mean,
        elbo_tape_binary(f->tape, ELBO_MUL, std, noise));
    return draws;
}

elbo_net_draws *elbo_net_draws_of(elbo_net_compiler *c, size_t n, bool shared)
{
    elbo_net_draws *draws = c->program->draws;

    if (c->program->frame.certain) n = 1;
    while (shared && draws
           && !(draws->shared && draws->depth == c->depth
                && draws->scope == c->scope))
        draws = draws->rest;
    return shared && draws ? draws : make(c, n, shared);
}

/* [B n x cols] to [B x cols]. */
elbo_node elbo_net_average(elbo_net_compiler *c, elbo_node z,
                           const elbo_net_draws *draws)
{
    const size_t B = c->program->frame.rows;

    if (draws->n == 1) return z;
    if (elbo_tape_rows(tape_of(c), z) != B * draws->n)
        return z; /* memory is gone */
    return elbo_tape_scale(tape_of(c),
                           elbo_tape_segments(tape_of(c), z, draws->start, B),
                           1 / (double)draws->n);
}

/* [n z w - mean of z_k w_k] / (n - 1), z and w the means. */
elbo_net_term elbo_net_product(elbo_net_compiler *c, elbo_net_term x,
                               elbo_net_term y)
{
    elbo_tape *const tape = tape_of(c);
    const elbo_net_draws *const draws = x.draws;
    const double n = (double)draws->n;
    const elbo_node own =
        elbo_net_average(c, elbo_tape_binary(tape, ELBO_MUL, x.x, y.x), draws);
    const elbo_node z = elbo_net_average(c, x.x, draws);
    const elbo_node w = y.x == x.x ? z : elbo_net_average(c, y.x, draws);
    const elbo_node all =
        elbo_tape_scale(tape, elbo_tape_binary(tape, ELBO_MUL, z, w), n);

    return elbo_net_row(
        elbo_tape_scale(tape, elbo_tape_binary(tape, ELBO_SUB, all, own),
                        1 / (n - 1)),
        x.cols > y.cols ? x.cols : y.cols);
}

/* ---- E and Var ---- */

/* f within an average over these samples, of the call e. */
static elbo_net_term inside(elbo_net_compiler *c, const elbo_expr *e,
                            const elbo_expr *f, size_t n, bool shared)
{
    elbo_net_draws *const before = c->y;
    elbo_net_term x = elbo_net_number(c, 0);

    if (!c->program->frame.member)
        return elbo_net_without(c, e, "no member of the model is at hand here");
    c->y = elbo_net_draws_of(c, n, shared);
    c->depth++;
    if (c->y) x = elbo_net_term_of(c, f);
    c->depth--;
    c->y = before;
    if (c->status == ELBO_OK) c->column = e->column;
    return x;
}

/* At rows, a mean of samples; where the model is certain, the value at its y. */
static elbo_net_term as_mean(elbo_net_compiler *c, elbo_net_term x)
{
    x = elbo_net_plain(c, x);
    x.form = c->program->frame.certain ? ELBO_NET_PLAIN : ELBO_NET_MEAN;
    x.place = ELBO_NET_ROW;
    return x;
}

elbo_net_term elbo_net_successor_mean(elbo_net_compiler *c, const elbo_expr *e,
                                      const elbo_expr *f)
{
    const elbo_net_term x = inside(c, e, f, ELBO_NETWORK_SAMPLES, true);

    if (c->status != ELBO_OK || x.place != ELBO_NET_SAMPLE) return x;
    if (x.form == ELBO_NET_DIAGONAL) return elbo_net_diagonal_mean(c, x);
    return as_mean(c, x);
}

elbo_net_term elbo_net_mean(elbo_net_compiler *c, const elbo_expr *e)
{
    elbo_net_term x;

    if (e->n == 1) return elbo_net_successor_mean(c, e, e->arg[0]);
    x = inside(c, e, e->arg[0], (size_t)e->arg[1]->number, false);
    if (c->status != ELBO_OK || x.place != ELBO_NET_SAMPLE) return x;
    return elbo_net_plain(c, as_mean(c, x));
}

/* sum of (z_k - z)^2 over n - 1 */
elbo_net_term elbo_net_variance(elbo_net_compiler *c, const elbo_expr *e)
{
    elbo_tape *const tape = tape_of(c);
    elbo_net_term x = inside(c, e, e->arg[0], ELBO_NETWORK_SAMPLES, true);

    if (c->status != ELBO_OK) return x;
    if (x.single)
        return elbo_net_without(
            c, e,
            "here one sample stands for Ed's mean, which only "
            "sums and squares bear");
    if (x.place != ELBO_NET_SAMPLE || c->program->frame.certain)
        return elbo_net_number(c, 0);
    if (x.form == ELBO_NET_DIAGONAL) return elbo_net_diagonal_variance(c, x);

    const double n = (double)x.draws->n;
    const elbo_node mean = elbo_net_average(c, x.x, x.draws);
    const elbo_node off = elbo_tape_binary(
        tape, ELBO_SUB, x.x,
        elbo_net_spread(c, elbo_net_row(mean, x.cols), x.draws));
    const elbo_node square =
        elbo_net_average(c, elbo_tape_unary(tape, ELBO_SQ, off), x.draws);

    return elbo_net_row(elbo_tape_scale(tape, square, n / (n - 1)), x.cols);
}

/* usq(E(f, n) - c): f - c at samples of its own. */
elbo_net_term elbo_net_unbiased(elbo_net_compiler *c, const elbo_expr *e)
{
    const elbo_expr *const mean = e->arg[0]->arg[0];
    const elbo_net_term x =
        inside(c, mean, mean->arg[0], (size_t)mean->arg[1]->number, false);
    const elbo_net_term target = elbo_net_term_of(c, e->arg[0]->arg[1]);
    elbo_net_term off;

    if (c->status != ELBO_OK) return x;
    c->column = e->column;
    off = elbo_net_binary(
        c, ELBO_SUB, x.place == ELBO_NET_SAMPLE ? as_mean(c, x) : x, target);
    return elbo_net_square(c, off);
}
