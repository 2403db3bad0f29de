/* models/ensemble.h -- networks that predict the change of the observation,
 * from within: for ensemble*.c, random.c and their tests.
 *
 *   z = (o, u), normalised     y = (o' - o, r if learnt), normalised    [D]
 *                              (o' itself where `predicts` says so)
 *   gaussian        y ~ N(mu, diag exp v),  v between its bounds
 *   deterministic   y = mu;  its density is N(mu, noise^2 I)
 *   mixture         y ~ sum_k pi_k N(mu_k, diag exp v_k)
 *   and, if learnt,  end ~ Bernoulli(sigmoid(e))
 *
 * A row of the network's outputs: [log pi (K)] mu (K D) [v (K D)] [e].
 *
 * Bounds of v (Chua 2018, appendix A.1), h(x) = log(1 + e^x):
 *
 *   v = min + h(max - h(max - raw) - min)
 *
 * A member's theta: the network's, then max [K D], min [K D] where v is there.
 *
 * The objective of a member, with w and l of the M-step and the rows of D:
 *
 *   scale sum_D w l + log p(theta)
 *   log p(theta) = sum_l log N(W_l; 0, 1/tau_l) - rows penalty sum(max - min)
 *   tau_l = precision_l + rows decay_l,    rows = scale |D|
 *
 * so `decay` is a weight decay of the mean a row, whatever |D|, and `precision`
 * a prior that the data outweigh. The second sum is PETS's on learnt bounds,
 * and no normalised density. Biases have a flat prior. Where tau_l is 0 so is
 * its term.
 *
 * `posterior: mean_field` learns one q(theta) = prod N(mu_j, sigma_j^2) over
 * weights and biases, biases under their layer's prior too, by one draw a step
 * (Blundell et al. 2015). What is maximised is then
 *
 *   scale sum_D w E_q l - KL(q || N(0, 1/tau)) - rows penalty sum(max - min)
 *
 * with the KL exact. Its members are draws of theta from q at the end of an
 * M-step.
 */
#ifndef ELBO_MODELS_ENSEMBLE_H
#define ELBO_MODELS_ENSEMBLE_H

#include "inference/model.h"
#include "inference/networks/adam.h"
#include "inference/networks/mlp.h"
#include "inference/task_model.h"

typedef enum elbo_head {
    ELBO_HEAD_GAUSSIAN,
    ELBO_HEAD_DETERMINISTIC,
    ELBO_HEAD_MIXTURE
} elbo_head;

/* How rewards and ends are known. */
typedef enum elbo_known { ELBO_TOLD, ELBO_LEARNT, ELBO_NEVER } elbo_known;

/* As the options say. */
typedef struct elbo_ensemble_config {
    elbo_head head;
    elbo_known reward, end;
    bool learn_bounds, normalise_inputs, normalise_targets, bootstrap, restart;
    bool absolute; /* y is o' itself, not its change */
    double highest, lowest, penalty; /* of v's bounds */
    double noise, floor;
    double decay[ELBO_MLP_LAYERS], precision[ELBO_MLP_LAYERS];
    double holdout, improvement;
    size_t elites, holdout_most, epochs, patience, batch;
    size_t steps; /* of an M-step; 0: it has epochs */
    elbo_adam_config adam;
    bool mean_field;
    double start; /* sigma, of mean_field */
} elbo_ensemble_config;

typedef struct elbo_ensemble {
    const elbo_task_world *world;
    elbo_ensemble_config config;
    uint64_t seed;
    elbo_mlp mlp;
    size_t members, K, D;
    size_t size;     /* of a member's theta */
    float *theta;    /* [members x size] */
    elbo_adam *adam; /* [members]; the first alone under mean_field */
    float *q;        /* [2 x size] of mean_field: mu, then rho, where sigma is
                        log(1 + exp rho); max and min are points. NULL: points */
    /* (x - mean) / scale */
    float *in_mean, *in_scale;   /* [no + nu] */
    float *out_mean, *out_scale; /* [D] */
    double rows;                 /* scale |D| of the last M-step; 0: none yet */
    uint32_t *elite;             /* [members], best first */
    double *score;               /* [members]: what ranked them */
    double *holdout; /* [members] mean objective a row, NaN: none held out */
    size_t epochs;   /* of the last M-step, all members */
} elbo_ensemble;

