/* inference/core/tape.h -- reverse-mode differentiation of matrix expressions.
 *
 * A graph of matrix nodes is built once and run many times: after
 * elbo_tape_finish nothing is allocated. Nodes are numbered in the order they were
 * made, so every node's arguments precede it. One graph has one precision: the
 * same kernels are compiled for float and for double. Products go through CBLAS,
 * one thread a call.
 *
 * Shapes: [rows x cols], row-major. Elementwise operations of two arguments
 * broadcast an argument of one row, one column, or both.
 */
#ifndef ELBO_TAPE_H
#define ELBO_TAPE_H

#include <stddef.h>
#include <stdint.h>

#include "inference/core/arena.h"

typedef struct elbo_tape elbo_tape;

typedef enum elbo_precision { ELBO_F64, ELBO_F32 } elbo_precision;

/* A node's number. */
typedef uint32_t elbo_node;

/* Making nodes fails sticky (memory, sizes): elbo_tape_finish tells. A shape that
 * does not fit is the caller's bug (asserted). */
elbo_tape *elbo_tape_alloc(elbo_precision precision); /* NULL: no memory */
void elbo_tape_free(elbo_tape *tape);                  /* NULL ok */
/* A tape that lives in an arena, with all of its memory, as long as that does: for a
 * component's own. elbo_tape_free leaves it alone. */
elbo_tape *elbo_tape_place(elbo_precision precision, elbo_arena *arena);

/* Leaves. An input is differentiated, a constant is not; both are set by
 * elbo_tape_set before a run and keep their values; NaN until then. */
elbo_node elbo_tape_input(elbo_tape *tape, size_t rows, size_t cols);
elbo_node elbo_tape_constant(elbo_tape *tape, size_t rows, size_t cols);
elbo_node elbo_tape_number(elbo_tape *tape, double x); /* a fixed 1 x 1 */

/* Elementwise, one argument. */
typedef enum elbo_unary {
    ELBO_NEG, ELBO_EXP, ELBO_LOG, ELBO_SQ, ELBO_SQRT, ELBO_ABS, ELBO_RELU,
    ELBO_STOP, /* the value, no derivative */
    ELBO_TANH, ELBO_SIGMOID, ELBO_SOFTPLUS, ELBO_SILU,
    ELBO_LEAKY_RELU, /* slope 0.01 below 0, and at 0 */
    ELBO_SIN, ELBO_COS, ELBO_UNARIES
} elbo_unary;
elbo_node elbo_tape_unary(elbo_tape *tape, elbo_unary op, elbo_node x);

/* Elementwise, two arguments, broadcasting. MIN and MAX give their derivative to
 * the first argument on ties; ABS and RELU have 0 at 0. */
typedef enum elbo_binary {
    ELBO_ADD, ELBO_SUB, ELBO_MUL, ELBO_DIV, ELBO_MIN, ELBO_MAX,
    ELBO_ATAN2, /* the angle of (y, x): its sine's side first */
    ELBO_BINARIES
} elbo_binary;
elbo_node elbo_tape_binary(elbo_tape *tape, elbo_binary op, elbo_node x,
                           elbo_node y);

/* x^k and k x, k constant. */
elbo_node elbo_tape_pow(elbo_tape *tape, elbo_node x, double k);
elbo_node elbo_tape_scale(elbo_tape *tape, elbo_node x, double k);
/* min(max(x, low), high), constants; derivative 0 outside, 1 on the bounds. */
elbo_node elbo_tape_clip(elbo_tape *tape, elbo_node x, double low, double high);

/* op(x) op(y): [n x k] [k x m]. */
elbo_node elbo_tape_matmul(elbo_tape *tape, elbo_node x, bool transpose_x,
                           elbo_node y, bool transpose_y);

/* f(x W + b) in one node: x [n x k], W [k x m], b [1 x m]. The same as the nodes it
 * stands for, second derivatives too. */
typedef enum elbo_activation {
    ELBO_ACT_NONE, ELBO_ACT_RELU, ELBO_ACT_LEAKY_RELU, ELBO_ACT_TANH, ELBO_ACT_SILU
} elbo_activation;
elbo_node elbo_tape_dense(elbo_tape *tape, elbo_node x, elbo_node W, elbo_node b,
                          elbo_activation f);

/* The sum of x's entries times y's, of one shape [1 x 1]: the same as the two nodes
 * that it stands for. */
elbo_node elbo_tape_dot(elbo_tape *tape, elbo_node x, elbo_node y);

/* Sums: of all entries [1 x 1], of each row [rows x 1], of each column
 * [1 x cols]. */
typedef enum elbo_axis { ELBO_ALL, ELBO_ROWS, ELBO_COLS } elbo_axis;
elbo_node elbo_tape_sum(elbo_tape *tape, elbo_node x, elbo_axis axis);
/* log sum exp of each row [rows x 1]; max of each row, derivative to the first. */
elbo_node elbo_tape_logsumexp(elbo_tape *tape, elbo_node x);
elbo_node elbo_tape_rowmax(elbo_tape *tape, elbo_node x);

