#include "inference/messages/dirichlet.h"

#include <gsl/gsl_sf_psi.h>
#include <math.h>

static double sum(const double a[], size_t n)
{
    double total = 0;

    for (size_t i = 0; i < n; i++) total += a[i];
    return total;
}

void elbo_dirichlet_log_mean(const double a[], size_t n, double out[])
{
    const double psi0 = gsl_sf_psi(sum(a, n));

    for (size_t i = 0; i < n; i++) out[i] = gsl_sf_psi(a[i]) - psi0;
}

/* log Gamma(q0) - log Gamma(p0) + sum log Gamma(p_i) - log Gamma(q_i)
 * + (q_i - p_i)(psi(q_i) - psi(q0)) */
double elbo_dirichlet_kl(const double q[], const double p[], size_t n)
{
    const double q0 = sum(q, n), psi0 = gsl_sf_psi(q0);
    double kl = lgamma(q0) - lgamma(sum(p, n));

    for (size_t i = 0; i < n; i++)
        kl += lgamma(p[i]) - lgamma(q[i])
              + (q[i] - p[i]) * (gsl_sf_psi(q[i]) - psi0);
    return kl;
}

double elbo_dirichlet_evidence(const double a[], const double counts[],
                               size_t n)
{
    const double a0 = sum(a, n);
    double logp = lgamma(a0) - lgamma(a0 + sum(counts, n));

    for (size_t i = 0; i < n; i++)
        logp += lgamma(a[i] + counts[i]) - lgamma(a[i]);
    return logp;
}
