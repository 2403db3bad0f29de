/* control/mpo_loss.h -- MPO's M-step: weighted maximum likelihood in trust regions.
 *
 *   loss = sum_i w_i [ n l_i + a_mean KL_mean,i + a_std KL_std,i ],  sum_i w_i = 1
 *
 *   l_i     = - sum_j q_ij log N(a_ij; mean_i, std_old,i)
 *             - sum_j q_ij log N(a_ij; mean_old,i, std_i)   but for constants
 *   KL_mean = KL(N(mean_old, std_old) || N(mean, std_old))
 *   KL_std  = KL(N(mean_old, std_old) || N(mean_old, std))
 *
 * (Abdolmaleki 2018, appendix, the decoupled form.) The samples enter through two sums
 * a row: first = sum_j q_ij a_ij and second = sum_j q_ij (a_ij - mean_old,i)^2; n is
 * the number of weight sets that were added, 2 with a penalty, whose mean q is. Of
 * choices l = -sum_a q_a log pi(a), KL_mean = KL(pi_old || pi), and there is no KL_std.
 */
#ifndef ELBO_MPO_LOSS_H
#define ELBO_MPO_LOSS_H

#include "control/task_policy.h"

typedef struct elbo_mpo_nodes {
    /* Constants to set: [B x no], [B x nu] ..., [B x 1]. */
    elbo_node o, first, second, mean_old, std_old, weight;
    elbo_node a_mean,
        a_std; /* [1 x k], k = nu where each dimension has its own */
    elbo_node kl_mean, kl_std; /* [1 x k], results */
    elbo_node loss;            /* [1 x 1] */
} elbo_mpo_nodes;

/* Of choices first holds q, mean_old log pi_old; second, std_old, a_std and
 * kl_std are not there. `fixed`: the policy's std is a number, and the terms in
 * std are left out. */
elbo_mpo_nodes elbo_mpo_loss(const elbo_task_policy *policy,
                             const elbo_mlp_leaves *leaves, elbo_tape *tape,
                             size_t rows, bool each_dimension, double sets);

#endif
