/* inference/networks/heads.h -- densities of networks' outputs, as nodes of a tape.
 *
 * Rows are samples: outputs [B x n], log densities [B x 1], in nats and with their
 * constants. logvar is the log of the variance; a [1 x n] argument serves all rows.
 * Noise is a leaf that the caller fills with standard normals.
 */
#ifndef ELBO_HEADS_H
#define ELBO_HEADS_H

#include "inference/core/tape.h"

/* log N(x; mean, diag exp(logvar)). */
elbo_node elbo_head_gaussian(elbo_tape *tape, elbo_node x, elbo_node mean,
                             elbo_node logvar);
/* logvar kept between the nodes low and high by two softplus (Chua et al. 2018,
 * appendix A.1): high - s(high - logvar) =: t, then low + s(t - low). */
elbo_node elbo_head_bound(elbo_tape *tape, elbo_node logvar, elbo_node low,
                          elbo_node high);
/* mean + exp(logvar / 2) noise. */
elbo_node elbo_head_sample(elbo_tape *tape, elbo_node mean, elbo_node logvar,
                           elbo_node noise);

/* u = tanh z, z = mean + exp(logvar / 2) noise: an action of the box (-1, 1)^n. */
typedef struct elbo_squashed {
    elbo_node u, z;
    elbo_node logp; /* log density of u */
} elbo_squashed;
elbo_squashed elbo_head_squash(elbo_tape *tape, elbo_node mean,
                               elbo_node logvar, elbo_node noise);
/* log density of tanh z for any z: log(1 - tanh^2 z) as 2 (log 2 - z - s(-2 z)), s the
 * softplus, which is exact where the tanh is 1 to the last digit. */
elbo_node elbo_head_squashed(elbo_tape *tape, elbo_node z, elbo_node mean,
                             elbo_node logvar);
/* z = atanh u, u first clipped to +-(1 - 1e-6). */
elbo_node elbo_head_unsquash(elbo_tape *tape, elbo_node u);
/* The same for one row without a tape: u [n] from noise [n]; returns log p(u). */
double elbo_squash_row(size_t n, const float mean[], const float logvar[],
                       const double noise[], float u[]);

/* log probabilities [B x K] from logits; the entropy [B x 1] from those. */
elbo_node elbo_head_categorical(elbo_tape *tape, elbo_node logits);
elbo_node elbo_head_entropy(elbo_tape *tape, elbo_node logp);
/* log sum_k softmax(logits)_k N(x; mean_k, exp(logvar_k)): logits [B x K], mean and
 * logvar [B x (K n)], component k in columns k n .. (k + 1) n - 1. */
elbo_node elbo_head_mixture(elbo_tape *tape, elbo_node x, elbo_node logits,
                            elbo_node mean, elbo_node logvar);
/* log p(y) of y in {0, 1} with log odds `logit`: y logit - s(logit), summed over the
 * row. */
elbo_node elbo_head_bernoulli(elbo_tape *tape, elbo_node y, elbo_node logit);

/* KL(N(m, v) || N(m', v')) = mean part with v' + variance part, [B x 1]:
 *     1/2 sum (m - m')^2 / v',   1/2 sum v/v' - 1 - log v/v'
 * MPO takes the mean part with the old variance (Abdolmaleki et al. 2018). */
elbo_node elbo_head_kl_mean(elbo_tape *tape, elbo_node mean, elbo_node to_mean,
                            elbo_node to_logvar);
elbo_node elbo_head_kl_variance(elbo_tape *tape, elbo_node logvar,
                                elbo_node to_logvar);
/* KL of weights N(mean, diag std^2) to N(0, prior^2 I), [1 x 1] (Blundell et al. 2015). */
elbo_node elbo_head_kl_weights(elbo_tape *tape, elbo_node mean, elbo_node std,
                               double prior);

#endif
