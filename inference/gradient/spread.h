/* inference/gradient/spread.h -- adjoints on their way back through one backup.
 */
#ifndef ELBO_SPREAD_H
#define ELBO_SPREAD_H

#include "inference/gradient.h"

/* gV [nS] += gamma sum_row lambda_Q(row) q(s'|row): through dce/dV. */
void elbo_spread_values(const elbo_kernel *q, double gamma,
                        const double lambda_Q[], double gV[]);

/* into += lambda_Q through dce/dp at the values V [nS + 1], and through r. */
elbo_status elbo_spread_theta(const elbo_problem *problem, const double V[],
                              const double lambda_Q[], const elbo_into *into,
                              elbo_arena *ws);

#endif
