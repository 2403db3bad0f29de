/* envs/gridworld.c -- a grid world drawn by the user, or an open one. */
#include <stdlib.h>

#include "envs/grid.h"
#include "envs/registry.h"
#include "inference/core/textfile.h"

static elbo_status check_map(const char *text, size_t *column,
                             const char **nearest)
{
    elbo_gridmap map;
    elbo_gridmap_fault fault;

    *nearest = NULL;
    if (!text[0] || elbo_gridmap_measure(text, &map, &fault)) return ELBO_OK;
    *column = fault.offset;
    return ELBO_FAIL(ELBO_EINVAL, "map row %zu, column %zu: %s", fault.row,
                     fault.column, fault.text);
}

static const elbo_option options[] = {
    {.name = "map",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "",
     .doc = "rows of cells separated by '/': . free, # wall, S start, G goal, "
            "P pit, ^ > v < wind", .check = check_map},
    {.name = "file",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc = "a text file with the map, one row a line"},
    {.name = "rows",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 65535,
     .fallback = "0",
     .doc = "of an open grid without a map, from S at the top left to G at the "
            "bottom right; 0: 10 when there is no map"},
    {.name = "cols",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 65535,
     .fallback = "0",
     .doc = "as rows"},
    {.name = "actions",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "4|5|8",
     .fallback = "4",
     .doc = "up right down left; 5: and stay; 8: and the diagonals clockwise "
            "from up-right"},
    {.name = "slip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "probability that the intended move fails"},
    {.name = "slip_to",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "others|uniform|perpendicular",
     .fallback = "others",
     .doc =
         "a failed move becomes one of the others, of all, or a quarter turn"},
    {.name = "wind",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "1",
     .doc = "probability that an arrow pushes a move made in its cell one cell "
            "further"},
    {.name = "step_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "0",
     .doc = "reward of any cell but goals and pits"},
    {.name = "goal_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "1",
     .doc = "reward of a goal"},
    {.name = "pit_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "-1",
     .doc = "reward of a pit"},
    {.name = "goal_absorbing",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "a transition into a goal ends the episode"},
    {.name = "pit_absorbing",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "a transition into a pit ends the episode"},
    {.name = "reward_on",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "next|current",
     .fallback = "next",
     .doc = "a step pays for the cell it enters, or leaves; absorbing cells "
            "end the episode when they have paid"},
    {.name = "wall_states",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "false",
     .doc = "walls are states too: none leads there, all lead out to free "
            "neighbours"},
    {.name = "start",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "map|uniform",
     .fallback = "map",
     .doc = "start on the cells marked S, or on any but walls and absorbing "
            "cells"},
    {0          },
};

static elbo_status read_map(const elbo_values *values, const char *folder,
                            elbo_arena *arena, elbo_gridmap *map)
{
    elbo_textfile file;
    elbo_gridmap_fault fault;
    const char *const path =
        elbo_textfile_path(folder, elbo_text(values, "file"), arena);

    ELBO_TRY(elbo_arena_check(arena, "gridworld"));
    ELBO_TRY(elbo_textfile_read(&file, path, arena));
    if (!elbo_gridmap_measure(file.text, map, &fault))
        return ELBO_FAIL(ELBO_EDATA, "%s:%zu:%zu: %s", path, fault.row,
                         fault.column, fault.text);
    elbo_gridmap_fill(file.text, map, arena);
    return ELBO_OK;
}

static elbo_status open_map(size_t rows, size_t cols, elbo_arena *arena,
                            elbo_gridmap *map)
{
    *map = (elbo_gridmap){.rows = rows ? rows : 10, .cols = cols ? cols : 10};
    if (map->rows * map->cols == 1)
        return ELBO_FAIL(ELBO_EINVAL, "a grid of 1 x 1 has no room for a start "
                                      "and a goal");
    if (map->rows * map->cols >= UINT32_MAX)
        return ELBO_FAIL(ELBO_ESIZE, "a grid of %zu x %zu has too many cells",
                         map->rows, map->cols);
    elbo_gridmap_open(map, arena);
    return ELBO_OK;
}

/* The map from the one source that is given. */
static elbo_status find_map(const elbo_values *values, const char *folder,
                            elbo_arena *arena, elbo_gridmap *map)
{
    const char *const text = elbo_text(values, "map");
    const bool file = elbo_text(values, "file")[0] != '\0';
    const size_t rows = (size_t)elbo_int(values, "rows");
    const size_t cols = (size_t)elbo_int(values, "cols");

    if (text[0] && file)
        return ELBO_FAIL(ELBO_EINVAL, "both map and file are given");
    if ((text[0] || file) && (rows || cols))
        return ELBO_FAIL(ELBO_EINVAL,
                         "rows and cols are for an open grid, but a %s is "
                         "given",
                         file ? "file" : "map");
    if (file) return read_map(values, folder, arena, map);
    if (!text[0]) return open_map(rows, cols, arena, map);

    elbo_gridmap_fault fault;
    const bool right = elbo_gridmap_measure(text, map, &fault);

    if (!right) return ELBO_FAIL(ELBO_EINVAL, "map: %s", fault.text);
    elbo_gridmap_fill(text, map, arena);
    return ELBO_OK;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    elbo_grid *const g = elbo_arena_take(arena, 1, sizeof *g);

    ELBO_TRY(elbo_arena_check(arena, "gridworld"));
    *g = (elbo_grid){
        .nA = strtoul(elbo_text(values, "actions"), NULL, 10),
        .slip = elbo_real(values, "slip"),
        .wind = elbo_real(values, "wind"),
        .slip_to = elbo_slip_of(elbo_text(values, "slip_to")),
        .step_reward = elbo_real(values, "step_reward"),
        .goal_reward = elbo_real(values, "goal_reward"),
        .pit_reward = elbo_real(values, "pit_reward"),
        .goal_absorbing = elbo_flag(values, "goal_absorbing"),
        .pit_absorbing = elbo_flag(values, "pit_absorbing"),
        .reward_on_current = elbo_choice_is(values, "reward_on", "current"),
        .wall_states = elbo_flag(values, "wall_states"),
        .start_anywhere = elbo_choice_is(values, "start", "uniform"),
    };
    ELBO_TRY(find_map(values, folder, arena, &g->map));
    ELBO_TRY(elbo_grid_build(g, arena, out));
    out->env = &elbo_gridworld;
    return ELBO_OK;
}

const elbo_env elbo_gridworld = {
    .name = "gridworld",
    .source = "Sutton, Barto, Reinforcement learning (2018), examples 3.5, 6.5",
    .doc = "a grid drawn in characters, with slip, wind, goals and pits",
    .options = options,
    .open = open_world,
    .outcomes = elbo_grid_outcomes,
};
