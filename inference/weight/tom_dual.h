/* inference/weight/tom_dual.h -- transition occupancy matching by its dual
 * (Ma et al. 2023; the form of SMODICE).
 *
 *   min_Q (1 - gamma) E_start Q + sum_e m_e f*(y_e)
 *   y_e = R_e + gamma E_{a' ~ pi(.|s'_e)} Q(s'_e, a') - Q(row of e)
 *   xi_e = f*'(y_e)
 * over the entries e = (s, a, s') of a pattern with data masses m. Stationarity
 * says that m xi is a discounted flow under pi whose transitions are free: it is the
 * policy's occupancy itself where the successor is sure, or for KL with R the exact
 * log ratio; else an occupancy under tilted transitions.
 *   chi2  f*(y) = y^2 / 2 + y for y >= -1, then -1/2;  f*'(y) = max(y + 1, 0)
 *   kl    f*(y) = f*'(y) = exp(y - 1)
 */
#ifndef ELBO_TOM_DUAL_H
#define ELBO_TOM_DUAL_H

#include "inference/mdp.h"

typedef enum elbo_divergence { ELBO_CHI2, ELBO_DIVERGENCE_KL } elbo_divergence;

/* Arrays borrowed. END is worth 0. */
typedef struct elbo_tom {
    const elbo_pattern *pattern;
    const double *mass;  /* [nnz] sums to 1 */
    const double *R;     /* [nnz]; -inf: xi is 0 */
    const double *pi;    /* [nS x nA] */
    const double *start; /* [nS x nA] sums to 1 */
    double gamma;        /* below 1 */
    elbo_divergence f;
} elbo_tom;

/* xi [nnz], 0 where there is no mass. ELBO_ENOCONV when the flow is not met to
 * 1e-9: the data then do not cover the policy. */
elbo_status elbo_tom_solve(const elbo_tom *tom, double xi[], elbo_arena *ws);

#endif
