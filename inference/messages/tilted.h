/* inference/messages/tilted.h -- a Gaussian tilted by a quadratic function.
 *
 *   log E exp(s V(y)) = s V~(m),  y ~ N(m, W)        V quadratic, any m
 *   q(y) ~ N(y; m, W) exp(s V(y)) = N(N m + shift, W~)
 * With W = L L' and S = I + s L'P L:
 *   N = (I + s W P)^-1,  W~ = L S^-1 L' = N W,  shift = s W~ p,
 *   P~ = P N,  p~ = N'p,  c~ = c + s/2 p'W~ p - log det S / (2 s).
 * s = 0: q = N(m, W), and V~(m) = E V(y). W is never inverted: it may be singular.
 */
#ifndef ELBO_TILTED_H
#define ELBO_TILTED_H

#include "inference/messages/quadratic.h"

typedef struct elbo_tilted {
    elbo_quadratic V; /* V~ */
    gsl_matrix *N, *W;
    gsl_vector *shift;
} elbo_tilted;
/* Unset, from `arena`; ask elbo_arena_ok. */
elbo_tilted elbo_tilted_take(elbo_arena *arena, size_t nx);

/* ELBO_ENOTPD when the expectation is infinite (S is not positive definite) or W no
 * covariance; *out is then undefined. */
elbo_status elbo_tilt(const gsl_matrix *W, const elbo_quadratic *V, double s,
                      elbo_tilted *out, elbo_arena *ws);

#endif
