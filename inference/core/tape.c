#include "inference/core/tape.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/tape_graph.h"

enum { FIRST_ROOM = 32, FIRST_BYTES = 16384 };
enum { ALIGN = 64, HUGE_PAGE = 2 << 20 };

elbo_tape *elbo_tape_place(elbo_precision precision, elbo_arena *arena)
{
    elbo_tape *tape = elbo_arena_take(arena, 1, sizeof *tape);

    if (!tape) return NULL;
    tape->arena = arena;
    tape->placed = true;
    tape->kernels =
        precision == ELBO_F32 ? &elbo_kernels_f32 : &elbo_kernels_f64;
    tape->room = FIRST_ROOM;
    tape->nodes = elbo_arena_take(arena, FIRST_ROOM, sizeof *tape->nodes);
    return tape;
}

elbo_tape *elbo_tape_alloc(elbo_precision precision)
{
    elbo_arena *arena = elbo_arena_alloc(FIRST_BYTES);
    elbo_tape *tape = arena ? elbo_tape_place(precision, arena) : NULL;

    if (!tape) {
        elbo_arena_free(arena);
        return NULL;
    }
    tape->placed = false;
    return tape;
}

void elbo_tape_free(elbo_tape *tape)
{
    if (tape && !tape->placed) elbo_arena_free(tape->arena);
}

static bool failed(const elbo_tape *tape)
{
    return tape->too_large || !elbo_arena_ok(tape->arena);
}

/* After a failure every node is this one, so that callers' shapes are read from
 * something; finish tells. */
static const elbo_tape_node *node_at(const elbo_tape *tape, elbo_node x)
{
    static const elbo_tape_node lost = {.rows = 1, .cols = 1, .size = 1};

    if (failed(tape)) return &lost;
    assert(x < tape->count);
    return &tape->nodes[x];
}

size_t elbo_tape_rows(const elbo_tape *tape, elbo_node x)
{
    return node_at(tape, x)->rows;
}

size_t elbo_tape_cols(const elbo_tape *tape, elbo_node x)
{
    return node_at(tape, x)->cols;
}

static elbo_node refuse(elbo_tape *tape, size_t rows, size_t cols)
{
    tape->too_large = true;
    tape->large_rows = rows;
    tape->large_cols = cols;
    return 0;
}

/* The old array stays behind in the arena: at most as much again is lost. */
static bool grow(elbo_tape *tape)
{
    elbo_tape_node *nodes =
        elbo_arena_take(tape->arena, 2 * tape->room, sizeof *nodes);

    if (!nodes) return false;
    memcpy(nodes, tape->nodes, tape->count * sizeof *nodes);
    tape->nodes = nodes;
    tape->room *= 2;
    return true;
}

static elbo_node make(elbo_tape *tape, elbo_tape_node node)
{
    assert(!tape->finished);
    if (failed(tape)) return 0;
    if (tape->count >= UINT32_MAX
        || !elbo_size_mul(node.rows, node.cols, &node.size))
        return refuse(tape, node.rows, node.cols);
    if (tape->count == tape->room && !grow(tape)) return 0;
    tape->nodes[tape->count] = node;
    return (elbo_node)tape->count++;
}

static elbo_node make_leaf(elbo_tape *tape, elbo_tape_node node)
{
    node.x = node.y = (elbo_node)tape->count;
    node.varies = node.operation == ELBO_LEAF_INPUT;
    return make(tape, node);
}

/* A node of one argument: node.x. */
static elbo_node make_of(elbo_tape *tape, elbo_tape_node node)
{
    node.y = node.x;
    node.varies = node_at(tape, node.x)->varies;
    return make(tape, node);
}

elbo_node elbo_tape_input(elbo_tape *tape, size_t rows, size_t cols)
{
    return make_leaf(tape, (elbo_tape_node){.operation = ELBO_LEAF_INPUT,
                                            .rows = rows,
                                            .cols = cols});
}

elbo_node elbo_tape_constant(elbo_tape *tape, size_t rows, size_t cols)
{
    return make_leaf(tape, (elbo_tape_node){.operation = ELBO_LEAF_CONSTANT,
                                            .rows = rows,
                                            .cols = cols});
}

