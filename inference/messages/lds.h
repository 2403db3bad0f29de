/* inference/messages/lds.h -- linear dynamical systems with a latent state,
 * learnt.
 *
 *   x_0     ~ N(m0, P0)
 *   x_(t+1) ~ N(A x_t + B u_t + b, Q)        (kalman.h)
 *   y_t     ~ N(C x_t + D u_t + d, R)
 *
 * from outputs y, some of them missing, and inputs u of several sequences. Each
 * of start, transition and emission is a regression y ~ N(M z, W), with z = 1
 * or z = [x; u; 1].
 *
 * ELBO_LDS_EM: maximum likelihood (Shumway & Stoffer 1982; Ghahramani & Hinton
 *   1996, with joint instead of separate solves for A, B, b and for C, D, d),
 * under W >= floor diag(scale), an exact constrained M-step: the log-likelihood
 * never falls. ELBO_LDS_VB: variational EM (Beal 2003, ch. 5, with
 * matrix-normal inverse-Wishart posteriors, mniw.h, in place of row-wise ones),
 * q(x) q(start) q(transition) q(emission). The E-step is exact in the family:
 * the smoother runs on exp E log p, which is (M, Psi/nu), a penalty dim z' K^-1
 * z and a constant. bound = evidence - KL of the three, evidence = E log p(y, x
 * | theta) + H[q(x)] = log of the penalised integral. A row with some of its
 * channels missing takes them as latent; a row with none seen is left out.
 */
#ifndef ELBO_LDS_H
#define ELBO_LDS_H

#include "inference/messages/kalman.h"
#include "inference/messages/mniw.h"

typedef enum elbo_lds_method { ELBO_LDS_EM, ELBO_LDS_VB } elbo_lds_method;

/* The three regressions. */
typedef enum elbo_lds_part {
    ELBO_LDS_START,      /* y = x_0,     z = 1 */
    ELBO_LDS_TRANSITION, /* y = x_(t+1), z = [x_t; u_t; 1] */
    ELBO_LDS_EMISSION,   /* y = y_t,     z = [x_t; u_t; 1] */
    ELBO_LDS_PARTS
} elbo_lds_part;

/* What stays as `initial` has it. VB holds a part as a whole (a point) or not.
 */
enum {
    ELBO_LDS_HOLD_m0 = 1 << 0,
    ELBO_LDS_HOLD_P0 = 1 << 1,
    ELBO_LDS_HOLD_A = 1 << 2,
    ELBO_LDS_HOLD_B = 1 << 3,
    ELBO_LDS_HOLD_b = 1 << 4,
    ELBO_LDS_HOLD_Q = 1 << 5,
    ELBO_LDS_HOLD_C = 1 << 6,
    ELBO_LDS_HOLD_D = 1 << 7,
    ELBO_LDS_HOLD_d = 1 << 8,
    ELBO_LDS_HOLD_R = 1 << 9,
    ELBO_LDS_HOLD_START = ELBO_LDS_HOLD_m0 | ELBO_LDS_HOLD_P0,
    ELBO_LDS_HOLD_TRANSITION =
        ELBO_LDS_HOLD_A | ELBO_LDS_HOLD_B | ELBO_LDS_HOLD_b | ELBO_LDS_HOLD_Q,
    ELBO_LDS_HOLD_EMISSION =
        ELBO_LDS_HOLD_C | ELBO_LDS_HOLD_D | ELBO_LDS_HOLD_d | ELBO_LDS_HOLD_R
};

typedef struct elbo_lds_config {
    size_t nx; /* latent dimensions, >= 1 */
    elbo_lds_method method;
    unsigned hold;
    /* Where learning starts, borrowed while opening; NULL: from principal
     * components of windows of y. Needed when something is held. Not varying,
     * no penalties; NULL of its B, b, D, d means 0. */
    const elbo_lgssm *initial;
    double floor;  /* EM: of W, in units of `scale`: 1 for states, the variance
                      of  the channel for outputs (their mean where it is 0) */
    double steady; /* of elbo_kalman_config */
    /* VB: priors for each part, borrowed while opening, or NULL:
     * M = 0, K = prior_precision I, E W = prior_variance diag(scale), nu = dim
     * + 2 */
    const elbo_mniw *prior[ELBO_LDS_PARTS];
    double prior_precision, prior_variance;
    double feedthrough_precision; /* of the columns of D; 0: prior_precision */
    size_t sequences; /* that elbo_lds_data will bring at most; fewer than at
                         opening: as many as then */
    uint64_t seed; /* for states that the data do not suggest */
} elbo_lds_config;
/* EM, nothing held, floor 1e-6, steady 0, prior_precision 0.1, prior_variance
 * 0.1, sequences 0, seed 0; nx is the caller's. */
