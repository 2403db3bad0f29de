/* inference/norm_bound.h -- inference.norm_bound: how far theta may be from 0.
 *
 * A bound makes a model class too small on purpose, as OMD's experiment does
 * (Nikishin et al. 2022). `scale` is the temperature of the model's logits: the
 * norm is that of logits / scale beside the learned rewards.
 *   joint(radius, scale)     one ball for logits / scale and rewards
 *   leaves(radius, scale)    a ball for each of the two
 *   notebook(radius, scale)  as leaves, but only the first slice of each array
 * is divided by the scale (logits of action 0, rewards of state 0): what OMD's
 * released code does, whose optimiser unpacks each array's first axis
 */
#ifndef ELBO_NORM_BOUND_H
#define ELBO_NORM_BOUND_H

#include "inference/balls.h"
#include "inference/model.h"

typedef struct elbo_norm_rule elbo_norm_rule;

/* The setting; a plain value. */
typedef struct elbo_norm_bound {
    const elbo_norm_rule *rule; /* NULL: no bound */
    double radius, scale;
} elbo_norm_bound;

struct elbo_norm_rule {
    const char *name, *source, *formula, *doc;
    const elbo_option *options;
    bool actions; /* needs elbo_model.action */
    /* The ball and the weight of parameter j. */
    void (*assign)(const elbo_norm_bound *bound, const elbo_belief *belief,
                   size_t j, uint8_t *ball, double *weight);
    size_t n_balls;
};

extern const elbo_norm_rule *const elbo_norm_rules[]; /* ends in NULL */

/* "none", "joint(3)", "notebook(2.5, scale=0.01)". ELBO_EINVAL as in
 * elbo_call_parse. */
elbo_status elbo_norm_bound_parse(const char *text, elbo_arena *arena,
                                  elbo_norm_bound *out, size_t *column,
                                  const char **nearest);
/* The same as an option's check. */
elbo_status elbo_norm_bound_check(const char *text, size_t *column,
                                  const char **nearest);

/* The balls of a model's parameters, in the arena; *out is NULL for no bound.
 * ELBO_EINVAL when the model follows no gradients or has not what the rule
 * needs. */
elbo_status elbo_norm_bound_balls(const elbo_norm_bound *bound,
                                  const elbo_belief *belief, elbo_arena *arena,
                                  const elbo_balls **out);

#endif
