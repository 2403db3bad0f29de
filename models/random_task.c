/* models/random_task.c -- an untrained network for control tasks: nothing is learnt.
 *
 * One member of the ensemble's default shape as it is drawn, from stream (seed,
 * "model", 0), with no normalisers: o' = o + mu + sigma e, sigma about 0.8 in the
 * world's own units. Reward and end are told where the task tells them, else the
 * network's, and no end.
 */
#include <stdio.h>

#include "models/ensemble.h"
#include "models/registry.h"

static elbo_status open_model(const elbo_values *options,
                              const elbo_task_world *world, uint64_t seed,
                              elbo_arena *arena, elbo_task_belief *out)
{
    elbo_values values;
    char settings[64];

    (void)options;
    snprintf(settings, sizeof settings, "members=1 reward=%s terminal=%s",
             world->task->reward ? "told" : "learnt",
             world->task->terminal ? "told" : "never");
    ELBO_TRY(elbo_values_init(&values, elbo_ensemble_options, arena));
    ELBO_TRY(elbo_values_parse(&values, settings));
    ELBO_TRY(elbo_ensemble_open(&values, world, seed, arena, out));
    out->model = &elbo_task_random;
    out->n = 0;
    return ELBO_OK;
}

const elbo_task_model elbo_task_random = {
    .open = open_model,
    .draw = elbo_ensemble_draw,
    .elites = elbo_ensemble_elites,
    .log_density = elbo_ensemble_log_density,
    .doubts = elbo_ensemble_doubts,
    .step = elbo_ensemble_step,
    .node = elbo_ensemble_node,
};
