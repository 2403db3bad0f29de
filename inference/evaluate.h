/* inference/evaluate.h -- exact policy evaluation and occupancy.
 *
 *   V   = b_pi + gamma P_pi V             b_pi(s) = sum_a pi(a|s) b(s,a)
 *   rho = mu + gamma P_pi' rho            unnormalised discounted occupancy
 * One stage: a dense LU (LAPACKE) up to ELBO_DENSE_STATES states, above that
 * BiCGSTAB on the sparse P_pi to a relative residual of 1e-13, verified.
 * Horizon: one pass.
 */
#ifndef ELBO_EVALUATE_H
#define ELBO_EVALUATE_H

#include "inference/mdp.h"
#include "inference/resolvent.h"

enum { ELBO_DENSE_STATES = 1200 };

/* A chain: the process under a policy and a kernel for each stage. Borrowed. */
typedef struct elbo_chain {
    const elbo_mdp *mdp; /* mu, gamma, horizon; its P is not read */
    const double *pi;    /* [stages x nS x nA] */
    elbo_kernel q;       /* the first stage's kernel; may be sub-stochastic */
    size_t q_stride; /* entries from one stage's prob to the next; 0: same */
} elbo_chain;

/* V [(stages + 1) x (nS + 1)] (as in elbo_posterior) of the reward b
 * [stages x nS x nA] under the chain. ELBO_ESINGULAR when gamma = 1, there is
 * no horizon, and absorption is not sure; ELBO_ENOCONV names the residual. */
elbo_status elbo_evaluate(const elbo_chain *chain, const double b[], double V[],
                          elbo_arena *ws);

/* rho [stages x nS x nA]: expected discounted visits of (s, a) from mu; stage t
 * carries its gamma^t. Sums to 1 / (1 - gamma) where nothing ends. */
elbo_status elbo_occupancy(const elbo_chain *chain, double rho[],
                           elbo_arena *ws);

/* The sparse P_pi [nS x nS] of a chain of one stage, without END; memory from
 * `ws`. ELBO_ESINGULAR as elbo_evaluate. */
elbo_status elbo_chain_matrix(const elbo_chain *chain, elbo_sparse *P,
                              elbo_arena *ws);

/* sum rho r over all stages: the return J of the chain, given its rho. */
double elbo_return(const elbo_mdp *mdp, const double rho[]);

#endif
