/* inference/task_gradient.h -- the gradient slot of control tasks: how an M-step
 * sees theta through the critics.
 *
 *   dL/dw (w*, theta) = 0      the critics' equation (inference/task_control.h)
 *
 * L is over the M-step's rows, each counting once: the data's (o, u), of which the
 * member tells the successor (one reparameterised draw; its mean where it is certain)
 * and the reward (the data's, where it tells none); an end is the data's.
 *
 * `implicit` takes the critics' w as they are for w*:
 *
 *   d/dtheta l(theta, w*(theta)) = l_theta - L_theta,w v,   L_ww v = l_w
 *
 * Its solver finds v by products with L_ww: identity takes l_w itself, neumann(k) the
 * series sum_{j=0..k} (I - L_ww)^j l_w, which needs a curvature below 2, cg the least
 * squares.
 *
 * `unroll(k, eta)` reads w_k in the place of w*, from w_0 = w as they are, and goes back
 * through the steps:
 *
 *   w_{i+1} = w_i - eta L_w(w_i, theta)
 *   lambda_k = l_w,  lambda_i = (I - eta L_ww(w_i)) lambda_{i+1}
 *   d/dtheta l(theta, w_k(theta)) = l_theta - eta sum_{i<k} L_theta,w(w_i) lambda_{i+1}
 *
 * exactly. From a w that solves the equation of a quadratic L it is v = eta sum_{j<k}
 * (I - eta L_ww)^j l_w, and for k to infinity, eta times the curvature below 2, cg's.
 *
 * Reference: Nikishin, Abachi, Agarwal, Bacon, AAAI 2022, section 4; products as
 * Pearlmutter 1994.
 */
#ifndef ELBO_TASK_GRADIENT_H
#define ELBO_TASK_GRADIENT_H

#include "inference/gradient.h"
#include "inference/language/network.h"
#include "inference/task_control.h"

/* Of one member's tape. */
typedef struct elbo_task_pull elbo_task_pull;

/* Whether derivatives go through the critics: implicit by products, unroll at a rate;
 * and then what the objective is, in words. */
bool elbo_task_gradient_through(const elbo_route *route);
const char *elbo_task_gradient_kind(const elbo_route *route);

/* The equation's nodes beside those of a member, on a tape that is not finished;
 * all borrowed. The critics stand still while it lives. ELBO_ENOMEM. */
elbo_status elbo_task_pull_alloc(const elbo_route *route,
                                 const elbo_task_control *control, void *solver,
                                 elbo_tape *tape, const elbo_task_nodes *nodes,
                                 elbo_task_pull **out);
void elbo_task_pull_free(elbo_task_pull *pull); /* NULL ok; not the tape */

/* What an expression reads of the critics moves with w: for its frame. */
void elbo_task_pull_frame(elbo_task_pull *pull, elbo_network_frame *frame);

/* Values of the leaves it made, once the tape is finished, before a forward run. */
void elbo_task_pull_bind(elbo_task_pull *pull, elbo_rng *rng);

/* A forward run, at the w that go with theta. ELBO_ENOTFINITE: w_k is not. */
elbo_status elbo_task_pull_forward(elbo_task_pull *pull);

/* After elbo_tape_backward of an objective whose derivatives, and values, have been
 * read: elbo_tape_product of an input is then what is to be added to the objective's
 * derivative there. *more: that is not all, and it is to be called again, at the same
 * forward run. ELBO_ENOTFINITE: v or lambda is not. `info` adds up how well an exact
 * solver solved; of unroll, that L(w_k) is above L(w_0). */
elbo_status elbo_task_pull_apply(elbo_task_pull *pull, elbo_gradient_info *info,
                                 bool *more);

/* What to add to the objective at the last forward run, for differences: the sum has
 * the derivative that was found. Of implicit -v' dL/dw, v as of the last pull. */
double elbo_task_pull_held(elbo_task_pull *pull);

#endif