/* Rows of x by number: out[i] = x[index[i]], [n x cols]. `index` is copied. */
elbo_node elbo_tape_gather(elbo_tape *tape, elbo_node x,
                           const uint32_t index[], size_t n);
/* Sums of runs of rows: out[i] = sum of x[start[i]] .. x[start[i + 1] - 1],
 * [n x cols]; start [n + 1] ascending is copied. */
elbo_node elbo_tape_segments(elbo_tape *tape, elbo_node x, const size_t start[],
                             size_t n);
/* The same numbers in another shape. */
elbo_node elbo_tape_reshape(elbo_tape *tape, elbo_node x, size_t rows,
                            size_t cols);

/* Columns first .. first + n - 1; and x beside y, of as many rows. */
elbo_node elbo_tape_columns(elbo_tape *tape, elbo_node x, size_t first, size_t n);
elbo_node elbo_tape_join(elbo_tape *tape, elbo_node x, elbo_node y);

size_t elbo_tape_rows(const elbo_tape *tape, elbo_node x);
size_t elbo_tape_cols(const elbo_tape *tape, elbo_node x);

/* No node may be made after it; all memory of the runs is taken here.
 * ELBO_ENOMEM, ELBO_ESIZE. */
elbo_status elbo_tape_finish(elbo_tape *tape);

/* Leaves' values, in double whatever the precision; [rows x cols]. A constant or
 * input may be set at any time after finish. */
void elbo_tape_set(elbo_tape *tape, elbo_node leaf, const double x[]);
void elbo_tape_get(const elbo_tape *tape, elbo_node x, double out[]);
/* In a tape of doubles, and in one of floats: the leaf is x itself from now on,
 * borrowed; no copy. Also before elbo_tape_finish, for parts of a graph that another
 * will finish. */
void elbo_tape_point(elbo_tape *tape, elbo_node leaf, const double x[]);
void elbo_tape_point_f32(elbo_tape *tape, elbo_node leaf, const float x[]);
/* In a tape of floats: a constant that is x, borrowed. */
elbo_node elbo_tape_borrow_f32(elbo_tape *tape, size_t rows, size_t cols,
                               const float x[]);
/* Values in float, whatever the precision. */
void elbo_tape_set_f32(elbo_tape *tape, elbo_node leaf, const float x[]);
void elbo_tape_get_f32(const elbo_tape *tape, elbo_node x, float out[]);

/* From here on forward leaves the values of ELBO_STOP's nodes as they are, or no
 * longer: so that differences see what derivatives see. */
void elbo_tape_hold(elbo_tape *tape, bool held);

/* Values of all nodes from the leaves'; or of those up to y, for derivatives of y: what
 * was made later keeps the values that it has. */
void elbo_tape_forward(elbo_tape *tape);
void elbo_tape_forward_to(elbo_tape *tape, elbo_node y);
/* Derivatives of the sum of y's entries at the values of the last forward run;
 * read them with elbo_tape_gradient (0 for what y does not depend on, and for
 * what depends on no input: constants and what is behind a stop). */
void elbo_tape_backward(elbo_tape *tape, elbo_node y);
void elbo_tape_gradient(const elbo_tape *tape, elbo_node x, double out[]);
void elbo_tape_gradient_f32(const elbo_tape *tape, elbo_node x, float out[]);
/* In a tape of doubles: the same where it lies, NULL for 0. */
const double *elbo_tape_adjoint(const elbo_tape *tape, elbo_node x);
/* In a tape of floats: the values and derivatives where they lie. */
const float *elbo_tape_value_f32(const elbo_tape *tape, elbo_node x);
const float *elbo_tape_adjoint_f32(const elbo_tape *tape, elbo_node x);
/* In a tape of floats: the input's derivatives go to `to` from now on, borrowed; also
 * before elbo_tape_finish. Where y does not depend on it, nothing is written. */
void elbo_tape_point_adjoint_f32(elbo_tape *tape, elbo_node input, float to[]);
elbo_precision elbo_tape_precision(const elbo_tape *tape);

/* Hessian-vector product, forward over reverse, after forward and backward(y):
 * set a direction for inputs (0 by default), run, read d/de grad(x + e v). */
void elbo_tape_direction(elbo_tape *tape, elbo_node input, const double v[]);
void elbo_tape_hessian(elbo_tape *tape, elbo_node y);
void elbo_tape_product(const elbo_tape *tape, elbo_node x, double out[]);

/* The first node whose value is not finite after a forward run, or the number of
 * nodes; *entry is the place in it. */
elbo_node elbo_tape_not_finite(const elbo_tape *tape, size_t *entry);

#endif
