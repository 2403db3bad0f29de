/* inference/archive.h -- points where a function is known: what a Bayesian
 * search remembers.
 */
#ifndef ELBO_ARCHIVE_H
#define ELBO_ARCHIVE_H

#include "inference/core/arena.h"
#include "inference/core/checkpoint.h"

typedef struct elbo_archive {
    size_t capacity, d;
    size_t n;       /* points kept */
    uint64_t count; /* points ever added: numbers the next one's random draws */
    double *x;      /* [capacity x d] */
    double *y;      /* [capacity] */
} elbo_archive;

/* Empty; memory from the arena. capacity >= 1. */
elbo_status elbo_archive_init(elbo_archive *archive, size_t capacity, size_t d,
                              elbo_arena *arena);

/* A full archive drops its worst point, which may be this one. */
void elbo_archive_add(elbo_archive *archive, const double x[], double y);

/* The index of x, to the bit, or n. */
size_t elbo_archive_find(const elbo_archive *archive, const double x[]);
/* The index of the largest (or least) y, the first of equals; n >= 1. */
size_t elbo_archive_best(const elbo_archive *archive);
size_t elbo_archive_worst(const elbo_archive *archive);

/* Into, and from, the current section. ELBO_EDATA when it does not fit. */
void elbo_archive_save(const elbo_archive *archive, elbo_writer *out);
elbo_status elbo_archive_load(elbo_archive *archive, elbo_reader *in);

#endif
