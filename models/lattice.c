#include "models/lattice.h"

#include <stdlib.h>
#include <string.h>

static int by_key(const void *a, const void *b)
{
    const elbo_cell *const x = a, *const y = b;

    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->state < y->state ? -1 : x->state > y->state;
}

int64_t elbo_lattice_key(const elbo_lattice *lattice, size_t state)
{
    const size_t dim = lattice->world->dim;
    const int32_t *const c = lattice->world->coord + state * dim;
    int64_t key = 0;

    for (size_t d = 0; d < dim; d++)
        key += ((int64_t)c[d] - lattice->low[d]) * lattice->stride[d];
    return key;
}

size_t elbo_lattice_state(const elbo_lattice *lattice, int64_t key)
{
    const elbo_cell *const cells = lattice->cells;
    const size_t nS = lattice->world->nS;
    size_t low = 0, high = nS;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (cells[middle].key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < nS && cells[low].key == key ? cells[low].state : nS;
}

/* A target s + d lies up to one range outside the map on either side: a digit
 * of 3 * range + 1 values keeps the numbers apart. */
static elbo_status number_dimensions(const elbo_world *world, int32_t low[],
                                     int64_t stride[])
{
    int64_t total = 1;

    for (size_t d = 0; d < world->dim; d++) {
        int32_t high = world->coord[d];

        low[d] = high;
        for (size_t s = 0; s < world->nS; s++) {
            const int32_t c = world->coord[s * world->dim + d];

            low[d] = c < low[d] ? c : low[d];
            high = c > high ? c : high;
        }

        const int64_t digits = 3 * ((int64_t)high - low[d]) + 1;

        stride[d] = total;
        if (total > INT64_MAX / 4 / digits)
            return ELBO_FAIL(ELBO_EINVAL,
                             "coordinates span too far to number: dimension "
                             "%zu runs from %d to %d",
                             d, (int)low[d], (int)high);
        total *= digits;
    }
    return ELBO_OK;
}

elbo_status elbo_lattice_init(const elbo_world *world, elbo_arena *arena,
                              elbo_lattice *out)
{
    if (!world->coord || world->dim == 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "block needs a world with coordinates, which %s has "
                         "not; use groups",
                         world->env->name);

    int32_t *const low = elbo_arena_take(arena, world->dim, sizeof *low);
    int64_t *const stride = elbo_arena_take(arena, world->dim, sizeof *stride);
    elbo_cell *const cells = elbo_arena_take(arena, world->nS, sizeof *cells);

    ELBO_TRY(elbo_arena_check(arena, "a lattice"));
    ELBO_TRY(number_dimensions(world, low, stride));
    *out = (elbo_lattice){world, low, stride, cells};
    for (size_t s = 0; s < world->nS; s++)
        cells[s] = (elbo_cell){elbo_lattice_key(out, s), (uint32_t)s};
    qsort(cells, world->nS, sizeof *cells, by_key);
    for (size_t i = 1; i < world->nS; i++)
        if (cells[i].key == cells[i - 1].key)
            return ELBO_FAIL(
                ELBO_EINVAL, "block: states %u and %u share their coordinates",
                (unsigned)cells[i - 1].state, (unsigned)cells[i].state);
    return ELBO_OK;
}

/* Inserts d into the ascending list unless it is there; false: full. */
static bool insert(int64_t list[], size_t *n, int64_t d)
{
    size_t low = 0, high = *n;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (list[middle] < d)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < *n && list[low] == d) return true;
    if (*n == ELBO_DISPLACEMENTS) return false;
    memmove(list + low + 1, list + low, (*n - low) * sizeof *list);
    list[low] = d;
    ++*n;
    return true;
}

elbo_status elbo_lattice_displacements(const elbo_lattice *lattice,
                                       const elbo_kernel *P,
                                       const uint8_t known[], elbo_arena *arena,
                                       int64_t **out, size_t *n)
{
    const elbo_pattern *const pattern = P->pattern;
    const size_t nA = pattern->nA, rows = pattern->nS * nA;
    int64_t *const list =
        elbo_arena_take(arena, ELBO_DISPLACEMENTS, sizeof *list);

    ELBO_TRY(elbo_arena_check(arena, "the displacements"));
    *n = 0;
    for (size_t row = 0; row < rows; row++) {
        const int64_t here = elbo_lattice_key(lattice, row / nA);

        if (known[row]) continue;
        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            const size_t next = elbo_successor(pattern, row, i);

            if (!(P->prob[i] > 0) || next == pattern->nS) continue;
            if (!insert(list, n, elbo_lattice_key(lattice, next) - here))
                return ELBO_FAIL(ELBO_EINVAL,
                                 "block: more than %d displacements by state "
                                 "%zu, action %zu",
                                 ELBO_DISPLACEMENTS, row / nA, row % nA);
        }
    }
    *out = list;
    return ELBO_OK;
}

size_t elbo_lattice_blocks(const elbo_lattice *lattice, size_t side,
                           elbo_cell cells[], uint32_t tie[])
{
    const elbo_world *const world = lattice->world;
    uint32_t blocks = 0;

    for (size_t s = 0; s < world->nS; s++) {
        int64_t key = 0;

        for (size_t d = 0; d < world->dim; d++)
            key += ((int64_t)world->coord[s * world->dim + d] - lattice->low[d])
                   / (int64_t)side * lattice->stride[d];
        cells[s] = (elbo_cell){key, (uint32_t)s};
    }
    qsort(cells, world->nS, sizeof *cells, by_key);
    for (size_t i = 0; i < world->nS; i++) {
        if (i > 0 && cells[i].key != cells[i - 1].key) blocks++;
        tie[cells[i].state] = blocks;
    }
    return (size_t)blocks + 1;
}
