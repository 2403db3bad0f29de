/* inference/task_transition.h -- the transition slot of control tasks:
 * successors by q.
 *
 * For a row (o, u) the slot draws K particles of p_theta, over the elites and
 * their noise, each worth r + gamma V(o') (V of the control, 0 where the
 * episode is over), and keeps one of them. With shares q_k of the particles,
 * p_k = 1 / K: model              the first; K = 1                      KL not
 * charged tilt(beta, kl)     q_k ~ exp((r_k + gamma V_k) / beta), or exp((r_k /
 * gamma + V_k) / beta) under kl=next; beta < 0 is pessimistic robust(radius)
 * q_k minimises sum q_k (r_k + gamma V_k) in a ball around p free(classifier)
 * the model is q: its own draw, and log q / p from two classifiers as
 * inference/transition.h has them, a row of K successors each. KL(q || p) of
 * the particles is at most log K: an estimate from below.
 */
#ifndef ELBO_TASK_TRANSITION_H
#define ELBO_TASK_TRANSITION_H

#include "inference/task_factor.h"
#include "inference/transition.h"

/* All borrowed but the text's arguments. */
typedef struct elbo_task_transition {
    elbo_tilt tilt;
    size_t particles;
    const elbo_task_belief *belief;
    const elbo_task_control *control;
    void *solver;
    struct elbo_task_ratio *ratio; /* of `free`; else NULL */
} elbo_task_transition;

/* Whether q is p_theta, at no charge. */
bool elbo_task_transition_plain(const elbo_task_transition *t);
/* Whether control tasks have the kind: model, tilt, robust, free by
 * classifiers. */
bool elbo_task_transition_serves(const elbo_tilt *tilt);

/* What a row of the bound's transition_kl weighs. */
double elbo_task_transition_charge(const elbo_task_transition *t);

/* Where `free` is set: its classifiers' memory and start. */
elbo_status elbo_task_transition_open(elbo_task_transition *t,
                                      const elbo_task_view *view,
                                      elbo_arena *arena);
/* ... and their steps at the model as it stands, after each M-step. */
elbo_status elbo_task_transition_learn(elbo_task_transition *t,
                                       const elbo_task_view *view,
                                       elbo_arena *ws);

/* Successors under q of n rows: as model->draw, the elites told in member [n];
 * kl [n]: of each row, of `free` one draw's log q / p. ELBO_ENOTFINITE names
 * row and particle. */
elbo_status elbo_task_transition_draw(const elbo_task_transition *t, size_t n,
                                      const float o[], const float u[],
                                      elbo_rng rng[], uint32_t member[],
                                      float next[], float reward[],
                                      uint8_t end[], double kl[],
                                      elbo_arena *ws);

void elbo_task_transition_save(const elbo_task_transition *t, elbo_writer *out);
elbo_status elbo_task_transition_load(elbo_task_transition *t, elbo_reader *in);

#endif
