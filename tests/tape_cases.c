#include "tests/tape_cases.h"

#include <stdio.h>
#include <string.h>

#include "inference/core/rng.h"

static elbo_node add_input(graph *g, size_t rows, size_t cols)
{
    ck_assert_uint_lt(g->inputs, TAPE_INPUTS);
    g->n += rows * cols;
    return g->input[g->inputs++] = elbo_tape_input(g->tape, rows, cols);
}

static void start(graph *g, elbo_precision precision)
{
    *g = (graph){.tape = elbo_tape_alloc(precision), .low = -1.6, .high = 1.7};
    ck_assert_ptr_nonnull(g->tape);
}

/* y = sum of weight tanh(0.385 out): nothing about `out` stays unseen. */
static void end(graph *g, elbo_node out)
{
    elbo_tape *t = g->tape;
    double weight[TAPE_MOST];
    elbo_rng rng = elbo_rng_stream(2385, "weight", 0);

    g->weight =
        elbo_tape_constant(t, elbo_tape_rows(t, out), elbo_tape_cols(t, out));
    const elbo_node small =
        elbo_tape_binary(t, ELBO_MUL, out, elbo_tape_number(t, 0.385));
    const elbo_node bent = elbo_tape_unary(t, ELBO_TANH, small);

    g->y = elbo_tape_sum(t, elbo_tape_binary(t, ELBO_MUL, bent, g->weight),
                         ELBO_ALL);
    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    for (size_t i = 0; i < TAPE_MOST; i++)
        weight[i] = elbo_rng_uniform(&rng) - 0.385;
    elbo_tape_set(t, g->weight, weight);
}

void graph_free(graph *g)
{
    elbo_tape_free(g->tape);
}

/* One argument each. */

enum { UNARY_CASES = ELBO_UNARIES, POW_CASES = 6, CLIP_CASES = 1 };
enum { SCALE_CASES = 1 };

static void unary_case(graph *g, size_t op)
{
    const elbo_node x = add_input(g, 3, 5);

    if (op == ELBO_LOG || op == ELBO_SQRT) g->low = 0.1385;
    snprintf(g->name, sizeof g->name, "unary %zu", op);
    /* Beside x itself, so that a stop has a path to y. */
    end(g, elbo_tape_binary(g->tape, ELBO_MUL, x,
                            elbo_tape_unary(g->tape, (elbo_unary)op, x)));
}

static void pow_case(graph *g, size_t which)
{
    static const double exponents[POW_CASES] = {2.385, 3, -1.5, 1, 0, 0.5};
    const elbo_node x = add_input(g, 3, 5);

    if (which != 1) g->low = 0.1385;
    snprintf(g->name, sizeof g->name, "power %g", exponents[which]);
    end(g, elbo_tape_binary(g->tape, ELBO_ADD, x,
                            elbo_tape_pow(g->tape, x, exponents[which])));
}

static void clip_case(graph *g, size_t which)
{
    (void)which;
    snprintf(g->name, sizeof g->name, "clip");
    end(g, elbo_tape_clip(g->tape, add_input(g, 3, 5), -0.6385, 0.2385));
}

/* Twice, so that one writes a derivative and the other adds to it. */
static void scale_case(graph *g, size_t which)
{
    const elbo_node x = add_input(g, 3, 5);

    (void)which;
    snprintf(g->name, sizeof g->name, "scale");
    end(g,
        elbo_tape_binary(g->tape, ELBO_MUL, elbo_tape_scale(g->tape, x, -2.385),
                         elbo_tape_scale(g->tape, x, 0.75)));
}

/* Two arguments: every pair of shapes that broadcast; then rows of more than a
 * tile; then an argument that is a constant, and one that is both. */

enum { SHAPES = 6, BINARY_OPS = ELBO_BINARIES };
enum { BINARY_CASES = BINARY_OPS * (SHAPES * SHAPES + 2) };

static const size_t shapes[SHAPES][2] = {
    {3, 5  },
    {1, 5  },
    {3, 1  },
    {1, 1  },
    {3, 301},
    {1, 301}
};

static bool broadcast(const size_t a[2], const size_t b[2])
{
    return (a[0] == b[0] || a[0] == 1 || b[0] == 1)
           && (a[1] == b[1] || a[1] == 1 || b[1] == 1);
}

