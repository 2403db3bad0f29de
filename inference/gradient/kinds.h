/* inference/gradient/kinds.h -- the members of the slot's tables. */
#ifndef ELBO_GRADIENT_KINDS_H
#define ELBO_GRADIENT_KINDS_H

#include "inference/gradient.h"

extern const elbo_gradient elbo_gradient_stop, elbo_gradient_unroll,
    elbo_gradient_implicit, elbo_gradient_score, elbo_gradient_search;

/* task_implicit.c, task_unroll.c */
extern const struct elbo_task_way elbo_task_way_implicit, elbo_task_way_unroll;

extern const elbo_solver elbo_solver_exact, elbo_solver_cg, elbo_solver_neumann,
    elbo_solver_identity, elbo_solver_woodbury, elbo_solver_adjoint;

/* Options of a solver that iterates, and where they go. */
#define ELBO_ITERATIVE_OPTIONS(steps)                                          \
    {.name = "tolerance",                                                      \
     .type = ELBO_REAL,                                                        \
     .unit = "",                                                               \
     .low = 0,                                                                 \
     .high = 1,                                                                \
     .fallback = "1e-11",                                                      \
     .doc = "the solve ends at this residual, relative to b"},                 \
    {                                                                          \
        .name = "iterations", .type = ELBO_INT, .unit = "", .low = 1,          \
        .high = 1e9, .fallback = steps, .doc = "... or after so many"          \
    }
void elbo_solver_set_iterative(const elbo_values *values, elbo_route *out);

/* As elbo_gradient_parse, of `implicit`'s argument. */
elbo_status elbo_solver_parse(const char *text, elbo_arena *arena,
                              elbo_route *out, size_t *column,
                              const char **nearest);

/* The same word in memory that stays, for one that a parser's arena holds. */
const char *elbo_gradient_lasting(const char *word);

#endif
