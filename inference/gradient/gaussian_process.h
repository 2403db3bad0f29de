/* inference/gradient/gaussian_process.h -- regression with a Gaussian process.
 *
 *   y_i = f(x_i) + e_i      f ~ GP(0, k)      e ~ N(0, s_e^2)
 *   k(x, x') = s^2 exp(-1/2 sum_j (x_j - x'_j)^2 / l_j^2)
 *
 * Hyper-parameters phi = (log l_1 .. log l_d, log s, log s_e). Values are
 * standardised by the caller. Reference: Rasmussen and Williams, Gaussian
 * Processes for Machine Learning (2006), eqs. 2.25, 2.26, 2.30, 5.9.
 */
#ifndef ELBO_GAUSSIAN_PROCESS_H
#define ELBO_GAUSSIAN_PROCESS_H

#include "inference/core/arena.h"

/* Points, borrowed. */
typedef struct elbo_gp_data {
    size_t n, d;
    const double *x; /* [n x d] */
    const double *y; /* [n] */
} elbo_gp_data;

/* A fitted process; arrays in the arena it was fitted with. */
typedef struct elbo_gp {
    elbo_gp_data data;
    double *phi;   /* [d + 2] */
    gsl_matrix *L; /* [n x n] K + s_e^2 I = L L' */
    gsl_vector *w; /* [n] (K + s_e^2 I)^-1 y */
    gsl_vector *k; /* [n] scratch */
} elbo_gp;

/* log p(y | x, phi); grad [d + 2] its gradient unless NULL. ELBO_ENOTPD. */
elbo_status elbo_gp_evidence(const elbo_gp_data *data, const double phi[],
                             double *value, double grad[], elbo_arena *ws);

/* phi by maximum a posteriori: BFGS from fixed starts on the evidence and a
 * normal prior on each logarithm (lengths about half a unit box, s about 1, s_e
 * about 0.01, each within a factor e or so). Memory from ws, until it is
 * released. */
elbo_status elbo_gp_fit(const elbo_gp_data *data, elbo_arena *ws, elbo_gp *out);

/* The process at given phi. */
elbo_status elbo_gp_condition(const elbo_gp_data *data, const double phi[],
                              elbo_arena *ws, elbo_gp *out);

/* Mean and standard deviation of f at x[d]. */
void elbo_gp_predict(const elbo_gp *gp, const double x[], double *mean,
                     double *sd);

/* E max(f - best, 0), f ~ N(mean, sd^2). Jones, Schonlau and Welch 1998,
 * eq. 15. */
double elbo_expected_improvement(double mean, double sd, double best);

#endif
