#include "inference/population.h"

elbo_status elbo_population_count(const elbo_world *world, elbo_arena *ws,
                                  size_t *n)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_outcome *out = elbo_arena_take(ws, world->most, sizeof *out);
    const elbo_status s = elbo_arena_check(ws, "a population");

    *n = 0;
    for (size_t row = 0; s == ELBO_OK && row < world->nS * world->nA; row++)
        *n += world->env->outcomes(world->self, row / world->nA,
                                   row % world->nA, out);
    elbo_arena_release(ws, mark);
    return s;
}

static void append(elbo_data *data, size_t s, size_t a, size_t stage,
                   const elbo_outcome *x, double mass)
{
    const size_t i = data->n;

    if (!(mass > 0)) return;
    data->s[i] = (uint32_t)s;
    data->a[i] = (uint32_t)a;
    data->r[i] = x->reward;
    data->next[i] = x->next;
    data->terminal[i] = x->terminal;
    data->w[i] = 1;
    data->mass[i] = mass;
    data->epoch[i] = 0;
    data->step[i] = (uint32_t)stage;
    data->n++;
}

elbo_status elbo_population_append(elbo_data *data, const elbo_world *world,
                                   const double d[], size_t stages,
                                   double size, elbo_arena *ws)
{
    const size_t rows = world->nS * world->nA;
    size_t n;

    ELBO_TRY(elbo_population_count(world, ws, &n));
    if (n > (data->capacity - data->n) / stages)
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu outcomes of %zu stages do not fit: %zu of "
                         "%zu taken",
                         n, stages, data->n, data->capacity);

    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_outcome *out = elbo_arena_take(ws, world->most, sizeof *out);
    const elbo_status ok = elbo_arena_check(ws, "a population");

    for (size_t i = 0; ok == ELBO_OK && i < stages * rows; i++) {
        const size_t s = i % rows / world->nA, a = i % world->nA;

        n = world->env->outcomes(world->self, s, a, out);
        for (size_t k = 0; k < n; k++)
            append(data, s, a, i / rows, &out[k], size * d[i] * out[k].prob);
    }
    elbo_arena_release(ws, mark);
    return ok;
}
