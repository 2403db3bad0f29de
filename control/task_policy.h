/* control/task_policy.h -- policies by one network: Gaussian, or over choices.
 *
 *   box      u = clip(a, -1, 1),  a ~ N(mean(o), diag std(o)^2)
 *            mean = tanh(m) or m,  std = floor + softplus(s + c) or a number
 *   choices  pi = softmax(l)
 *
 * The density is that of a, before the clip. c makes std what it is to be where the
 * network gives 0.
 */
#ifndef ELBO_TASK_POLICY_H
#define ELBO_TASK_POLICY_H

#include "control/network_options.h"
#include "inference/networks/mlp.h"
#include "inference/task_control.h"

typedef struct elbo_task_policy {
    const elbo_task_world *world;
    elbo_mlp mlp;
    bool bounded;      /* mean is tanh(m) */
    double std, floor; /* of a fresh network; of any */
    bool fixed;        /* std is a number, not learnt */
} elbo_task_policy;

/* Of the tables of options, beside ELBO_NETWORK_SHAPE. */
#define ELBO_TASK_POLICY_OPTIONS(mean_, std_)                                  \
    {.name = "mean",                                                           \
     .type = ELBO_CHOICE,                                                      \
     .unit = "",                                                               \
     .choices = "tanh|linear",                                                 \
     .fallback = mean_,                                                        \
     .doc =                                                                    \
         "how the network's output becomes the mean of an action in a box"},   \
        {.name = "std",                                                        \
         .type = ELBO_REAL,                                                    \
         .unit = "half-width",                                                 \
         .low = 1e-3,                                                          \
         .high = 10,                                                           \
         .fallback = std_,                                                     \
         .doc = "standard deviation of actions in a box, at the start where "  \
                "it is learnt"},                                               \
    {                                                                          \
        .name = "std_floor", .type = ELBO_REAL, .unit = "half-width",          \
        .low = 0, .high = 1, .fallback = "1e-3",                               \
        .doc = "what a learnt standard deviation stays above"                  \
    }

/* From the tables above. ELBO_EINVAL. */
elbo_status elbo_task_policy_open(const elbo_values *options,
                                  const elbo_task_world *world, bool fixed,
                                  elbo_task_policy *out);

/* The network's output at which std is `std`, or as near above the floor as a float
 * tells. */
double elbo_task_policy_raw_std(const elbo_task_policy *policy, double std);

/* What it says about n rows: mean and std [n x nu]; of choices, mean holds log
 * pi and std is not touched. */
elbo_status elbo_task_policy_forward(const elbo_task_policy *policy,
                                     const float theta[], size_t n,
                                     const float o[], float mean[], float std[],
                                     elbo_arena *ws);

/* The same on a tape; of choices, mean holds log pi and std is mean. */
typedef struct elbo_task_policy_nodes {
    elbo_node mean, std;
} elbo_task_policy_nodes;
elbo_task_policy_nodes elbo_task_policy_node(const elbo_task_policy *policy,
                                             const elbo_mlp_leaves *leaves,
                                             elbo_tape *tape, elbo_node o);
/* sum_i weight_i -log pi(a_i | o_i), [1 x 1]; a [B x nu] and weight [B x 1]
 * exist. Of choices a may be any weights of the actions. */
elbo_node elbo_task_policy_nll(const elbo_task_policy *policy,
                               const elbo_task_policy_nodes *nodes,
                               elbo_tape *tape, elbo_node a, elbo_node weight);

/* V [n] and, unless NULL, its gradient [n x no], by a control's `value_node`.
 */
typedef elbo_status elbo_task_value_maker(void *self, elbo_tape *tape,
                                          elbo_node o, elbo_node *V);
elbo_status elbo_task_value_by_node(elbo_task_value_maker *node, void *self,
                                    size_t no, size_t n, const float o[],
                                    float V[], float gradient[],
                                    elbo_arena *ws);

/* The control's `act`. */
elbo_status elbo_task_policy_act(const elbo_task_policy *policy,
                                 const float theta[], const elbo_task_act *act,
                                 elbo_arena *ws);

#endif
