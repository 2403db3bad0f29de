/* envs/cliff_walking.c -- along a cliff, 4 x 12.
 *
 * Actions: 0 up, 1 right, 2 down, 3 left. A step pays -1; one over the cliff
 * (the bottom row between start and goal) pays -100 and leads back to the
 * start, which does not end the episode; the goal does. Gymnasium's table has
 * rows for the cliff's cells too, which are never entered, and for the goal; so
 * has ours.
 */
#include "envs/layout.h"
#include "envs/registry.h"

enum { UP, RIGHT, DOWN, LEFT, N_ACTIONS };
enum { ROWS = 4, COLS = 12, N_STATES = ROWS * COLS };
enum { START = (ROWS - 1) * COLS, GOAL = N_STATES - 1 };

static const elbo_option options[] = {
    {.name = "slippery",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "false",
     .doc = "the move is the meant one or a quarter turn from it, 1/3 each"},
    {0        },
};

typedef struct cliff {
    bool slippery;
} cliff;

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    cliff *const w = elbo_arena_take(arena, 1, sizeof *w);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "cliff_walking"));
    w->slippery = elbo_flag(values, "slippery");
    *out = (elbo_world){.env = &elbo_cliff_walking,
                        .self = w,
                        .nS = N_STATES,
                        .nA = N_ACTIONS,
                        .most = 3,
                        .mu = elbo_start_at(N_STATES, START, arena),
                        .coord = elbo_grid_coord(ROWS, COLS, arena),
                        .dim = 2};
    return elbo_arena_check(arena, "cliff_walking");
}

static size_t move(size_t s, size_t a)
{
    const size_t row = s / COLS, col = s % COLS;

    switch (a) {
    case UP:
        return row > 0 ? s - COLS : s;
    case RIGHT:
        return col + 1 < COLS ? s + 1 : s;
    case DOWN:
        return row + 1 < ROWS ? s + COLS : s;
    default:
        return col > 0 ? s - 1 : s;
    }
}

static elbo_outcome arrive(size_t to, double prob)
{
    const bool fell = to > START && to < GOAL;

    return (elbo_outcome){.next = (uint32_t)(fell ? START : to),
                          .terminal = to == GOAL,
                          .prob = prob,
                          .reward = fell ? -100 : -1};
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const cliff *const w = world;
    size_t n = 0;

    if (!w->slippery) {
        out[0] = arrive(move(s, a), 1);
        return 1;
    }
    for (size_t turn = 3; turn <= 5; turn++)
        out[n++] = arrive(move(s, (a + turn) % N_ACTIONS), 1. / 3);
    return n;
}

const elbo_env elbo_cliff_walking = {
    .name = "cliff_walking",
    .source = "Gymnasium CliffWalking-v1; Sutton, Barto, Reinforcement "
              "learning (2018), example 6.6",
    .doc = "the shortest way to the goal runs along a cliff",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};
