/* tests/robust_cases.h -- parts of the suite `robust`, and rows of a few
 * successors.
 */
#ifndef ELBO_ROBUST_CASES_H
#define ELBO_ROBUST_CASES_H

#include <check.h>

#include "inference/core/rng.h"
#include "inference/transition.h"

TCase *tcase_robust_oracles(void); /* searches and a linear programme */
TCase *tcase_robust_runs(void);    /* in E-steps, the bound and the engine */

enum { ROBUST_MOST = 5 }; /* successors of a row that is searched by hand */

extern const double robust_discount;

/* One row of n successors, all states; END is never reached. */
typedef struct robust_row {
    size_t n;
    double p[ROBUST_MOST], V[ROBUST_MOST + 1], q[ROBUST_MOST], ce;
    uint32_t next[ROBUST_MOST];
    elbo_pattern pattern;
    elbo_kernel P, Q;
} robust_row;

/* A random row; the pointers inside stay with *r. */
void robust_row_open(robust_row *r, size_t n, elbo_rng *rng);
/* q and ce of the row. */
void robust_row_solve(robust_row *r, const elbo_tilt *tilt);

elbo_tilt robust_ball(elbo_ball ball, double radius);
/* Own column i of a row. */
double robust_column(const elbo_tilt *tilt, size_t i, const elbo_kernel *q,
                     const elbo_kernel *p, const double V[], size_t row);

#endif