static void binary_case(graph *g, size_t which)
{
    const elbo_binary op = (elbo_binary)(which % BINARY_OPS);
    const size_t pair = which / BINARY_OPS;
    elbo_node x, y;

    if (op == ELBO_DIV || op == ELBO_ATAN2) g->low = 0.4385;
    if (pair == SHAPES * SHAPES) {
        x = y = add_input(g, 3, 5);
        snprintf(g->name, sizeof g->name, "binary %d of x and x", (int)op);
    } else if (pair > SHAPES * SHAPES) {
        x = elbo_tape_number(g->tape, 0.7385);
        y = add_input(g, 3, 5);
        snprintf(g->name, sizeof g->name, "binary %d of a number", (int)op);
    } else {
        const size_t *a = shapes[pair / SHAPES], *b = shapes[pair % SHAPES];

        /* A pair that does not fit is made of the first shape twice. */
        if (!broadcast(a, b)) b = a;
        x = add_input(g, a[0], a[1]);
        y = add_input(g, b[0], b[1]);
        snprintf(g->name, sizeof g->name, "binary %d of %zux%zu and %zux%zu",
                 (int)op, a[0], a[1], b[0], b[1]);
    }
    end(g, elbo_tape_binary(g->tape, op, x, y));
}

/* Products: both transposes, one argument constant in turn, x with itself. */

enum { MATMUL_CASES = 4 + 4 };

static void matmul_case(graph *g, size_t which)
{
    const bool tx = which & 1, ty = which & 2;
    elbo_node x, y;

    snprintf(g->name, sizeof g->name, "matmul %zu", which);
    if (which < 4) {
        x = tx ? add_input(g, 7, 3) : add_input(g, 3, 7);
        y = ty ? add_input(g, 5, 7) : add_input(g, 7, 5);
    } else if (tx == ty) {
        x = y = add_input(g, 5, 5);
    } else {
        x = y = add_input(g, 3, 7);
    }
    end(g, elbo_tape_matmul(g->tape, x, tx, y, ty));
}

/* Sums of products: of a matrix and one that is a constant in turn, of x with
 * itself, and of arguments that others have written a derivative to. */

enum { DOT_CASES = 5 };

static void dot_case(graph *g, size_t which)
{
    elbo_tape *const t = g->tape;
    const elbo_node x = add_input(g, 3, 5);
    const elbo_node k = elbo_tape_number(t, 0.6385);
    const elbo_node fixed = elbo_tape_reshape(
        t, elbo_tape_gather(t, k, (uint32_t[15]){0}, 15), 3, 5);
    const elbo_node bent = elbo_tape_unary(t, ELBO_SIN, x);

    snprintf(g->name, sizeof g->name, "dot %zu", which);
    switch (which) {
    case 0:
        end(g, elbo_tape_dot(t, bent, add_input(g, 3, 5)));
        break;
    case 1:
        end(g, elbo_tape_dot(t, bent, fixed));
        break;
    case 2:
        end(g, elbo_tape_dot(t, fixed, bent));
        break;
    case 3:
        end(g, elbo_tape_dot(t, bent, bent));
        break;
    default: /* the later node is the first to reach x and bent */
        end(g, elbo_tape_binary(t, ELBO_MUL, elbo_tape_dot(t, x, bent),
                                elbo_tape_dot(t, bent, fixed)));
    }
}

/* Dense nodes: every activation, of arguments that differ, of one that is a
 * constant in turn, of one that is two or all three, and of some that others
 * use as well. */

enum { DENSE_SHAPES = 8, DENSE_CASES = 5 * DENSE_SHAPES };

static elbo_node dense_of(graph *g, size_t shape, elbo_activation f)
{
    elbo_tape *t = g->tape;
    const elbo_node k = elbo_tape_number(t, 0.6385);
    elbo_node x = add_input(g, shape == 5 || shape == 6 ? 1 : 5, 5);
    elbo_node W = shape == 6 ? x : add_input(g, 5, shape == 7 ? 3 : 5);
    elbo_node b = shape == 6 ? x : add_input(g, 1, shape == 7 ? 3 : 5);

    switch (shape) {
    case 1:
        x = elbo_tape_gather(t, k, (uint32_t[15]){0}, 15);
        x = elbo_tape_reshape(t, x, 3, 5);
        break;
    case 2:
        W = elbo_tape_reshape(t, elbo_tape_gather(t, k, (uint32_t[25]){0}, 25),
                              5, 5);
        break;
    case 3:
        b = elbo_tape_reshape(t, elbo_tape_gather(t, k, (uint32_t[5]){0}, 5), 1,
                              5);
        break;
    case 4:
        W = x;
        break;
    case 5:
        b = x;
        break;
    case 6: /* [1 x 1] */
        x = W = b = elbo_tape_columns(t, x, 2, 1);
        break;
    case 7:
        return elbo_tape_join(
            t,
            elbo_tape_dense(t, elbo_tape_dense(t, x, W, b, f),
                            elbo_tape_gather(t, W, (uint32_t[3]){4, 0, 1}, 3),
                            b, f),
            elbo_tape_matmul(t, x, true, x, false));
    default:
        break;
    }
    return elbo_tape_dense(t, x, W, b, f);
}

