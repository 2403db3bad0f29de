/* inference/weight/visits.h -- where policies and data go: distributions over
 * (s, a), [nS x nA], that sum to 1; what factors compare.
 */
#ifndef ELBO_VISITS_H
#define ELBO_VISITS_H

#include "inference/factor.h"

/* The discounted visits of a policy [stages x nS x nA] under a kernel of the
 * world, from its start, scaled to sum to 1; all stages together. */
elbo_status elbo_visits(const elbo_factor_view *view, const elbo_kernel *P,
                        const double pi[], double out[], elbo_arena *ws);

/* Shares of the data, as they stand before any weight; 0 for no data. */
void elbo_visits_data(const elbo_factor_view *view, double out[]);

/* The same over the entries (s, a, successor) of the model's pattern, [nnz].
 * ELBO_EDATA as elbo_data_counts. */
elbo_status elbo_visits_entries(const elbo_factor_view *view, double out[],
                                elbo_arena *ws);

/* Those of one of ELBO_VISITS_CHOICES: a policy's in the world or the model, the
 * data's, or every row alike. */
#define ELBO_VISITS_CHOICES "real|model|data|uniform"
elbo_status elbo_visits_of(const elbo_factor_view *view, const char *where,
                           const double pi[], double out[], elbo_arena *ws);

/* mu(s) pi(a|s) of the first stage: where a policy starts. */
void elbo_visits_start(const elbo_factor_view *view, const double pi[],
                       double out[]);

/* P [rows x rows]: from (s, a) to the next (s', a') under pi, by the data's
 * conditional frequencies, entries [nnz] as elbo_visits_entries; rows without
 * data are 0. One stage. */
void elbo_visits_chain(const elbo_factor_view *view, const double entries[],
                       const double pi[], gsl_matrix *P);

/* The options of a factor that takes a policy: `policy`, then `epsilon`. */
#define ELBO_POLICY_OPTIONS                                                    \
    {.name = "policy",                                                         \
     .type = ELBO_CHOICE,                                                      \
     .unit = "",                                                               \
     .choices = "current|uniform|optimal",                                     \
     .fallback = "current",                                                    \
     .doc = "whose: the last E-step's, or one; optimal knows the world"},      \
    {                                                                          \
        .name = "epsilon", .type = ELBO_REAL, .unit = "", .low = 0, .high = 1, \
        .fallback = "0",                                                       \
        .doc = "share of uniformly random actions mixed into it"               \
    }

/* Its policy [stages x nS x nA]: kept where it never changes. */
typedef struct elbo_target {
    double *fixed; /* or NULL: the current one */
} elbo_target;

/* With `policy` of the options. */
elbo_status elbo_target_open(const elbo_values *options,
                             const elbo_factor_view *view, elbo_arena *arena,
                             elbo_target *out);
/* pi [stages x nS x nA] with epsilon mixed in. */
void elbo_target_policy(const elbo_target *target, const elbo_values *options,
                        const elbo_factor_view *view, double pi[]);
/* Whether the policy was found in the true world. */
bool elbo_target_oracle(const elbo_values *options);

#endif
