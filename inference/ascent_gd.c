/* inference/ascent_gd.c -- steps along the gradient, of one rate.
 *
 *   x = x + rate g,  g the gradient of f / scale
 * The one method whose path is that of a gradient flow: for comparing
 * parameterisations, which differ in nothing else. Projected onto the balls.
 */
#include <math.h>

#include "inference/ascent.h"
#include "inference/core/parallel.h"

static elbo_status run(elbo_climb *climb)
{
    const size_t n = climb->f->n;
    const double scale = climb->f->scale;
    elbo_ascent_info *const info = climb->info;
    double *const g = elbo_arena_doubles(climb->ws, n);
    double value;

    ELBO_TRY(elbo_arena_check(climb->ws, "a gradient"));
    elbo_climb_try(climb, climb->x, &value, g);
    while (!climb->fatal && info->iterations < climb->how->iterations) {
        const double norm = sqrt(elbo_dot(g, g, n)) / scale;

        info->converged =
            isfinite(value)
            && norm <= climb->how->tolerance * fmax(1, fabs(value) / scale);
        if (info->converged || !isfinite(value)) break;
        info->iterations++;
        for (size_t j = 0; j < n; j++)
            climb->x[j] += climb->how->rate * g[j] / scale;
        if (climb->how->balls) elbo_balls_project(climb->how->balls, climb->x);
        elbo_climb_try(climb, climb->x, &value, g);
    }
    return ELBO_OK;
}

const elbo_ascender elbo_ascender_gd = {
    .name = "gd",
    .source = "Cauchy 1847",
    .doc = "steps of one rate along the gradient: the path itself is the matter",
    .bounded = true,
    .run = run,
};
