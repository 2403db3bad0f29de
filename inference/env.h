/* inference/env.h -- environments: worlds with known truth.
 *
 * A finite environment answers one question, `outcomes`: what may follow (s, a),
 * with which probability and reward. The decision process, the sampler and the
 * tables are made from that answer, so they cannot disagree. An environment says
 * `terminal` and never resets or truncates itself.
 */
#ifndef ELBO_ENV_H
#define ELBO_ENV_H

#include "inference/core/options.h"
#include "inference/core/rng.h"
#include "inference/mdp.h"

typedef struct elbo_env elbo_env;
struct elbo_linear_world;
struct elbo_dynamics;
struct elbo_observed_world;
struct elbo_task;

/* An open world. Lives in the arena it was opened with; const from then on: the
 * state of an episode belongs to whoever steps it. */
typedef struct elbo_world {
    const elbo_env *env;
    const void *self; /* what `outcomes` is called with */
    size_t nS, nA;
    size_t most;      /* no (s, a) has more outcomes than this */
    const double *mu; /* [nS] where policies start and are judged */
    const double *start; /* [nS] where data do; NULL: mu */
    /* Integer coordinates [nS x dim], for models that share displacements and
     * for pictures; NULL and 0 when the world has none. Dimension 0 is the row,
     * counted downwards, 1 the column. */
    const int32_t *coord;
    size_t dim;
    uint64_t seed; /* of the run, set before open: for worlds drawn by seed */
} elbo_world;

struct elbo_env {
    const char *name;
    const char *source; /* citation, one line */
    const char *doc;    /* one line */
    const elbo_option *options;
    /* ELBO_EDATA (place in the text) for a bad table or map, ELBO_ENOINPUT for a
     * missing file, ELBO_EINVAL for options that contradict each other. `folder`
     * is where relative paths start; NULL: the working folder. */
    elbo_status (*open)(const elbo_values *options, const char *folder,
                        elbo_arena *arena, elbo_world *out);
    elbo_outcomes *outcomes;
    /* Of a linear-Gaussian world (inference/linear.h), in the place of the two
     * above. */
    elbo_status (*linear)(const elbo_values *options, const char *folder,
                          elbo_arena *arena, struct elbo_linear_world *out);
    /* Of a continuous world (inference/continuous.h), likewise. */
    const struct elbo_dynamics *continuous;
    /* Of a world seen through its observations alone (inference/observed.h),
     * likewise. */
    elbo_status (*observed)(const elbo_values *options, const char *folder,
                            elbo_arena *arena, struct elbo_observed_world *out);
    /* Of a control task (inference/task.h), likewise. */
    const struct elbo_task *task;
};

/* envs/registry.c; ends in NULL. */
extern const elbo_env *const elbo_envs[];
const elbo_env *elbo_env_find(const char *name); /* NULL: unknown */

/* The world as a decision process (checked), all memory from `arena`. */
elbo_status elbo_world_mdp(const elbo_world *world, double gamma,
                           size_t horizon, elbo_arena *arena, elbo_mdp *out);

/* Draw the successor of (s, a). `scratch` has room for world->most outcomes. */
elbo_outcome elbo_world_step(const elbo_world *world, size_t s, size_t a,
                             elbo_rng *rng, elbo_outcome scratch[]);

#endif
