/* models/members.h -- a finite set of kernels, written as edits of the world's.
 *
 *   members  = member { ";" member }          "world; swap(0, 0, 1, 2)"
 *   member   = edit { "+" edit }              from left to right
 *   edit     = world                          the kernel as it is
 *            | swap(from, to, x, y)           in the rows of states from .. to,
 *                                             successors x and y change places
 *            | turn(from, to, first, last)    ... successors first .. last move
 *                                             one place up, the last to the first
 *            | random                         all rows drawn anew from the
 *                                             simplex, stream (seed, "model", k)
 * Rows that end the episode for sure are left as they are.
 */
#ifndef ELBO_MEMBERS_H
#define ELBO_MEMBERS_H

#include "inference/model.h"

typedef struct elbo_members {
    size_t K;
    const elbo_pattern *pattern; /* dense */
    double *prob;                /* [K x nnz] */
} elbo_members;

/* For a model's table of options. */
extern const char elbo_members_doc[];
elbo_status elbo_members_check(const char *text, size_t *column,
                               const char **nearest);
#define ELBO_MEMBERS_OPTIONS                                                   \
    {.name = "members",                                                        \
     .type = ELBO_TEXT,                                                        \
     .unit = "",                                                               \
     .fallback = "world",                                                      \
     .doc = elbo_members_doc,                                                  \
     .check = elbo_members_check},                                             \
    {                                                                          \
        .name = "noise", .type = ELBO_REAL, .unit = "", .low = 0, .high = 1,   \
        .fallback = "0",                                                       \
        .doc = "share of the even distribution over all outcomes in each row"  \
    }

/* The members of a world, by the options above. ELBO_EINVAL for states that the
 * world has not, or too large a dense table. */
elbo_status elbo_members_open(const elbo_values *options,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_members *out);

/* to [nnz] = sum_k weight_k P_k, in the order of k, for weights that sum to 1:
 * P_0 + sum weight_k (P_k - P_0), exact where all agree. */
void elbo_members_mix(const elbo_members *members, const double weight[],
                      double to[]);

#endif
