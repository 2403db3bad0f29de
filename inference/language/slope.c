/* inference/language/slope.c -- the slope of a function of states whose
 * coordinates are cells.
 *
 * A linear map: along each coordinate half the difference of the two
 * neighbouring cells' values; the difference to the one neighbour that there
 * is; 0 where there is none, and at END.
 */
#include <stdlib.h>
#include <string.h>

#include "inference/language/quantity.h"

/* A cell: a state's coordinates, sortable. */
typedef struct cell {
    const int32_t *at;
    size_t dim;
    uint32_t state;
} cell;

static int compare(const void *left, const void *right)
{
    const cell *const x = left, *const y = right;

    for (size_t k = 0; k < x->dim; k++)
        if (x->at[k] != y->at[k]) return x->at[k] < y->at[k] ? -1 : 1;
    return 0;
}

/* The state one step along coordinate k from `at`, which is scratch; `state`
 * itself where there is none. */
static uint32_t neighbour(const cell cells[], size_t n, int32_t at[], size_t k,
                          int32_t step, uint32_t state)
{
    const cell wanted = {at, cells->dim, 0};

    if (step > 0 ? at[k] == INT32_MAX : at[k] == INT32_MIN) return state;
    at[k] += step;

    const cell *const found =
        bsearch(&wanted, cells, n, sizeof *cells, compare);

    at[k] -= step;
    return found ? found->state : state;
}

/* Both neighbours of each state along each coordinate [(nS + 1) x dim], and one
 * over their distance; the same for each block of values. */
static bool find_neighbours(const elbo_compiler *c, uint32_t up[],
                            uint32_t down[], double scale[])
{
    const elbo_batch *const batch = &c->program->batch;
    const size_t dim = batch->dim, nS = batch->nS;
    elbo_arena *const arena = c->program->arena;
    cell *const cells = elbo_arena_take(arena, nS, sizeof *cells);
    int32_t *const at = elbo_arena_take(arena, dim, sizeof *at);

    if (!cells || !at) return false;
    for (size_t s = 0; s < nS; s++)
        cells[s] = (cell){batch->coord + s * dim, dim, (uint32_t)s};
    qsort(cells, nS, sizeof *cells, compare);
    for (size_t i = 0; i < (nS + 1) * dim; i++) {
        const uint32_t s = (uint32_t)(i / dim);

        up[i] = down[i] = s;
        scale[i] = 0;
        if (s == nS) continue;
        memcpy(at, batch->coord + s * dim, dim * sizeof *at);
        up[i] = neighbour(cells, nS, at, i % dim, 1, s);
        down[i] = neighbour(cells, nS, at, i % dim, -1, s);
        scale[i] = up[i] != s && down[i] != s ? 0.5 : 1;
    }
    for (size_t i = (nS + 1) * dim; i < c->program->layout.size[ELBO_AT_STAGE] * dim;
         i++) {
        const size_t before = i - (nS + 1) * dim;

        up[i] = up[before] + (uint32_t)(nS + 1);
        down[i] = down[before] + (uint32_t)(nS + 1);
        scale[i] = scale[before];
    }
    return true;
}

static elbo_quantity fail(elbo_compiler *c)
{
    c->status = ELBO_FAIL(ELBO_ENOMEM, "the slope of V over %zu states",
                          c->program->batch.nS);
    return elbo_quantity_number(0);
}

elbo_quantity elbo_quantity_slope(elbo_compiler *c, elbo_quantity V)
{
    const elbo_batch *const batch = &c->program->batch;
    const size_t states = c->program->layout.size[V.at], n = states * batch->dim;
    elbo_arena *const arena = c->program->arena;
    elbo_tape *const tape = V.live ? c->program->live : c->program->fixed;
    double *const scale = elbo_arena_doubles(arena, n);
    const elbo_mark mark = elbo_arena_mark(arena);
    uint32_t *const up = elbo_arena_u32(arena, n);
    uint32_t *const down = elbo_arena_u32(arena, n);

    if (c->status != ELBO_OK) return elbo_quantity_number(0);
    if (!scale || !up || !down || !find_neighbours(c, up, down, scale))
        return fail(c);

    const elbo_node rise =
        elbo_tape_binary(tape, ELBO_SUB, elbo_tape_gather(tape, V.node, up, n),
                         elbo_tape_gather(tape, V.node, down, n));

    V.node = elbo_tape_reshape(tape, rise, states, batch->dim);
    V.cols = batch->dim;
    elbo_arena_release(arena, mark);
    return elbo_quantity_binary(
        c, ELBO_MUL, V,
        elbo_quantity_constant(c, V.at, batch->dim, scale));
}
