#include "envs/layout.h"

double *elbo_start_at(size_t nS, size_t s, elbo_arena *arena)
{
    double *const mu = elbo_arena_take(arena, nS, sizeof *mu);

    if (mu) mu[s] = 1;
    return mu;
}

double *elbo_start_uniform(size_t nS, const uint8_t may[], elbo_arena *arena)
{
    double *const mu = elbo_arena_take(arena, nS, sizeof *mu);
    size_t n = 0;

    for (size_t s = 0; s < nS; s++) n += !may || may[s];
    for (size_t s = 0; mu && s < nS; s++)
        if (!may || may[s]) mu[s] = 1 / (double)n;
    return mu;
}

int32_t *elbo_grid_coord(size_t rows, size_t cols, elbo_arena *arena)
{
    int32_t *const coord =
        elbo_arena_take(arena, rows * cols, 2 * sizeof *coord);

    for (size_t i = 0; coord && i < rows * cols; i++) {
        coord[2 * i] = (int32_t)(i / cols);
        coord[2 * i + 1] = (int32_t)(i % cols);
    }
    return coord;
}

size_t elbo_outcome_add(elbo_outcome out[], size_t n, elbo_outcome one)
{
    if (one.prob <= 0) return n;
    out[n] = one;
    return n + 1;
}
