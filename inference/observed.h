/* inference/observed.h -- observed worlds: what envs, models and controls are there.
 *
 * A world shows sequences of observations y [ny] under inputs u [nu]; its states are
 * never seen. D are sequences (inference/observed_data.h), of unequal length, with
 * values missing. In the frame the latent states x are the posterior's q:
 *
 *   E-step   q(x) = argmax E_q log p(y, x | theta) + H(q): the smoother
 *   M-step   theta <- argmax E_q log p(y, x | theta) + log p(theta), or q(theta)
 *   F        = E_q log p(y, x | theta) + H(q(x)) - KL(q(theta) || p(theta)) + J
 *
 * J is the control part, 0 without a control. After an exact E-step the first two
 * terms are log p(y | theta) (EM), or its variational bound. A component serves this
 * family when its `observed` member is set.
 */
#ifndef ELBO_OBSERVED_H
#define ELBO_OBSERVED_H

#include "inference/linear.h"
#include "inference/messages/hmm.h"
#include "inference/messages/kalman.h"
#include "inference/observed_data.h"

/* r = -1/2 (y - goal)'Q (y - goal) - 1/2 u'R u, of the observations, so that any
 * model of them knows it. */
typedef struct elbo_observed_cost {
    gsl_matrix *Q, *R; /* [ny x ny], [nu x nu] */
    gsl_vector *goal;  /* [ny] */
} elbo_observed_cost;

/* A hidden Markov chain that emits symbols, or Gaussian vectors N(mean_k,
 * covariance). */
typedef struct elbo_observed_chain {
    elbo_hmm chain;
    size_t symbols, ny;           /* symbols = 0: Gaussian */
    const double *symbol;         /* [K x symbols], rows sum to 1 */
    const double *mean;           /* [K x ny] */
    const gsl_matrix *covariance; /* [ny x ny], positive definite */
} elbo_observed_chain;

/* An open world. Lives in the arena it was opened with; const from then on. */
typedef struct elbo_observed_world {
    size_t ny, nu;
    size_t symbols;        /* above 0: y is one symbol 0 .. symbols - 1, ny = 1 */
    const elbo_lgssm *lds; /* the truth, or NULL; one step, no penalties */
    const elbo_observed_chain *hmm; /* likewise; neither: not known */
    const elbo_observed_data *data; /* of a world that is its data, or NULL */
    const elbo_observed_cost *cost; /* NULL: none */
    double missing; /* the probability that a value is not seen */
    uint64_t seed;  /* of the run, set before open: for worlds drawn by seed */
} elbo_observed_world;

typedef struct elbo_observed_model elbo_observed_model;

/* An open model. Lives in one arena. */
typedef struct elbo_observed_belief {
    const elbo_observed_model *model;
    void *self;
    size_t n;              /* parameters; 0: fixed */
    size_t states;         /* latent ones */
    bool feedthrough;      /* inputs reach y at once: it cannot be controlled */
    const elbo_lgssm *lds; /* the point that filters and plans, or NULL */
    const elbo_observed_chain *hmm; /* of fixed models, or NULL */
} elbo_observed_belief;

typedef struct elbo_observed_context {
    const elbo_observed_world *world;
    uint64_t seed; /* streams "model" */
} elbo_observed_context;

typedef struct elbo_observed_evidence {
    double value;    /* E_q log p(y, x | theta) + H(q) */
    double rounding; /* what rounding may have moved it by, beyond 1e-10 of it */
} elbo_observed_evidence;

struct elbo_observed_model {
    /* What F is, one line for people. */
    const char *(*kind)(const elbo_values *options);
    const char *(*named)(const elbo_values *options); /* a published objective */
    /* ELBO_EINVAL when the options do not fit the world. */
    elbo_status (*open)(const elbo_values *options,
                        const elbo_observed_context *context, elbo_arena *arena,
                        elbo_observed_belief *out);
    /* Theta's first value, from the data's scale; once, when there are data. NULL:
     * nothing to do. */
    elbo_status (*start)(elbo_observed_belief *belief,
                         const elbo_observed_data *data, elbo_arena *ws);
    /* q(x) for the rows that teach, its statistics kept with the belief. */
    elbo_status (*infer)(elbo_observed_belief *belief,
                         const elbo_observed_data *data,
                         elbo_observed_evidence *out, elbo_arena *ws);
    /* Theta from the statistics of the last `infer`. NULL: fixed. */
    elbo_status (*fit)(elbo_observed_belief *belief, elbo_arena *ws);
    /* log p(theta), or -KL(q(theta) || p(theta)). NULL: 0. */
    elbo_status (*log_prior)(const elbo_observed_belief *belief, double *value,
                             elbo_arena *ws);
    /* log p(y) of one sequence at the point theta. */
    elbo_status (*predict)(const elbo_observed_belief *belief,
                           const elbo_sequence *x, double *loglik, elbo_arena *ws);
    /* Columns of metrics.csv, as elbo_model's. NULL: none. */
    const char *const *column_names;
    size_t (*columns)(const elbo_observed_belief *belief, double out[]);
    /* Theta alone: q follows from it. */
    void (*save)(const elbo_observed_belief *belief, elbo_writer *out);
    elbo_status (*load)(elbo_observed_belief *belief, elbo_reader *in,
                        elbo_arena *ws);
};

typedef struct elbo_observed_control {
    /* Certainty equivalence: the policy on the belief's mean. NULL: no control, no
     * reward, and J is 0 by definition. */
    elbo_status (*plan)(const elbo_values *options, const elbo_lqr *problem,
                        elbo_arena *arena, elbo_linear_posterior *out);
} elbo_observed_control;

/* `kind` and `named` of models with the option `estimate`, em or variational. */
const char *elbo_observed_learnt_kind(const elbo_values *options);
const char *elbo_observed_learnt_named(const elbo_values *options);
/* `kind` and `named` (NULL) of fixed models. */
const char *elbo_observed_fixed_kind(const elbo_values *options);
const char *elbo_observed_fixed_named(const elbo_values *options);
/* `infer` and `predict` of fixed models: the sum of log p(y) over the rows that
 * teach; log p(y) by the belief's own lds or hmm. */
elbo_status elbo_observed_infer(elbo_observed_belief *belief,
                                const elbo_observed_data *data,
                                elbo_observed_evidence *out, elbo_arena *ws);
elbo_status elbo_observed_predict(const elbo_observed_belief *belief,
                                  const elbo_sequence *x, double *loglik,
                                  elbo_arena *ws);
/* log p(y) of a sequence, by the filter and by the forward pass. ELBO_EDATA for a
 * row that no state can emit. */
elbo_status elbo_lds_predict(const elbo_lgssm *sys, const elbo_sequence *x,
                             double *loglik, elbo_arena *ws);
elbo_status elbo_chain_predict(const elbo_observed_chain *chain,
                               const elbo_sequence *x, double *loglik,
                               elbo_arena *ws);

#endif
