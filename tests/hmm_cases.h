/* tests/hmm_cases.h -- drawn chains, and the sum over all their paths. */
#ifndef ELBO_HMM_CASES_H
#define ELBO_HMM_CASES_H

#include "inference/core/rng.h"
#include "inference/messages/hmm.h"

/* p [n] positive, sums to `sum`; each entry is 0 with probability `zeros`, but
 * never all. */
void draw_simplex(elbo_rng *rng, double p[], size_t n, double sum,
                  double zeros);

typedef struct drawn_chain {
    elbo_hmm hmm;
    double *start, *transition, *log_emission; /* [K] [K x K] [T x K] */
    size_t T;
} drawn_chain;

/* Rows sum to `sum`; log emissions are -spread times squared normals. */
drawn_chain draw_chain(elbo_rng *rng, size_t K, size_t T, double sum,
                       double zeros, double spread, elbo_arena *ws);

/* Every path: visit(arg, path, log p(path, y)) where that is finite. */
void every_path(const elbo_hmm *hmm, const double log_emission[], size_t T,
                void *arg,
                void (*visit)(void *arg, const size_t path[], double logp));

/* By the paths: out as elbo_hmm_forward_backward has it, and the best path. */
void enumerate(const elbo_hmm *hmm, const double log_emission[], size_t T,
               elbo_hmm_posterior *out, size_t best[], double *logp);

#endif
