/* inference/program/progress.h -- one line on a terminal's stderr, at most ten
 * times a second.
 */
#ifndef ELBO_PROGRESS_H
#define ELBO_PROGRESS_H

#include <time.h>

#include "inference/engine.h"

typedef struct elbo_progress {
    bool shown;  /* stderr is a terminal and nobody asked for quiet */
    bool cursor; /* the terminal can rewrite its line */
    bool colour;
    bool written; /* a line stands there */
    struct timespec start, last;
    double elbo;   /* of the row shown last ... */
    uint64_t seed; /* ... and whose it was */
} elbo_progress;

void elbo_progress_start(elbo_progress *progress, bool quiet);
/* From any thread. `done` iterations of this session of `budget` in all. */
void elbo_progress_show(elbo_progress *progress, uint64_t seed,
                        const elbo_row *row, uint64_t done, uint64_t budget);
/* Take the line away. */
void elbo_progress_end(elbo_progress *progress);

#endif
