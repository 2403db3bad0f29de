/* envs/gridmap.h -- maps of grid worlds, drawn in characters.
 *
 * One character a cell: '.' free, '#' wall, 'S' start, 'G' goal, 'P' pit, and
 * '^' '>' 'v' '<' free cells with wind. Rows end at '/' or at the end of a
 * line; the last row may end so too.
 */
#ifndef ELBO_GRIDMAP_H
#define ELBO_GRIDMAP_H

#include "inference/core/arena.h"

typedef struct elbo_gridmap {
    size_t rows, cols;
    const char *cell; /* [rows x cols] */
} elbo_gridmap;

/* Where a map is wrong: row and column from 1, offset in the text. */
typedef struct elbo_gridmap_fault {
    size_t row, column, offset;
    char text[128];
} elbo_gridmap_fault;

/* The size of the map in the text, once it is known to be right: known
 * characters, rows of one length, some cell that is not a wall. false and the
 * first fault otherwise. */
bool elbo_gridmap_measure(const char *text, elbo_gridmap *map,
                          elbo_gridmap_fault *fault);

/* The cells of a text that was measured. NULL cells: no memory. */
void elbo_gridmap_fill(const char *text, elbo_gridmap *map, elbo_arena *arena);

/* An open map with the start at the top left and the goal at the bottom right;
 * rows * cols > 1. */
void elbo_gridmap_open(elbo_gridmap *map, elbo_arena *arena);

#endif
