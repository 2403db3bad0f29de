/* envs/wrap_limit.c -- another number of steps after which episodes are cut. */
#include "envs/registry.h"

static const elbo_option options[] = {
    {.name = "n",
     .type = ELBO_INT,
     .unit = "steps",
     .low = 1,
     .high = 1e9,
     .doc = "after which an episode is truncated"},
    {0},
};

static elbo_status wrap(const elbo_values *values, size_t place,
                        elbo_arena *arena, elbo_task_world *out)
{
    (void)place, (void)arena;
    out->limit = (size_t)elbo_int(values, "n");
    return ELBO_OK;
}

const elbo_wrapper elbo_wrapper_limit = {
    .name = "limit",
    .source = "Gymnasium's TimeLimit",
    .doc = "truncates episodes after n steps, in the place of the world's own "
           "limit",
    .options = options,
    .wrap = wrap,
};
