/* inference/model.h -- p_theta(s'|s,a), or a posterior q(theta) over it.
 *
 * A model is a map from parameters to a kernel. Learning needs only that map:
 * the M-step (inference/mstep.h) is closed form where the model is conjugate,
 * else a gradient method through `pullback`. Rows that terminate for sure in
 * the world are known to every model and are not learnt.
 */
#ifndef ELBO_MODEL_H
#define ELBO_MODEL_H

#include "inference/core/checkpoint.h"
#include "inference/core/options.h"
#include "inference/core/rng.h"
#include "inference/env.h"

typedef struct elbo_model elbo_model;
struct elbo_regression;
struct elbo_linear_model;
struct elbo_observed_model;
struct elbo_plant_model;
struct elbo_task_model;

/* An open model: parameters and the kernels they give. Lives in one arena. */
typedef struct elbo_belief {
    const elbo_model *model;
    void *self;
    size_t n;         /* parameters; 0: fixed */
    double *theta;    /* [n] */
    elbo_kernel mean; /* E theta, or p_theta: what plans and predictions use */
    elbo_kernel geo;  /* exp(E log theta), sub-stochastic, of a posterior; the
                         same arrays as `mean` where theta is a point */
    /* Rewards that the model learns, if it does, by the last n_reward parameters.
     */
    const double *reward; /* [nS x nA] in theta; NULL: r(s,a) is known */
    size_t n_kernel, n_reward;
    double reward_precision;
} elbo_belief;

/* Numbers in dF/d(kernel and reward): nnz, then nS x nA where rewards are
 * learned. */
size_t elbo_belief_slopes(const elbo_belief *belief);

/* What the world tells every model. Borrowed. */
typedef struct elbo_model_context {
    const elbo_world *world;
    const elbo_mdp *mdp;  /* the truth: only `true`, `support: world` and the
                             known rows may read its kernel */
    const uint8_t *known; /* [nS x nA] 1: this row ends the episode for sure */
    uint64_t seed;        /* streams "model" */
    const char *folder;   /* where relative paths start; NULL: here */
} elbo_model_context;

enum { ELBO_MODEL_COLUMNS = 4 }; /* a model has so many at most */

struct elbo_model {
    const char *name, *source, *doc;
    const elbo_option *options;
    /* theta at its start (the prior, or drawn from stream (seed, "model", 0)),
     * kernels updated. ELBO_EINVAL when the options do not fit the world. */
    elbo_status (*open)(const elbo_values *options,
                        const elbo_model_context *context, elbo_arena *arena,
                        elbo_belief *out);
    /* mean and geo from theta. NULL for fixed models. */
    void (*update)(elbo_belief *belief);
    /* Conjugate models: theta <- argmax sum_entry C log geo + log prior (for a
     * posterior: the exact variational posterior), kernels updated. C [nnz] >=
     * 0. NULL where there is no closed form. ELBO_ENOTFINITE: theta unchanged.
     */
    elbo_status (*fit)(elbo_belief *belief, const double C[]);
    /* grad[n] += dF/dtheta, given G [elbo_belief_slopes]: dF/dmean, then
     * dF/dreward where rewards are learned. NULL for fixed and for posterior
     * models. */
    void (*pullback)(const elbo_belief *belief, const double G[],
                     double grad[]);
    /* The action whose rows parameter j < n_kernel moves; NULL where it is not
     * of one action. */
    size_t (*action)(const elbo_belief *belief, size_t j);
    /* log p(theta), or -KL(q(theta) || p(theta)); grad[n] += its gradient
     * unless NULL. NULL member: 0. */
    double (*log_prior)(const elbo_belief *belief, double grad[]);
    /* sum_entry C E log theta over C > 0: sum C log geo, but exact also where
     * geo underflows (Dirichlet concentrations below 1/745); -inf when a count
     * stands on probability 0. NULL for point models. */
    double (*expect_log)(const elbo_belief *belief, const double C[]);
    /* Any kernel on its pattern is one of its kernels: each row stands alone. */
    bool free_rows;
    /* theta <- the member nearest to q [nnz] (least KL(q || member), all rows
     * equal), kernels updated, and q <- that member. NULL: there is no closed
     * form. */
    void (*project)(elbo_belief *belief, double q[]);
    /* Of a posterior over finitely many kernels, both or neither: theta [n] are
     * their probabilities, every likelihood is averaged over them, and so every
     * M-step is closed. Kernel k, borrowed; and theta <- argmax sum_k theta_k
     * value_k - KL(theta || prior), kernels updated. A value may be -inf;
     * ELBO_ENOTFINITE when all are, or one is +inf or no number: theta stays. */
    elbo_kernel (*member)(const elbo_belief *belief, size_t k);
    elbo_status (*weigh)(elbo_belief *belief, const double value[]);
    /* A Gaussian posterior over rows: theta <- the exact posterior of the
     * statistics, kernels updated; its mean has a spread and needs transition:
     * optimistic. ELBO_ENOTPD: theta is undefined. NULL: not one. */
    elbo_status (*regress)(elbo_belief *belief,
                           const struct elbo_regression *regression);
    /* Columns of metrics.csv: how many of `column_names` there are for this
     * belief, their values into `out` unless NULL. NULL: none. */
    const char *const *column_names; /* [ELBO_MODEL_COLUMNS] */
    size_t (*columns)(const elbo_belief *belief, double out[]);
    /* State beyond theta; NULL: none (theta is saved by elbo_belief_save). */
    void (*save)(const elbo_belief *belief, elbo_writer *out);
    elbo_status (*load)(elbo_belief *belief, elbo_reader *in);
    /* What it is in linear-Gaussian worlds (inference/linear.h), with the same
     * options; NULL: it does not model them. `open` is NULL where it models no
     * finite ones. */
    const struct elbo_linear_model *linear;
    /* Likewise in observed worlds (inference/observed.h). */
    const struct elbo_observed_model *observed;
    /* The same in continuous ones (inference/plant_model.h). */
    const struct elbo_plant_model *continuous;
    /* And in control tasks (inference/task_model.h). */
    const struct elbo_task_model *task;
};

/* models/registry.c; ends in NULL. */
extern const elbo_model *const elbo_models[];
const elbo_model *elbo_model_find(const char *name);

/* Into, and from, the current section. Loading rebuilds the kernels to the same
 * bits; ELBO_EDATA when it does not fit the open model. */
void elbo_belief_save(const elbo_belief *belief, elbo_writer *out);
elbo_status elbo_belief_load(elbo_belief *belief, elbo_reader *in);

#endif
