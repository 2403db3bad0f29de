/* control/soft_value.h -- the soft value of a policy, and a critic's loss, on a
 * tape.
 *
 *   V(o) = E_{u ~ pi(.|o)} [ min_k Q_k(o, u) - alpha log pi(u|o) / pi0(u) ]
 *
 * Boxes: u = tanh(x), x = m + exp(l) noise, (m, l) = the policy network of o,
 * l clipped to [-20, 2]; Q_k reads o beside u; one draw of noise, or the mean
 * of several, stands for the expectation. pi0 is uniform on [-1, 1]^nu, so
 *
 *   log pi/pi0 = sum_i [ -noise_i^2 / 2 - l_i - log(2 pi) / 2
 *                        - log(1 - u_i^2) + log 2 ]
 *   log(1 - tanh(x)^2) = 2 (log 2 - x - softplus(-2 x))
 *
 * Choices: the network's outputs are logits, Q_k(o) has a number for each
 * choice, pi0 is 1 / choices, and the expectation is a sum. Or the logits are
 * min_k Q_k / alpha, and V = alpha log E_pi0 exp(min_k Q_k / alpha): soft
 * Q-learning, without a network of the policy's own.
 *
 * Hard (of a box): u = tanh(m), or that plus noise cut to [-1, 1]; the KL is 0.
 *
 * Against the entropy H of SAC: -alpha log pi/pi0 = alpha H_sample - alpha nu
 * log 2, so each step is worth alpha nu log 2 (alpha log of the choices) less
 * than there. Where episodes end only by a time limit that moves values by a
 * constant and no policy; where they end, SAC's bonus also pays for surviving,
 * the KL does not.
 *
 * Reference: Haarnoja et al., Soft Actor-Critic Algorithms and Applications
 * (2018), appendix C; Christodoulou, Soft Actor-Critic for Discrete Action
 * Settings (2019).
 */
#ifndef ELBO_SOFT_VALUE_H
#define ELBO_SOFT_VALUE_H

#include "inference/networks/mlp.h"

enum { ELBO_CRITICS = 2, ELBO_SOFT_SAMPLES = 64 };

typedef struct elbo_soft_shape {
    elbo_mlp actor, critic;
    size_t critics; /* 1 or 2 */
    size_t no, nu;
    bool choices;
    bool hard; /* u = tanh(m), boxes only: no noise, no KL */
    bool softmax; /* of the critics, choices only: the policy's network is idle */
} elbo_soft_shape;

/* [B rows] of observations, `samples` draws for each. */
typedef struct elbo_soft_nodes {
    elbo_node o;     /* given: [B x no] */
    elbo_node noise; /* given: [B samples x nu], those of a row together; boxes
                        only */
    elbo_node alpha; /* given: [1 x 1] */
    size_t samples;  /* given: 1 .. ELBO_SOFT_SAMPLES; 1 for choices */
    bool smooth;     /* given: hard, but noise is added to the action */
    bool first;      /* given: Q is the first critic's alone */
    bool shared;     /* given: the policy's leaves are there already */
    bool judged;     /* given: the critics' leaves are there already */
    elbo_mlp_leaves actor, critic[ELBO_CRITICS];
    elbo_node kl;   /* [B x 1] of log pi / pi0 */
    elbo_node q, V; /* [B x 1] */
} elbo_soft_nodes;

/* The networks of a world whose sizes are set in `shape`, with hidden layers as
 * those of `hidden`. ELBO_EINVAL. */
elbo_status elbo_soft_shape_init(elbo_soft_shape *shape,
                                 const elbo_mlp *hidden);
/* How many critics a value reads. */
size_t elbo_soft_critics(const elbo_soft_shape *shape,
                         const elbo_soft_nodes *nodes);

/* The graph; the policy's parameters are inputs if `learnt`, the critics'
 * constants. */
void elbo_soft_value(const elbo_soft_shape *shape, elbo_tape *tape, bool learnt,
                     elbo_soft_nodes *nodes);

/* One draw of a box's policy at o [B x no], noise [B x nu], and log pi/pi0. */
void elbo_soft_policy(const elbo_soft_shape *shape, elbo_tape *tape,
                      const elbo_mlp_leaves *actor, elbo_node o,
                      elbo_node noise, elbo_node *u, elbo_node *kl);

typedef struct elbo_critic_nodes {
    elbo_node o, u, y, weight; /* given: [B x no] [B x nu] [B x 1] [B x 1] */
    elbo_mlp_leaves critic;
    elbo_node q; /* [B x 1] at u */
    /* 1 x 1: the sum of weight (q - y)^2 / 2, over `total` rows. */
    elbo_node loss;
} elbo_critic_nodes;

void elbo_critic_loss(const elbo_soft_shape *shape, elbo_tape *tape,
                      size_t total, elbo_critic_nodes *nodes);

/* One policy in numbers, without a tape. head: its network's outputs, [2 nu] or
 * [nu]; noise [nu], or NULL for the middle of the box. Sets u and returns log
 * pi/pi0. */
double elbo_soft_sample(const float head[], const double noise[], size_t nu,
                        float u[]);
/* A choice: by `uniform` in [0, 1), or the likeliest where that is negative. */
double elbo_soft_choose(const float head[], double uniform, size_t nu,
                        float u[]);
/* The hard one of a box, with noise of a deviation, cut; noise may be NULL. */
void elbo_hard_sample(const float head[], const double noise[],
                      double deviation, size_t nu, float u[]);
/* log pi/pi0 of an action of a box, or of a choice; an action on the box's
 * edge, where the density may have none, is taken a float's rounding inside it.
 */
double elbo_soft_density(const float head[], const float u[], size_t nu);
double elbo_soft_chosen(const float head[], const float u[], size_t nu);
/* The entropy that a KL from pi0 leaves: of densities on [-1, 1]^nu, or of
 * choices. */
double elbo_soft_entropy(const elbo_soft_shape *shape, double kl);

#endif
