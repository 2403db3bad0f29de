/* inference/language/compile.h -- from an expression's tree to two tapes.
 *
 * `fixed` holds what theta does not reach: it is run again only when a binding
 * has changed. `live` holds the rest; it begins at the intakes (intake.h) and
 * at transfers, values of the other tape that its nodes need.
 *
 * Derivatives through the planner are those of a twin: the same expression
 * compiled so that tables are inputs of `live`, in one tile. It is made when
 * they are first asked for.
 */
#ifndef ELBO_COMPILE_H
#define ELBO_COMPILE_H

#include "inference/language/intake.h"

/* Where each live value stands at one row or transition and no sum runs over
 * them but the last, `live` holds a tile of places at a time, which stays in
 * the cache: the unit is their domain. Else it holds all places of every
 * domain. */
enum { ELBO_TILE = 512 };

/* One value at each place of a domain: a node, or a number of the text. */
typedef struct elbo_quantity {
    bool made, is_number;
    double number;
    elbo_node node;
    elbo_domain at;
    size_t cols;
    bool live;
} elbo_quantity;

/* A node whose values belong to places: where a run went wrong. In the order in
 * which values arise. */
typedef struct elbo_trace {
    elbo_quantity value;
    size_t column; /* in the text */
    struct elbo_trace *rest;
} elbo_trace;

typedef struct elbo_transfer {
    elbo_node from, to; /* fixed, live */
    double *values;
    size_t rows, cols; /* of `from` */
    size_t fill;       /* rows that fill the last tile up */
    bool
        ends_in_zeros; /* what fills the last tile up; else the last row does */
    struct elbo_transfer *rest;
} elbo_transfer;

/* A constant of the batch: set once. */
typedef struct elbo_static {
    elbo_node node; /* fixed */
    const double *values;
    struct elbo_static *rest;
} elbo_static;

/* Constants that a run binds. END's rows are 0. */
typedef enum elbo_table {
    ELBO_TABLE_V,
    ELBO_TABLE_Q,
    ELBO_TABLE_LOGPI,
    ELBO_TABLE_OCCUPANCY,
    ELBO_TABLE_J,
    ELBO_TABLE_JMODEL,
    ELBO_TABLE_JCWPDIS,
    ELBO_TABLE_GRADJ_ERROR,
    ELBO_TABLE_V_TARGET,
    ELBO_TABLE_V_THEN, /* [epochs x (nS + 1)], END's rows among them */
    ELBO_TABLES
} elbo_table;

typedef struct elbo_binding {
    bool used;
    elbo_quantity value; /* a leaf of `fixed`, or of `live` (see `sloped`) */
    size_t n;            /* numbers that are bound; END's follow */
    double *last;        /* as bound last */
    double *last_slope;  /* live: room for the derivative */
} elbo_binding;

/* What one E(f, n) has drawn, at each pair: how often, over n and over the
 * probability at which it was drawn; and over the square of that probability
 * alone. In the order in which the text has them. */
typedef struct elbo_draw {
    elbo_node mean, square; /* leaves of `fixed`, at pairs */
    double *by_mean, *by_square;
    size_t n;
    struct elbo_draw *rest;
} elbo_draw;

struct elbo_program {
    elbo_arena *arena; /* owns the program too */
    const elbo_expr *expr;
    elbo_batch batch;
    bool sloped;        /* a twin */
    elbo_program *twin; /* NULL: not yet made */
    elbo_layout layout;
    bool tiled;
    elbo_domain unit; /* tiled: of a tile's places */
    size_t tile;      /* tiled: their number */
    elbo_tape *fixed, *live;
    elbo_binding binding[ELBO_TABLES];
    elbo_binding held[ELBO_TABLES]; /* a twin's, under fixed_pi */
    elbo_factor_call *calls; /* [n_factors] the expression's factors ... */
    elbo_binding *factor;    /* ... and what is bound to them */
    size_t n_factors;
    elbo_static *statics;
    elbo_transfer *transfers;
    elbo_intake *intakes;
    elbo_draw *draws;
    uint64_t drawn; /* how often */
    elbo_trace *trace;
    elbo_node weight;           /* the batch's weights, a constant of `fixed` */
    elbo_quantity total;        /* sum of weight * expression */
    elbo_quantity outer, inner; /* the expression's value: their product; only
                                   `inner` may be live */
    double *scratch;            /* room for any traced node */
    bool warm;           /* `fixed` has been run with the last bindings */
};

/* While compiling. Fails sticky: after a failure every value is the number 0
 * and no node is made. */
typedef struct elbo_compiler {
    elbo_program *program;
    elbo_status status;
    bool too_wide; /* tiles of this unit do not do: status is ELBO_ESIZE */
    bool fixed_pi; /* within it */
    size_t column; /* of the expression being compiled; of the fault */
    elbo_trace **end;
    /* Made when first needed; `made` tells. */
    elbo_quantity reward, coordinates, share, mean_share, kernel, logp;
    elbo_quantity rhat, rewards, everywhere, absorbed;
    elbo_quantity slope[2]; /* the second within fixed_pi */
} elbo_compiler;

/* samples.c: the same samples for the twin. */
void elbo_draws_share(const elbo_program *program, elbo_program *twin);

/* compile.c: program->total, outer and inner from the tree. */
elbo_status elbo_compile(elbo_compiler *c, const elbo_expr *expr);
elbo_quantity elbo_compile_quantity(elbo_compiler *c, const elbo_expr *expr);

/* factors.c: program->calls and factor, before compiling. */
elbo_status elbo_factors_init(elbo_program *program, const elbo_expr *expr);

#endif
