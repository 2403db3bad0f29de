#include "inference/networks/replay.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

elbo_status elbo_replay_init(elbo_replay *replay, size_t no, size_t nu,
                             size_t capacity, elbo_arena *arena)
{
    if (no == 0 || capacity == 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "replay: %zu rows of observations of size %zu",
                         capacity, no);
    if (capacity > UINT32_MAX || no > SIZE_MAX / capacity
        || nu > SIZE_MAX / capacity)
        return ELBO_FAIL(ELBO_ESIZE, "replay: %zu rows are too many", capacity);
    *replay = (elbo_replay){
        .no = no,
        .nu = nu,
        .capacity = capacity,
        .o = elbo_arena_take(arena, capacity * no, sizeof(float)),
        .u = elbo_arena_take(arena, capacity * nu, sizeof(float)),
        .reward = elbo_arena_take(arena, capacity, sizeof(float)),
        .next = elbo_arena_take(arena, capacity * no, sizeof(float)),
        .end = elbo_arena_take(arena, capacity, sizeof(uint8_t)),
        .step = elbo_arena_u32(arena, capacity),
        .episode = elbo_arena_u32(arena, capacity),
    };
    return elbo_arena_check(arena, "replay");
}

elbo_status elbo_replay_keep_values(elbo_replay *replay, elbo_arena *arena)
{
    if (replay->then) return ELBO_OK;
    replay->then =
        elbo_arena_take(arena, 2 * replay->capacity, sizeof(float));
    return elbo_arena_check(arena, "values of a replay");
}

void elbo_replay_clear(elbo_replay *replay)
{
    const uint64_t beyond = replay->pushed % replay->capacity;

    if (beyond) replay->pushed += replay->capacity - beyond;
    replay->n = 0;
}

/* `last` [n]: the finite ones before; NULL: there are none. */
static elbo_status check_finite(const elbo_replay_row *row, const char *what,
                                const float x[], size_t n, const float last[])
{
    char before[48] = "";

    for (size_t i = 0; i < n; i++) {
        if (isfinite(x[i])) continue;
        if (last)
            snprintf(before, sizeof before, "; the last finite one was %g",
                     (double)last[i]);
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "%s[%zu] is %g at step %u of episode %u%s", what, i,
                         (double)x[i], (unsigned)row->step,
                         (unsigned)row->episode, before);
    }
    return ELBO_OK;
}

/* Of the row that was pushed last. */
static const float *newest(const elbo_replay *replay, const float x[], size_t cols)
{
    if (replay->n == 0) return NULL;
    return x + (replay->pushed - 1) % replay->capacity * cols;
}

elbo_status elbo_replay_push(elbo_replay *replay, const elbo_replay_row *row)
{
    const size_t no = replay->no, nu = replay->nu;
    const size_t slot = (size_t)(replay->pushed % replay->capacity);

    ELBO_TRY(check_finite(row, "observation", row->o, no,
                          newest(replay, replay->next, no)));
    ELBO_TRY(check_finite(row, "action", row->u, nu, newest(replay, replay->u, nu)));
    ELBO_TRY(check_finite(row, "next observation", row->next, no, row->o));
    ELBO_TRY(check_finite(row, "reward", &row->reward, 1,
                          newest(replay, replay->reward, 1)));
    memcpy(replay->o + slot * no, row->o, no * sizeof *row->o);
    if (nu) memcpy(replay->u + slot * nu, row->u, nu * sizeof *row->u);
    memcpy(replay->next + slot * no, row->next, no * sizeof *row->next);
    replay->reward[slot] = row->reward;
    replay->end[slot] = row->end ? 1 : 0;
    replay->step[slot] = row->step;
    replay->episode[slot] = row->episode;
    replay->pushed++;
    if (replay->n < replay->capacity) replay->n++;
    return ELBO_OK;
}

uint64_t elbo_replay_id(const elbo_replay *replay, size_t slot)
{
    const uint64_t newest = replay->pushed - 1;
    const size_t at = (size_t)(newest % replay->capacity);

    assert(slot < replay->n);
    return newest - (at >= slot ? at - slot : at + replay->capacity - slot);
}

void elbo_replay_draw(const elbo_replay *replay, elbo_rng *rng, size_t n,
                      uint32_t slot[])
{
    assert(replay->n > 0);
    for (size_t i = 0; i < n; i++)
        slot[i] = (uint32_t)elbo_rng_below(rng, replay->n);
}

void elbo_replay_save(const elbo_replay *replay, elbo_writer *out)
{
    const size_t n = replay->n;

    elbo_put_u64(out, replay->no);
    elbo_put_u64(out, replay->nu);
    elbo_put_u64(out, replay->capacity);
    elbo_put_u64(out, n);
    elbo_put_u64(out, replay->pushed);
    elbo_put_bytes(out, replay->o, n * replay->no * sizeof *replay->o);
    elbo_put_bytes(out, replay->u, n * replay->nu * sizeof *replay->u);
    elbo_put_bytes(out, replay->reward, n * sizeof *replay->reward);
    elbo_put_bytes(out, replay->next, n * replay->no * sizeof *replay->next);
    elbo_put_bytes(out, replay->end, n * sizeof *replay->end);
    elbo_put_bytes(out, replay->step, n * sizeof *replay->step);
    elbo_put_bytes(out, replay->episode, n * sizeof *replay->episode);
    if (replay->then)
        elbo_put_bytes(out, replay->then, 2 * n * sizeof *replay->then);
}

elbo_status elbo_replay_load(elbo_replay *replay, elbo_reader *in)
{
    uint64_t no, nu, capacity, n, pushed;

    ELBO_TRY(elbo_get_u64(in, &no));
    ELBO_TRY(elbo_get_u64(in, &nu));
    ELBO_TRY(elbo_get_u64(in, &capacity));
    ELBO_TRY(elbo_get_u64(in, &n));
    ELBO_TRY(elbo_get_u64(in, &pushed));
    if (no != replay->no || nu != replay->nu || capacity != replay->capacity)
        return ELBO_FAIL(ELBO_EDATA,
                         "replay: saved with %llu rows of %llu and %llu, not "
                         "%zu rows of %zu and %zu",
                         (unsigned long long)capacity, (unsigned long long)no,
                         (unsigned long long)nu, replay->capacity, replay->no,
                         replay->nu);
    if (n > capacity || n > pushed || (n < capacity && pushed % capacity != n))
        return ELBO_FAIL(ELBO_EDATA,
                         "replay: %llu rows of %llu held, %llu pushed",
                         (unsigned long long)n, (unsigned long long)capacity,
                         (unsigned long long)pushed);
    ELBO_TRY(elbo_get_bytes(in, replay->o, n * no * sizeof *replay->o));
    ELBO_TRY(elbo_get_bytes(in, replay->u, n * nu * sizeof *replay->u));
    ELBO_TRY(elbo_get_bytes(in, replay->reward, n * sizeof *replay->reward));
    ELBO_TRY(elbo_get_bytes(in, replay->next, n * no * sizeof *replay->next));
    ELBO_TRY(elbo_get_bytes(in, replay->end, n * sizeof *replay->end));
    ELBO_TRY(elbo_get_bytes(in, replay->step, n * sizeof *replay->step));
    ELBO_TRY(elbo_get_bytes(in, replay->episode, n * sizeof *replay->episode));
    if (replay->then)
        ELBO_TRY(elbo_get_bytes(in, replay->then, 2 * n * sizeof *replay->then));
    replay->n = (size_t)n;
    replay->pushed = pushed;
    return ELBO_OK;
}
