/* inference/linear.h -- linear-Gaussian worlds: what envs, models and controls are
 * there.
 *
 *   x' ~ N(A x + B u + c, W)      x [nx], u [nu], z = (x, u)
 *   r  = -1/2 (x - g)'Q (x - g) - 1/2 u'R u, as one quadratic in z
 *
 * The frame is that of finite worlds with sums over states in closed form: values
 * are quadratic, policies and posterior transitions linear-Gaussian
 * (inference/messages/lqr.h). A component serves this family when its `linear`
 * member is set.
 */
#ifndef ELBO_LINEAR_H
#define ELBO_LINEAR_H

#include "inference/core/checkpoint.h"
#include "inference/core/options.h"
#include "inference/core/rng.h"
#include "inference/messages/lqr.h"
#include "inference/messages/moments.h"

/* An open world. Lives in the arena it was opened with; const from then on. */
typedef struct elbo_linear_world {
    size_t nx, nu;
    elbo_linear_dynamics dynamics; /* no G; of step 0 */
    /* [period] of step t: entry t mod period; period <= 1: `dynamics` throughout */
    const elbo_linear_dynamics *cycle;
    size_t period;
    elbo_quadratic reward;         /* [nz] */
    elbo_quadratic terminal;       /* [nx] at the horizon, if there is one */
    gsl_vector *m0;                /* the start, N(m0, P0) */
    gsl_matrix *P0;
    uint64_t seed; /* of the run, set before open: for worlds drawn by seed */
} elbo_linear_world;

typedef struct elbo_linear_model elbo_linear_model;

/* An open model: parameters and the maps they give. Lives in one arena. A
 * regression of y on (z, 1) a stage. */
typedef struct elbo_linear_belief {
    const elbo_linear_model *model;
    void *self;
    size_t stages; /* 1, or the horizon's where the model varies in time */
    size_t n;      /* parameters; 0: fixed */
    bool follows;  /* its M-step follows a gradient: `fit` is not called */
    elbo_linear_dynamics *mean; /* [stages] what plans and predictions use */
    elbo_linear_dynamics *geo;  /* [stages] exp(E log theta) of a posterior, with
                                   its G, for tilts with beta > 0; `mean` where
                                   theta is a point */
} elbo_linear_belief;

typedef struct elbo_linear_context {
    const elbo_linear_world *world;
    size_t horizon;
    uint64_t seed; /* streams "model" */
} elbo_linear_context;

/* dF/d(A B c) [nx x nz + 1] and dF/dW [nx x nx] of one stage. */
typedef struct elbo_linear_slope {
    gsl_matrix *M, *W;
} elbo_linear_slope;

struct elbo_linear_model {
    elbo_status (*open)(const elbo_values *options,
                        const elbo_linear_context *context, elbo_arena *arena,
                        elbo_linear_belief *out);
    /* theta <- argmax E log p(S | theta) + log prior (of a posterior: the exact
     * variational posterior), S [stages] the moments of (z, 1) and y; maps
     * updated. After a failure theta is unchanged. NULL: fixed. */
    elbo_status (*fit)(elbo_linear_belief *belief, const elbo_moments S[],
                       elbo_arena *ws);
    /* sum E log theta over the moments' rows, nats. */
    elbo_status (*likelihood)(const elbo_linear_belief *belief,
                              const elbo_moments S[], double *value,
                              elbo_arena *ws);
    /* log p(theta), or -KL(q(theta) || p(theta)). NULL: 0. */
    elbo_status (*log_prior)(const elbo_linear_belief *belief, double *value,
                             elbo_arena *ws);
    /* Of a belief that follows a gradient: theta as its n numbers, of which every
     * finite choice is a model (else ELBO_ENOTFINITE, and the belief stands); grad
     * [n] += the slopes [stages] pulled back, and the prior's own slope. NULL where
     * no belief follows. */
    void (*get)(const elbo_linear_belief *belief, double theta[]);
    elbo_status (*set)(elbo_linear_belief *belief, const double theta[]);
    void (*pullback)(const elbo_linear_belief *belief,
                     const elbo_linear_slope slope[], double grad[]);
    /* Columns of metrics.csv, as elbo_model's. NULL: none. */
    const char *const *column_names;
    size_t (*columns)(const elbo_linear_belief *belief, double out[]);
    void (*save)(const elbo_linear_belief *belief, elbo_writer *out);
    elbo_status (*load)(elbo_linear_belief *belief, elbo_reader *in);
};

/* What an E-step answers: V, Q, pi and q, one entry a stage. */
typedef struct elbo_linear_posterior {
    elbo_lqr_stage *stage; /* [max(horizon, 1)] */
    elbo_lqr_info info;
} elbo_linear_posterior;

/* sum over the moments' rows of log N(y; A x + B u + c, W). ELBO_ENOTPD for a
 * singular W: the data have no density. */
elbo_status elbo_linear_loglik(const elbo_linear_dynamics *map,
                               const elbo_moments *S, double *value,
                               elbo_arena *ws);
/* The same for a model's `likelihood`: its maps at all stages. */
elbo_status elbo_linear_belief_likelihood(const elbo_linear_belief *belief,
                                          const elbo_moments S[], double *value,
                                          elbo_arena *ws);

/* The map of step t. */
const elbo_linear_dynamics *elbo_linear_world_map(const elbo_linear_world *world,
                                                  size_t t);

/* Reward or value -1/2 (x - g)'Q (x - g) of a part of z: rows and columns from
 * `at` on; added to f. */
void elbo_quadratic_add_square(elbo_quadratic *f, size_t at,
                               const gsl_matrix *Q, const gsl_vector *g);

#endif
