/* inference/program/track.h -- a finished run's way through its world, for
 * pictures.
 */
#ifndef ELBO_TRACK_H
#define ELBO_TRACK_H

#include <stdio.h>

#include "inference/core/arena.h"

typedef enum elbo_cell_kind {
    ELBO_CELL_FREE,
    ELBO_CELL_WALL, /* no policy reaches it */
    ELBO_CELL_BEST  /* rewards are largest */
} elbo_cell_kind;

/* A state's row and column, counted downwards and to the right. */
typedef struct elbo_track_cell {
    int32_t row, column;
    elbo_cell_kind kind;
} elbo_track_cell;

/* From the likeliest start, the policy's likeliest action and the world's
 * likeliest successor at each step, until a state comes again or the episode
 * ends. Of the first seed, at its newest checkpoint; of the first stage's policy
 * where there are stages. */
typedef struct elbo_track {
    const elbo_track_cell *cell; /* [n_cells]; 0: the world has no two coordinates */
    size_t n_cells;
    const uint32_t *way; /* [n_way] cells; the last one closes the circle */
    size_t n_way;
    bool arrives; /* it ends where rewards are largest, or goes round there */
} elbo_track;

/* In the arena. ELBO_ENOINPUT: no such run, or it has no checkpoint. */
elbo_status elbo_track_read(const char *dir, elbo_arena *arena,
                            elbo_track *out);

/* Two blocks of text for gnuplot, each ended by two empty lines, of NaN where
 * nothing can be drawn:
 *   cells  row column kind
 *   way    row column end    end: 0 on the way; of the last cell 1 where it is
 *                            stuck, 2 where it arrives */
void elbo_track_put(const elbo_track *track, FILE *file);

/* What stands above a picture. */
typedef struct elbo_track_title {
    const char *line[2];
} elbo_track_title;

/* The pictures in characters beside one another, each under its title, as many as
 * `columns` hold. Arrows lead on, o stays, X is where the way is stuck. Prints
 * nothing where one cannot be drawn, or is wider than that. */
elbo_status elbo_tracks_print(const elbo_track track[],
                              const elbo_track_title title[], size_t n,
                              size_t columns, FILE *file, elbo_arena *arena);

#endif
