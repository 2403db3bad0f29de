/* inference/returns.h -- what control maximises: its reward, and weights on the
 * model's returns.
 *
 *   Q(s,a) = c(s,a) + gamma E_q[w(s,a,next) V(next)]
 * control.reward is c, control.return_weight w. Both are expressions of the
 * language, read at theta, V and factors as they stand when an E-step begins,
 * and frozen through it. In either, r is the expected reward of (s, a); c has no
 * successor: `next`, logp and factors of a successor stand inside E or Var. In
 * control tasks both are read at a step that the model took, at its reward and
 * its successor (inference/task_reward.c).
 */
#ifndef ELBO_RETURNS_H
#define ELBO_RETURNS_H

#include "inference/objective.h"

/* As options' checks: what some family has a meaning for. */
elbo_status elbo_reward_check(const char *text, size_t *column,
                              const char **nearest);
elbo_status elbo_return_weight_check(const char *text, size_t *column,
                                     const char **nearest);

/* Text to a checked tree of what finite worlds can compile; `alone`: a reward.
 * ELBO_EINVAL as elbo_objective_parse. */
elbo_status elbo_return_parse_finite(const char *text, bool alone,
                                     elbo_arena *arena, size_t *column,
                                     const char **nearest);

/* What a checked text is. */
typedef struct elbo_return_facts {
    bool plain;       /* "r", or "1": nothing is done */
    bool bound;       /* (1-gamma)*log(r) - (1-gamma)*log(1-gamma) */
    bool exact_ratio; /* exp(logratio) */
    bool moves;       /* from iteration to iteration */
    bool planned;     /* reads V, Q, the policy, ... */
    bool stops;       /* a stop covers what theta reaches directly */
} elbo_return_facts;
elbo_status elbo_return_read(const char *text, elbo_return_facts *out);

#endif
