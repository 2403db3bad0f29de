#include "control/minibatch.h"

#include <math.h>
#include <string.h>

/* A block is at least so long: shorter products cost more than a thread saves.
 */
enum { LEAST_ROWS = 128, NOISE_AT_ONCE = 256 };

elbo_status elbo_minibatch_init(elbo_minibatch *batch,
                                const elbo_task_world *world, size_t rows,
                                elbo_arena *arena)
{
    const size_t most = rows / LEAST_ROWS;

    *batch = (elbo_minibatch){
        .rows = rows,
        .no = world->no,
        .nu = world->nu,
        .o = elbo_arena_take(arena, rows * world->no, sizeof(float)),
        .u = elbo_arena_take(arena, rows * world->nu, sizeof(float)),
        .next = elbo_arena_take(arena, rows * world->no, sizeof(float)),
        .reward = elbo_arena_take(arena, rows, sizeof(float)),
        .going = elbo_arena_take(arena, rows, sizeof(float)),
        .weight = elbo_arena_take(arena, rows, sizeof(float)),
        .slot = elbo_arena_u32(arena, rows),
    };
    batch->blocks = most < 1                       ? 1
                    : most < ELBO_MINIBATCH_BLOCKS ? most
                                                   : ELBO_MINIBATCH_BLOCKS;
    for (size_t b = 0; b <= batch->blocks; b++)
        batch->first[b] = b * rows / batch->blocks;
    return elbo_arena_check(arena, "a batch of transitions");
}

/* Row `slot` of the replay to row i of the batch. */
static void copy_row(elbo_minibatch *batch, size_t i, const elbo_replay *from,
                     size_t slot)
{
    const size_t no = batch->no, nu = batch->nu;

    memcpy(batch->o + i * no, from->o + slot * no, no * sizeof(float));
    memcpy(batch->u + i * nu, from->u + slot * nu, nu * sizeof(float));
    memcpy(batch->next + i * no, from->next + slot * no, no * sizeof(float));
    batch->reward[i] = from->reward[slot];
    batch->going[i] = from->end[slot] ? 0 : 1;
    batch->weight[i] = 1;
    batch->largest_reward =
        fmax(batch->largest_reward, fabs((double)from->reward[slot]));
}

/* x [rows] *= weight of the row's slot. */
static elbo_status weigh(elbo_minibatch *batch, size_t first,
                         const double weight[], float x[])
{
    for (size_t i = first; weight && i < batch->rows; i++) {
        const double w = weight[batch->slot[i]];

        if (!(w >= 0 && isfinite(w)))
            return ELBO_FAIL(
                ELBO_ENOTFINITE,
                "the rollouts' row %u has the weight %g, which is not a "
                "finite number >= 0",
                batch->slot[i], w);
        x[i] *= (float)w;
    }
    return ELBO_OK;
}

elbo_status elbo_minibatch_draw(elbo_minibatch *batch,
                                const elbo_task_estep *estep, elbo_rng *rng)
{
    const elbo_replay *const rollouts = estep->rollouts;
    const bool imagined = rollouts && rollouts->n > 0;
    const size_t rows = batch->rows;
    const size_t real =
        imagined ? (size_t)(estep->real * (double)rows + 0.5) : rows;

    if (real > 0 && estep->data->n == 0)
        return ELBO_FAIL(
            ELBO_EDATA,
            "no transitions to learn from: the data are empty, and %zu of "
            "%zu rows of a batch are to come from them",
            real, rows);
    if (real > 0) elbo_replay_draw(estep->data, rng, real, batch->slot);
    if (real < rows)
        elbo_replay_draw(rollouts, rng, rows - real, batch->slot + real);
    for (size_t i = 0; i < rows; i++)
        copy_row(batch, i, i < real ? estep->data : rollouts, batch->slot[i]);
    ELBO_TRY(weigh(batch, real, estep->rollout_weight, batch->weight));
    return weigh(batch, real, estep->return_weight, batch->going);
}

void elbo_minibatch_noise(elbo_rng *rng, size_t n, float out[])
{
    double z[NOISE_AT_ONCE];

    while (n > 0) {
        const size_t k = n < NOISE_AT_ONCE ? n : NOISE_AT_ONCE;

        elbo_rng_normals(rng, z, k);
        for (size_t i = 0; i < k; i++) out[i] = (float)z[i];
        out += k;
        n -= k;
    }
}
