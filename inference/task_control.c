#include "inference/task_control.h"

#include <string.h>

void elbo_task_uniform(const elbo_task_world *world, size_t n, elbo_rng rng[],
                       float u[])
{
    memset(u, 0, n * world->nu * sizeof *u);
    for (size_t i = 0; i < n; i++) {
        float *const row = u + i * world->nu;

        if (world->choices > 0) {
            row[elbo_rng_below(&rng[i], world->choices)] = 1;
            continue;
        }
        for (size_t k = 0; k < world->nu; k++)
            row[k] = (float)(2 * elbo_rng_uniform(&rng[i]) - 1);
    }
}
