/* inference/language/network_state.h -- compiling for networks, from within:
 * for network*.c alone.
 */
#ifndef ELBO_NETWORK_STATE_H
#define ELBO_NETWORK_STATE_H

#include "inference/language/network.h"

/* n samples of y for each row: sample k of row b is row b n + k. */
typedef struct elbo_net_draws {
    size_t n, depth, scope;
    bool shared;   /* by all E(f) and Var(f) of this depth and scope */
    elbo_node y;   /* [B n x no] */
    uint32_t *row; /* [B n] its row */
    size_t *start; /* [B + 1] */
    struct elbo_net_draws *rest;
} elbo_net_draws;

/* A leaf of standard normals, drawn anew at each binding. */
typedef struct elbo_net_normals {
    elbo_node node;
    size_t n;
    double *scratch; /* [n] */
    struct elbo_net_normals *rest;
} elbo_net_normals;

/* Where a value differs. */
typedef enum elbo_net_place {
    ELBO_NET_ONE,
    ELBO_NET_ROW,
    ELBO_NET_SAMPLE
} elbo_net_place;

typedef enum elbo_net_form {
    ELBO_NET_PLAIN,   /* x is the value */
    ELBO_NET_MEAN,    /* at rows: the mean over the samples of x */
    ELBO_NET_DIAGONAL /* at samples: q y^2 + l y + c entry by entry, or its sum
                         over entries plus c; x is not made */
} elbo_net_form;

typedef struct elbo_net_term {
    elbo_net_form form;
    elbo_net_place place;
    size_t cols;
    unsigned depends; /* as the expression's */
    bool single;      /* an Ed of one sample stands in it */
    elbo_node x;
    elbo_net_draws *draws; /* of what is at samples or a mean of them */
    bool square, summed;   /* DIAGONAL: q is set; the sum over entries */
    elbo_node q, l, c;     /* one row or B */
} elbo_net_term;

/* A leaf that is bound. */
typedef struct elbo_net_leaf {
    elbo_node node;
    size_t cols;
    int table,
        factor; /* one of them; the other is -1; both: the rows' shares */
    struct elbo_net_leaf *rest;
} elbo_net_leaf;

struct elbo_network {
    elbo_arena *arena; /* owns the program too */
    elbo_network_frame frame;
    size_t rows; /* of the data: frame.rows but within Epi */
    elbo_net_leaf *leaves;
    elbo_net_draws *draws;
    elbo_net_normals *normals;
    elbo_node value;
    bool used[ELBO_NETWORK_TABLES];
    elbo_node table[ELBO_NETWORK_TABLES];
    elbo_network_factor factor[ELBO_NETWORK_FACTORS];
    elbo_node factor_node[ELBO_NETWORK_FACTORS];
    size_t n_factors;
    double *scratch; /* [B x no] */
};

/* While compiling. Fails sticky: after a failure values mean nothing. */
typedef struct elbo_net_compiler {
    elbo_network *program;
    elbo_status status;
    size_t column;
    elbo_net_draws *y; /* within E or Var; NULL: y has no meaning */
    size_t depth;
    const elbo_policy_nodes *pi; /* within Epi; else NULL */
    const uint32_t *of_row;      /* ... the data's row of each of the frame's */
    size_t scope, scopes;        /* of Epi: this one, how many */
    bool made_share;
    elbo_node share;
} elbo_net_compiler;