static void dense_case(graph *g, size_t which)
{
    const size_t shape = which % DENSE_SHAPES;
    const elbo_activation f = (elbo_activation)(which / DENSE_SHAPES);

    snprintf(g->name, sizeof g->name, "dense %d, shape %zu", (int)f, shape);
    end(g, dense_of(g, shape, f));
}

enum { ROW_CASES = 12 };

static elbo_node row_node(elbo_tape *t, size_t which, elbo_node x)
{
    static const uint32_t index[] = {3, 0, 3, 3, 1, 6, 0};
    static const size_t start[] = {0, 2, 2, 3, 7, 7};

    switch (which) {
    case 0:
        return elbo_tape_sum(t, x, ELBO_ALL);
    case 1:
        return elbo_tape_sum(t, x, ELBO_ROWS);
    case 2:
        return elbo_tape_sum(t, x, ELBO_COLS);
    case 3:
        return elbo_tape_logsumexp(t, x);
    case 4:
        return elbo_tape_rowmax(t, x);
    case 5:
        return elbo_tape_gather(t, x, index, 7);
    case 6:
        return elbo_tape_segments(t, x, start, 5);
    case 7:
        return elbo_tape_columns(t, x, 3, 5);
    case 8: /* all of them beside a part, beside a stranger */
        return elbo_tape_join(
            t, x,
            elbo_tape_join(t, elbo_tape_columns(t, x, 10, 1),
                           elbo_tape_gather(t, elbo_tape_number(t, 0.385),
                                            (uint32_t[7]){0}, 7)));
    case 9:
        return elbo_tape_join(t, x, x);
    case 10: /* of nothing */
        return elbo_tape_join(t, elbo_tape_columns(t, x, 11, 0), x);
    default:
        return elbo_tape_reshape(t, x, 11, 7);
    }
}

static void row_case(graph *g, size_t which)
{
    const elbo_node x = add_input(g, 7, 11);

    snprintf(g->name, sizeof g->name, "rows %zu", which);
    /* The square makes second derivatives pass through. */
    end(g, row_node(g->tape, which, elbo_tape_unary(g->tape, ELBO_SQ, x)));
}

static const struct {
    size_t n;
    void (*make)(graph *g, size_t which);
} families[] = {
    {UNARY_CASES,  unary_case },
    {POW_CASES,    pow_case   },
    {CLIP_CASES,   clip_case  },
    {SCALE_CASES,  scale_case },
    {BINARY_CASES, binary_case},
    {MATMUL_CASES, matmul_case},
    {DOT_CASES,    dot_case   },
    {DENSE_CASES,  dense_case },
    {ROW_CASES,    row_case   },
};

size_t tape_cases(void)
{
    size_t n = 0;

    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        n += families[f].n;
    return n;
}

void tape_case(graph *g, size_t which, elbo_precision precision)
{
    size_t f = 0;

    start(g, precision);
    while (which >= families[f].n) which -= families[f++].n;
    families[f].make(g, which);
    ck_assert_uint_le(g->n, TAPE_MOST);
}

/* Every node has 1 or 4 rows and 1 or 3 columns, so that any two broadcast. */

typedef struct pool {
    elbo_tape *t;
    elbo_node made[64];
    size_t n;
    elbo_rng rng;
} pool;

static elbo_node draw(pool *p)
{
    return p->made[elbo_rng_below(&p->rng, p->n)];
}

static elbo_node draw_unary(pool *p)
{
    static const elbo_unary bounded[] = {ELBO_NEG,  ELBO_ABS,     ELBO_RELU,
                                         ELBO_TANH, ELBO_SIGMOID, ELBO_SOFTPLUS,
                                         ELBO_SILU};
    const elbo_unary op = bounded[elbo_rng_below(&p->rng, 7)];
    const elbo_node x = elbo_tape_unary(p->t, op, draw(p));

    switch (elbo_rng_below(&p->rng, 4)) {
    case 0:
        return elbo_tape_unary(p->t, ELBO_SQRT,
                               elbo_tape_unary(p->t, ELBO_SOFTPLUS, x));
    case 1:
        return elbo_tape_unary(p->t, ELBO_LOG,
                               elbo_tape_unary(p->t, ELBO_SOFTPLUS, x));
    case 2:
        return elbo_tape_unary(p->t, ELBO_SQ,
                               elbo_tape_unary(p->t, ELBO_TANH, x));
    default:
        return x;
    }
}

