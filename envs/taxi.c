/* envs/taxi.c -- fetch a passenger and bring them to their destination.
 *
 * State ((row * 5 + col) * 5 + passenger) * 4 + destination: the passenger is
 * at stand 0 to 3 (R, G, Y, B) or, 4, in the taxi; the destination is a stand.
 * Actions: 0 down, 1 up, 2 right, 3 left, 4 pick up, 5 drop off. A step pays
 * -1, a wrong pick-up or drop-off -10, the right drop-off 20 and ends the
 * episode. It starts in any of the 300 states with the passenger at another
 * stand than the destination.
 */
#include "envs/layout.h"
#include "envs/registry.h"

enum { DOWN, UP, RIGHT, LEFT, PICK_UP, DROP_OFF, N_ACTIONS };
enum { SIDE = 5, PLACES = 5, STANDS = 4, IN_TAXI = STANDS };
enum { N_STATES = SIDE * SIDE * PLACES * STANDS };

/* '|': a wall between this cell and the one to its right. */
static const char walls[SIDE][SIDE + 1] = {
    " |   ", " |   ", "     ", "| |  ", "| |  ",
};

static const struct {
    size_t row, col;
} stand[STANDS] = {
    {0, 0},
    {0, 4},
    {4, 0},
    {4, 3}
};

typedef struct taxi {
    size_t row, col, passenger, destination;
} taxi;

static taxi decode(size_t s)
{
    return (taxi){.row = s / STANDS / PLACES / SIDE,
                  .col = s / STANDS / PLACES % SIDE,
                  .passenger = s / STANDS % PLACES,
                  .destination = s % STANDS};
}

static size_t encode(taxi t)
{
    return ((t.row * SIDE + t.col) * PLACES + t.passenger) * STANDS
           + t.destination;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    uint8_t *const may = elbo_arena_take(arena, N_STATES, 1);

    (void)values;
    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "taxi"));
    for (size_t s = 0; s < N_STATES; s++) {
        const taxi t = decode(s);

        may[s] = t.passenger != IN_TAXI && t.passenger != t.destination;
    }
    *out = (elbo_world){.env = &elbo_taxi,
                        .nS = N_STATES,
                        .nA = N_ACTIONS,
                        .most = 1,
                        .mu = elbo_start_uniform(N_STATES, may, arena)};
    return elbo_arena_check(arena, "taxi");
}

/* The stand that the taxi is at, or STANDS. */
static size_t stand_here(taxi t)
{
    size_t k = 0;

    while (k < STANDS && (stand[k].row != t.row || stand[k].col != t.col)) k++;
    return k;
}

static void drop_off(taxi *t, elbo_outcome *out)
{
    const size_t here = stand_here(*t);

    if (t->passenger != IN_TAXI || here == STANDS) {
        out->reward = -10;
        return;
    }
    t->passenger = here;
    out->terminal = here == t->destination;
    if (out->terminal) out->reward = 20;
}

static void pick_up(taxi *t, elbo_outcome *out)
{
    if (t->passenger != IN_TAXI && t->passenger == stand_here(*t))
        t->passenger = IN_TAXI;
    else
        out->reward = -10;
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    taxi t = decode(s);

    (void)world;
    out[0] = (elbo_outcome){.prob = 1, .reward = -1};
    switch (a) {
    case DOWN:
        t.row += t.row + 1 < SIDE;
        break;
    case UP:
        t.row -= t.row > 0;
        break;
    case RIGHT:
        t.col += t.col + 1 < SIDE && walls[t.row][t.col] != '|';
        break;
    case LEFT:
        t.col -= t.col > 0 && walls[t.row][t.col - 1] != '|';
        break;
    case PICK_UP:
        pick_up(&t, out);
        break;
    default:
        drop_off(&t, out);
        break;
    }
    out[0].next = (uint32_t)encode(t);
    return 1;
}

const elbo_env elbo_taxi = {
    .name = "taxi",
    .source = "Gymnasium Taxi-v4; Dietterich, JAIR 13 (2000)",
    .doc = "a taxi, a passenger and four stands; 500 states",
    .options = NULL,
    .open = open_world,
    .outcomes = outcomes,
};
