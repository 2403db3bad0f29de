/* envs/two_areas.c -- a grid of two areas in which actions mean the opposite.
 *
 * Actions up (one row on), right, down, left. In the first `reversed` rows an
 * action has its reverse's effect with probability 0.85, its own with 0.05; in the
 * others its own with 0.9; else nothing moves, nor does it at the borders. The
 * last cell is the goal: it pays 1 a step and is not left. Starts are even over
 * row 0.
 */
#include <string.h>

#include "envs/registry.h"

typedef struct areas {
    size_t rows, cols, reversed;
    bool steered;
} areas;

enum { MOVES = 4, DOWN = 2, STAY = 4, EFFECTS = 5 };

static const double weak = 0.05, back = 0.85, strong = 0.9, none = 0.1;

static const elbo_option options[] = {
    {.name = "rows",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1000,
     .fallback = "8",
     .doc = "rows of the grid"},
    {.name = "cols",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1000,
     .fallback = "5",
     .doc = "its columns"},
    {.name = "reversed",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 1000,
     .fallback = "4",
     .doc = "the first rows, in which actions are reversed"},
    {.name = "steered",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "false: whatever is done there is done as down"},
    {0},
};

static size_t land(const areas *w, size_t s, size_t effect)
{
    const size_t i = s / w->cols, j = s % w->cols;

    if (effect == 0 && i + 1 < w->rows) return s + w->cols;
    if (effect == 1 && j + 1 < w->cols) return s + 1;
    if (effect == 2 && i > 0) return s - w->cols;
    if (effect == 3 && j > 0) return s - 1;
    return s;
}

static double chance(const areas *w, size_t s, size_t a, size_t effect)
{
    if (effect == STAY) return none;
    if (s / w->cols >= w->reversed) return effect == a ? strong : 0;
    if (!w->steered) a = DOWN;
    if (effect == a) return weak;
    return effect == (a + 2) % MOVES ? back : 0;
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const areas *w = world;
    const size_t goal = w->rows * w->cols - 1;
    size_t n = 0;

    if (s == goal) {
        out[0] = (elbo_outcome){
            .next = (uint32_t)goal, .prob = 1, .reward = 1};
        return 1;
    }
    for (size_t e = 0; e < EFFECTS; e++)
        if (chance(w, s, a, e) > 0)
            out[n++] = (elbo_outcome){.next = (uint32_t)land(w, s, e),
                                      .prob = chance(w, s, a, e)};
    return n;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    areas *w = elbo_arena_take(arena, 1, sizeof *w);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "two_areas"));
    *w = (areas){.rows = (size_t)elbo_int(values, "rows"),
                 .cols = (size_t)elbo_int(values, "cols"),
                 .reversed = (size_t)elbo_int(values, "reversed"),
                 .steered = elbo_flag(values, "steered")};

    const size_t nS = w->rows * w->cols;
    double *mu = elbo_arena_doubles(arena, nS);
    int32_t *coord = elbo_arena_take(arena, 2 * nS, sizeof *coord);

    ELBO_TRY(elbo_arena_check(arena, "two_areas"));
    for (size_t s = 0; s < nS; s++) {
        mu[s] = s < w->cols ? 1 / (double)w->cols : 0;
        coord[2 * s] = (int32_t)(s / w->cols);
        coord[2 * s + 1] = (int32_t)(s % w->cols);
    }
    *out = (elbo_world){.env = &elbo_two_areas,
                        .self = w,
                        .nS = nS,
                        .nA = MOVES,
                        .most = EFFECTS,
                        .mu = mu,
                        .coord = coord,
                        .dim = 2};
    return ELBO_OK;
}

const elbo_env elbo_two_areas = {
    .name = "two_areas",
    .source = "after D'Oro, Metelli, Tirinzoni, Papini, Restelli, Gradient-Aware "
              "Model-based Policy Search, AAAI 2020",
    .doc = "a grid whose first rows reverse what actions do",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};
