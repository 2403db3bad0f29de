/* inference/gradient/system.h -- M x for M = I - gamma P', and how well M x =
 * b. */
#ifndef ELBO_GRADIENT_SYSTEM_H
#define ELBO_GRADIENT_SYSTEM_H

#include "inference/gradient.h"

/* y = M x, y = M' x; [n], no overlap. */
void elbo_system_apply(const elbo_adjoint *system, const double x[],
                       double y[]);
void elbo_system_transposed(const elbo_adjoint *system, const double x[],
                            double y[]);

/* The same as an operator, which borrows it. */
elbo_operator elbo_system_operator(const elbo_adjoint *system);

/* One solve that ended at x: its residual |b - M x| / |b|, 0 for b = 0; Mx [n] is
 * scratch. NULL info: nobody asks, and no product is made. */
void elbo_operator_note(const elbo_operator *system, const double x[],
                        double Mx[], size_t iterations, bool converged,
                        elbo_gradient_info *info);


#endif