/* The parts of a row of the network's outputs: where each starts. */
typedef struct elbo_ensemble_parts {
    size_t pi, mu, v, end, outputs;
} elbo_ensemble_parts;
elbo_ensemble_parts elbo_ensemble_outputs(const elbo_ensemble *e);

static inline float *elbo_ensemble_theta(const elbo_ensemble *e, size_t member)
{
    return e->theta + member * e->size;
}

/* Numbers of v's bounds, each. */
static inline size_t elbo_ensemble_bounds(const elbo_ensemble *e)
{
    return e->config.head == ELBO_HEAD_DETERMINISTIC ? 0 : e->K * e->D;
}

/* ensemble_options.c. config, shape and sizes from the options, which all of
 * its kin have; e->world is set. */
extern const elbo_option elbo_ensemble_options[];
elbo_status elbo_ensemble_read(const elbo_values *values, elbo_ensemble *e);

/* ensemble.c */
elbo_status elbo_ensemble_open(const elbo_values *options,
                               const elbo_task_world *world, uint64_t seed,
                               elbo_arena *arena, elbo_task_belief *out);
/* theta of a member from stream (seed, "model", index). */
void elbo_ensemble_start(elbo_ensemble *e, size_t member, uint64_t index);
size_t elbo_ensemble_elites(const elbo_task_belief *belief, uint32_t out[]);
/* tau [layers] at so many rows. */
void elbo_ensemble_precision(const elbo_ensemble *e, double rows, double tau[]);
double elbo_ensemble_log_prior(const elbo_task_belief *belief);

/* ensemble_scale.c: normalisers of the data, which holds a row. Features whose
 * spread is under floor max(1, |mean|) keep scale 1. */
void elbo_ensemble_scale(elbo_ensemble *e, const elbo_replay *data);

/* ensemble_rows.c. A row's number `id` decides where it goes, once and for all:
 * it is held out by stream (seed, "holdout", id); a bootstrapped member has it
 * Poisson(1) times by stream (seed, "bootstrap", (id, member)), the online
 * bootstrap (Oza 2005). */
typedef struct elbo_ensemble_rows {
    size_t n, held;
    uint32_t *slot; /* [n], those to learn from */
    uint32_t *test; /* [held] */
} elbo_ensemble_rows;
elbo_status elbo_ensemble_split(const elbo_ensemble *e, const elbo_replay *data,
                                elbo_ensemble_rows *out, elbo_arena *arena);
/* The member's own: its draw of `all`; all of them where that is empty, or
 * where it does not bootstrap. */
elbo_status elbo_ensemble_bootstrap(const elbo_ensemble *e, size_t member,
                                    const elbo_replay *data,
                                    const elbo_ensemble_rows *all,
                                    elbo_ensemble_rows *out, elbo_arena *arena);
/* XXH3 of the counts of rows first .. last - 1. */
uint64_t elbo_ensemble_hash(const elbo_ensemble *e, size_t member,
                            uint64_t first, uint64_t last);

/* ensemble_node.c. The leaves of one member on a tape, as they stand in
 * nodes->leaf; ELBO_TASK_NO_NODE: there is none. */
typedef struct elbo_ensemble_leaves {
    elbo_mlp_leaves mlp;
    elbo_node highest, lowest;                  /* [1 x K D] */
    elbo_node o_mean, o_scale, u_mean, u_scale; /* [1 x no], [1 x nu] */
    elbo_node out_mean, out_scale;              /* [1 x D] */
} elbo_ensemble_leaves;
elbo_ensemble_leaves elbo_ensemble_leaves_of(const elbo_task_nodes *nodes);
/* The leaves that are learnt, in theta's order: how many. */
enum { ELBO_ENSEMBLE_LEAVES = 2 * ELBO_MLP_LAYERS + 2 };
size_t elbo_ensemble_learnt(const elbo_ensemble *e, const elbo_task_nodes *nodes,
                            elbo_node out[ELBO_ENSEMBLE_LEAVES]);
elbo_status elbo_ensemble_node(const elbo_task_belief *belief, size_t member,
                               bool learnt, elbo_tape *tape,
                               elbo_task_nodes *nodes);
elbo_status elbo_ensemble_step(const elbo_task_belief *belief, elbo_tape *tape,
                               const elbo_task_nodes *of, elbo_task_nodes *out);
/* After elbo_tape_finish of a tape of doubles: parameters [size] and the
 * normalisers. */
