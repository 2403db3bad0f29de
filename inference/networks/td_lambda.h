/* inference/networks/td_lambda.h -- returns along the paths that a replay
 * holds.
 *
 *   G_t = r_t + gamma [ (1 - lambda) V(o_(t+1)) + lambda G_(t+1) ]
 *
 * with G_(t+1) the next row of the same episode; V(o_(t+1)) stands for it where
 * the replay does not hold that row (a time limit, the path's last step, or a
 * row that the ring has dropped), and nothing where the row ended.
 */
#ifndef ELBO_TD_LAMBDA_H
#define ELBO_TD_LAMBDA_H

#include "inference/core/arena.h"
#include "inference/networks/replay.h"

/* G [n] by slot, from next_value [n] = V at the rows' successors. ELBO_ENOMEM.
 */
elbo_status elbo_td_lambda(const elbo_replay *replay, const float next_value[],
                           double gamma, double lambda, double G[],
                           elbo_arena *ws);

#endif
