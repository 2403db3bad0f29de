/* envs/layout.h -- what worlds share: where they start, where states lie.
 *
 * All memory from the arena; NULL when it has none (ask elbo_arena_check).
 */
#ifndef ELBO_LAYOUT_H
#define ELBO_LAYOUT_H

#include "inference/env.h"

/* mu [nS]: surely state s. */
double *elbo_start_at(size_t nS, size_t s, elbo_arena *arena);

/* mu [nS]: uniform over the states that `may` marks, of which there is at least
 * one; NULL: over all. */
double *elbo_start_uniform(size_t nS, const uint8_t may[], elbo_arena *arena);

/* Coordinates [rows * cols x 2] of the cells row by row: (row, column). */
int32_t *elbo_grid_coord(size_t rows, size_t cols, elbo_arena *arena);

/* Leave zero-probability outcomes out: append one, return the new count. */
size_t elbo_outcome_add(elbo_outcome out[], size_t n, elbo_outcome one);

#endif
