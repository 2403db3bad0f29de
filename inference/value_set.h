/* inference/value_set.h -- control.values: the set of values or policies over
 * which the data term is summed.
 *
 *   planner            none: V, Q and pi are the planner's
 *   policies(n, kind)   n policies; V, Q are each one's exact values in the real
 *                       world, or in the data's own process (standing.h); or V is
 *                       a function uniform in [-1, 1], another beside each, and Q
 *                       the planner's
 *   functions(n)        n functions of states, uniform in [-1, 1]
 *   indicators(n)       of n groups of states, consecutive and as equal as can be:
 *                       sums of squared errors over them are the supremum over the
 *                       unit ball of their span
 *
 * The terms of the likelihood's outermost sum that read V, A or gradV (of policies
 * also Q, logpi, Epi, roll, T or Td) are summed over the members; any other term counts
 * once (inference/likelihood/terms.h). A member's V (and Q and logpi, of policies)
 * stand in the place of the planner's and do not move with theta; functions have no
 * Q and no policy of their own, the planner's remain.
 */
#ifndef ELBO_VALUE_SET_H
#define ELBO_VALUE_SET_H

#include "inference/core/options.h"
#include "inference/data.h"

typedef struct elbo_value_set elbo_value_set;

/* One way to name a set: the word of the option's text. */
typedef struct elbo_value_kind {
    const char *name, *source, *doc;
    const elbo_option *options;
} elbo_value_kind;
extern const elbo_value_kind elbo_value_kinds[]; /* ends in {0} */

elbo_status elbo_value_set_check(const char *text, size_t *column,
                                 const char **nearest);
/* Whether the text names a set that knows the true world. ELBO_ENOMEM. */
elbo_status elbo_value_set_oracle(const char *text, bool *oracle);

/* Whose values, borrowed. */
typedef struct elbo_value_ground {
    const elbo_mdp *truth; /* of one stage */
    const int32_t *coord;  /* [nS x dim] or NULL */
    size_t dim;
    uint64_t seed;
} elbo_value_ground;

/* Members drawn from streams (seed, "values", member), in the arena; *out is
 * NULL for `planner`. ELBO_EINVAL: the text does not fit the world. */
elbo_status elbo_value_set_open(const char *text,
                                const elbo_value_ground *ground,
                                elbo_arena *arena, elbo_arena *ws,
                                elbo_value_set **out);

/* Before each M-step: the set's batch of this iteration, and values that the data
 * give, from the data as they are. */
elbo_status elbo_value_set_fit(elbo_value_set *set, const elbo_data *data,
                               uint64_t iteration, elbo_arena *ws);

typedef struct elbo_member {
    const double *V;     /* [nS + 1] */
    const double *Q;     /* [nS x nA]; NULL: the planner's */
    const double *logpi; /* [nS x nA]; NULL: likewise */
} elbo_member;

size_t elbo_value_set_size(const elbo_value_set *set);
bool elbo_value_set_policies(const elbo_value_set *set);
elbo_member elbo_value_set_member(const elbo_value_set *set, size_t k);

#endif
