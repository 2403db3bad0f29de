/* control/none_task.c -- no control of a task: actions from the prior policy.
 */
#include "control/registry.h"
#include "inference/task_control.h"

static elbo_status open_control(const elbo_values *options,
                                const elbo_task_problem *problem,
                                elbo_arena *arena, void **self)
{
    const elbo_task_problem **const own =
        elbo_arena_take(arena, 1, sizeof *own);

    (void)options;
    ELBO_TRY(elbo_arena_check(arena, "no control"));
    *own = problem;
    *self = own;
    return ELBO_OK;
}

static elbo_status act(void *self, const elbo_task_act *how, elbo_arena *ws)
{
    const elbo_task_problem *const *const own = self;

    (void)ws;
    elbo_task_uniform((*own)->world, how->n, how->rng, how->u);
    for (size_t i = 0; how->logpi && i < how->n; i++) how->logpi[i] = 0;
    return ELBO_OK;
}

static const char *const no_columns[] = {NULL};

const elbo_task_control elbo_task_none = {
    .kind = "value of the prior policy, which nothing improves",
    .box = true,
    .choices = true,
    .open = open_control,
    .act = act,
    .column_names = no_columns,
};
