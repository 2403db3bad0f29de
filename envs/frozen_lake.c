/* envs/frozen_lake.c -- over the ice to the goal, past the holes.
 *
 * Actions: 0 left, 1 down, 2 right, 3 up. On slippery ice the move is the meant
 * one with `success_rate`, else a quarter turn to either side, equally likely.
 * Reward 1 for entering the goal; goal and holes end the episode. Outcomes come
 * in the order and with the bits of Gymnasium's table.
 */
#include <string.h>

#include "envs/layout.h"
#include "envs/registry.h"

enum { LEFT, DOWN, RIGHT, UP, N_ACTIONS };

static const elbo_option options[] = {
    {.name = "map",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "4x4|8x8",
     .fallback = "4x4",
     .doc = "one of the two maps"},
    {.name = "slippery",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "moves may fail; false: they never do"},
    {.name = "success_rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.3333333333333333",
     .doc = "probability of the meant move on slippery ice"},
    {0                },
};

static const char small_map[] = "SFFFFHFHFFFHHFFG";
static const char large_map[] = "SFFFFFFF"
                                "FFFFFFFF"
                                "FFFHFFFF"
                                "FFFFFHFF"
                                "FFFHFFFF"
                                "FHHFFFHF"
                                "FHFFHFHF"
                                "FFFHFFFG";

typedef struct lake {
    size_t n;        /* n x n cells */
    const char *map; /* [n x n]: S, F frozen, H hole, G goal */
    bool slippery;
    double success, failure; /* probabilities; failure to each side */
} lake;

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    const bool small = elbo_choice_is(values, "map", "4x4");
    const size_t n = small ? 4 : 8;
    lake *const w = elbo_arena_take(arena, 1, sizeof *w);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "frozen_lake"));
    *w = (lake){.n = n,
                .map = small ? small_map : large_map,
                .slippery = elbo_flag(values, "slippery"),
                .success = elbo_real(values, "success_rate")};
    w->failure = (1 - w->success) / 2;
    *out = (elbo_world){.env = &elbo_frozen_lake,
                        .self = w,
                        .nS = n * n,
                        .nA = N_ACTIONS,
                        .most = 3,
                        .mu = elbo_start_at(n * n, 0, arena),
                        .coord = elbo_grid_coord(n, n, arena),
                        .dim = 2};
    return elbo_arena_check(arena, "frozen_lake");
}

static size_t move(const lake *w, size_t s, size_t a)
{
    const size_t row = s / w->n, col = s % w->n;

    switch (a) {
    case LEFT:
        return col > 0 ? s - 1 : s;
    case DOWN:
        return row + 1 < w->n ? s + w->n : s;
    case RIGHT:
        return col + 1 < w->n ? s + 1 : s;
    default:
        return row > 0 ? s - w->n : s;
    }
}

static elbo_outcome arrive(const lake *w, size_t to, double prob)
{
    const char c = w->map[to];

    return (elbo_outcome){.next = (uint32_t)to,
                          .terminal = c == 'G' || c == 'H',
                          .prob = prob,
                          .reward = c == 'G' ? 1 : 0};
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const lake *const w = world;
    size_t n = 0;

    if (strchr("GH", w->map[s])) {
        out[0] =
            (elbo_outcome){.next = (uint32_t)s, .terminal = true, .prob = 1};
        return 1;
    }
    if (!w->slippery) {
        out[0] = arrive(w, move(w, s, a), 1);
        return 1;
    }
    for (size_t turn = 3; turn <= 5; turn++) {
        const size_t to = move(w, s, (a + turn) % N_ACTIONS);
        const double p = turn == 4 ? w->success : w->failure;

        n = elbo_outcome_add(out, n, arrive(w, to, p));
    }
    return n;
}

const elbo_env elbo_frozen_lake = {
    .name = "frozen_lake",
    .source = "Gymnasium FrozenLake-v1",
    .doc = "slippery ice with holes, 4 x 4 or 8 x 8",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};
