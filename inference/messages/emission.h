/* inference/messages/emission.h -- what the states of an HMM emit, and how it
 * is learnt: const tables, one file each.
 *
 *   categorical  a symbol 0 .. symbols - 1;    rows ~ Dirichlet(prior, ..,
 * prior) gaussian     y ~ N(m_k, W_k), y [ny];      m, W ~ normal
 * inverse-Wishart: W ~ IW(scale I, nu), m | W ~ N(0, W / strength)
 *
 * Maximum likelihood keeps W_k >= floor I, which is the constrained maximum.
 * A state without data keeps its parameters there.
 */
#ifndef ELBO_EMISSION_H
#define ELBO_EMISSION_H

#include <stdbool.h>

#include "inference/core/arena.h"
#include "inference/core/checkpoint.h"
#include "inference/core/rng.h"

/* y [T x ny], borrowed. NaN is missing, a row or channels of it; so is the symbol
 * that the config declares. Channels missing beside others are latent: EM takes their
 * conditional moments (partial.h); rows missing as a whole are left out. */
typedef struct elbo_hmm_sequence {
    size_t T;
    const double *y;
} elbo_hmm_sequence;

/* Of each, an emission reads what it has use for. */
typedef struct elbo_emission_config {
    size_t symbols; /* categorical: at least 1 */
    double missing; /* ... the symbol that stands for no observation;
                       NaN: only NaN itself */
    double prior;   /* ... concentration, > 0 */
    size_t ny;      /* gaussian: at least 1 */
    double strength, scale, nu; /* ... prior; nu > ny - 1 */
    double floor;               /* ... of ML's W, in units of y^2, > 0 */
} elbo_emission_config;

/* symbols 2, missing NaN, prior 1; ny 1, strength 1e-2, scale 1, nu ny + 2
 * where it is 0; floor 1e-8 */
extern const elbo_emission_config elbo_emission_defaults;

typedef struct elbo_emission elbo_emission;

struct elbo_emission {
    const char *name, *source, *doc;
    /* K states. ELBO_EINVAL: a setting. */
    elbo_status (*open)(const elbo_emission_config *config, size_t K,
                        bool variational, elbo_arena *arena, void **self);
    /* Doubles of the statistics, and of the parameters of one state. */
    size_t (*count_size)(const void *self);
    size_t (*parameter_size)(const void *self);
    /* Columns of y. */
    size_t (*width)(const void *self);
    /* ELBO_EDATA, ELBO_ENOTFINITE name the row that is none. */
    elbo_status (*check)(const void *self, const elbo_hmm_sequence *seq);
    /* Statistics to start from: drawn, near to the data. */
    elbo_status (*begin)(const void *self, const elbo_hmm_sequence seq[], size_t n,
                         elbo_rng *rng, double counts[], elbo_arena *ws);
    /* E log p(y_t | k) under the belief (ML: log p) to out [T x K], of what is seen:
     * the log of the integral over what is not; `predictive`: log E p instead. ws is
     * left as it grew. ELBO_ENOMEM, ELBO_ENOTPD. */
    elbo_status (*log_density)(const void *self, const elbo_hmm_sequence *seq,
                               bool predictive, double out[], elbo_arena *ws);
    /* counts += statistics weighted by occupancy [T x K], expected under the belief of
     * log_density. Memory and errors as there. */
    elbo_status (*count)(const void *self, const elbo_hmm_sequence *seq,
                         const double occupancy[], double counts[], elbo_arena *ws);
    /* The M-step; *floored += eigenvalues raised to the floor. */
    elbo_status (*update)(void *self, const double counts[], size_t *floored,
                          elbo_arena *ws);
    /* KL(belief || prior); 0 for ML. */
    elbo_status (*kl)(const void *self, double *kl, elbo_arena *ws);
    /* Of state k, in the mean: categorical [symbols] probabilities; gaussian
     * [ny] m, then [ny x ny] W = (E W^-1)^-1. */
    void (*parameters)(const void *self, size_t k, double out[]);
    void (*save)(const void *self, elbo_writer *out);
    elbo_status (*load)(void *self, elbo_reader *in, elbo_arena *ws);
};
extern const elbo_emission elbo_emission_categorical, elbo_emission_gaussian;
/* Both; ends in NULL. */
extern const elbo_emission *const elbo_emissions[];
const elbo_emission *elbo_emission_find(const char *name); /* NULL: unknown */

#endif
