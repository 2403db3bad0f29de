/* inference/task_model.h -- models of control tasks: p_theta(o', r, end | o, u).
 *
 * An ensemble of `members` >= 1 networks, or the truth. Rows are as in
 * inference/networks/replay.h; normalisers, deltas and one-hot inputs are the
 * model's own affair: what crosses this interface is in the world's units.
 */
#ifndef ELBO_TASK_MODEL_H
#define ELBO_TASK_MODEL_H

#include "inference/networks/replay.h"
#include "inference/task.h"

struct elbo_derivative_check;
typedef struct elbo_task_model elbo_task_model;

typedef struct elbo_task_belief {
    const elbo_task_model *model;
    void *self;
    const elbo_task_world *world;
    size_t members;
    size_t n; /* parameters of all members together; 0: fixed */
} elbo_task_belief;

enum { ELBO_TASK_LEAVES = 32 };
#define ELBO_TASK_NO_NODE UINT32_MAX

/* One member's prediction for a batch of B rows on a tape, for objectives. All in the
 * world's units. */
typedef struct elbo_task_nodes {
    size_t rows;                       /* B */
    elbo_node o, u, reward, next, end; /* leaves: [B x no] [B x nu] [B x 1] ... */
    elbo_node mean, std;               /* of o', [B x no]; std 0 if deterministic, of a
                                          mixture all that is told of it */
    bool certain;                      /* std is 0 for sure */
    elbo_node rhat;                    /* E r, [B x 1]: learnt, or told at the mean;
                                          ELBO_TASK_NO_NODE where neither is there */
    elbo_node logp;                    /* of (o', and what else is learnt), [B x 1] */
    elbo_node leaf[ELBO_TASK_LEAVES];  /* the model's own: parameters, normalisers */
} elbo_task_nodes;

/* What the M-step maximises: the mean over rows of weight * l. One open likelihood
 * makes its terms on each member's tape. */
typedef struct elbo_task_likelihood {
    void *self;
    /* l [B x 1] from the nodes. NULL: nodes->logp. */
    elbo_node (*build)(void *self, size_t member, elbo_tape *tape,
                       const elbo_task_nodes *nodes);
    /* The values of the leaves that `build` made, for the rows at those slots of the
     * data; before each forward run. `rng` is the member's own. NULL: none. */
    void (*bind)(void *self, size_t member, elbo_tape *tape,
                 const elbo_replay *data, const uint32_t slot[], size_t n,
                 elbo_rng *rng);
    /* A forward run of the tape, before which a planner follows theta. NULL:
     * elbo_tape_forward. */
    elbo_status (*forward)(void *self, size_t member, elbo_tape *tape);
    /* What theta moves in the objective through a planner (the gradient slot): after
     * elbo_tape_backward of the objective whose derivatives have been read,
     * elbo_tape_product of a parameter is what is to be added to its derivative; and
     * again after each further call, while *more. No value of the tape is the
     * objective's then. NULL: nothing. */
    elbo_status (*pull)(void *self, size_t member, elbo_tape *tape, bool *more);
    /* What to add to the objective, at the last forward run, for a function that has
     * this derivative while what `pull` found stands. NULL iff pull is. */
    double (*held)(void *self, size_t member, elbo_tape *tape);
} elbo_task_likelihood;

/* What the M-step maximises beside that mean, at rows of its own: F_control's share
 * (inference/task_feedback.h). One node [1 x 1] on each member's tape. */
typedef struct elbo_task_addend {
    void *self;
    elbo_node (*build)(void *self, size_t member, elbo_tape *tape,
                       const elbo_task_nodes *nodes);
    /* As of a likelihood. */
    void (*bind)(void *self, size_t member, elbo_tape *tape, elbo_rng *rng);
} elbo_task_addend;

typedef struct elbo_task_mstep {
    const elbo_replay *data;
    const double *weight; /* [data->capacity] by slot, >= 0; NULL: all 1 */
    const elbo_task_likelihood *likelihood; /* NULL: logp */
    const elbo_task_addend *addend;         /* NULL: nothing is added */
    double scale; /* lambda over the number of rows: of a sum, 1; the prior's
                     share of the objective follows from it */
    uint64_t seed, round; /* streams (seed, "m-step", ...) of this round */
} elbo_task_mstep;

