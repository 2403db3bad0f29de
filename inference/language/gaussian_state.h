/* inference/language/gaussian_state.h -- compiling for linear-Gaussian worlds, from
 * within: for gaussian*.c alone.
 *
 * Every value is a node of one row, common to all transitions, or of n. A matrix
 * at each transition is a row of the node, its entries row by row.
 */
#ifndef ELBO_GAUSSIAN_STATE_H
#define ELBO_GAUSSIAN_STATE_H

#include "inference/language/gaussian.h"

/* A constant of the batch or of shapes: set once the tape is finished. */
typedef struct elbo_gaussian_constant {
    elbo_node node;
    const double *values;
    struct elbo_gaussian_constant *rest;
} elbo_gaussian_constant;

/* The nodes from `first` on belong to this place of the text. */
typedef struct elbo_gaussian_place {
    elbo_node first;
    size_t column;
    struct elbo_gaussian_place *before;
} elbo_gaussian_place;

struct elbo_gaussian {
    elbo_arena *arena; /* owns the program too */
    elbo_tape *tape;
    elbo_gaussian_batch batch;
    size_t nz;
    bool used[ELBO_GAUSSIAN_TABLES];
    elbo_node input[ELBO_GAUSSIAN_TABLES]; /* [rows x cols] */
    elbo_gaussian_constant *constants;
    elbo_gaussian_place *places;
    elbo_node value; /* [1 or n x 1] */
    elbo_node total; /* [1 x 1] */
    double *scratch; /* [n] */
};

/* What a polynomial's variable is. */
typedef enum elbo_variable { ELBO_NO_VARIABLE, ELBO_OF_Y, ELBO_OF_ACTION } elbo_variable;

/* f_i = c_i + sum_j G_ij x_j + sum_jk H_ijk x_j x_k + sum of products of pairs;
 * H symmetric in jk; parts beyond the degree are not set. */
typedef struct elbo_poly {
    size_t cols, degree; /* <= 4 */
    elbo_node c;         /* [rows x cols] */
    elbo_node G;         /* [rows x cols d] */
    elbo_node H;         /* [rows x cols d d] */
    struct elbo_pair *pairs; /* of degree 3 and 4: scalars */
} elbo_poly;

typedef struct elbo_pair {
    elbo_poly a, b; /* of degree 1 and 2, scalars */
    struct elbo_pair *rest;
} elbo_pair;

/* When a state is: what tells V's stages apart. */
typedef enum elbo_time {
    ELBO_TIMELESS,
    ELBO_NOW,
    ELBO_NEXT,
    ELBO_TIMES_MIXED
} elbo_time;

typedef struct elbo_term {
    elbo_poly f;
    elbo_time time;
} elbo_term;

/* While compiling. Fails sticky: after a failure no node is made. */
typedef struct elbo_gaussian_compiler {
    elbo_gaussian *program;
    elbo_status status;
    size_t column;
    elbo_variable variable;
    size_t d; /* numbers of the variable */
    /* made when first needed; `made` tells */
    bool made_inputs, made_mean;
    elbo_node s, a, next, s_a_1; /* [n x nx], [n x nu], [n x nx], [n x nz + 1] */
    elbo_node mean;              /* [n x nx] of y */
} elbo_gaussian_compiler;

/* gaussian_rows.c: one matrix a row. */
/* Whether memory is gone: shapes then mean nothing, and status says it. */
bool elbo_rows_lost(elbo_gaussian_compiler *c);
size_t elbo_rows_cols(const elbo_gaussian_compiler *c, elbo_node x);
/* A leaf with these values, which live as long as the program. */
elbo_node elbo_rows_constant(elbo_gaussian_compiler *c, size_t rows, size_t cols,
                             const double values[]);
/* out[:, i] = x[:, index[i]]; index is not kept. */
elbo_node elbo_rows_spread(elbo_gaussian_compiler *c, elbo_node x,
                           const size_t index[], size_t n);
