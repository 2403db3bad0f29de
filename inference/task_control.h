/* inference/task_control.h -- controls of control tasks: policies by networks, and
 * planners that infer an action sequence at each step.
 *
 * pi0 is uniform over the box [-1, 1]^nu, or over the choices. Rows are as in
 * inference/networks/replay.h.
 */
#ifndef ELBO_TASK_CONTROL_H
#define ELBO_TASK_CONTROL_H

#include "inference/task_model.h"

struct elbo_policy_nodes;

/* What is to be controlled; borrowed for as long as the control lives. */
typedef struct elbo_task_problem {
    const elbo_task_world *world;
    const elbo_task_belief *belief;
    double gamma;
    double temperature; /* alpha; 0: hard */
    uint64_t seed;      /* streams (seed, "control", ...) */
} elbo_task_problem;

/* One E-step: `updates` improvements, each on a batch whose share `real` is drawn
 * from the data and the rest from the model's rollouts. Where `rollouts` holds no
 * rows all come from the data. */
typedef struct elbo_task_estep {
    const elbo_replay *data, *rollouts;
    const double *rollout_weight; /* [rollouts->capacity]; NULL: all 1 */
    const double *return_weight;  /* likewise: w of Q = r + gamma w V(next), for
                                     controls that weigh returns */
    double real;
    size_t updates;
    uint64_t round; /* counts E-steps: for streams */
} elbo_task_estep;

/* Actions for n worlds. */
typedef struct elbo_task_act {
    size_t n;
    const float *o;        /* [n x no] */
    const uint8_t *first;  /* [n]: an episode starts here */
    float *memory;         /* [n x memory] that the caller keeps from step to step,
                              zero before the first */
    elbo_rng *rng;         /* [n] */
    bool explore;          /* as data are collected; else as it is judged: the mean
                              or the likeliest action */
    float *u;              /* [n x nu], out */
    double *logpi;         /* [n] log pi(u|o) / pi0(u), out, or NULL */
} elbo_task_act;

enum { ELBO_TASK_CONTROL_COLUMNS = 6 };

/* What a control's critics solve, on a tape, for derivatives that go through it
 * (inference/task_gradient.h):
 *
 *   dL/dw (w, theta) = 0,   L = mean_rows sum_k (Q_k(o, u) - y)^2 / 2
 *   y = reward + gamma (1 - end) V'(next)
 *
 * over transitions as the model tells them; w are the critics' parameters, V' and the
 * policy stand still. Nodes are [B x 1]. */
enum { ELBO_TASK_UNKNOWNS = 32 };

/* w as inputs of a tape, at their present values (they point at the control's own). */
typedef struct elbo_task_unknowns {
    size_t n;
    elbo_node leaf[ELBO_TASK_UNKNOWNS];
} elbo_task_unknowns;

/* A batch of transitions: [B x no] [B x nu] [B x 1] [B x no] [B x 1]. */
typedef struct elbo_task_outcome {
    elbo_node o, u, reward, next, end;
} elbo_task_outcome;

typedef struct elbo_task_equation {
    void (*unknowns)(void *self, elbo_tape *tape, elbo_task_unknowns *w);
    elbo_node (*loss)(void *self, elbo_tape *tape, const elbo_task_unknowns *w,
                      const elbo_task_outcome *x); /* L, 1 x 1 */
    /* Q(o, u) and V(o) as they move with w, and V' of the slow copies. */
    elbo_node (*Q)(void *self, elbo_tape *tape, const elbo_task_unknowns *w,
                   elbo_node o, elbo_node u);
    elbo_node (*V)(void *self, elbo_tape *tape, const elbo_task_unknowns *w,
                   elbo_node o);
    elbo_node (*target)(void *self, elbo_tape *tape, elbo_node o);
} elbo_task_equation;

/* The control's `task` member. */
typedef struct elbo_task_control {
    const char *kind;    /* what its F is, one line */
    bool box, choices;   /* the action spaces it serves */
    bool plans;          /* acts by the model: no E-step of its own */
    bool soft;           /* control.temperature acts; else it must be 0 or unset */
    bool paths;          /* takes steps of the model itself, and is paid r for them */
    bool weighs;         /* reads an E-step's return_weight */
    /* *self from the arena. ELBO_EINVAL for options that do not fit. */
    elbo_status (*open)(const elbo_values *options,
                        const elbo_task_problem *problem, elbo_arena *arena,
                        void **self);
    size_t (*memory)(const void *self); /* floats a world; NULL: 0 */
    /* NULL where it plans. ELBO_ENOTFINITE names network, layer, update and the last
     * finite loss. */
    elbo_status (*improve)(void *self, const elbo_task_estep *estep,
                           elbo_arena *ws);
    elbo_status (*act)(void *self, const elbo_task_act *act, elbo_arena *ws);
    /* V(o) [n] of the policy in the reward's units, and its gradient [n x no] unless
     * NULL. NULL: it has none. */
    elbo_status (*value)(void *self, size_t n, const float o[], float V[],
                         float gradient[], elbo_arena *ws);
    /* V [B x 1] on a tape from o [B x no], parameters constant (they point at the
     * control's own). `member` tells tapes apart. NULL: it has none. */
    elbo_status (*value_node)(void *self, elbo_tape *tape, elbo_node o,
                              elbo_node *V);
    /* The same of the slow copies that the critics' targets read. NULL: none is kept. */
    elbo_status (*target_value)(void *self, size_t n, const float o[], float V[],
                                elbo_arena *ws);
    elbo_status (*target_node)(void *self, elbo_tape *tape, elbo_node o,
                               elbo_node *V);
    /* NULL: its values solve no equation that derivatives could follow. */
    const elbo_task_equation *equation;
    /* Q(o, u) [n]; log pi(u|o) / pi0(u) [n], of rows of actions. NULL: not told. */
    elbo_status (*action_value)(void *self, size_t n, const float o[],
                                const float u[], float Q[], elbo_arena *ws);
    elbo_status (*log_policy)(void *self, size_t n, const float o[],
                              const float u[], float logpi[], elbo_arena *ws);
    /* Q [n x 1] of o and u, and the policy's actions at o, on a tape, parameters
     * constant; normals that one draw takes, 0: none (choices, a hard policy). As
     * `action_value`, `policy` and `policy_noise` of an elbo_network_frame
     * (inference/language/network.h). The fixed draws are those that V is the mean
     * over. NULL: not told; policy_noise NULL: 0. */
    elbo_status (*action_node)(void *self, elbo_tape *tape, elbo_node o, elbo_node u,
                               elbo_node *Q);
    elbo_status (*policy_node)(void *self, elbo_tape *tape, elbo_node o,
                               elbo_node noise, struct elbo_policy_nodes *out);
    size_t (*policy_noise)(const void *self);
    /* alpha as it acts now. NULL: problem->temperature. */
    double (*temperature)(const void *self);
    const char *const *column_names; /* ends in NULL */
    void (*columns)(const void *self, double out[]);
    void (*save)(const void *self, elbo_writer *out);
    elbo_status (*load)(void *self, elbo_reader *in);
} elbo_task_control;

/* u [n x nu] from pi0, row i drawn from rng[i]. */
void elbo_task_uniform(const elbo_task_world *world, size_t n, elbo_rng rng[], float u[]);

#endif