elbo_node elbo_tape_number(elbo_tape *tape, double x)
{
    return make_leaf(
        tape,
        (elbo_tape_node){
            .operation = ELBO_LEAF_NUMBER, .rows = 1, .cols = 1, .k = {x, 0}
    });
}

static elbo_node make_elementwise(elbo_tape *tape, unsigned rule, elbo_node x,
                                  const double k[2])
{
    const elbo_tape_node *in = node_at(tape, x);

    return make_of(tape, (elbo_tape_node){
                             .operation = ELBO_ELEMENTWISE,
                             .rule = rule,
                             .x = x,
                             .rows = in->rows,
                             .cols = in->cols,
                             .k = {k[0], k[1]}
    });
}

elbo_node elbo_tape_unary(elbo_tape *tape, elbo_unary op, elbo_node x)
{
    assert((unsigned)op < ELBO_RULE_BINARY);

    const elbo_node out =
        make_elementwise(tape, (unsigned)op, x, (double[]){0, 0});

    if (op == ELBO_STOP && !failed(tape)) tape->nodes[out].varies = false;
    return out;
}

elbo_node elbo_tape_pow(elbo_tape *tape, elbo_node x, double k)
{
    return make_elementwise(tape, ELBO_RULE_POW, x, (double[]){k, 0});
}

elbo_node elbo_tape_scale(elbo_tape *tape, elbo_node x, double k)
{
    return make_elementwise(tape, ELBO_RULE_SCALE, x, (double[]){k, 0});
}

elbo_node elbo_tape_clip(elbo_tape *tape, elbo_node x, double low, double high)
{
    assert(low <= high);
    return make_elementwise(tape, ELBO_RULE_CLIP, x, (double[]){low, high});
}

elbo_node elbo_tape_binary(elbo_tape *tape, elbo_binary op, elbo_node x,
                           elbo_node y)
{
    const elbo_tape_node *a = node_at(tape, x), *b = node_at(tape, y);

    assert((unsigned)op < ELBO_BINARIES);
    assert(a->rows == b->rows || a->rows == 1 || b->rows == 1);
    assert(a->cols == b->cols || a->cols == 1 || b->cols == 1);
    return make(tape, (elbo_tape_node){.operation = ELBO_ELEMENTWISE,
                                       .rule = ELBO_RULE_BINARY + (unsigned)op,
                                       .x = x,
                                       .y = y,
                                       .rows = a->rows == 1 ? b->rows : a->rows,
                                       .cols = a->cols == 1 ? b->cols : a->cols,
                                       .varies = a->varies || b->varies});
}

/* CBLAS counts with int. */
static bool fits_blas(const elbo_tape_node *x)
{
    return x->rows <= INT_MAX && x->cols <= INT_MAX;
}

elbo_node elbo_tape_matmul(elbo_tape *tape, elbo_node x, bool transpose_x,
                           elbo_node y, bool transpose_y)
{
    const elbo_tape_node *a = node_at(tape, x), *b = node_at(tape, y);

    assert((transpose_x ? a->rows : a->cols)
           == (transpose_y ? b->cols : b->rows));
    if (!fits_blas(a)) return refuse(tape, a->rows, a->cols);
    if (!fits_blas(b)) return refuse(tape, b->rows, b->cols);
    return make(tape, (elbo_tape_node){.operation = ELBO_MATMUL,
                                       .x = x,
                                       .y = y,
                                       .transpose_x = transpose_x,
                                       .transpose_y = transpose_y,
                                       .rows = transpose_x ? a->cols : a->rows,
                                       .cols = transpose_y ? b->rows : b->cols,
                                       .varies = a->varies || b->varies});
}

elbo_node elbo_tape_dense(elbo_tape *tape, elbo_node x, elbo_node W,
                          elbo_node b, elbo_activation f)
{
    const elbo_tape_node *in = node_at(tape, x), *w = node_at(tape, W);
    const elbo_tape_node *bias = node_at(tape, b);

    assert(in->cols == w->rows && bias->rows == 1 && bias->cols == w->cols);
    if (!fits_blas(in)) return refuse(tape, in->rows, in->cols);
    if (!fits_blas(w)) return refuse(tape, w->rows, w->cols);
    return make(tape, (elbo_tape_node){.operation = ELBO_DENSE,
                                       .rule = (unsigned)f,
                                       .x = x,
                                       .y = W,
                                       .b = b,
                                       .rows = in->rows,
                                       .cols = w->cols,
                                       .varies = in->varies || w->varies
                                                 || bias->varies});
}

