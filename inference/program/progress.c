#include "inference/program/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/program/metrics.h"

static const double interval = 0.1; /* seconds between two lines */

enum { WIDTH = 79 };

void elbo_progress_start(elbo_progress *progress, bool quiet)
{
    const char *const term = getenv("TERM");
    const char *const plain = getenv("NO_COLOR");
    const bool able = term && *term && strcmp(term, "dumb") != 0;

    *progress = (elbo_progress){.shown = !quiet && isatty(STDERR_FILENO)};
    progress->cursor = able;
    progress->colour = able && !(plain && *plain);
    clock_gettime(CLOCK_MONOTONIC, &progress->start);
    progress->last = progress->start;
}

static void show(elbo_progress *p, uint64_t seed, const elbo_row *row,
                 uint64_t done, uint64_t budget)
{
    const double rate = (double)done / elbo_seconds_since(&p->start);
    const double left = (double)(budget - row->iteration) / rate;
    const uint64_t eta = left < 1e7 ? (uint64_t)left : 9999999;
    char line[2 * WIDTH], change[32] = "";

    if (p->written && p->seed == seed)
        snprintf(change, sizeof change, " (%+.1e)", row->elbo - p->elbo);
    snprintf(line, sizeof line,
             "seed %" PRIu64 "  %" PRIu64 "/%" PRIu64
             "  elbo %.6g%s  real %.5g  %.0f/s  ETA %" PRIu64 ":%02" PRIu64,
             seed, row->iteration, budget, row->elbo, change, row->return_real,
             rate, eta / 60, eta % 60);
    line[WIDTH] = '\0';
    fprintf(stderr, "%s%s%s%s%s", p->cursor ? "\r" : "",
            p->colour ? "\x1b[36m" : "", line, p->colour ? "\x1b[0m" : "",
            p->cursor ? "\x1b[K" : "\n");
    fflush(stderr);
    p->written = true;
    p->elbo = row->elbo;
    p->seed = seed;
}

void elbo_progress_show(elbo_progress *progress, uint64_t seed,
                        const elbo_row *row, uint64_t done, uint64_t budget)
{
    if (!progress->shown) return;
#pragma omp critical(elbo_progress)
    if (elbo_seconds_since(&progress->last) >= interval) {
        show(progress, seed, row, done, budget);
        clock_gettime(CLOCK_MONOTONIC, &progress->last);
    }
}

void elbo_progress_end(elbo_progress *progress)
{
    if (progress->written && progress->cursor) fprintf(stderr, "\r\x1b[K");
    progress->written = false;
}
