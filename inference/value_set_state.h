/* inference/value_set_state.h -- what a set of values holds.
 */
#ifndef ELBO_VALUE_SET_STATE_H
#define ELBO_VALUE_SET_STATE_H

#include "inference/value_set.h"

struct elbo_value_set {
    const elbo_mdp *truth;
    const int32_t *coord; /* [nS x dim] or NULL */
    size_t dim, n;
    double *V; /* [n x (nS + 1)] */
    /* Of policies; else NULL. */
    double *pi, *logpi, *Q; /* [n x nS x nA] */
    bool of_data, search, fresh;
    bool uniform;             /* V: drawn; there is no Q */
    bool actions, stochastic; /* their kind */
    uint64_t seed;
};

/* Member k's V, uniform in [-1, 1], for k < n, from streams (seed, "values"...,
 * first + k). */
void elbo_value_set_draw(elbo_value_set *set, const char *stream,
                         uint64_t first);

/* Batch number `batch` of policies, and, unless the data give them, their values.
 * Scratch stays taken: mark before. */
elbo_status elbo_value_set_renew(elbo_value_set *set, uint64_t batch,
                                 elbo_arena *ws);

#endif