elbo_node elbo_tape_dot(elbo_tape *tape, elbo_node x, elbo_node y)
{
    const elbo_tape_node *a = node_at(tape, x), *b = node_at(tape, y);

    assert(a->rows == b->rows && a->cols == b->cols);
    return make(tape, (elbo_tape_node){.operation = ELBO_DOT,
                                       .x = x,
                                       .y = y,
                                       .rows = 1,
                                       .cols = 1,
                                       .varies = a->varies || b->varies});
}

elbo_node elbo_tape_sum(elbo_tape *tape, elbo_node x, elbo_axis axis)
{
    const elbo_tape_node *in = node_at(tape, x);
    static const elbo_operation sums[] = {
        [ELBO_ALL] = ELBO_SUM_ALL,
        [ELBO_ROWS] = ELBO_SUM_ROWS,
        [ELBO_COLS] = ELBO_SUM_COLS,
    };

    assert((unsigned)axis <= ELBO_COLS);
    return make_of(tape,
                   (elbo_tape_node){.operation = sums[axis],
                                    .x = x,
                                    .rows = axis == ELBO_ROWS ? in->rows : 1,
                                    .cols = axis == ELBO_COLS ? in->cols : 1});
}

static elbo_node make_of_rows(elbo_tape *tape, elbo_operation operation,
                              elbo_node x)
{
    return make_of(tape, (elbo_tape_node){.operation = operation,
                                          .x = x,
                                          .rows = node_at(tape, x)->rows,
                                          .cols = 1});
}

elbo_node elbo_tape_logsumexp(elbo_tape *tape, elbo_node x)
{
    return make_of_rows(tape, ELBO_LOGSUMEXP, x);
}

elbo_node elbo_tape_rowmax(elbo_tape *tape, elbo_node x)
{
    assert(node_at(tape, x)->cols > 0);
    return make_of_rows(tape, ELBO_ROWMAX, x);
}

elbo_node elbo_tape_gather(elbo_tape *tape, elbo_node x, const uint32_t index[],
                           size_t n)
{
    if (failed(tape)) return 0;

    const elbo_tape_node *in = node_at(tape, x);
    uint32_t *copy = elbo_arena_u32(tape->arena, n);

    if (!copy) return 0;
    for (size_t i = 0; i < n; i++) {
        assert(index[i] < in->rows);
        copy[i] = index[i];
    }
    return make_of(tape, (elbo_tape_node){.operation = ELBO_GATHER,
                                          .x = x,
                                          .rows = n,
                                          .cols = in->cols,
                                          .index = copy});
}

elbo_node elbo_tape_segments(elbo_tape *tape, elbo_node x, const size_t start[],
                             size_t n)
{
    if (failed(tape)) return 0;
    assert(n < SIZE_MAX);

    const elbo_tape_node *in = node_at(tape, x);
    size_t *copy = elbo_arena_sizes(tape->arena, n + 1);

    if (!copy) return 0;
    for (size_t i = 0; i <= n; i++) {
        assert(start[i] <= in->rows && (i == 0 || start[i - 1] <= start[i]));
        copy[i] = start[i];
    }
    return make_of(tape, (elbo_tape_node){.operation = ELBO_SEGMENTS,
                                          .x = x,
                                          .rows = n,
                                          .cols = in->cols,
                                          .start = copy});
}

elbo_node elbo_tape_reshape(elbo_tape *tape, elbo_node x, size_t rows,
                            size_t cols)
{
    size_t size = 0;

    if (failed(tape)) return 0;
    if (!elbo_size_mul(rows, cols, &size)) return refuse(tape, rows, cols);
    assert(size == node_at(tape, x)->size);
    return make_of(tape, (elbo_tape_node){.operation = ELBO_RESHAPE,
                                          .x = x,
                                          .rows = rows,
                                          .cols = cols});
}

elbo_node elbo_tape_columns(elbo_tape *tape, elbo_node x, size_t first,
                            size_t n)
{
    const elbo_tape_node *in = node_at(tape, x);

    assert(failed(tape) || (first <= in->cols && n <= in->cols - first));
    return make_of(tape, (elbo_tape_node){.operation = ELBO_COLUMNS,
                                          .x = x,
                                          .rows = in->rows,
                                          .cols = n,
                                          .k = {(double)first}});
}

