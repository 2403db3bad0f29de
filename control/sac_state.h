/* control/sac_state.h -- what the parts of soft actor-critic share. */
#ifndef ELBO_SAC_STATE_H
#define ELBO_SAC_STATE_H

#include "control/learner.h"
#include "control/minibatch.h"
#include "control/soft_value.h"
#include "inference/task_control.h"

/* The graphs of one block of a batch's rows. */
typedef struct sac_block {
    elbo_tape *target, *critic[ELBO_CRITICS], *actor;
    elbo_soft_nodes target_nodes, actor_nodes;
    elbo_critic_nodes critic_nodes[ELBO_CRITICS];
    elbo_node
        actor_loss; /* the sum of -weight V, over the rows of all blocks */
} sac_block;

/* Sums over the updates of one E-step, for the columns. */
typedef struct sac_tally {
    double updates, critic_loss, kl, q;
    double largest_q;
} sac_tally;

/* For V on rows of others: fixed draws, so that it is a function of o. */
typedef struct sac_value {
    elbo_tape *tape;
    elbo_soft_nodes nodes;
    float *noise; /* [samples x nu], the same for every row */
    double *noise_f64, *actor, *critic[ELBO_CRITICS],
        alpha; /* in a tape of doubles */
} sac_value;

typedef struct sac {
    elbo_soft_shape shape;
    double gamma, tau, target_entropy;
    bool tune;
    size_t interval; /* updates from one step of the targets to the next */
    uint64_t seed, updates;
    elbo_learner actor, critic[ELBO_CRITICS];
    double log_alpha;
    float alpha; /* what the graphs read */
    double temperature_rate, temperature_m,
        temperature_v; /* Adam's, of log alpha */
    elbo_minibatch batch;
    float *noise, *noise_next; /* [rows x nu] */
    float *y;                  /* [rows] the critics' targets */
    sac_block block[ELBO_MINIBATCH_BLOCKS];
    size_t value_samples;
    sac_value value;
    sac_tally tally;
    double largest_kl; /* of a batch's mean, ever */
} sac;

/* sac_graph.c: all graphs, and where they read and write. */
elbo_status elbo_sac_graphs(sac *s, elbo_arena *arena);
/* sac_update.c */
elbo_status elbo_sac_improve(void *self, const elbo_task_estep *estep,
                             elbo_arena *ws);
/* J(log alpha) = alpha (H - target) and its slope, H the entropy of a batch. */
double elbo_sac_temperature_loss(double log_alpha, double entropy,
                                 double target, double *slope);
/* The entropy that a KL from pi0 leaves: of densities on [-1, 1]^nu, or of
 * choices. */
double elbo_sac_entropy(const elbo_soft_shape *shape, double kl);
/* sac_value.c */
elbo_status elbo_sac_value_open(sac *s, elbo_arena *arena);
/* The copies in double are those of the parameters as they are now. */
void elbo_sac_value_refresh(sac *s);
elbo_status elbo_sac_act(void *self, const elbo_task_act *act, elbo_arena *ws);
elbo_status elbo_sac_value(void *self, size_t n, const float o[], float V[],
                           float gradient[], elbo_arena *ws);
elbo_status elbo_sac_value_node(void *self, elbo_tape *tape, elbo_node o,
                                elbo_node *V);

#endif
