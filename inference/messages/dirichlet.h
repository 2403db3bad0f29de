/* inference/messages/dirichlet.h -- the conjugate belief over a distribution.
 *
 *   theta ~ Dirichlet(a),  a [n], every a_i > 0,  a0 = sum a
 */
#ifndef ELBO_DIRICHLET_H
#define ELBO_DIRICHLET_H

#include <stddef.h>

/* E log theta_i = psi(a_i) - psi(a0) */
void elbo_dirichlet_log_mean(const double a[], size_t n, double out[]);
/* KL(Dirichlet(q) || Dirichlet(p)) */
double elbo_dirichlet_kl(const double q[], const double p[], size_t n);
/* log of the probability of a sequence of draws with these counts (>= 0, not
 * necessarily whole), theta integrated out. */
double elbo_dirichlet_evidence(const double a[], const double counts[],
                               size_t n);

#endif
