/* inference/program/series.h -- metrics of a run, joined over its seeds.
 */
#ifndef ELBO_SERIES_H
#define ELBO_SERIES_H

#include "inference/core/arena.h"

/* One seed's metrics.csv. Columns by name; missing ones are an error of the
 * reader of them. */
typedef struct elbo_series {
    const char **column; /* [n_columns] */
    size_t n_columns, n_rows;
    double *x; /* [n_rows x n_columns] */
} elbo_series;

/* ELBO_ENOINPUT; ELBO_EDATA with path:line for what is no table of numbers. */
elbo_status elbo_series_read(const char *path, elbo_arena *arena,
                             elbo_series *out);

/* The index of a column; ELBO_EDATA names path and column. */
elbo_status elbo_series_column(const elbo_series *series, const char *path,
                               const char *name, size_t *out);

/* A run: the series of its seeds, in order of seed. */
typedef struct elbo_run_series {
    const char *label;
    elbo_series *seed;
    const char **path; /* of each metrics.csv */
    size_t n_seeds;
    size_t n_rows; /* of the longest */
} elbo_run_series;

/* Seeds without a row are left out; ELBO_EDATA when none has any. */
elbo_status elbo_run_series_read(const char *dir, elbo_arena *arena,
                                 elbo_run_series *out);

/* Mean, least and largest of a column over the seeds in row t. A seed that
 * ended earlier keeps its last value. */
typedef struct elbo_band {
    double mean, low, high;
} elbo_band;
elbo_band elbo_run_series_band(const elbo_run_series *run, size_t column,
                               size_t t);

#endif