elbo_node elbo_tape_join(elbo_tape *tape, elbo_node x, elbo_node y)
{
    const elbo_tape_node *a = node_at(tape, x), *b = node_at(tape, y);

    assert(a->rows == b->rows);
    if (b->cols > SIZE_MAX - a->cols) return refuse(tape, a->rows, b->cols);
    return make(tape, (elbo_tape_node){.operation = ELBO_JOIN,
                                       .x = x,
                                       .y = y,
                                       .rows = a->rows,
                                       .cols = a->cols + b->cols,
                                       .varies = a->varies || b->varies});
}

/* Every node has a value, which a leaf may have borrowed; only what varies has
 * derivatives. A leaf that was never set shows as NaN. */
static void take_buffers(elbo_tape *tape, elbo_tape_node *node)
{
    const size_t real = tape->kernels->real;
    const bool number = node->operation == ELBO_LEAF_NUMBER;

    if (!node->value) {
        node->value = elbo_arena_take(tape->arena, node->size, real);
        if (node->value)
            tape->kernels->fill(node->value, node->size,
                                number ? node->k[0] : (double)NAN);
    }
    if (!node->varies) return;
    if (node->operation == ELBO_DENSE && node->rule == ELBO_ACT_SILU)
        node->slope = elbo_arena_take(tape->arena, node->size, real);
    if (!node->adjoint)
        node->adjoint = elbo_arena_take(tape->arena, node->size, real);
    node->tangent = elbo_arena_take(tape->arena, node->size, real);
    node->adjoint_tangent = elbo_arena_take(tape->arena, node->size, real);
}

/* Bytes that take_buffers will ask for; 0: not to be counted. */
static size_t bytes_of_buffers(const elbo_tape *tape)
{
    size_t total = 0;

    for (size_t i = 0; i < tape->count; i++) {
        const elbo_tape_node *node = &tape->nodes[i];
        const size_t buffers = node->varies ? 5 : 1;
        size_t bytes;

        if (!elbo_size_mul(node->size, buffers * tape->kernels->real, &bytes)
            || !elbo_size_add(total, bytes + buffers * ALIGN, &total))
            return 0;
    }
    return total;
}

/* Large graphs have their buffers side by side, in whole huge pages: the arena
 * keeps the chunk that is made here. Where there is no memory for it, the
 * buffers tell. */
static void reserve(elbo_tape *tape)
{
    const size_t bytes = bytes_of_buffers(tape);
    const elbo_mark mark = elbo_arena_mark(tape->arena);

    if (bytes < HUGE_PAGE / 2 || bytes > SIZE_MAX / 2) return;
    elbo_arena_take(tape->arena, (bytes / HUGE_PAGE + 1) * HUGE_PAGE - ALIGN,
                    1);
    elbo_arena_release(tape->arena, mark);
}

/* Dense nodes know their bias, and share the room of the largest. */
static void finish_dense(elbo_tape *tape)
{
    size_t most = 0;
    void *room;

    for (size_t i = 0; i < tape->count; i++) {
        const elbo_tape_node *node = &tape->nodes[i];

        if (node->operation == ELBO_DENSE && node->varies && node->size > most)
            most = node->size;
    }
    room = elbo_arena_take(tape->arena, most, 2 * tape->kernels->real);
    for (size_t i = 0; i < tape->count; i++) {
        elbo_tape_node *node = &tape->nodes[i];

        node->bias = &tape->nodes[node->b];
        node->room = room;
    }
}

elbo_status elbo_tape_finish(elbo_tape *tape)
{
    assert(!tape->finished);
    if (tape->too_large)
        return ELBO_FAIL(ELBO_ESIZE, "tape: %zu x %zu is too large for a node",
                         tape->large_rows, tape->large_cols);
    if (!failed(tape)) reserve(tape);
    for (size_t i = 0; i < tape->count && !failed(tape); i++)
        take_buffers(tape, &tape->nodes[i]);
    if (!failed(tape)) finish_dense(tape);
    ELBO_TRY(elbo_arena_check(tape->arena, "tape"));
    tape->finished = true;
    return ELBO_OK;
}