void elbo_ensemble_set(const elbo_ensemble *e, const double theta[],
                       elbo_tape *tape, const elbo_task_nodes *nodes);

/* ensemble_train.c: one member on one tape. */
typedef struct elbo_ensemble_task elbo_ensemble_task;
struct elbo_ensemble_task {
    const elbo_task_belief *belief;
    const elbo_task_mstep *mstep;
    size_t member, batch;
    elbo_ensemble_rows rows;
    elbo_tape *tape;
    elbo_task_nodes nodes;
    elbo_node weight, terms, addend,
        objective; /* [B x 1], w l, mstep's own, and what is maximised */
    elbo_rng rng;
    uint32_t *slot;             /* [batch] */
    float *grad, *decay;        /* [size] */
    float *best;                /* as theta, or q */
    float *x;                   /* [batch x max(no, nu)] */
    double *number;             /* [size or batch] */
    float *noise, *slope;       /* [size], [2 x size]; of mean_field */
    size_t epoch, steps, epochs;
    bool begun;
    size_t since;       /* epochs since the best */
    double best_mean;   /* on the rows held out */
    double train, holdout, gradient_norm, last;
    elbo_error error;
    elbo_status status;
};
/* All that is needed from the arena but the tape. */
elbo_status elbo_ensemble_prepare(elbo_ensemble_task *task, elbo_arena *arena);
/* The objective's graph in a precision; free the tape in any case. */
elbo_status elbo_ensemble_build(elbo_ensemble_task *task,
                                elbo_precision precision);
/* The leaves' values for rows task->slot. */
void elbo_ensemble_bind(elbo_ensemble_task *task);
/* A forward run; the likelihood's planner goes first. */
elbo_status elbo_ensemble_forward(elbo_ensemble_task *task);
/* Mean of w l over rows; the draws of the likelihood are the same in each call.
 */
elbo_status elbo_ensemble_mean(elbo_ensemble_task *task, const uint32_t slot[],
                               size_t n, double *out);
/* One epoch, or all of the steps that the options say; the first one begins
 * before it, and the last one ends. *more: it was not the last. */
elbo_status elbo_ensemble_turn(elbo_ensemble_task *task, bool *more);

/* ensemble_mean_field.c. q about member 0's theta, as an M-step starts anew. */
void elbo_mean_field_start(elbo_ensemble *e);
/* member's theta drawn from q; noise [size], if not NULL, gets what was drawn. */
void elbo_mean_field_draw(elbo_ensemble *e, size_t member, elbo_rng *rng,
                          float noise[]);
/* task->slope from grad and noise: descent on what is maximised, a row. */
void elbo_mean_field_slope(elbo_ensemble_task *task);
double elbo_mean_field_kl(const elbo_ensemble *e);

/* ensemble_fit.c */
elbo_status elbo_ensemble_fit(elbo_task_belief *belief,
                              const elbo_task_mstep *mstep, elbo_task_fit *info,
                              elbo_arena *ws);

/* ensemble_check.c */
elbo_status elbo_ensemble_check(elbo_task_belief *belief,
                                const elbo_task_mstep *mstep,
                                struct elbo_derivative_check *out,
                                elbo_arena *ws);

/* ensemble_draw.c, ensemble_density.c */
elbo_status elbo_ensemble_draw(const elbo_task_belief *belief, size_t n,
                               const float o[], const float u[],
                               const uint32_t member[], elbo_rng rng[],
                               bool mean, float next[], float reward[],
                               uint8_t end[], elbo_arena *ws);
elbo_status elbo_ensemble_log_density(const elbo_task_belief *belief,
                                      const elbo_replay *data,
                                      const uint32_t slot[], size_t n,
                                      double out[], elbo_arena *ws);
/* ensemble_doubts.c */
elbo_status elbo_ensemble_doubts(const elbo_task_belief *belief, size_t n,
                                 const float o[], const float u[],
                                 float aleatoric[], float disagreement[],
                                 elbo_arena *ws);
/* z [no + nu], normalised, of one row; v of raw within its bounds. */
void elbo_ensemble_input(const elbo_ensemble *e, const float o[],
                         const float u[], float z[]);
float elbo_ensemble_bounded(float raw, float highest, float lowest);

/* ensemble_save.c */
void elbo_ensemble_save(const elbo_task_belief *belief, elbo_writer *out);
elbo_status elbo_ensemble_load(elbo_task_belief *belief, elbo_reader *in);

#endif
