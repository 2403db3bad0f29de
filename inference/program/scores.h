/* inference/program/scores.h -- one number a seed of a finished run.
 */
#ifndef ELBO_SCORES_H
#define ELBO_SCORES_H

#include "inference/core/statistics.h"

/* Which rows of metrics.csv the number is taken from. */
typedef enum elbo_scores_at {
    ELBO_AT_LAST,
    ELBO_AT_BEST, /* the first row of the largest elbo, as in summary.json */
    ELBO_AT_MEAN  /* over all rows */
} elbo_scores_at;

/* The column `metric` of every seed that the manifest names, ascending.
 * ELBO_ENOINPUT: no run there; ELBO_EUSAGE: no such column, with the nearest
 * one; ELBO_EDATA: fewer than 2 seeds, or a seed that did not finish, by name,
 * or files that are damaged. */
elbo_status elbo_scores_read(const char *dir, const char *metric,
                             elbo_scores_at at, elbo_arena *arena,
                             elbo_sample *out);

#endif
