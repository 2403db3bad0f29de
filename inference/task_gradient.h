/* inference/task_gradient.h -- the gradient slot of control tasks: how an M-step
 * sees theta through the critics.
 *
 *   dL/dw (w*, theta) = 0      the critics' equation (inference/task_control.h)
 *   d/dtheta l(theta, w*(theta)) = l_theta - L_theta,w v,   L_ww v = l_w
 *
 * L is over the M-step's rows, each counting once: the data's (o, u), of which the
 * member tells the successor (one reparameterised draw; its mean where it is certain)
 * and the reward (the data's, where it tells none); an end is the data's. `implicit`'s
 * solver finds v by products with L_ww, at w as it is: identity takes l_w itself, neumann(k) the
 * series sum_{j=0..k} (I - L_ww)^j l_w, which needs a curvature below 2, cg the least
 * squares.
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

/* Whether control tasks have the setting: stop, or implicit by products. */
bool elbo_task_gradient_serves(const elbo_route *route);

/* The equation's nodes beside those of a member, on a tape that is not finished;
 * all borrowed. ELBO_ENOMEM. */
elbo_status elbo_task_pull_alloc(const elbo_route *route,
                                 const elbo_task_control *control, void *solver,
                                 elbo_tape *tape, const elbo_task_nodes *nodes,
                                 elbo_task_pull **out);
void elbo_task_pull_free(elbo_task_pull *pull); /* NULL ok; not the tape */

/* What an expression reads of the critics moves with w: for its frame. */
void elbo_task_pull_frame(elbo_task_pull *pull, elbo_network_frame *frame);

/* Values of the leaves it made, once the tape is finished, before a forward run. */
void elbo_task_pull_bind(elbo_task_pull *pull, elbo_rng *rng);

/* After elbo_tape_backward of an objective whose derivatives have been read:
 * elbo_tape_product of an input is then what the objective's derivative there lacks.
 * ELBO_ENOTFINITE: v is not. `info` adds up how well an exact solver solved. */
elbo_status elbo_task_pull_apply(elbo_task_pull *pull, elbo_gradient_info *info);

/* -v' dL/dw at the last forward run, v as of the last pull: the objective and this
 * have the derivative that was found, for differences. */
double elbo_task_pull_held(elbo_task_pull *pull);

#endif
