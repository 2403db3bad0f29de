/* envs/four_rooms.c -- four rooms, 104 cells, four doorways.
 *
 * Reward 1 for every transition into the top right cell, which is an ordinary
 * cell otherwise, bumping into its walls included: under the uniform policy the
 * walk is doubly stochastic, so its mean value is 1 / (104 (1 - gamma)).
 */
#include "envs/grid.h"
#include "envs/registry.h"

static const char rooms[] = "#############/"
                            "#.....#....G#/"
                            "#.....#.....#/"
                            "#...........#/"
                            "#.....#.....#/"
                            "#.....#.....#/"
                            "##.####.....#/"
                            "#.....###.###/"
                            "#.....#.....#/"
                            "#.....#.....#/"
                            "#...........#/"
                            "#.....#.....#/"
                            "#############";

static const elbo_option options[] = {
    {.name = "slip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.2",
     .doc = "probability that the intended move fails"},
    {.name = "slip_to",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "others|uniform|perpendicular",
     .fallback = "others",
     .doc =
         "a failed move becomes one of the others, of all, or a quarter turn"},
    {.name = "goal_absorbing",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "false",
     .doc = "a transition into the goal ends the episode"},
    {0},
};

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    elbo_gridmap_fault fault;
    elbo_grid *const g = elbo_arena_take(arena, 1, sizeof *g);

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "four_rooms"));
    *g = (elbo_grid){
        .nA = 4,
        .slip = elbo_real(values, "slip"),
        .slip_to = elbo_slip_of(elbo_text(values, "slip_to")),
        .goal_reward = 1,
        .goal_absorbing = elbo_flag(values, "goal_absorbing"),
        .start_anywhere = true,
    };
    if (!elbo_gridmap_measure(rooms, &g->map, &fault))
        return ELBO_FAIL(ELBO_EINTERNAL, "four_rooms: %s", fault.text);
    elbo_gridmap_fill(rooms, &g->map, arena);
    ELBO_TRY(elbo_grid_build(g, arena, out));
    out->env = &elbo_four_rooms;
    return ELBO_OK;
}

const elbo_env elbo_four_rooms = {
    .name = "four_rooms",
    .source = "Grimm, Barreto, Farquhar, Silver, Singh, Proper value "
              "equivalence, NeurIPS 2021",
    .doc = "four rooms with doorways; start anywhere, reward at the top right",
    .options = options,
    .open = open_world,
    .outcomes = elbo_grid_outcomes,
};
