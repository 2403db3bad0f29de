/* inference/posterior.h -- the posterior's control part (pi, q), and the E-step's
 * problem.
 */
#ifndef ELBO_POSTERIOR_H
#define ELBO_POSTERIOR_H

#include "inference/core/checkpoint.h"
#include "inference/transition.h"

typedef enum elbo_optimality {
    ELBO_EXPONENTIAL, /* exp(r / alpha) at each step survived */
    ELBO_LINEAR       /* r itself, at the random stop (EM for MDPs); r >= 0 */
} elbo_optimality;

/* What an E-step solves: F_control at fixed theta. A plain value. */
typedef struct elbo_problem {
    elbo_mdp mdp;  /* mdp.P is the kernel that q is charged against:
                      exp(E log theta) for a tilt and for linear optimality with
                      feedback, else the mean of the model; under `free` the
                      environment as its log ratio shows it; p w where returns
                      are weighed. mdp.r is what control maximises */
    elbo_tilt tilt;
    double alpha;  /* policy temperature; 0: hard, inf: follow pi0 */
    elbo_optimality optimality;
    double tolerance; /* E-steps stop at this residual, max norm */
    size_t sweeps;    /* ... or after so many sweeps */
    uint64_t seed;    /* of what an E-step draws */
} elbo_problem;

/* Plain arrays from one arena. stages = elbo_stages(mdp). */
typedef struct elbo_posterior {
    size_t stages, nS, nA, nnz;
    double *pi0; /* [stages x nS x nA] prior policy */
    double *pi;  /* [stages x nS x nA] */
    double *V;   /* [(stages + 1) x (nS + 1)]; block t is the value at stage t,
                    the last block is 0 when there is a horizon, and unused
                    otherwise */
    double *Q;   /* [stages x nS x nA] */
    double *q;   /* [stages x nnz], or NULL: q = p */
} elbo_posterior;

/* pi = pi0 = uniform, V = Q = 0, q = p of the problem. */
elbo_status elbo_posterior_init(elbo_posterior *post, const elbo_problem *problem,
                                elbo_arena *arena);

/* q of one stage as a kernel: post->q, or the problem's own kernel. */
elbo_kernel elbo_posterior_kernel(const elbo_posterior *post,
                                  const elbo_problem *problem, size_t stage);

/* ELBO_ENOTFINITE with the first state of a stage whose V or Q is not finite. */
elbo_status elbo_posterior_check(const elbo_posterior *post, size_t stage);

/* KL(pi || pi0) of one state's nA actions. Both sum to 1, so the first-order terms
 * of the logarithm cancel and are left out: exact also where pi is close to pi0. */
double elbo_policy_kl(const double pi[], const double pi0[], size_t nA);

/* b [stages x nS x nA] = r - alpha KL(pi(.|s) || pi0(.|s)): under pi its value is
 * that of r - alpha log(pi / pi0). No KL at alpha in {0, inf}. */
void elbo_policy_reward(const elbo_problem *problem,
                        const elbo_posterior *post, double b[]);

void elbo_posterior_save(const elbo_posterior *post, elbo_writer *out);
elbo_status elbo_posterior_load(elbo_posterior *post, elbo_reader *in);

#endif
