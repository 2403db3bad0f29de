/* control/actor_critic.h -- a policy and its critics, learnt off their policy.
 *
 * Each update, on a batch of transitions (o, u, r, o'):
 *
 *   y     = r + gamma (1 - end) V'(o')
 *   V'(o) = E_{u ~ pi} [ min_k Q'_k(o, u) - alpha log pi(u|o) / pi0(u) ]
 *   Q_k  <- Q_k - rate grad E (Q_k(o, u) - y)^2 / 2
 *   pi   <- pi - rate grad E [ alpha log pi/pi0 - min_k Q_k(o, u) ],  u ~ pi(.|o)
 *   alpha <- alpha - rate grad alpha (entropy - target)          if it is tuned
 *   Q'_k <- Q'_k + tau (Q_k - Q'_k)
 *
 * with draws of pi reparameterised. That is soft; where pi is the critics' softmax
 * (shape.softmax, set before open) it needs no step of its own. Hard: u = tanh(m), alpha = 0;
 * V' by a slow pi' and clipped noise on its action; pi by the first critic; pi
 * and all that is slow moves at every delay'th update.
 */
#ifndef ELBO_ACTOR_CRITIC_H
#define ELBO_ACTOR_CRITIC_H

#include "control/learner.h"
#include "control/minibatch.h"
#include "control/soft_value.h"
#include "inference/task_control.h"

/* Entries of the tables of controls with critics; and of soft ones. */
#define ELBO_CRITIC_OPTIONS                                                    \
    {.name = "critics",                                                        \
     .type = ELBO_INT,                                                         \
     .unit = "",                                                               \
     .low = 1,                                                                 \
     .high = ELBO_CRITICS,                                                     \
     .fallback = "2",                                                          \
     .doc = "of which the least counts"},                                      \
    {                                                                          \
        .name = "tau", .type = ELBO_REAL, .unit = "", .low = 0, .high = 1,     \
        .fallback = "0.005",                                                   \
        .doc = "share of the way that slow networks go to those that learn"    \
    }
#define ELBO_SOFT_CRITIC_OPTIONS                                               \
    ELBO_CRITIC_OPTIONS,                                                       \
        {.name = "interval",                                                   \
         .type = ELBO_INT,                                                     \
         .unit = "updates",                                                    \
         .low = 1,                                                             \
         .high = 1e9,                                                          \
         .fallback = "1",                                                      \
         .doc = "from one such step to the next"},                             \
    {                                                                          \
        .name = "value_samples", .type = ELBO_INT, .unit = "draws", .low = 1,  \
        .high = ELBO_SOFT_SAMPLES, .fallback = "8",                            \
        .doc = "of the policy that make V of an observation, the same "        \
               "everywhere"                                                    \
    }

/* The graphs of one block of a batch's rows. */
typedef struct elbo_actor_critic_block {
    elbo_tape *target, *critic[ELBO_CRITICS], *actor;
    elbo_soft_nodes target_nodes, actor_nodes;
    elbo_critic_nodes critic_nodes[ELBO_CRITICS];
    elbo_node
        actor_loss; /* the sum of -weight V, over the rows of all blocks */
} elbo_actor_critic_block;

/* Sums over the updates of one E-step, for the columns. */
typedef struct elbo_actor_critic_tally {
    double updates, critic_loss, kl, q;
    double largest_q;
} elbo_actor_critic_tally;

/* Parameters in double, for tapes of doubles. */
typedef struct elbo_actor_critic_copies {
    double *actor, *critic[ELBO_CRITICS];
} elbo_actor_critic_copies;

/* For V on rows of others: fixed draws, so that it is a function of o. */
typedef struct elbo_actor_critic_values {
    elbo_tape *tape;
    elbo_soft_nodes nodes;
    float *noise; /* [samples x nu], the same for every row */
    /* in a tape of doubles */
    double *noise_f64, alpha;
    elbo_actor_critic_copies now, slow;
} elbo_actor_critic_values;

typedef struct elbo_actor_critic elbo_actor_critic;

struct elbo_actor_critic {
    const char *name; /* of the control */
    /* The blocks' gradients of the policy's loss, the loss, and the batch's
     * mean KL, by the critics alone unless set before open. ELBO_ENOTFINITE. */
    elbo_status (*aim_actor)(elbo_actor_critic *s, elbo_rng *rng, double *loss,
                             double *kl);
    void *own; /* what that needs */
    elbo_soft_shape shape;
    double gamma, tau;
    size_t interval; /* updates from one step of the targets to the next */
    size_t delay;    /* ... and of the policy */
    uint64_t seed, updates;
    elbo_learner actor, critic[ELBO_CRITICS];
    /* Soft: Adam of log alpha. */
    bool tune;
    double target_entropy, log_alpha, rate, m, v;
    float alpha; /* what the graphs read */
    /* Hard: deviations of the noise in the target, where that is clipped, and
     * of actions while data are collected. */
    double smoothing, smoothing_clip, exploration;
    elbo_minibatch batch;
    float *noise, *noise_next; /* [rows x nu] */
    float *y;                  /* [rows] the critics' targets */
    elbo_actor_critic_block block[ELBO_MINIBATCH_BLOCKS];
    size_t value_samples;
    elbo_actor_critic_values value;
    elbo_actor_critic_tally tally;
    double largest_kl; /* of a batch's mean, ever */
};

