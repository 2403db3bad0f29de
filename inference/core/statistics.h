/* inference/core/statistics.h -- what the seeds of a method say.
 *
 * Point estimates, and bootstrap intervals that resample the values of each
 * group (a method, a task) within that group.
 *
 *   IQM       the mean of what is left when floor(n / 4) values are cut at
 *             either end: rliable's, which is scipy's trim_mean(x, 0.25)
 *   P(X > Y)  the share of the pairs with x > y, ties counted half
 *
 * References: Agarwal, Schwarzer, Castro, Courville, Bellemare, Deep
 * Reinforcement Learning at the Edge of the Statistical Precipice (2021);
 * Efron, Better Bootstrap Confidence Intervals (1987), for bca.
 */
#ifndef ELBO_STATISTICS_H
#define ELBO_STATISTICS_H

#include <stdbool.h>

#include "inference/core/arena.h"

/* Values in ascending order; n >= 1. */
typedef struct elbo_sample {
    const double *x; /* [n], borrowed */
    size_t n;
} elbo_sample;

/* A number that is made of n groups. */
typedef double elbo_statistic(const elbo_sample group[], size_t n);

/* Of one group. */
double elbo_sample_mean(const elbo_sample *sample);
double elbo_sample_median(const elbo_sample *sample);
double elbo_sample_iqm(const elbo_sample *sample);
/* The standard error of the mean; n >= 2. */
double elbo_sample_error(const elbo_sample *sample);

/* Of one method on n tasks, a group each (Agarwal et al.'s aggregates): the mean of
 * the tasks' means and its standard error; the median of their means, or of the
 * values where there is one task; the IQM of all values together. */
double elbo_tasks_mean(const elbo_sample task[], size_t n);
double elbo_tasks_error(const elbo_sample task[], size_t n);
double elbo_tasks_median(const elbo_sample task[], size_t n);
double elbo_tasks_iqm(const elbo_sample task[], size_t n);

/* Of X on n / 2 tasks and then Y on the same ones: the tasks' mean of P(X > Y), and
 * of mean X - mean Y. */
double elbo_improvement(const elbo_sample group[], size_t n);
double elbo_mean_difference(const elbo_sample group[], size_t n);

typedef struct elbo_interval {
    double low, high;
} elbo_interval;

/* The central interval that holds the share `level` of replicates[n], which
 * ascend; quantiles are interpolated linearly. */
elbo_interval elbo_interval_percentile(const double replicates[], size_t n,
                                       double level);

/* The same, corrected for the median bias of the replicates about `estimate`
 * and for `acceleration`; equal to it where both are zero. An estimate beyond
 * all replicates counts as half a replicate within them. */
elbo_interval elbo_interval_bca(const double replicates[], size_t n,
                                double estimate, double acceleration,
                                double level);

typedef struct elbo_bootstrap {
    uint64_t seed;
    size_t replicates; /* at least 1 */
    double level;      /* in (0, 1) */
    bool bca;          /* else percentile */
} elbo_bootstrap;

/* The interval of statistic(group). Few values make it too short: for the mean
 * of 10 exponentials, 95 % intervals cover 86 % (percentile) and 87.5 % (bca).
 * Groups are not paired, also where their seeds are the same. Replicate b draws
 * from the stream (seed, "bootstrap", b), group after group, so the interval
 * has the same bits for any number of threads. ELBO_EDATA: a group of fewer
 * than 2 values; ELBO_ENOTFINITE: the statistic is not finite, as it may be for
 * huge values; ELBO_ENOMEM and ELBO_ESIZE. *out is set by success only. */
elbo_status elbo_bootstrap_interval(const elbo_bootstrap *plan,
                                    elbo_statistic *statistic,
                                    const elbo_sample group[], size_t n_groups,
                                    elbo_interval *out, elbo_arena *ws);

#endif
