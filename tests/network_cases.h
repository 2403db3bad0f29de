/* tests/network_cases.h -- networks' losses against differences, and
 * transitions to learn from.
 */
#ifndef ELBO_NETWORK_CASES_H
#define ELBO_NETWORK_CASES_H

#include <check.h>

#include "inference/networks/mlp.h"
#include "inference/networks/replay.h"
#include "inference/task.h"

/* Parameters of a network as doubles, not too small; from the arena. */
double *network_draw(const elbo_mlp *mlp, uint64_t seed, elbo_arena *arena);

/* d loss / d theta of a tape of doubles that is finished and whose other leaves
 * are set, at theta, against central differences of every parameter: within
 * `tolerance` of 1 + the largest derivative, which must not be 0. */
void network_check_gradient(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                            elbo_tape *tape, elbo_node loss, double theta[],
                            double tolerance);

/* `steps` transitions of a task under uniformly random actions, episodes of at
 * most `limit` steps. */
void network_fill(const elbo_task_world *world, size_t steps, size_t limit,
                  uint64_t seed, elbo_replay *replay, elbo_arena *arena);

#endif
