/* inference/policy_gradient.h -- the policy gradient of a finite process, exactly, and
 * how it moves with the kernel.
 *
 *   g_t(s,a) = dJ / d logit_t(s,a) = rho_t(s,a) (Q_t(s,a) - V_t(s))
 * for pi a softmax of logits, one set a stage; rho the discounted visits from mu, V and
 * Q the policy's own values (Sutton, McAllester, Singh, Mansour 2000, theorem 1).
 *
 * For a fixed v, L = sum v g is the slope of J as the logits move along v, that is as
 * pi moves along u = pi (v - E_pi v). J's own slope is rho_t gamma V_{t+1}(s') in
 * p(s'|s,a), so
 *   dL / dp(s'|s,a) = gamma sum_t [ rho._t(s,a) V_{t+1}(s') + rho_t(s,a) V._{t+1}(s') ],
 * the dots being slopes along u: V. is the value of the reward (v - E_pi v) Q, and rho.
 * the visits that u brings and those that follow from them.
 */
#ifndef ELBO_POLICY_GRADIENT_H
#define ELBO_POLICY_GRADIENT_H

#include "inference/evaluate.h"

/* g [stages x nS x nA] of the chain in the rewards r [nS x nA]. Statuses as
 * elbo_evaluate. */
elbo_status elbo_policy_gradient(const elbo_chain *chain, const double r[],
                                 double g[], elbo_arena *ws);

/* dp [nnz] += scale d (sum v g) / dp, v [stages x nS x nA] held. */
elbo_status elbo_policy_gradient_pull(const elbo_chain *chain, const double r[],
                                      const double v[], double scale, double dp[],
                                      elbo_arena *ws);

#endif
