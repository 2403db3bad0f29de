/* inference/hypergradient.h -- the slope of a task along what an inner problem was
 * told.
 *
 *   theta*(phi) = argmax_theta f(theta; phi),   T(phi) = T(theta*(phi))
 *   dT/dphi = -(d2f / dphi dtheta) (d2f / dtheta2)^-1 dT/dtheta
 *
 * by the implicit function theorem at f's optimum (Bansal, Chen, Mukadam, Amos,
 * TaskMet, NeurIPS 2023, eq. 6). Both second derivatives are differences of f's own
 * slopes, of fourth order: exact to rounding where f is quadratic in theta.
 */
#ifndef ELBO_HYPERGRADIENT_H
#define ELBO_HYPERGRADIENT_H

#include "inference/core/arena.h"

/* f, by its slopes at any theta, phi as it is. */
typedef struct elbo_lower {
    void *self;
    size_t n, m; /* numbers in theta, in phi */
    elbo_status (*slope)(void *self, const double theta[], double out[]); /* [n] */
    elbo_status (*lever)(void *self, const double theta[], double out[]); /* [m] */
} elbo_lower;

/* out [m] from dT/dtheta `task` [n]; theta [n] is where f's slope is 0. A task
 * that nothing moves gives 0. ELBO_ESINGULAR: f is flat there along some
 * direction. */
elbo_status elbo_hypergradient(const elbo_lower *f, const double theta[],
                               const double task[], double out[],
                               elbo_arena *ws);

#endif
