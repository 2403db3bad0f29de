/* inference/importance.h -- a policy's return from the episodes of another.
 *
 *   rho_nt = prod_{i <= t} pi(a_ni | s_ni) / b_ni
 *   J = sum_t gamma^t (sum_n rho_nt r_nt) / (sum_n rho_nt)
 *
 * consistent weighted per-decision importance sampling (Thomas, PhD thesis 2015;
 * the outer objective of Wang et al., NeurIPS 2021): b_ni is the chance that who
 * collected the sample gave its action. An episode that ended keeps its last
 * weight and earns 0, one that was cut leaves the sums. Where no weight is left
 * the rest counts 0. With data.pool: start the n of each sum are the episodes that
 * start in one state, and J is the mean over episodes of their states' estimates: of
 * worlds that are instances side by side, each instance's own, as Wang et al. have it.
 */
#ifndef ELBO_IMPORTANCE_H
#define ELBO_IMPORTANCE_H

#include "inference/data.h"

typedef struct elbo_logged {
    const elbo_data *data; /* samples in the order of their episodes */
    size_t nA, rows;       /* nS nA */
    size_t stages;         /* of the policy: 1, or those of a horizon */
    double gamma;
} elbo_logged;

/* *value from logpi [stages x rows]; slope [stages x rows] += its derivative times
 * `scale`, unless NULL. No data: 0. ELBO_EDATA names a sample whose chance is not
 * known, or that is no sample but a share of a distribution. */
elbo_status elbo_cwpdis(const elbo_logged *own, const double logpi[],
                        double *value, double scale, double slope[],
                        elbo_arena *ws);

#endif