typedef struct elbo_task_fit {
    size_t epochs, steps;  /* of the optimiser */
    double train, holdout; /* mean objective a row at the theta that stays */
    double gradient_norm;  /* of the last step, largest of the members */
} elbo_task_fit;

enum { ELBO_TASK_MODEL_COLUMNS = 4 };

struct elbo_task_model {
    /* theta drawn from streams (seed, "model", member). */
    elbo_status (*open)(const elbo_values *options, const elbo_task_world *world,
                        uint64_t seed, elbo_arena *arena, elbo_task_belief *out);
    /* ELBO_ENOTFINITE names member, layer, step and the last finite objective; the
     * run must stop. NULL: fixed. */
    elbo_status (*fit)(elbo_task_belief *belief, const elbo_task_mstep *mstep,
                       elbo_task_fit *info, elbo_arena *ws);
    /* Successors of n rows, row i by member[i] < members, noise from rng[i]; next
     * [n x no], reward [n], end [n]. `mean`: the conditional mean, no noise.
     * ELBO_ENOTFINITE names row and member. Same bits for any number of threads. */
    elbo_status (*draw)(const elbo_task_belief *belief, size_t n, const float o[],
                        const float u[], const uint32_t member[], elbo_rng rng[],
                        bool mean, float next[], float reward[], uint8_t end[],
                        elbo_arena *ws);
    /* The members to draw from, by their holdout objective: how many, and their
     * numbers [members]. */
    size_t (*elites)(const elbo_task_belief *belief, uint32_t out[]);
    /* out [n] = the log of the mean density of the elites (of what is learnt) at
     * rows of `data`; where members are draws of a posterior, the mean of their logs.
     * NULL: a model without one. */
    elbo_status (*log_density)(const elbo_task_belief *belief,
                               const elbo_replay *data, const uint32_t slot[],
                               size_t n, double out[], elbo_arena *ws);
    /* What n rows (o, u) are known of, in the world's units: the largest |std| of
     * the members over what is learnt (o', and r where it is); the largest distance
     * between two members' means of o'. NULL: a model without members. */
    elbo_status (*doubts)(const elbo_task_belief *belief, size_t n, const float o[],
                          const float u[], float aleatoric[], float disagreement[],
                          elbo_arena *ws);
    /* Member m on a tape of B rows; `learnt`: its parameters are inputs, else
     * constants. In a tape of floats these and the normalisers point at theta and at
     * the model's own (no copies), and so follow each fit and load; a tape of doubles
     * is the model's tests' alone. nodes->o, u, next, reward and end are nodes that
     * exist already; the rest is set. NULL: not differentiable. */
    elbo_status (*node)(const elbo_task_belief *belief, size_t member, bool learnt,
                        elbo_tape *tape, elbo_task_nodes *nodes);
    /* For searches by values: a member's numbers, all or those of its output layer
     * alone, where they stand; what predicts follows them. Returns how many; 0: it is
     * drawn, and stands in no numbers of its own. NULL: nothing can be searched. */
    size_t (*numbers)(const elbo_task_belief *belief, size_t member, bool output,
                      float **theta);
    /* The same member at other rows of that tape, by the leaves of `of`: out->rows, o
     * and u are given; mean, std, certain and rhat are set. NULL: not told. */
    elbo_status (*step)(const elbo_task_belief *belief, elbo_tape *tape,
                        const elbo_task_nodes *of, elbo_task_nodes *out);
    /* log p(theta) of all members, or -KL(q(theta) || p(theta)). NULL: 0. */
    double (*log_prior)(const elbo_task_belief *belief);
    /* The gradient of the objective of an M-step on one batch against central
     * differences, in double (elbo_engine_check_gradient). The belief is no more
     * to be used. NULL: it follows none, or none in double. */
    elbo_status (*check)(elbo_task_belief *belief, const elbo_task_mstep *mstep,
                         struct elbo_derivative_check *out, elbo_arena *ws);
    const char *const *column_names; /* ends in NULL; at most the enum */
    void (*columns)(const elbo_task_belief *belief, double out[]);
    void (*save)(const elbo_task_belief *belief, elbo_writer *out);
    elbo_status (*load)(elbo_task_belief *belief, elbo_reader *in);
};

#endif
