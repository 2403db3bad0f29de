/* models/sparse_table.h -- what a CSV file says of pairs and outcomes: lists of
 * (number, value), read strictly.
 */
#ifndef ELBO_SPARSE_TABLE_H
#define ELBO_SPARSE_TABLE_H

#include "inference/core/arena.h"

/* One line: value `value` of feature `feature` at a place. */
typedef struct elbo_sparse_entry {
    size_t place, next, feature;
    size_t line;
    double value;
} elbo_sparse_entry;

/* The lines of a file, ascending in (place, next, feature), each once. */
typedef struct elbo_sparse_table {
    const char *path;
    size_t n;
    size_t features; /* the largest feature + 1 */
    elbo_sparse_entry *at;
} elbo_sparse_table;

/* A file of columns
 *   state,action,feature,value              next = 0
 *   state,action,next_state,feature,value   with `outcomes`; next_state nS: END
 * place = state * nA + action. ELBO_EDATA with path:line:col, ELBO_ENOINPUT.
 * The lines live in the arena. */
elbo_status elbo_sparse_table_read(const char *path, size_t nS, size_t nA,
                                   bool outcomes, elbo_arena *arena,
                                   elbo_sparse_table *out);

/* A file of columns state,part,weight: place = state, feature = part, weights
 * positive and summing to 1 in each state. */
elbo_status elbo_mixtures_read(const char *path, size_t nS, elbo_arena *arena,
                               elbo_sparse_table *out);

#endif
