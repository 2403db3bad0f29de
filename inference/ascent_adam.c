/* inference/ascent_adam.c -- Adam, projected onto the balls after each step.
 *
 *   m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2
 *   x = x + rate (m / (1 - b1^i)) / (sqrt(v / (1 - b2^i)) + epsilon)
 *
 * The gradient is that of f / scale. The step has the gradient's signs more
 * than its direction, so at a bound it need not end where the gradient is
 * normal to the ball: spg does.
 */
#include <math.h>
#include <string.h>

#include "inference/ascent.h"
#include "inference/core/parallel.h"

/* Kingma and Ba 2015, algorithm 1. */
static const double b1 = 0.9, b2 = 0.999, epsilon = 1e-8;

typedef struct moments {
    double *g, *m, *v; /* [n] */
} moments;

static void step(const elbo_climb *climb, const moments *now)
{
    const double i = (double)climb->info->iterations;
    const double fade1 = 1 - pow(b1, i), fade2 = 1 - pow(b2, i);

    for (size_t j = 0; j < climb->f->n; j++) {
        const double g = now->g[j] / climb->f->scale;

        now->m[j] = b1 * now->m[j] + (1 - b1) * g;
        now->v[j] = b2 * now->v[j] + (1 - b2) * g * g;
        climb->x[j] += climb->how->rate * (now->m[j] / fade1)
                       / (sqrt(now->v[j] / fade2) + epsilon);
    }
    if (climb->how->balls) elbo_balls_project(climb->how->balls, climb->x);
}

static bool is_flat(const elbo_climb *climb, const double g[], double value)
{
    const double scale = climb->f->scale;

    return sqrt(elbo_dot(g, g, climb->f->n)) / scale
           <= climb->how->tolerance * fmax(1, fabs(value) / scale);
}

static elbo_status run(elbo_climb *climb)
{
    const size_t n = climb->f->n;
    elbo_ascent_info *const info = climb->info;
    moments now = {elbo_arena_doubles(climb->ws, n),
                   elbo_arena_doubles(climb->ws, n),
                   elbo_arena_doubles(climb->ws, n)};
    double value;

    ELBO_TRY(elbo_arena_check(climb->ws, "Adam's moments"));
    memset(now.m, 0, n * sizeof *now.m);
    memset(now.v, 0, n * sizeof *now.v);
    elbo_climb_try(climb, climb->x, &value, now.g);
    while (!climb->fatal && info->iterations < climb->how->iterations) {
        info->converged = isfinite(value) && is_flat(climb, now.g, value);
        if (info->converged || !isfinite(value)) break;
        info->iterations++;
        step(climb, &now);
        elbo_climb_try(climb, climb->x, &value, now.g);
    }
    return ELBO_OK;
}

const elbo_ascender elbo_ascender_adam = {
    .name = "adam",
    .source = "Kingma and Ba 2015, arXiv 1412.6980, algorithm 1",
    .doc = "steps of fixed length in every coordinate, from its own moments",
    .bounded = true,
    .run = run,
};
