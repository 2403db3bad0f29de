/* inference/networks/replay.h -- transitions as networks read them: rows of float.
 *
 *   o [no]  u [nu]  reward  next [no]  end: the episode is over in next, and nothing
 *   follows (a terminal state; a time limit is no end)
 *
 * A ring: beyond its capacity the oldest row goes. Row numbers are slots; the rows held
 * are slots 0 .. n - 1. A row's id is its number among all ever pushed, so weights and
 * stored values can tell a slot's tenants apart.
 */
#ifndef ELBO_REPLAY_H
#define ELBO_REPLAY_H

#include "inference/core/arena.h"
#include "inference/core/checkpoint.h"
#include "inference/core/rng.h"

typedef struct elbo_replay {
    size_t no, nu, capacity;
    size_t n;        /* rows held */
    uint64_t pushed; /* rows ever; the next one goes to slot pushed mod capacity. A
                        clear moves it on to a multiple of capacity */
    float *o, *u, *reward, *next; /* [capacity x no], ... */
    uint8_t *end;                 /* [capacity] */
    uint32_t *step;               /* [capacity] stage of its episode */
    uint32_t *episode;            /* [capacity] number of its episode */
    float *then;                  /* [capacity x 2] what a value function said of o and
                                     of next as the row came, 0 of an end; who pushes
                                     fills it in. NULL: not kept */
} elbo_replay;

/* One row to push, or rows side by side to read; all borrowed. */
typedef struct elbo_replay_row {
    const float *o, *u, *next; /* [no], [nu], [no] */
    float reward;
    bool end;
    uint32_t step, episode;
} elbo_replay_row;

/* Memory from the arena. ELBO_ENOMEM; ELBO_ESIZE: more rows than a slot can number;
 * ELBO_EINVAL: a capacity or an observation of size 0. */
elbo_status elbo_replay_init(elbo_replay *replay, size_t no, size_t nu,
                             size_t capacity, elbo_arena *arena);
/* From now on it has room for `then`, which is saved with it. */
elbo_status elbo_replay_keep_values(elbo_replay *replay, elbo_arena *arena);
void elbo_replay_clear(elbo_replay *replay);
/* ELBO_ENOTFINITE names what is not finite, with episode and step; nothing is
 * pushed then. */
elbo_status elbo_replay_push(elbo_replay *replay, const elbo_replay_row *row);
/* The id of the row in a slot that is held. */
uint64_t elbo_replay_id(const elbo_replay *replay, size_t slot);
/* slot [n], uniform with replacement over the rows held, which must be some. */
void elbo_replay_draw(const elbo_replay *replay, elbo_rng *rng, size_t n,
                      uint32_t slot[]);

void elbo_replay_save(const elbo_replay *replay, elbo_writer *out);
/* ELBO_EDATA when it was saved from another shape. */
elbo_status elbo_replay_load(elbo_replay *replay, elbo_reader *in);

#endif
