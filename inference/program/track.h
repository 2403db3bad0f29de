/* inference/program/track.h -- a finished run's way through its world, for
 * pictures.
 */
#ifndef ELBO_TRACK_H
#define ELBO_TRACK_H

#include <stdio.h>

#include "inference/core/arena.h"

/* Two blocks of text, ended by two empty lines each, for one run directory; rows
 * count downwards from 0:
 *   cells  row column kind    0 free, 1 wall, 2 where rewards are largest
 *   way    row column again   from the likeliest start, the policy's likeliest
 *                             action and the world's likeliest successor at each
 *                             step; again is 1 where the way comes back to a
 *                             state it has left, and ends there
 * Of the first seed, at its newest checkpoint. A world without two coordinates has
 * no cells and no way: *drawn is false and both blocks are one row of NaN.
 * ELBO_ENOINPUT: no such run, or it has no checkpoint. */
elbo_status elbo_track_put(const char *dir, FILE *file, elbo_arena *arena,
                           bool *drawn);

#endif
