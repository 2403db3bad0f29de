/* inference/task.h -- control tasks: episodes in worlds of real states, seen through
 * observations, that pay a reward a step.
 *
 *   x [nx] state    o [no] observation    a [na] action, in the world's own units
 *   a box of actions has na components within [low, high]; where `choices` > 0, na is
 *   1 and a[0] is the number of the action, 0 .. choices - 1
 *
 * Batches of n worlds are structures of arrays: component i of world j stands at
 * x[i * n + j], likewise a and next. Networks see rows (inference/networks/replay.h):
 * observations as float [n x no], actions as float [n x nu]: a box in units of its
 * half-width around its middle, so within [-1, 1]; a choice as one-hot, nu = choices.
 *
 * A task says `terminal` and never truncates or resets itself: whoever steps it does.
 * Its functions are pure, so one open task serves any number of threads, and n
 * worlds step to the same bits as each alone.
 */
#ifndef ELBO_TASK_H
#define ELBO_TASK_H

#include "inference/core/options.h"
#include "inference/core/rng.h"
#include "inference/core/tape.h"

struct elbo_task;

/* An open task; lives in the arena it was opened with, const from then on. */
typedef struct elbo_task_world {
    const struct elbo_task *task;
    const void *self; /* what the task's functions are called with */
    size_t nx, no, na, choices, nu;
    const double *low, *high; /* [na], of a box; NULL where choices > 0 */
    size_t limit;             /* steps after which an episode is truncated; 0: none */
    uint64_t seed;            /* of the run, set before open: for what is drawn once */
} elbo_task_world;

typedef struct elbo_task {
    /* The states' and observations' names with units, [nx] and [no] of the task
     * without wrappers. */
    const char *const *state_names, *const *observation_names;
    elbo_status (*open)(const elbo_values *options, elbo_arena *arena,
                        elbo_task_world *out);
    /* x [nx x n] of n new episodes; world j draws from rng[j]. */
    void (*reset)(const void *self, size_t n, elbo_rng rng[], double x[]);
    /* reward [n] and terminal [n] of the transition to next [nx x n]. `rng` is read
     * only where the world is noisy. next may not be x. */
    void (*step)(const void *self, size_t n, const double x[], const double a[],
                 elbo_rng rng[], double next[], double reward[],
                 uint8_t terminal[]);
    /* o [n x no], rows. */
    void (*observe)(const void *self, size_t n, const double x[], elbo_rng rng[],
                    float o[]);
    /* x [nx x n] that rows o [n x no] show: what the true model steps from. NULL:
     * an observation does not tell its state. */
    void (*state)(const void *self, size_t n, const float o[], double x[]);
    /* What a model may be told instead of learning it: reward [n] and the end [n]
     * of a transition as functions of what is observed. All rows. NULL: it is no
     * function of observations. The end depends on `next` alone. A batch may hold
     * values that no world shows. */
    void (*reward)(const void *self, size_t n, const float o[], const float u[],
                   const float next[], float reward[]);
    void (*terminal)(const void *self, size_t n, const float o[], const float u[],
                     const float next[], uint8_t terminal[]);
    /* `reward` on a tape, [B x 1] from rows [B x no], [B x nu], [B x no]. NULL: it
     * has no derivative that is told. */
    elbo_node (*reward_node)(const void *self, elbo_tape *tape, elbo_node o,
                             elbo_node u, elbo_node next);
} elbo_task;

/* The task of an environment whose `task` is not NULL, in its wrappers (`env.wrappers`;
 * NULL or "none": bare). ELBO_EINVAL for options or wrappers that do not fit. */
struct elbo_env;
elbo_status elbo_task_open(const struct elbo_env *env, const elbo_values *options,
                           const char *wrappers, uint64_t seed, elbo_arena *arena,
                           elbo_task_world *out);

/* Rows of actions [n x nu] to the world's own [na x n], and back. A box is clipped
 * to its bounds, of a choice the largest component wins (the first on ties). */
void elbo_task_actions(const elbo_task_world *world, size_t n, const float u[],
                       double a[]);
void elbo_task_rows(const elbo_task_world *world, size_t n, const double a[],
                    float u[]);

#endif
