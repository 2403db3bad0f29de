/* tests/ensemble_cases.h -- a world to learn, rows of it, and opened models. */
#ifndef ELBO_ENSEMBLE_CASES_H
#define ELBO_ENSEMBLE_CASES_H

#include <check.h>

#include "inference/core/arena.h"
#include "models/ensemble.h"
#include "models/registry.h"

/* The arenas of the running test, between the two fixtures. */
extern elbo_arena *ensemble_arena, *ensemble_ws;
void ensemble_set_up(void);
void ensemble_tear_down(void);

/* o [2], u [1] in a world that tells reward and end:
 *     o' = o + (0.3 o_1, -0.5 sin o_0 + 0.8 u) + noise N(0, I)
 *     r = o'_0 - u^2,  end: o'_0 > 2 */
elbo_task_world ensemble_world(void);
/* One that tells neither, of sizes no and nu. */
elbo_task_world ensemble_mute_world(size_t no, size_t nu);
/* n rows of the first. */
elbo_replay ensemble_rows(size_t n, double noise, uint64_t seed);

/* Room for n rows of such sizes; one row more in it. */
elbo_replay ensemble_mute_rows(size_t n, size_t no, size_t nu);
void ensemble_push(elbo_replay *data, const float o[], const float u[],
                   const float next[]);

elbo_task_belief ensemble_open(const elbo_model *model, const char *settings,
                               const elbo_task_world *world, uint64_t seed);
elbo_status ensemble_try_open(const elbo_model *model, const char *settings,
                              const elbo_task_world *world, uint64_t seed,
                              elbo_task_belief *out);
elbo_task_fit ensemble_fit(elbo_task_belief *belief, const elbo_replay *data);
/* The M-step of `data` with neither weights nor a likelihood of its own. */
elbo_task_mstep ensemble_mstep(const elbo_replay *data);

/* n draws by member 0 at the data's first row, each of noise of its own. */
typedef struct ensemble_draws {
    float *next, *reward;
    uint8_t *end;
} ensemble_draws;
ensemble_draws ensemble_draw_first(const elbo_task_belief *belief,
                                   const elbo_replay *data, size_t n);

#endif
