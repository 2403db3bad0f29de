/* envs/grid.h -- walks on a map: what gridworld and four_rooms share.
 *
 * Actions: 0 up, 1 right, 2 down, 3 left, then 4 stay, or 4 up-right, 5
 * down-right, 6 down-left, 7 up-left. A move into a wall or over the border
 * stays; a diagonal move needs only its target free.
 *
 * Slip: with probability `slip` the intended move is replaced by another.
 * Wind: a move made in a cell with an arrow ends, with probability `wind`, one
 * cell further in the arrow's direction, unless that is blocked.
 */
#ifndef ELBO_GRID_H
#define ELBO_GRID_H

#include "envs/gridmap.h"
#include "inference/env.h"

typedef enum elbo_slip {
    ELBO_SLIP_OTHERS,       /* another move, each equally likely */
    ELBO_SLIP_UNIFORM,      /* any move, the intended one included */
    ELBO_SLIP_PERPENDICULAR /* a quarter turn left or right; never from stay */
} elbo_slip;

typedef struct elbo_grid {
    elbo_gridmap map;
    size_t nS, nA;
    double slip, wind;
    elbo_slip slip_to;
    double step_reward, goal_reward, pit_reward;
    bool goal_absorbing, pit_absorbing;
    bool reward_on_current; /* a step pays for the cell it leaves */
    bool wall_states;
    bool start_anywhere; /* else on the cells marked 'S' */
    /* Made by elbo_grid_build. */
    uint32_t *state; /* [rows x cols] of a cell; walls without one: nS */
    uint32_t *cell;  /* [nS] of a state */
} elbo_grid;

/* "others", "uniform" or "perpendicular". */
elbo_slip elbo_slip_of(const char *choice);

/* Number the states, which are the cells row by row without the walls (unless
 * they are states), and fill all of *out but `env`. ELBO_EINVAL when there is
 * no cell to start in; ELBO_ENOMEM. */
elbo_status elbo_grid_build(elbo_grid *grid, elbo_arena *arena,
                            elbo_world *out);

/* The world's outcomes; `world` is the elbo_grid. */
elbo_outcomes elbo_grid_outcomes;

#endif
