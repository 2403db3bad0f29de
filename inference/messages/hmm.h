/* inference/messages/hmm.h -- exact inference in hidden Markov chains.
 *
 *   p(s, y) = start(s_1) b_1(s_1) prod_t transition(s_t-1, s_t) b_t(s_t)
 *   b_t(k)  = p(y_t | s_t = k), given by its logarithm    [T x K]
 *
 * Rows and start need not sum to 1: variational EM passes exp E log theta. A
 * missing observation is a row of 0 (b = 1).
 *
 * The passes are scaled (Rabiner 1989) with every row of emissions divided by
 * its largest. Messages that would underflow are kept at 1e-150, which is an
 * emission made larger; its share of the posterior bounds the error, and where
 * that is above 1e-15 the sequence is done again in logarithms. So zeros in
 * `transition` are exact, and far-off observations cost no digits.
 */
#ifndef ELBO_HMM_H
#define ELBO_HMM_H

#include <stdbool.h>

#include "inference/core/arena.h"

/* Borrowed. Entries in [0, 1]. */
typedef struct elbo_hmm {
    size_t K;
    const double *start;      /* [K] */
    const double *transition; /* [K x K], from row to column */
} elbo_hmm;

/* Of one sequence. Pointers that are NULL are not wanted; all the caller's. */
typedef struct elbo_hmm_posterior {
    double loglik;     /* log sum over s of p(s, y) */
    bool logs;         /* done in logarithms */
    double *occupancy; /* [T x K]: p(s_t = k | y) */
    double
        *transitions; /* [K x K]: E number of i -> j, ADDED to what is there */
} elbo_hmm_posterior;

/* ELBO_EDATA names the row that makes the sequence impossible; ELBO_ENOTFINITE
 * the row whose log emission is NaN or +inf; *out is then undefined but for
 * transitions, which are unchanged. T >= 1. */
elbo_status elbo_hmm_forward_backward(const elbo_hmm *hmm,
                                      const double log_emission[], size_t T,
                                      elbo_hmm_posterior *out, elbo_arena *ws);
/* The same in logarithms throughout: K^2 T exponentials, for tests and for what
 * the scaled passes give up. */
elbo_status elbo_hmm_forward_backward_logs(const elbo_hmm *hmm,
                                           const double log_emission[],
                                           size_t T, elbo_hmm_posterior *out,
                                           elbo_arena *ws);

/* The most probable path (Viterbi 1967), of equals the first in order of the
 * last state, and log p(path, y). ELBO_EDATA and ELBO_ENOTFINITE as above. */
elbo_status elbo_hmm_viterbi(const elbo_hmm *hmm, const double log_emission[],
                             size_t T, size_t path[], double *logp,
                             elbo_arena *ws);

/* ELBO_ENOTFINITE, ELBO_EDATA for a row where no state can emit. */
elbo_status elbo_hmm_check_row(const double log_emission[], size_t K, size_t t,
                               double *largest);

#endif
