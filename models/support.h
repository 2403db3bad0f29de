/* models/support.h -- which entries of a kernel a model may learn.
 *
 * `support: all` lets every outcome follow every (s, a): a dense pattern over
 * nS + 1 outcomes; `states` learns all of them but END. `support: world` knows
 * the reachable successors: the pattern of the truth, of which the entries with a
 * positive probability are learnt. A row that ends the episode for sure is known
 * to all models: it has probability 1 on END and no parameters.
 */
#ifndef ELBO_SUPPORT_H
#define ELBO_SUPPORT_H

#include "inference/model.h"

/* A dense table of more entries than this is refused: 1 GiB of doubles. */
enum { ELBO_DENSE_ENTRIES = 1 << 27 };

/* The parameters of row i are first[i] .. first[i + 1] - 1; parameter j sits on
 * entry[j] of the pattern. All borrowed from world and arena. */
typedef struct elbo_support {
    const elbo_pattern *pattern;
    const uint8_t *known;  /* [rows] */
    size_t rows;           /* nS * nA */
    const size_t *first;   /* [rows + 1] */
    const uint32_t *entry; /* [first[rows]] */
} elbo_support;

/* By the option `support`. ELBO_EINVAL when a dense table is too large,
 * ELBO_ESIZE when the world's pattern is, ELBO_ENOMEM. */
elbo_status elbo_support_init(const elbo_values *options,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_support *out);

/* The dense pattern of the world. ELBO_EINVAL when it is too large. */
elbo_status elbo_support_dense(const elbo_model_context *context,
                               elbo_arena *arena, const elbo_pattern **out);

/* A kernel on the pattern: 0, but for the known rows, which end for sure. The
 * caller asks the arena whether it was given. */
elbo_kernel elbo_support_kernel(const elbo_pattern *pattern,
                                const uint8_t known[], elbo_arena *arena);

#endif