/* Networks, batch and graphs, by the options of network_options.h and
 * `critics`. On entry name, tau, interval, delay, alpha, value_samples and what
 * else is no network are set. ELBO_EINVAL. */
elbo_status elbo_actor_critic_open(elbo_actor_critic *s,
                                   const elbo_values *values,
                                   const elbo_task_problem *problem, bool hard,
                                   elbo_arena *arena);
void elbo_actor_critic_save(const void *self, elbo_writer *out);
elbo_status elbo_actor_critic_load(void *self, elbo_reader *in);
/* A critic whose largest |Q| stays above it diverges: no policy has a larger
 * one if no reward is larger than those seen, and no KL. */
double elbo_actor_critic_bound(const elbo_actor_critic *s);

/* actor_critic_graph.c: all graphs, and where they read and write. */
elbo_status elbo_actor_critic_graphs(elbo_actor_critic *s, elbo_arena *arena);

/* actor_critic_update.c */
elbo_status elbo_actor_critic_improve(void *self, const elbo_task_estep *estep,
                                      elbo_arena *ws);
/* elbo_parallel_rows, but one task needs no team of threads. */
void elbo_actor_critic_share(size_t tasks, size_t cost, void *arg,
                             void (*body)(void *arg, size_t first,
                                          size_t last));
/* J(log alpha) = alpha (H - target) and its slope, H the entropy of a batch. */
double elbo_temperature_loss(double log_alpha, double entropy, double target,
                             double *slope);

/* actor_critic_value.c */
elbo_status elbo_actor_critic_value_open(elbo_actor_critic *s,
                                         elbo_arena *arena);
/* The copies in double are those of the parameters as they are now. */
void elbo_actor_critic_value_refresh(elbo_actor_critic *s);
/* V's graph at nodes->o (and at critics that are given: nodes->judged), its leaves
 * pointing at the networks as they learn, or at their slow copies. */
void elbo_actor_critic_value_nodes(elbo_actor_critic *s, elbo_tape *tape,
                                   bool target, elbo_soft_nodes *nodes);
elbo_status elbo_actor_critic_target_value(void *self, size_t n,
                                           const float o[], float V[],
                                           elbo_arena *ws);
elbo_status elbo_actor_critic_act(void *self, const elbo_task_act *act,
                                  elbo_arena *ws);
elbo_status elbo_actor_critic_value(void *self, size_t n, const float o[],
                                    float V[], float gradient[],
                                    elbo_arena *ws);
elbo_status elbo_actor_critic_action_value(void *self, size_t n,
                                           const float o[], const float u[],
                                           float Q[], elbo_arena *ws);
elbo_status elbo_actor_critic_log_policy(void *self, size_t n, const float o[],
                                         const float u[], float logpi[],
                                         elbo_arena *ws);
elbo_status elbo_actor_critic_value_node(void *self, elbo_tape *tape,
                                         elbo_node o, elbo_node *V);
/* V by the slow copies, on a tape: what target_value says. */
elbo_status elbo_actor_critic_target_node(void *self, elbo_tape *tape,
                                          elbo_node o, elbo_node *V);
/* Constant leaves that are the networks as they learn. */
elbo_mlp_leaves elbo_actor_critic_own(const elbo_mlp *mlp, elbo_tape *tape,
                                      const float theta[], const double wide[]);

/* actor_critic_policy.c */
elbo_status elbo_actor_critic_action_node(void *self, elbo_tape *tape,
                                          elbo_node o, elbo_node u,
                                          elbo_node *Q);
elbo_status elbo_actor_critic_policy_node(void *self, elbo_tape *tape,
                                          elbo_node o, elbo_node noise,
                                          struct elbo_policy_nodes *out);
size_t elbo_actor_critic_policy_noise(const void *self);

/* actor_critic_equation.c: what the critics solve (inference/task_control.h); V' is
 * without the noise of hard targets, and by V's fixed draws. */
extern const elbo_task_equation elbo_actor_critic_equation;

/* What the tables of these controls share; `column_names` and `columns` are the
 * file's own. */
#define ELBO_ACTOR_CRITIC_TASK                                                 \
    .improve = elbo_actor_critic_improve, .act = elbo_actor_critic_act,        \
    .value = elbo_actor_critic_value,                                          \
    .value_node = elbo_actor_critic_value_node,                                \
    .target_value = elbo_actor_critic_target_value,                            \
    .target_node = elbo_actor_critic_target_node,                              \
    .action_node = elbo_actor_critic_action_node,                              \
    .policy_node = elbo_actor_critic_policy_node,                              \
    .policy_noise = elbo_actor_critic_policy_noise,                            \
    .action_value = elbo_actor_critic_action_value,                            \
    .column_names = column_names, .columns = columns,                          \
    .save = elbo_actor_critic_save, .load = elbo_actor_critic_load

#endif
