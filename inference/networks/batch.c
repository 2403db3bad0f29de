#include "inference/networks/batch.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void elbo_batch_init(elbo_batch *batch, size_t n, size_t no, size_t nu,
                     elbo_arena *arena)
{
    *batch = (elbo_batch){
        .n = n,
        .no = no,
        .nu = nu,
        .slot = elbo_arena_u32(arena, n),
        .o = elbo_arena_take(arena, n * no, sizeof(float)),
        .u = elbo_arena_take(arena, n * nu, sizeof(float)),
        .reward = elbo_arena_take(arena, n, sizeof(float)),
        .next = elbo_arena_take(arena, n * no, sizeof(float)),
        .weight = elbo_arena_doubles(arena, n),
        .end = elbo_arena_take(arena, n, 1),
    };
}

/* Rows first .. last - 1 of the batch, from their slots. */
static void copy_rows(elbo_batch *batch, const elbo_replay *from,
                      const double *weight, size_t first, size_t last)
{
    const size_t no = batch->no, nu = batch->nu;

    for (size_t i = first; i < last; i++) {
        const size_t k = batch->slot[i];

        memcpy(batch->o + i * no, from->o + k * no, no * sizeof(float));
        memcpy(batch->u + i * nu, from->u + k * nu, nu * sizeof(float));
        memcpy(batch->next + i * no, from->next + k * no, no * sizeof(float));
        batch->reward[i] = from->reward[k];
        batch->end[i] = from->end[k];
        batch->weight[i] = weight ? weight[k] : 1;
    }
}

elbo_status elbo_batch_draw(elbo_batch *batch, const elbo_batch_source *source,
                            elbo_rng *rng)
{
    const elbo_replay *const data = source->data, *const made =
                                                      source->rollouts;
    const bool some = data && data->n > 0, drawn = made && made->n > 0;

    assert(source->real >= 0 && source->real <= 1);
    if (!some && !drawn)
        return ELBO_FAIL(ELBO_EDATA,
                         "no transition to learn from: neither data nor "
                         "rollouts hold a row");
    batch->real = !drawn ? batch->n
                  : some ? (size_t)lround(source->real * (double)batch->n)
                         : 0;
    if (batch->real > 0) {
        assert(data->no == batch->no && data->nu == batch->nu);
        elbo_replay_draw(data, rng, batch->real, batch->slot);
        copy_rows(batch, data, NULL, 0, batch->real);
    }
    if (batch->real < batch->n) {
        assert(made->no == batch->no && made->nu == batch->nu);
        elbo_replay_draw(made, rng, batch->n - batch->real,
                         batch->slot + batch->real);
        copy_rows(batch, made, source->weight, batch->real, batch->n);
    }
    return ELBO_OK;
}