/* The compiler's column is blamed. */
void elbo_net_refuse(elbo_net_compiler *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* e->name: why; worth 0. */
elbo_net_term elbo_net_without(elbo_net_compiler *c, const elbo_expr *e,
                               const char *why);

/* network_values.c */
elbo_net_term elbo_net_number(elbo_net_compiler *c, double x);
elbo_net_term elbo_net_row(elbo_node x, size_t cols); /* at rows */
elbo_net_term elbo_net_one(elbo_node x, size_t cols);
/* The value itself, a node. */
elbo_net_term elbo_net_plain(elbo_net_compiler *c, elbo_net_term x);
/* A plain one of rows or of one place at its samples. */
elbo_node elbo_net_spread(elbo_net_compiler *c, elbo_net_term x,
                          elbo_net_draws *draws);
elbo_net_term elbo_net_unary(elbo_net_compiler *c, elbo_unary op,
                             elbo_net_term x);
elbo_net_term elbo_net_binary(elbo_net_compiler *c, elbo_binary op,
                              elbo_net_term x, elbo_net_term y);
elbo_net_term elbo_net_scale(elbo_net_compiler *c, elbo_net_term x, double k);
elbo_net_term elbo_net_stop(elbo_net_compiler *c, elbo_net_term x);
elbo_net_term elbo_net_sum(elbo_net_compiler *c, elbo_net_term x);
/* x x, unbiased where x is a mean of samples. */
elbo_net_term elbo_net_square(elbo_net_compiler *c, elbo_net_term x);
/* Whether their columns go together; else refused. */
bool elbo_net_fits(elbo_net_compiler *c, const elbo_net_term *x,
                   const elbo_net_term *y);

/* network_policy.c */
elbo_net_term elbo_net_policy_mean(elbo_net_compiler *c, const elbo_expr *e);
elbo_net_term elbo_net_roll(elbo_net_compiler *c, const elbo_expr *e);

/* network_samples.c */
/* A leaf [rows x cols] of standard normals. */
elbo_node elbo_net_noise(elbo_net_compiler *c, size_t rows, size_t cols);
/* n rows for each, without a y. */
elbo_net_draws *elbo_net_draws_of_rows(elbo_net_compiler *c, size_t n);
/* E(f) of the call e. */
elbo_net_term elbo_net_successor_mean(elbo_net_compiler *c, const elbo_expr *e,
                                      const elbo_expr *f);
elbo_net_draws *elbo_net_draws_of(elbo_net_compiler *c, size_t n, bool shared);
elbo_node elbo_net_average(elbo_net_compiler *c, elbo_node z,
                           const elbo_net_draws *draws);
elbo_net_term elbo_net_product(elbo_net_compiler *c, elbo_net_term x,
                               elbo_net_term y);
elbo_net_term elbo_net_mean(elbo_net_compiler *c, const elbo_expr *e);
elbo_net_term elbo_net_variance(elbo_net_compiler *c, const elbo_expr *e);
elbo_net_term elbo_net_unbiased(elbo_net_compiler *c, const elbo_expr *e);

/* network_diagonal.c: false: no closed form, *out is not set. */
elbo_net_term elbo_net_y(elbo_net_compiler *c);
bool elbo_net_diagonal(elbo_net_compiler *c, elbo_binary op,
                       const elbo_net_term *x, const elbo_net_term *y,
                       elbo_net_term *out);
elbo_net_term elbo_net_diagonal_scale(elbo_net_compiler *c, elbo_net_term x,
                                      double k);
elbo_net_term elbo_net_diagonal_sum(elbo_net_compiler *c, elbo_net_term x);
elbo_node elbo_net_diagonal_value(elbo_net_compiler *c, const elbo_net_term *x);
elbo_net_term elbo_net_diagonal_mean(elbo_net_compiler *c, elbo_net_term x);
elbo_net_term elbo_net_diagonal_variance(elbo_net_compiler *c, elbo_net_term x);

/* network_words.c */
elbo_net_term elbo_net_term_of(elbo_net_compiler *c, const elbo_expr *e);
/* network_calls.c: false: e is none of its functions. */
bool elbo_net_call(elbo_net_compiler *c, const elbo_expr *e,
                   elbo_net_term *out);
/* network.c: a leaf for a table or a factor. */
elbo_node elbo_net_table(elbo_net_compiler *c, elbo_network_table table);
elbo_node elbo_net_factor(elbo_net_compiler *c, const char *text,
                          const elbo_expr *call);
elbo_node elbo_net_share(elbo_net_compiler *c);

#endif