/* Of rows [R D]: out[r] = sum_j x[r, j]. */
elbo_node elbo_rows_fold(elbo_gaussian_compiler *c, elbo_node x, size_t R, size_t D);
/* x [D] to R copies of it; to each entry D times (x [R]). */
elbo_node elbo_rows_tile(elbo_gaussian_compiler *c, elbo_node x, size_t R);
elbo_node elbo_rows_repeat(elbo_gaussian_compiler *c, elbo_node x, size_t D);
/* x [n] among m numbers, from `at` on; 0 beside it. */
elbo_node elbo_rows_place(elbo_gaussian_compiler *c, elbo_node x, size_t at, size_t m);
/* X [R x D] v [D]. */
elbo_node elbo_rows_apply(elbo_gaussian_compiler *c, elbo_node X, size_t R,
                          size_t D, elbo_node v);
/* X [p x q] Y [q x r], and X' [p x q]. */
elbo_node elbo_rows_product(elbo_gaussian_compiler *c, elbo_node X, size_t p,
                            size_t q, elbo_node Y, size_t r);
elbo_node elbo_rows_transpose(elbo_gaussian_compiler *c, elbo_node X, size_t p,
                              size_t q);
/* sum_j x_j y_j */
elbo_node elbo_rows_dot(elbo_gaussian_compiler *c, elbo_node x, elbo_node y);
elbo_node elbo_rows_number(elbo_gaussian_compiler *c, double x);
elbo_node elbo_rows_binary(elbo_gaussian_compiler *c, elbo_binary op, elbo_node x,
                           elbo_node y);
elbo_node elbo_rows_unary(elbo_gaussian_compiler *c, elbo_unary op, elbo_node x);
elbo_node elbo_rows_scale(elbo_gaussian_compiler *c, elbo_node x, double k);

/* gaussian_poly.c. The compiler's column is blamed. */
elbo_status elbo_gaussian_refuse(elbo_gaussian_compiler *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
elbo_poly elbo_poly_of(elbo_gaussian_compiler *c, elbo_node x);
elbo_poly elbo_poly_number(elbo_gaussian_compiler *c, double x);
/* The variable itself. */
elbo_poly elbo_poly_variable(elbo_gaussian_compiler *c);
elbo_poly elbo_poly_add(elbo_gaussian_compiler *c, elbo_binary op, elbo_poly x,
                        elbo_poly y);
elbo_poly elbo_poly_mul(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y);
elbo_poly elbo_poly_div(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y);
elbo_poly elbo_poly_scale(elbo_gaussian_compiler *c, elbo_poly x, double k);
elbo_poly elbo_poly_stop(elbo_gaussian_compiler *c, elbo_poly x);
elbo_poly elbo_poly_sum(elbo_gaussian_compiler *c, elbo_poly x); /* of entries */
/* T x, T [R x cols of x] a row; x of degree 1 at most. */
elbo_poly elbo_poly_map(elbo_gaussian_compiler *c, elbo_node T, size_t R, elbo_poly x);
/* (x, y), of degree 1 at most. */
elbo_poly elbo_poly_join(elbo_gaussian_compiler *c, elbo_poly x, elbo_poly y);
/* k x'P x + p'x + c0, x of degree 1 at most. */
elbo_poly elbo_poly_quadratic(elbo_gaussian_compiler *c, double k, elbo_node P,
                              elbo_node p, elbo_node c0, elbo_poly x);
/* x ~ N(m, S). */
elbo_poly elbo_poly_mean(elbo_gaussian_compiler *c, elbo_poly f, elbo_node m,
                         elbo_node S);
elbo_poly elbo_poly_variance(elbo_gaussian_compiler *c, elbo_poly f, elbo_node m,
                             elbo_node S);

/* gaussian_words.c */
elbo_term elbo_gaussian_term(elbo_gaussian_compiler *c, const elbo_expr *e);
/* Nodes from here on are e's: after its arguments. */
void elbo_gaussian_back_to(elbo_gaussian_compiler *c, const elbo_expr *e);
/* e->name: why; worth 0. */
elbo_term elbo_gaussian_without(elbo_gaussian_compiler *c, const elbo_expr *e,
                                const char *why);
/* gaussian_arithmetic.c */
elbo_term elbo_gaussian_arithmetic(elbo_gaussian_compiler *c, const elbo_expr *e);
/* gaussian_calls.c: false: e is none of its functions. */
bool elbo_gaussian_call(elbo_gaussian_compiler *c, const elbo_expr *e, elbo_term *out);
/* gaussian.c: the table's rows as the transitions have them; `later`: of values,
 * a stage on. */
elbo_node elbo_gaussian_table_node(elbo_gaussian_compiler *c,
                                   elbo_gaussian_table table, bool later);

#endif
