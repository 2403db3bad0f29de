#include <math.h>
#include <xxhash.h>

#include "models/ensemble.h"

static bool held_out(const elbo_ensemble *e, uint64_t id)
{
    elbo_rng rng;

    if (e->config.holdout == 0) return false;
    rng = elbo_rng_stream(e->seed, "holdout", id);
    return elbo_rng_uniform(&rng) < e->config.holdout;
}

/* Where either part would be empty, nothing is held out. Beyond holdout_most
 * rows the newest are judged on: the others are still kept from training. */
elbo_status elbo_ensemble_split(const elbo_ensemble *e, const elbo_replay *data,
                                elbo_ensemble_rows *out, elbo_arena *arena)
{
    const size_t most = e->config.holdout_most;

    *out = (elbo_ensemble_rows){.slot = elbo_arena_u32(arena, data->n),
                                .test = elbo_arena_u32(arena, data->n)};
    ELBO_TRY(elbo_arena_check(arena, "the model's rows"));
    for (size_t i = 0; i < data->n; i++) {
        if (held_out(e, elbo_replay_id(data, i)))
            out->test[out->held++] = (uint32_t)i;
        else
            out->slot[out->n++] = (uint32_t)i;
    }
    if (out->n == 0 || out->held == 0) {
        for (size_t i = 0; i < data->n; i++) out->slot[i] = (uint32_t)i;
        out->n = data->n;
        out->held = 0;
    }
    if (out->held > most) {
        out->test += out->held - most;
        out->held = most;
    }
    return ELBO_OK;
}

/* Poisson(1) by inversion: P(0) = 1/e, P(k) = P(k - 1) / k. */
static size_t copies(const elbo_ensemble *e, size_t member, uint64_t id)
{
    elbo_rng rng =
        elbo_rng_stream(e->seed, "bootstrap", id << 8 | (uint64_t)member);
    double left = elbo_rng_uniform(&rng), p = exp(-1);
    size_t k = 0;

    while (left >= p && k < 16) {
        left -= p;
        p /= (double)++k;
    }
    return k;
}

elbo_status elbo_ensemble_bootstrap(const elbo_ensemble *e, size_t member,
                                    const elbo_replay *data,
                                    const elbo_ensemble_rows *all,
                                    elbo_ensemble_rows *out, elbo_arena *arena)
{
    size_t n = 0;

    for (size_t i = 0; e->config.bootstrap && i < all->n; i++)
        n += copies(e, member, elbo_replay_id(data, all->slot[i]));
    *out = *all;
    if (n) out->n = n;
    out->slot = elbo_arena_u32(arena, out->n);
    ELBO_TRY(elbo_arena_check(arena, "a member's rows"));
    for (size_t i = 0, at = 0; i < all->n; i++) {
        size_t k =
            n ? copies(e, member, elbo_replay_id(data, all->slot[i])) : 1;

        while (k--) out->slot[at++] = all->slot[i];
    }
    return ELBO_OK;
}

uint64_t elbo_ensemble_hash(const elbo_ensemble *e, size_t member,
                            uint64_t first, uint64_t last)
{
    uint64_t hash = 0;

    for (uint64_t id = first; id < last; id++) {
        const uint64_t pair[] = {
            hash, e->config.bootstrap ? copies(e, member, id) : 1};

        hash = XXH3_64bits(pair, sizeof pair);
    }
    return hash;
}
