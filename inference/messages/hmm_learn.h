/* inference/messages/hmm_learn.h -- hidden Markov models learnt from sequences.
 *
 *   maximum likelihood: EM (Baum, Petrie, Soules, Weiss 1970)
 *   variational:        q(theta) q(s) with Dirichlet beliefs on start, the rows
 * of the transitions and the emissions' own; the E-step runs the passes with
 * exp E log theta (MacKay 1997; Beal, Variational algorithms for approximate
 * Bayesian inference, 2003, chapter 3)
 *
 *   elbo = sum over sequences log Z - KL(q(theta) || p(theta)),
 * log Z of the passes with the parameters of the E-step: it bounds log p(y),
 * and never falls from one iteration to the next. Under maximum likelihood it
 * is log p(y | theta).
 *
 *     elbo_hmm_config c = elbo_hmm_defaults;
 *     elbo_hmm_open(&c, data, n, seed, arena, &learner);
 *     while (...) elbo_hmm_iterate(learner, data, n, &info, ws);
 */
#ifndef ELBO_HMM_LEARN_H
#define ELBO_HMM_LEARN_H

#include "inference/messages/emission.h"
#include "inference/messages/hmm.h"

typedef struct elbo_hmm_config {
    size_t K;
    bool variational;
    double start_prior, transition_prior; /* concentrations, > 0 */
    const elbo_emission *emission;
    elbo_emission_config emission_config;
    size_t iterations; /* of elbo_hmm_solve, at most */
    double tolerance;  /* it ends when elbo rises by less, times 1 + |elbo| */
} elbo_hmm_config;

/* 2 states, variational, priors 1, categorical with its defaults, 1000
 * iterations, tolerance 1e-10 */
extern const elbo_hmm_config elbo_hmm_defaults;

typedef struct elbo_hmm_info {
    size_t iteration;  /* the first is 1 */
    double elbo;       /* of the E-step, before its M-step */
    double likelihood; /* sum log Z */
    double kl_start, kl_transition, kl_emission;
    size_t logs;    /* sequences done in logarithms */
    size_t floored; /* eigenvalues raised by the M-step */
    bool converged; /* elbo_hmm_solve's verdict */
} elbo_hmm_info;

typedef struct elbo_hmm_learner elbo_hmm_learner;

/* Parameters from one M-step on drawn statistics (stream (seed, "hmm", 0)).
 * Memory from `arena`. ELBO_EINVAL: a setting; ELBO_EDATA, ELBO_ENOTFINITE with
 * sequence and row; ELBO_ENOMEM. n >= 1, every T >= 1. */
elbo_status elbo_hmm_open(const elbo_hmm_config *config,
                          const elbo_hmm_sequence data[], size_t n, uint64_t seed,
                          elbo_arena *arena, elbo_hmm_learner **out);

/* One E- and M-step; sequences in parallel, the same bits for any number of
 * threads. The data are checked again. ELBO_EDATA with sequence and row, also
 * when a sequence is impossible; the parameters then stand. After another
 * failure they are undefined. */
elbo_status elbo_hmm_iterate(elbo_hmm_learner *learner,
                             const elbo_hmm_sequence data[], size_t n,
                             elbo_hmm_info *info, elbo_arena *ws);

/* The two halves of an iteration, for who needs the state between them: the E-step at
 * the present parameters, which fills all of *info but iteration and floored, and the
 * M-step on its statistics, which fills these two. Errors as above. */
elbo_status elbo_hmm_infer(elbo_hmm_learner *learner,
                           const elbo_hmm_sequence data[], size_t n,
                           elbo_hmm_info *info, elbo_arena *ws);
elbo_status elbo_hmm_learn(elbo_hmm_learner *learner, elbo_hmm_info *info,
                           elbo_arena *ws);
/* KL(q(theta) || p(theta)) at present, of start, transitions and emissions; 0 for
 * maximum likelihood. */
elbo_status elbo_hmm_kl(const elbo_hmm_learner *learner, double *kl, elbo_arena *ws);

/* Iterations until the objective rests. */
elbo_status elbo_hmm_solve(elbo_hmm_learner *learner,
                           const elbo_hmm_sequence data[], size_t n,
                           elbo_hmm_info *info, elbo_arena *ws);

/* Log likelihoods of sequences that were not learnt from. */
typedef struct elbo_hmm_prediction {
    double lower;   /* sum log Z: at most log E_q p(y | theta) */
    double plug_in; /* at mean probabilities and the emissions' predictive
                       densities; no bound. Equal to `lower` under ML */
} elbo_hmm_prediction;
elbo_status elbo_hmm_predict(const elbo_hmm_learner *learner,
                             const elbo_hmm_sequence data[], size_t n,
                             elbo_hmm_prediction *out, elbo_arena *ws);

/* The most probable path of one sequence under exp E log theta. */
elbo_status elbo_hmm_decode(const elbo_hmm_learner *learner,
                            const elbo_hmm_sequence *seq, size_t path[],
                            double *logp, elbo_arena *ws);

/* Mean start [K] and transitions [K x K]; NULL: not wanted. */
void elbo_hmm_mean(const elbo_hmm_learner *learner, double start[],
                   double transition[]);
/* Of state k: emission->parameters. Returns their number; NULL: only that. */
size_t elbo_hmm_emission(const elbo_hmm_learner *learner, size_t k,
                         double out[]);

/* Into, and from, the current section. Load needs the config of the saved one;
 * ELBO_EDATA when it does not fit. */
void elbo_hmm_save(const elbo_hmm_learner *learner, elbo_writer *out);
elbo_status elbo_hmm_load(elbo_hmm_learner *learner, elbo_reader *in,
                          elbo_arena *ws);

#endif