static elbo_node draw_binary(pool *p)
{
    const elbo_binary op = (elbo_binary)elbo_rng_below(&p->rng, ELBO_MAX + 1);
    const elbo_node x = draw(p), y = draw(p);

    if (op == ELBO_DIV)
        return elbo_tape_binary(
            p->t, op, x,
            elbo_tape_binary(p->t, ELBO_ADD, elbo_tape_unary(p->t, ELBO_EXP, y),
                             elbo_tape_number(p->t, 0.6385)));
    return elbo_tape_binary(p->t, op, x, y);
}

/* x (y'z), where the shapes fit. */
static elbo_node draw_product(pool *p)
{
    const elbo_node x = draw(p), y = draw(p), z = draw(p);

    if (elbo_tape_cols(p->t, x) != elbo_tape_cols(p->t, y)
        || elbo_tape_rows(p->t, y) != elbo_tape_rows(p->t, z))
        return draw_unary(p);
    return elbo_tape_matmul(p->t, x, false,
                            elbo_tape_matmul(p->t, y, true, z, false), false);
}

static elbo_node draw_rows(pool *p)
{
    static const uint32_t index[] = {0, 3, 3, 1};
    static const size_t start[] = {0, 1, 1, 3, 4};
    const elbo_node x = draw(p);

    switch (elbo_rng_below(&p->rng, 7)) {
    case 0:
        return elbo_tape_sum(p->t, x, ELBO_ALL);
    case 1:
        return elbo_tape_sum(p->t, x, ELBO_ROWS);
    case 2:
        return elbo_tape_sum(p->t, x, ELBO_COLS);
    case 3:
        return elbo_tape_logsumexp(p->t, x);
    case 4:
        return elbo_tape_rowmax(p->t, x);
    case 5:
        return elbo_tape_rows(p->t, x) == 4
                   ? elbo_tape_gather(p->t, x, index, 4)
                   : elbo_tape_clip(p->t, x, -0.7385, 0.6385);
    default:
        return elbo_tape_rows(p->t, x) == 4
                   ? elbo_tape_segments(p->t, x, start, 4)
                   : elbo_tape_reshape(p->t, x, 1, elbo_tape_cols(p->t, x));
    }
}

void tape_random(graph *g, uint64_t seed, elbo_precision precision)
{
    static elbo_node (*const drawn[])(pool *) = {draw_unary, draw_binary,
                                                 draw_product, draw_rows};
    pool p = {.rng = elbo_rng_stream(seed, "graph", 0)};
    elbo_node y;

    start(g, precision);
    p.t = g->tape;
    for (size_t k = 0; k < TAPE_INPUTS; k++)
        p.made[p.n++] = add_input(g, k & 1 ? 4 : 1, k & 2 ? 3 : 1);
    while (p.n < 30) {
        const elbo_node x = drawn[elbo_rng_below(&p.rng, 4)](&p);

        /* Kept small: every fifth is brought back into [-1, 1]. */
        p.made[p.n] = p.n % 5 ? x : elbo_tape_unary(p.t, ELBO_TANH, x);
        p.n++;
    }
    y = elbo_tape_sum(p.t, p.made[4], ELBO_ROWS);
    for (size_t k = 5; k < p.n; k++)
        y = elbo_tape_binary(p.t, ELBO_ADD, y,
                             elbo_tape_unary(p.t, ELBO_TANH, p.made[k]));
    snprintf(g->name, sizeof g->name, "random graph %u", (unsigned)seed);
    end(g, y);
}

void graph_point(const graph *g, uint64_t seed, double x[])
{
    elbo_rng rng = elbo_rng_stream(seed, "point", 0);

    for (size_t i = 0; i < g->n; i++)
        x[i] = g->low + (g->high - g->low) * elbo_rng_uniform(&rng);
}

static size_t entries(const graph *g, size_t k)
{
    return elbo_tape_rows(g->tape, g->input[k])
           * elbo_tape_cols(g->tape, g->input[k]);
}

double graph_value(const graph *g, const double x[])
{
    double y;

    for (size_t k = 0; k < g->inputs; k++) {
        elbo_tape_set(g->tape, g->input[k], x);
        x += entries(g, k);
    }
    elbo_tape_forward(g->tape);
    elbo_tape_get(g->tape, g->y, &y);
    return y;
}

void graph_gradient(const graph *g, double out[])
{
    elbo_tape_backward(g->tape, g->y);
    for (size_t k = 0; k < g->inputs; k++) {
        elbo_tape_gradient(g->tape, g->input[k], out);
        out += entries(g, k);
    }
}

void graph_product(const graph *g, const double v[], double out[])
{
    for (size_t k = 0; k < g->inputs; k++) {
        elbo_tape_direction(g->tape, g->input[k], v);
        v += entries(g, k);
    }
    elbo_tape_hessian(g->tape, g->y);
    for (size_t k = 0; k < g->inputs; k++) {
        elbo_tape_product(g->tape, g->input[k], out);
        out += entries(g, k);
    }
}
