/* control/mpo_state.h -- what MPO keeps: for control/mpo*.c alone. */
#ifndef ELBO_MPO_STATE_H
#define ELBO_MPO_STATE_H

#include "control/minibatch.h"
#include "control/mpo_loss.h"
#include "inference/messages/reweight.h"
#include "inference/networks/critic.h"

/* A multiplier a of a constraint KL <= epsilon: a = softplus(x), x one Adam
 * step up KL - epsilon an update. [n] of them. */
typedef struct elbo_multiplier {
    size_t n;
    double epsilon;   /* inf: none, a = 0 */
    float *x, *slope; /* [n] */
    double *a;        /* [n] */
    elbo_adam adam;
} elbo_multiplier;

typedef struct elbo_mpo_settings {
    size_t batch, samples, period;
    double epsilon, epsilon_mean, epsilon_std, penalty;
    bool exact, each_dimension;
} elbo_mpo_settings;

/* Rows and samples of an update. */
typedef struct elbo_mpo_rows {
    elbo_minibatch batch;
    float *x;             /* [B x inputs] of the critic's step */
    float *states;        /* [B x no] of the E-step */
    float *mean, *std;    /* [B x nu] of pi_old */
    float *a, *clipped;   /* [B N x nu] its samples, as drawn, and in the box */
    float *o;             /* [B N x no] */
    float *pairs;         /* [B N x inputs] */
    float *Qf;            /* [B N], of choices [B x nu] */
    double *Q, *q, *p;    /* the same; p: of choices, pi_old */
    double *outside, *q2; /* [B N] of the penalty */
    float *y;             /* [B] */
    double *mass;         /* [B] of a row in the losses' means */
    double *first, *second; /* [B x nu] */
    double *z;              /* [B N nu] */
} elbo_mpo_rows;

/* Means over the updates of the last E-step. */
typedef struct elbo_mpo_sums {
    double eta, kl, kl_mean, kl_std, ess, critic;
} elbo_mpo_sums;

typedef struct elbo_mpo {
    elbo_task_problem problem;
    elbo_mpo_settings settings;
    elbo_task_policy policy;
    elbo_critic critic;
    size_t size; /* parameters of the policy */
    float *theta, *old, *gradient;
    elbo_adam adam;
    elbo_tape *tape;
    elbo_mlp_leaves leaves;
    elbo_mpo_nodes nodes;
    elbo_multiplier temperature, mean, std; /* temperature: where not exact */
    double eta, eta_penalty;
    uint64_t updates;
    double last_finite; /* the critic's loss */
    elbo_mpo_rows rows;
    elbo_mpo_sums columns;
    double *wide; /* [size] for tapes of doubles */
} elbo_mpo;

void elbo_multiplier_init(elbo_multiplier *m, size_t n, double epsilon,
                          double start, double rate, elbo_arena *arena);
/* One step, given the KLs; a from now on. */
void elbo_multiplier_step(elbo_multiplier *m, const double kl[]);
void elbo_multiplier_set(elbo_multiplier *m); /* a from x */

elbo_status elbo_mpo_rows_init(elbo_mpo *mpo, elbo_arena *arena);
elbo_status elbo_mpo_improve(void *self, const elbo_task_estep *estep,
                             elbo_arena *ws);
elbo_status elbo_mpo_value(void *self, size_t n, const float o[], float V[],
                           float gradient[], elbo_arena *ws);
elbo_status elbo_mpo_value_node(void *self, elbo_tape *tape, elbo_node o,
                                elbo_node *V);

#endif
