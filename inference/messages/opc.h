/* inference/messages/opc.h -- on-policy corrections of a model's means.
 *
 * Along a reference rollout of the real system (x_t, u_t), t = 0 .. T, the model errs
 * by r_t = x_{t+1} - f(x_t, u_t). The corrected model adds r_t at time t wherever it
 * is asked,
 *   f_opc(t, x, u) = f(x, u) + r_t
 * (Froehlich, Lefarov, Zeilinger, Berkenkamp 2022, "On-policy model errors"): played
 * the reference's actions from its start, it repeats the reference, whatever the
 * model. It is neither a weight nor a tilt, but a control variate: the model is asked
 * only what a change of policy changes. For a linear model it is a term of c.
 */
#ifndef ELBO_OPC_H
#define ELBO_OPC_H

#include "inference/messages/quadratic.h"

/* The corrected model as T dynamics, out [T], which share the matrices of `model`
 * ([nmodel], T or 1) and have their own c from `arena`. X [(T + 1) x nx],
 * U [T x nu]. ELBO_ENOMEM alone. */
elbo_status elbo_opc_correct(const elbo_linear_dynamics model[], size_t nmodel,
                             const gsl_matrix *X, const gsl_matrix *U,
                             elbo_linear_dynamics out[], elbo_arena *arena);

#endif
