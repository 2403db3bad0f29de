/* inference/messages/reweight.h -- the distribution that gains most in a KL ball.
 *
 *   max_q  mean_i sum_j q_ij X_ij    s.t.  mean_i KL(q_i || p_i) <= epsilon
 *   q_ij = p_ij exp(X_ij / eta) / Z_i
 *   eta  = argmin g,  g = eta epsilon + eta mean_i log Z_i
 *
 * g is convex and g' = epsilon - mean_i KL(q_i || p_i), so that the minimiser is the
 * root of a monotone function: found by Newton's steps in log eta, kept between bounds
 * that close in on it. Rows are states and columns their actions in MPO; one row of all
 * samples is REPS. The maximum of a row is taken out before exp.
 *
 * References: Peters, Muelling, Altun, Relative entropy policy search (2010);
 * Abdolmaleki et al., Maximum a posteriori policy optimisation (2018).
 */
#ifndef ELBO_REWEIGHT_H
#define ELBO_REWEIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "inference/core/status.h"

/* Borrowed. */
typedef struct elbo_reweight {
    size_t rows, cols;
    const double *X;    /* [rows x cols] */
    const double *p;    /* [rows x cols], rows sum to 1; NULL: uniform */
    const double *mass; /* [rows] >= 0, of rows in the mean; NULL: all alike */
    double epsilon;     /* > 0; nats */
    double low, high;   /* of eta, 0 < low <= high < inf */
} elbo_reweight;

typedef struct elbo_reweight_info {
    double eta;
    double dual; /* g(eta) */
    double kl;   /* mean_i KL(q_i || p_i) at eta */
    double
        ess; /* mean_i 1 / (cols sum_j q_ij^2): in (0, 1] where p is uniform */
    size_t steps;
    bool bound; /* eta stands on low or high: the KL need not be epsilon */
} elbo_reweight_info;

/* q [rows x cols] (NULL: not wanted) and all of *info at this eta. A row of
 * mass 0 still gets its q. ELBO_ENOTFINITE names row and column of X. */
elbo_status elbo_reweight_at(const elbo_reweight *problem, double eta,
                             double q[], elbo_reweight_info *info);
/* The same at the minimiser of g; `guess` > 0 is where the search starts. The
 * KL there is epsilon to rounding unless `bound`. Without any mass: eta is
 * high. */
elbo_status elbo_reweight_solve(const elbo_reweight *problem, double guess,
                                double q[], elbo_reweight_info *info);

/* (sum w)^2 / sum w^2, in [1, n]; 0 where all w are 0. */
double elbo_weight_ess(size_t n, const double w[]);

#endif
