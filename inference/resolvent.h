/* inference/resolvent.h -- x = b + gamma A x for a sparse, non-negative A.
 *
 * A is the transition matrix of a chain or its transpose: the resolvent gives
 * its values or its visits. A dense LU (LAPACKE) up to ELBO_DENSE_STATES rows,
 * above that BiCGSTAB (van der Vorst 1992), restarted from the true residual.
 */
#ifndef ELBO_RESOLVENT_H
#define ELBO_RESOLVENT_H

#include <stddef.h>
#include <stdint.h>

#include "inference/core/arena.h"

/* Row i has entries start[i] .. start[i + 1] - 1, with distinct columns in any
 * order. */
typedef struct elbo_sparse {
    size_t n;         /* rows and columns */
    size_t *start;    /* [n + 1] */
    uint32_t *column; /* [start[n]] */
    double *value;    /* [start[n]] */
} elbo_sparse;

/* A' with ascending columns; memory from `ws`. */
elbo_status elbo_sparse_transpose(const elbo_sparse *A, elbo_sparse *out,
                                  elbo_arena *ws);

/* x, b [n] do not overlap. ELBO_ESINGULAR when I - gamma A is, in doubles;
 * ELBO_ENOCONV, with the residual, when |b + gamma A x - x| stays above
 * 1e-10 |b|. */
elbo_status elbo_resolvent(const elbo_sparse *A, double gamma, const double b[],
                           double x[], elbo_arena *ws);

#endif
