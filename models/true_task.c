/* models/true_task.c -- the true model of a control task: the world's own
 * steps, from the state that an observation shows.
 */
#include <math.h>

#include "inference/task_model.h"
#include "models/registry.h"

static elbo_status open_model(const elbo_values *options,
                              const elbo_task_world *world, uint64_t seed,
                              elbo_arena *arena, elbo_task_belief *out)
{
    (void)options, (void)seed, (void)arena;
    if (!world->task->state)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "observations of this world do not tell its state: must not be "
            "true");
    *out = (elbo_task_belief){
        .model = &elbo_task_true, .world = world, .members = 1};
    return ELBO_OK;
}

static elbo_status draw(const elbo_task_belief *belief, size_t n,
                        const float o[], const float u[],
                        const uint32_t member[], elbo_rng rng[], bool mean,
                        float next[], float reward[], uint8_t end[],
                        elbo_arena *ws)
{
    const elbo_task_world *const w = belief->world;
    const elbo_mark mark = elbo_arena_mark(ws);
    double *const x = elbo_arena_doubles(ws, w->nx * n);
    double *const y = elbo_arena_doubles(ws, w->nx * n);
    double *const a = elbo_arena_doubles(ws, w->na * n);
    double *const r = elbo_arena_doubles(ws, n);
    const elbo_status s = elbo_arena_check(ws, "the true model");

    (void)member, (void)mean;
    if (s == ELBO_OK && n > 0) {
        w->task->state(w->self, n, o, x);
        elbo_task_actions(w, n, u, a);
        w->task->step(w->self, n, x, a, rng, y, r, end);
        w->task->observe(w->self, n, y, rng, next);
        for (size_t i = 0; i < n; i++) reward[i] = (float)r[i];
    }
    elbo_arena_release(ws, mark);
    return s;
}

static size_t elites(const elbo_task_belief *belief, uint32_t out[])
{
    (void)belief;
    out[0] = 0;
    return 1;
}

const elbo_task_model elbo_task_true = {
    .open = open_model,
    .draw = draw,
    .elites = elites,
};
