/* tests/hmm_cases.h -- drawn chains, the sum over all their paths, and
 * sequences to learn from. */
#ifndef ELBO_HMM_CASES_H
#define ELBO_HMM_CASES_H

#include "inference/core/rng.h"
#include "inference/messages/hmm_learn.h"

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

/* Sequences of a drawn HMM: K states, categorical (ny = 0) with M symbols or
 * Gaussian with means `apart` from each other. */
typedef struct hmm_source {
    size_t K, M, ny;
    double apart, holes; /* share of missing rows */
    drawn_chain chain;
    double *emission; /* [K x M], or [K x ny] means */
} hmm_source;

hmm_source draw_source(elbo_rng *rng, size_t K, size_t M, size_t ny,
                       double apart, elbo_arena *ws);
elbo_hmm_sequence draw_sequence(const hmm_source *s, size_t T, elbo_rng *rng,
                                elbo_arena *ws);
/* To learn a source with K states of its own. */
elbo_hmm_config source_config(const hmm_source *s, size_t K, bool variational);

#endif
