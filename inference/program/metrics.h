/* inference/program/metrics.h -- metrics.csv and timing.csv of one seed.
 */
#ifndef ELBO_METRICS_H
#define ELBO_METRICS_H

#include <time.h>

#include "inference/engine.h"

enum { ELBO_COLUMNS = 48 };

/* What a run keeps beside the engine's state: it goes into checkpoints. */
typedef struct elbo_record {
    const char *const *columns;
    size_t n;       /* columns */
    uint64_t rows;  /* written so far */
    uint64_t bytes; /* of metrics.csv */
    double last[ELBO_COLUMNS];
    double best[ELBO_COLUMNS]; /* the first row of the largest elbo among those
                                  that saw as much data as the last: bounds on
                                  different data do not compare */
} elbo_record;

/* `columns` as of elbo_engine_columns; borrowed. */
void elbo_record_init(elbo_record *record, const char *const *columns);
/* The index of a column that every run has. */
size_t elbo_record_column(const elbo_record *record, const char *name);

typedef struct elbo_metrics {
    const char *path, *timing_path; /* borrowed */
    int fd, timing_fd;
    double before; /* seconds of the sessions before this one */
    struct timespec start;
} elbo_metrics;

/* Open the two files of a seed's folder, cut back to what the record says: to
 * nothing when it has no rows. ELBO_EIO; ELBO_EDATA when metrics.csv is shorter
 * than the record, or does not have its last row there. */
elbo_status elbo_metrics_open(const char *dir, elbo_record *record,
                              elbo_arena *arena, elbo_metrics *out);
/* ELBO_ECHECK, nothing written: a value is not finite; the text names it. */
elbo_status elbo_metrics_append(elbo_metrics *metrics, elbo_record *record,
                                const elbo_row *row,
                                elbo_optimality optimality);
/* metrics.csv to disk. */
elbo_status elbo_metrics_sync(const elbo_metrics *metrics);
void elbo_metrics_close(elbo_metrics *metrics);

/* Seconds from one reading of the monotonic clock to now. */
double elbo_seconds_since(const struct timespec *start);

#endif
