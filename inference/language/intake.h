/* inference/language/intake.h -- what an objective reads of the kernel p.
 *
 *   E over states    x[row]    = sum_i p[i] f[successor[i]]
 *   E over entries   x[row]    = sum_i p[i] f[i]
 *   E over pairs     x[sample] = sum_i p[i] f[sample, i]
 *   p at samples     x[sample] = p[entry of the sample]
 *   p at entries     x[i]      = p[i]
 *   p everywhere     x[i]      = p[i]        of the model's rows, not the batch's
 *   rhat at rows     x[row]    = rhat[row]
 *   rhat everywhere  x[row]    = rhat[row]   of the model's rows
 *
 * Each is linear in p, or in rhat, read where it lies: no copy of p is made,
 * and the tape begins at x. f does not depend on theta. Sums run over rows in
 * parallel; no two rows share an entry, but those of one (s, a) at different
 * stages, which one thread runs over.
 */
#ifndef ELBO_INTAKE_H
#define ELBO_INTAKE_H

#include "inference/language/layout.h"

typedef enum elbo_intake_kind {
    ELBO_E_STATES,
    ELBO_E_ENTRIES,
    ELBO_E_PAIRS,
    ELBO_P_SAMPLES,
    ELBO_P_ENTRIES,
    ELBO_P_MODEL,
    ELBO_RHAT_ROWS,
    ELBO_RHAT_MODEL
} elbo_intake_kind;

typedef struct elbo_intake {
    elbo_intake_kind kind;
    elbo_node function;    /* f on the tape of what theta does not reach */
    elbo_node leaf;        /* x on the other */
    elbo_domain at;        /* of x */
    size_t cols;           /* of f and x */
    size_t column;         /* in the text, for messages */
    double *f;             /* values of the function; NULL for p itself */
    double *x, *g;         /* [size[at] x cols] values, derivatives */
    const uint32_t *place; /* [size[unit]] of x, for the tiles; NULL: none */
    double *tile;          /* [tile x cols] */
    struct elbo_intake *rest;
} elbo_intake;

/* Whether it reads rhat, not p. */
bool elbo_intake_is_reward(const elbo_intake *intake);

/* x from p [nnz] or rhat [nS x nA]. */
void elbo_intake_forward(const elbo_intake *intake, const elbo_layout *layout,
                         const double p[], const double rhat[]);
/* G += the derivative of x, times g: [nnz] by p, behind it [nS x nA] by rhat.
 */
void elbo_intake_backward(const elbo_intake *intake, const elbo_layout *layout,
                          double G[]);

#endif