extern const elbo_lds_config elbo_lds_defaults;

typedef struct elbo_lds_info {
    size_t iteration; /* made, this one included */
    double bound; /* EM: log-likelihood; VB: the bound. Of the parameters that
                     the iteration found, before its M-step */
    double evidence; /* bound = evidence - sum kl; EM: the same as bound */
    double kl[ELBO_LDS_PARTS];      /* VB; 0 where held */
    size_t floored[ELBO_LDS_PARTS]; /* EM: eigenvalues raised by this M-step */
    size_t rank[ELBO_LDS_PARTS];    /* EM: of the free channels of z */
    size_t singular; /* predicted covariances inverted on their range only */
    size_t steady;   /* covariances computed forwards, all sequences */
} elbo_lds_info;

typedef struct elbo_lds elbo_lds;

/* Take the data (borrowed: sequences, matrices) and find a start. ny and nu are
 * those of the first sequence. ELBO_EDATA when a sequence has another shape,
 * ELBO_ENOTFINITE with sequence and row for an infinite y or any such u,
 * ELBO_EINVAL for a hold without `initial` or of part of a part (VB),
 * ELBO_ENOTPD for a prior that is none, ELBO_ENOMEM. */
elbo_status elbo_lds_open(const elbo_lds_config *config,
                          const elbo_sequence data[], size_t n,
                          elbo_arena *arena, elbo_lds **out);

/* One E-step and one M-step. The E-step takes sequences side by side, with a
 * workspace for each thread there was at opening, and joins them in one order: the
 * bits do not depend on the threads. After ELBO_ENOTPD, ELBO_ENOTFINITE (text: sequence
 * and row, or part) the parameters are those before the call. */
elbo_status elbo_lds_iterate(elbo_lds *lds, elbo_lds_info *info);

/* The two halves of an iteration, for who needs the state between them. `infer`, the
 * E-step at the present parameters, fills bound, evidence, kl, singular and steady;
 * `learn`, the M-step on its statistics, floored, rank and the new kl. */
elbo_status elbo_lds_infer(elbo_lds *lds, elbo_lds_info *info);
elbo_status elbo_lds_learn(elbo_lds *lds, elbo_lds_info *info);
/* How far rounding may move the bound of the last E-step, roughly: eps tr W^-1 of the
 * terms that residuals are differences of. Far above 1e-10 of the bound where floors
 * or unidentified states leave covariances of very different size. ELBO_ENOMEM. */
elbo_status elbo_lds_rounding(const elbo_lds *lds, double *rounding);
/* Go on with other sequences, borrowed, none longer than the longest at opening
 * and no more than were announced (ELBO_ESIZE); scales and floors stay. Errors as at opening. */
elbo_status elbo_lds_data(elbo_lds *lds, const elbo_sequence data[], size_t n);

/* The model that the next E-step runs on, penalties included (VB); borrowed,
 * and always the present one. */
const elbo_lgssm *elbo_lds_model(const elbo_lds *lds);
/* The same without penalties: what filters and plans. */
const elbo_lgssm *elbo_lds_point(const elbo_lds *lds);
/* KL of the three at present; 0 for EM. */
double elbo_lds_kl(const elbo_lds *lds);
/* q of a part (VB), NULL where held or EM; borrowed, always the present one. */
const elbo_mniw *elbo_lds_posterior(const elbo_lds *lds, elbo_lds_part part);

/* The log-likelihood of other sequences under the present parameters; VB: under
 * (M, Psi/nu), without the uncertainty of the parameters. Errors as at opening.
 */
elbo_status elbo_lds_loglik(elbo_lds *lds, const elbo_sequence data[], size_t n,
                            double *loglik);

/* All that an iteration changes, into and from the current section; loaded into
 * an opening of the same data and config, it goes on to the same bits.
 * ELBO_EDATA. */
void elbo_lds_save(const elbo_lds *lds, elbo_writer *out);
elbo_status elbo_lds_load(elbo_lds *lds, elbo_reader *in);

#endif
