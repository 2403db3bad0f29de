/* inference/program/summary.h -- summary.json of one seed.
 */
#ifndef ELBO_SUMMARY_H
#define ELBO_SUMMARY_H

#include "inference/program/metrics.h"

typedef struct elbo_summary {
    uint64_t seed;
    const char *objective; /* elbo_setup_kind */
    const char *verdict;   /* "converged", "budget", "stopped" */
    const char *why;
    const elbo_record *record;
} elbo_summary;

/* Whole or not at all. ELBO_EIO, ELBO_ENOMEM. */
elbo_status elbo_summary_write(const elbo_summary *summary, const char *path);

/* What a summary says of the seed's end. */
typedef struct elbo_ending {
    uint64_t iterations;
    bool finished; /* converged, or all iterations done */
    const char *why;
} elbo_ending;

/* ELBO_ENOINPUT: there is none; ELBO_EDATA: it is no summary. */
elbo_status elbo_summary_read(const char *path, elbo_arena *arena,
                              elbo_ending *out);

#endif
