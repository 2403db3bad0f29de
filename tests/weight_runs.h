/* tests/weight_runs.h -- a part of the suite `mismatch_weights`. */
#ifndef ELBO_WEIGHT_RUNS_H
#define ELBO_WEIGHT_RUNS_H

#include <check.h>

TCase *tcase_weight_runs(void); /* every weight in runs; distances */

#endif
