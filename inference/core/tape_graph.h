/* inference/core/tape_graph.h -- what tape.c builds and the kernels run.
 *
 * Internal to the tape. A node's buffers hold `size` numbers of the tape's
 * precision, row-major. Only the kernels know which precision that is.
 */
#ifndef ELBO_TAPE_GRAPH_H
#define ELBO_TAPE_GRAPH_H

#include "inference/core/tape.h"

typedef enum elbo_operation {
    ELBO_LEAF_INPUT,
    ELBO_LEAF_CONSTANT,
    ELBO_LEAF_NUMBER,
    ELBO_ELEMENTWISE, /* by node.rule */
    ELBO_MATMUL,
    ELBO_DENSE, /* rule: the activation */
    ELBO_DOT,
    ELBO_SUM_ALL,
    ELBO_SUM_ROWS,
    ELBO_SUM_COLS,
    ELBO_LOGSUMEXP,
    ELBO_ROWMAX,
    ELBO_GATHER,
    ELBO_SEGMENTS,
    ELBO_RESHAPE,
    ELBO_COLUMNS, /* k[0] is the first */
    ELBO_JOIN,
    ELBO_OPERATIONS
} elbo_operation;

/* Elementwise rules: those of elbo_unary, of elbo_binary, then these. */
enum {
    ELBO_RULE_BINARY = ELBO_UNARIES,
    ELBO_RULE_POW = ELBO_RULE_BINARY + ELBO_BINARIES,
    ELBO_RULE_CLIP,
    ELBO_RULE_SCALE,
    ELBO_RULES
};

typedef struct elbo_tape_node {
    elbo_operation operation;
    unsigned rule;
    elbo_node x, y; /* arguments; y = x where there is one, self in a leaf */
    size_t rows, cols, size;
    elbo_node b; /* third argument of dense */
    double k[2]; /* a number; exponent; factor; bounds of clip */
    bool transpose_x, transpose_y;
    const uint32_t *index; /* [rows] of gather */
    const size_t *start;   /* [rows + 1] of segments */
    const struct elbo_tape_node
        *bias;    /* of dense: b, once the graph is finished */
    void *slope;  /* of dense: f' where the value does not tell it */
    void *room;   /* of dense: twice its size, between passes anybody's */
    bool varies;  /* depends on an input, not through a stop */
    bool live;    /* varies, and the last backward's y depends on it */
    bool reached; /* and that has already written its adjoint */
    void *value;  /* [rows x cols], as all that follow */
    /* NULL in a node that does not vary: */
    void *adjoint;         /* d y / d this */
    void *tangent;         /* d this / d e along the direction */
    void *adjoint_tangent; /* d adjoint / d e */
} elbo_tape_node;

/* One pass over one node: `out` and its arguments. backward adds to the
 * arguments' adjoints, or writes them where they are not reached; second, the
 * tangent of backward, adds to their adjoint tangents. Arguments that do not
 * vary are left out, their tangents are 0. */
typedef void elbo_pass(const elbo_tape_node *out, const elbo_tape_node *x,
                       const elbo_tape_node *y);

typedef struct elbo_kernel {
    elbo_pass *forward, *backward, *tangent, *second;
} elbo_kernel;

typedef struct elbo_kernels {
    size_t real; /* bytes of a number */
    void (*fill)(void *to, size_t n, double x);
    void (*load)(void *to, const double from[], size_t n);
    void (*store)(double to[], const void *from, size_t n);
    void (*load_f32)(void *to, const float from[], size_t n);
    void (*store_f32)(float to[], const void *from, size_t n);
    /* The first entry that is not finite, or n. */
    size_t (*not_finite)(const void *x, size_t n);
    elbo_kernel of[ELBO_OPERATIONS]; /* leaves have none */
} elbo_kernels;

extern const elbo_kernels elbo_kernels_f64, elbo_kernels_f32;

struct elbo_tape {
    elbo_arena *arena; /* holds the tape itself and all of its memory */
    bool placed;       /* the arena is another's */
    const elbo_kernels *kernels;
    elbo_tape_node *nodes; /* [room] */
    size_t count, room;
    size_t large_rows, large_cols; /* the first shape that was too large */
    bool too_large, finished;
    bool held;         /* forward leaves what is behind a stop as it is */
    bool has_run;      /* forward was called */
    bool has_gradient; /* backward(derived) followed it */
    bool has_product;  /* hessian(derived) followed that */
    bool marked;       /* nodes are live or not for `derived` */
    elbo_node derived;
};

#endif
