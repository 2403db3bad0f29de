#include "envs/grid.h"

#include <string.h>

#include "envs/layout.h"

enum { UP, RIGHT, DOWN, LEFT, STAY };

static const struct {
    int row, col;
} step[] = {
    {-1, 0 },
    {0,  1 },
    {1,  0 },
    {0,  -1},
    {-1, 1 },
    {1,  1 },
    {1,  -1},
    {-1, -1}
};

elbo_slip elbo_slip_of(const char *choice)
{
    return strcmp(choice, "uniform") == 0  ? ELBO_SLIP_UNIFORM
           : strcmp(choice, "others") == 0 ? ELBO_SLIP_OTHERS
                                           : ELBO_SLIP_PERPENDICULAR;
}

/* Where action b leads from a cell: the cell itself when blocked. */
static size_t move(const elbo_grid *g, size_t cell, size_t b)
{
    if (b == STAY && g->nA == 5) return cell;

    /* Steps over the border wrap to numbers beyond any size. */
    const size_t row = cell / g->map.cols + (size_t)step[b].row;
    const size_t col = cell % g->map.cols + (size_t)step[b].col;

    if (row >= g->map.rows || col >= g->map.cols) return cell;

    const size_t to = row * g->map.cols + col;

    return g->map.cell[to] == '#' ? cell : to;
}

/* The probability that the move is b when a was meant. */
static double move_prob(const elbo_grid *g, size_t a, size_t b)
{
    const size_t n = g->nA;
    const bool stay = n == 5 && a == STAY;

    switch (g->slip_to) {
    case ELBO_SLIP_UNIFORM:
        return (b == a ? 1 - g->slip : 0) + g->slip / (double)n;
    case ELBO_SLIP_OTHERS:
        return b == a ? 1 - g->slip : g->slip / (double)(n - 1);
    default:
        break;
    }
    if (b == a) return stay ? 1 : 1 - g->slip;
    /* The straight moves form one ring, the diagonal ones another: a quarter
     * turn is one place along it. */
    return !stay && b / 4 == a / 4 && (b + a) % 2 == 1 ? g->slip / 2 : 0;
}

static bool absorbing(const elbo_grid *g, size_t cell)
{
    const char c = g->map.cell[cell];

    return (c == 'G' && g->goal_absorbing) || (c == 'P' && g->pit_absorbing);
}

static double cell_reward(const elbo_grid *g, size_t cell)
{
    switch (g->map.cell[cell]) {
    case 'G':
        return g->goal_reward;
    case 'P':
        return g->pit_reward;
    default:
        return g->step_reward;
    }
}

static elbo_outcome arrive(const elbo_grid *g, size_t from, size_t to, double p)
{
    const bool current = g->reward_on_current;

    return (elbo_outcome){
        .next = g->state[to],
        .terminal = !current && absorbing(g, to),
        .prob = p,
        .reward = cell_reward(g, current ? from : to),
    };
}

/* In an absorbing cell the episode ends: nothing more is paid, but where cells
 * pay when they are left, this one still does. */
static elbo_outcome leave(const elbo_grid *g, size_t cell)
{
    return (elbo_outcome){
        .next = g->state[cell],
        .terminal = true,
        .prob = 1,
        .reward = g->reward_on_current ? cell_reward(g, cell) : 0,
    };
}

/* The direction in which the wind of a cell blows; STAY: none. */
static size_t wind_of(char c)
{
    static const char arrows[] = "^>v<";

    return strcspn(arrows, (char[]){c, '\0'});
}

size_t elbo_grid_outcomes(const void *world, size_t s, size_t a,
                          elbo_outcome out[])
{
    const elbo_grid *const g = world;
    const size_t from = g->cell[s];
    const size_t wind = wind_of(g->map.cell[from]);
    const double pushed = wind == STAY ? 0 : g->wind;
    size_t n = 0;

    if (absorbing(g, from)) {
        out[0] = leave(g, from);
        return 1;
    }
    for (size_t b = 0; b < g->nA; b++) {
        const double p = move_prob(g, a, b);
        const size_t to = move(g, from, b);

        n = elbo_outcome_add(out, n, arrive(g, from, to, p * (1 - pushed)));
        if (p * pushed > 0)
            out[n++] = arrive(g, from, move(g, to, wind), p * pushed);
    }
    return n;
}

static void number_states(elbo_grid *g)
{
    size_t n = 0;

    for (size_t i = 0; i < g->map.rows * g->map.cols; i++) {
        const bool is_state = g->wall_states || g->map.cell[i] != '#';

        g->state[i] = (uint32_t)(is_state ? n : g->nS);
        if (is_state) g->cell[n++] = (uint32_t)i;
    }
}

/* Episodes start on the cells marked 'S', or on all but walls and cells that
 * would end them at once. */
static bool starts_in(const elbo_grid *g, size_t cell)
{
    const char c = g->map.cell[cell];

    return g->start_anywhere ? c != '#' && !absorbing(g, cell) : c == 'S';
}

static elbo_status fill_start(const elbo_grid *g, elbo_arena *arena,
                              elbo_world *out)
{
    uint8_t *const may = elbo_arena_take(arena, g->nS, 1);
    size_t n = 0;

    ELBO_TRY(elbo_arena_check(arena, "grid"));
    for (size_t s = 0; s < g->nS; s++) n += may[s] = starts_in(g, g->cell[s]);
    if (n == 0)
        return ELBO_FAIL(ELBO_EINVAL, "no cell to start in: %s",
                         g->start_anywhere
                             ? "all of the map's end the episode"
                             : "the map has no 'S'; or set start: uniform");
    out->mu = elbo_start_uniform(g->nS, may, arena);
    return ELBO_OK;
}

static void fill_coord(const elbo_grid *g, elbo_arena *arena, elbo_world *out)
{
    int32_t *const coord = elbo_arena_take(arena, g->nS, 2 * sizeof *coord);

    for (size_t s = 0; coord && s < g->nS; s++) {
        coord[2 * s] = (int32_t)(g->cell[s] / g->map.cols);
        coord[2 * s + 1] = (int32_t)(g->cell[s] % g->map.cols);
    }
    out->coord = coord;
    out->dim = 2;
}

elbo_status elbo_grid_build(elbo_grid *g, elbo_arena *arena, elbo_world *out)
{
    const size_t cells = g->map.rows * g->map.cols;

    ELBO_TRY(elbo_arena_check(arena, "grid"));
    g->nS = 0;
    for (size_t i = 0; i < cells; i++)
        g->nS += g->wall_states || g->map.cell[i] != '#';
    g->state = elbo_arena_u32(arena, cells);
    g->cell = elbo_arena_u32(arena, g->nS);
    ELBO_TRY(elbo_arena_check(arena, "grid"));
    number_states(g);
    *out = (elbo_world){.self = g,
                        .nS = g->nS,
                        .nA = g->nA,
                        .most = g->nA * (g->wind > 0 ? 2 : 1)};
    ELBO_TRY(fill_start(g, arena, out));
    fill_coord(g, arena, out);
    return elbo_arena_check(arena, "grid");
}
