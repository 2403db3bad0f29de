/* inference/networks/critic.h -- Q by networks, with slow copies of them.
 *
 *   Q_k(o, u), k < count      one output from (o, u) side by side, or
 *   Q_k(o, .)                 an output an action, where actions are choices
 *   loss = mean_k sum_i w_i (Q_k(o_i, u_i) - y_i)^2 / (2 n)
 *   target <- target + rate (theta - target)
 *
 * What is read of several networks is the least one (Fujimoto, van Hoof, Meger
 * 2018).
 */
#ifndef ELBO_CRITIC_H
#define ELBO_CRITIC_H

#include "inference/networks/adam.h"
#include "inference/networks/mlp.h"

typedef struct elbo_critic_config {
    size_t no, nu; /* nu: of a box its size, of choices their number */
    bool choices;
    size_t count; /* networks, 1 or more */
    size_t hidden, width;
    elbo_activation activation;
    size_t batch;      /* rows of a step */
    double rate, clip; /* of Adam; clip inf: none */
} elbo_critic_config;

typedef struct elbo_critic {
    elbo_critic_config config;
    elbo_mlp mlp;
    size_t size;           /* parameters of one network */
    size_t inputs;         /* columns of x: no + nu, or no */
    float *theta, *target; /* [count x size] */
    elbo_adam *adam;       /* [count] */
    elbo_tape *tape;       /* of one network's loss, run for each */
    elbo_mlp_leaves leaves;
    elbo_node x, pick, y, weight, loss;
    float *gradient; /* [size] */
    double *wide; /* [count x size] for tapes of doubles */
} elbo_critic;

/* theta and target from streams (seed, "critic", k). Everything lives in the
 * arena. ELBO_EINVAL, ELBO_ENOMEM. */
elbo_status elbo_critic_init(elbo_critic *critic,
                             const elbo_critic_config *config, uint64_t seed,
                             elbo_arena *arena);
/* x [n x inputs] from rows of o [n x no] and u [n x nu]. */
void elbo_critic_rows(const elbo_critic *critic, size_t n, const float o[],
                      const float u[], float x[]);
/* out [n], of choices [n x nu]: the least over the networks, by theta or by
 * target. */
elbo_status elbo_critic_forward(const elbo_critic *critic, bool target,
                                size_t n, const float x[], float out[],
                                elbo_arena *ws);
/* The loss of one network on a tape of B rows, for steps and for gradient
 * checks; u is read of choices alone. x, pick, y and weight are constants that
 * exist already. */
elbo_node elbo_critic_node(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                           elbo_tape *tape, elbo_node x, elbo_node pick,
                           elbo_node y, elbo_node weight);
/* One step of each network on `batch` rows. *loss is the mean over them, before
 * the step. ELBO_ENOTFINITE names network and layer; nothing more is stepped.
 */
elbo_status elbo_critic_step(elbo_critic *critic, const float x[],
                             const float u[], const float y[],
                             const float weight[], double *loss);
/* min_k Q_k at x [B x inputs] on another's tape, parameters constant: [B x 1], of choices
 * [B x nu]. */
elbo_node elbo_critic_least(elbo_critic *critic, elbo_tape *tape, elbo_node x);
void elbo_critic_track(elbo_critic *critic, double rate);
void elbo_critic_save(const elbo_critic *critic, elbo_writer *out);
elbo_status elbo_critic_load(elbo_critic *critic, elbo_reader *in);

#endif
