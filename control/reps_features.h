/* control/reps_features.h -- features of observations that REPS's value is
 * linear in.
 *
 *   fourier    1, x, sqrt(2/n) cos(w_j'x + b_j)     x = (o - mean) / std
 *   quadratic  1, x, x_i x_k for i <= k
 *   network    1, x, the last hidden layer of a network that is drawn and stays
 *
 * mean and std are those of the first rows that are seen, and stay from then
 * on; a constant component has std 1.
 */
#ifndef ELBO_REPS_FEATURES_H
#define ELBO_REPS_FEATURES_H

#include "inference/networks/mlp.h"

typedef enum elbo_reps_kind {
    ELBO_REPS_FOURIER,
    ELBO_REPS_QUADRATIC,
    ELBO_REPS_NETWORK
} elbo_reps_kind;

typedef struct elbo_reps_features {
    elbo_reps_kind kind;
    size_t no, n, m;    /* n of the kind's own; m = 1 + no + n */
    bool scaled;        /* mean and std are set */
    double *mean, *std; /* [no] */
    double *w, *b;      /* fourier: [n x no], [n] */
    elbo_mlp mlp;       /* network: no -> n, one hidden layer, tanh */
    float *theta;
} elbo_reps_features;

/* Draws from the stream (seed, "features", 0). Memory from the arena. */
elbo_status elbo_reps_features_open(elbo_reps_features *f, elbo_reps_kind kind,
                                    size_t no, size_t n, uint64_t seed,
                                    elbo_arena *arena);
/* mean and std, if they are not set, from o [rows x no]. */
void elbo_reps_features_scale(elbo_reps_features *f, size_t rows,
                              const float o[]);
/* phi [rows x m]. */
elbo_status elbo_reps_features_rows(const elbo_reps_features *f, size_t rows,
                                    const float o[], double phi[],
                                    elbo_arena *ws);
void elbo_reps_features_save(const elbo_reps_features *f, elbo_writer *out);
elbo_status elbo_reps_features_load(elbo_reps_features *f, elbo_reader *in);

#endif
