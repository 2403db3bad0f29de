/* inference/weight/density.h -- estimators of a density ratio r = nu / de.
 *
 * Over n points with masses nu [n] (target) and de [n] (data), each summing to 1,
 * r = phi theta with features phi [n x k], not negative; phi = I where it is NULL.
 * Samples are points of equal mass.
 *
 *   kliep     max sum nu log r,  sum de r = 1, theta >= 0   (Sugiyama et al. 2008)
 *   lsif      theta = (H + lambda I)^-1 h,  h = phi' nu,
 *             H = phi' diag(a nu + (1 - a) de) phi, negative theta to 0: uLSIF
 *             (Kanamori et al. 2009) at a = 0, else RuLSIF (Yamada et al. 2013) of
 *             nu / (a nu + (1 - a) de) <= 1 / a
 *   logistic  log r = phi theta of a classifier, ridge lambda (r = nu / de at 0)
 */
#ifndef ELBO_DENSITY_H
#define ELBO_DENSITY_H

#include "inference/core/arena.h"

typedef struct elbo_density {
    size_t n;
    const double *nu, *de; /* [n] */
    const gsl_matrix *phi; /* [n x k] or NULL; kliep: not negative */
} elbo_density;

/* r [n] at the points. Where a point has no mass at all, r is 0. */
elbo_status elbo_density_kliep(const elbo_density *points, double r[],
                               elbo_arena *ws);
elbo_status elbo_density_lsif(const elbo_density *points, double a,
                              double lambda, double r[], elbo_arena *ws);
/* ELBO_ENOCONV when Newton's method stops short; needs lambda > 0 where a point
 * has only one kind of mass. */
elbo_status elbo_density_logistic(const elbo_density *points, double lambda,
                                  double r[], elbo_arena *ws);

/* The Gaussian kernels of points x [n x dim] at their own places:
 * phi_ij = exp(-|x_i - x_j|^2 / (2 width^2)). */
void elbo_density_kernels(const double x[], size_t dim, double width,
                          gsl_matrix *phi);

/* DualDICE (Nachum et al. 2019) on a finite process, with the data's conditional
 * means: nu minimises 1/2 sum_i de_i (nu - gamma P nu)_i^2 - (1 - gamma) start nu
 * + ridge/2 |nu|^2, r = nu - gamma P nu. P [n x n] the chain over (s, a) under the
 * target policy; start [n] its first (s, a). de may be counts: the ridge is in
 * their unit, and r is for de scaled to sum to 1. */
elbo_status elbo_density_dualdice(const gsl_matrix *P, const double start[],
                                  const double de[], double gamma, double ridge,
                                  double r[], elbo_arena *ws);

#endif
