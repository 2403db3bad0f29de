/* tests/statistics_cases.h -- parts of the suite `statistics`. */
#ifndef ELBO_STATISTICS_CASES_H
#define ELBO_STATISTICS_CASES_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

enum { MOST = 13 }; /* values in a sample */

/* For qsort of doubles. */
int samples_ascend(const void *left, const void *right);

/* n multiples of 2^-10, so that sums are exact in any order; few enough values
 * that some tie. Ascending. */
void samples_fill(double x[], size_t n, uint64_t index);

/* By definition, in any order of x. */
double slow_mean(const double x[], size_t n);
double slow_median(const double x[], size_t n);
double slow_iqm(const double from[], size_t n);
double slow_improvement(const double x[], size_t nx, const double y[],
                        size_t ny);

/* The normal distribution function, and its inverse by bisection. */
double normal(double z);
double normal_quantile(double p);

TCase *tcase_bootstrap(void); /* elbo_bootstrap_interval */

#endif
