/* inference/messages/transform.h -- what a nonlinear map makes of a Gaussian.
 *
 *   x ~ N(m, P),  y = f(x)        x [nx]   y [ny]   P [nx x nx]
 *   mean E y [ny],  covariance Cov y [ny x ny],  cross Cov(x, y) [nx x ny]
 *
 *   linearised     f(m), J P J', P J' with J the Jacobian at m
 *   unscented      2 nx + 1 points (alpha, beta, kappa)
 *   cubature       2 nx points m +- sqrt(nx) L e_i of equal weight
 *   gauss_hermite  a grid of order^nx points: exact for polynomials of degree
 *                  2 order - 1 in each coordinate of L^-1 (x - m)
 *
 * References: Sarkka, Bayesian Filtering and Smoothing (2013), algorithms 5.1,
 * 5.12, 6.5, 6.8; Golub and Welsch (1969) for the nodes, which are GSL's.
 */
#ifndef ELBO_TRANSFORM_H
#define ELBO_TRANSFORM_H

#include "inference/core/linalg.h"

/* y = f(x): a function with the state that it is called with. Plain. */
typedef struct elbo_map {
    const void *self;
    size_t nx, ny;
    void (*value)(const void *self, const double x[], double y[]);
    /* J [ny x nx], row-major; NULL: central differences of `value`. */
    void (*jacobian)(const void *self, const double x[], double J[]);
} elbo_map;

/* J at x, by the map's own Jacobian or by central differences with the step
 * eps^(1/3) max(1, |x_j|). ws: 3 nx + 2 ny doubles. ELBO_ENOTFINITE names the
 * entry. */
elbo_status elbo_map_jacobian(const elbo_map *f, const double x[],
                              gsl_matrix *J, elbo_arena *ws);
/* y = f(x). ELBO_ENOTFINITE names the component. */
elbo_status elbo_map_value(const elbo_map *f, const double x[], double y[]);

typedef struct elbo_transform_rule elbo_transform_rule;

/* How. Of the numbers, a rule reads those that it has use for. */
typedef struct elbo_transform_config {
    const elbo_transform_rule *rule;
    double alpha, beta,
        kappa;    /* unscented: lambda = alpha^2 (nx + kappa) - nx */
    size_t order; /* gauss_hermite: nodes in a coordinate */
} elbo_transform_config;

/* cubature; alpha 1, beta 2, kappa 0; order 5 */
extern const elbo_transform_config elbo_transform_defaults;

/* Points u_p [n x nx] of a standard normal with their weights; none of them
 * for a linearisation. */
typedef struct elbo_transform {
    const elbo_transform_rule *rule;
    size_t nx, n;
    double *u;                   /* [n x nx] */
    double *weight_m, *weight_P; /* [n] for means, for covariances */
} elbo_transform;

struct elbo_transform_rule {
    const char *name, *source, *doc;
    /* Fill n, u and the weights; NULL: by linearisation. */
    elbo_status (*points)(const elbo_transform_config *config,
                          elbo_transform *out, elbo_arena *arena);
};
extern const elbo_transform_rule elbo_transform_linearised,
    elbo_transform_unscented, elbo_transform_cubature,
    elbo_transform_gauss_hermite;
/* All; ends in NULL. */
extern const elbo_transform_rule *const elbo_transforms[];
const elbo_transform_rule *
elbo_transform_find(const char *name); /* NULL: unknown */

/* Ready for maps from nx numbers; memory from `arena`. ELBO_EINVAL: nx + lambda
 * or alpha not positive, order 0; ELBO_ESIZE: a grid of over 10^7 points;
 * ELBO_ENOMEM. */
elbo_status elbo_transform_open(const elbo_transform_config *config, size_t nx,
                                elbo_arena *arena, elbo_transform *out);

/* What comes out; the caller's. */
typedef struct elbo_image {
    gsl_vector *mean;  /* [ny] */
    gsl_matrix *cov;   /* [ny x ny], exactly symmetric */
    gsl_matrix *cross; /* [nx x ny] */
} elbo_image;

/* Sized for y of f; from the arena (elbo_arena_ok tells). */
elbo_image elbo_image_of(const elbo_map *f, elbo_arena *arena);

/* The moments of f(x), x ~ N(m, P). P is PSD: directions without variance get
 * no spread. ELBO_ENOTPD names the pivot of P that is negative beyond rounding;
 * ELBO_ENOTFINITE a value of f or J; *out is then undefined. */
elbo_status elbo_transform_moments(const elbo_transform *rule,
                                   const elbo_map *f, const gsl_vector *m,
                                   const gsl_matrix *P, elbo_image *out,
                                   elbo_arena *ws);

/* A = L L' for a PSD matrix: L in the lower triangle, 0 above; columns whose
 * pivot is 0 to rounding are 0. ELBO_ENOTPD as above; A is then undefined. */
elbo_status elbo_chol_psd(gsl_matrix *A);

#endif
