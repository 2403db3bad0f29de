/* envs/mazes.c -- many small grids with random obstacles, side by side: learnt
 * in some, judged in the others.
 *
 * Each grid has `obstacles` walls at random cells and one goal; cells that the
 * goal cannot be reached from are walls too. A policy starts in the last
 * `unseen` grids, data are collected in the others. A goal pays as it is left,
 * and ends there.
 */
#include <stdlib.h>
#include <string.h>

#include "envs/grid.h"
#include "envs/layout.h"
#include "envs/registry.h"
#include "inference/core/rng.h"

static const elbo_option options[] = {
    {.name = "mazes",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1000,
     .fallback = "10",
     .doc = "grids in all"},
    {.name = "unseen",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 999,
     .fallback = "0",
     .doc = "of them, the last ones, where policies start and no data do; 0: "
            "both do in all"},
    {.name = "side",
     .type = ELBO_INT,
     .unit = "cells",
     .low = 2,
     .high = 100,
     .fallback = "8",
     .doc = "rows and columns of each"},
    {.name = "obstacles",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 10000,
     .fallback = "10",
     .doc = "walls drawn in each, some on the same cell"},
    {.name = "actions",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "4|8",
     .fallback = "4",
     .doc = "up right down left; 8: and the diagonals clockwise from up-right"},
    {.name = "slip",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "probability that the intended move becomes one of the others"},
    {.name = "step_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "0",
     .doc = "reward of leaving any cell but a goal"},
    {.name = "goal_reward",
     .type = ELBO_REAL,
     .unit = "",
     .low = -1e12,
     .high = 1e12,
     .fallback = "1",
     .doc = "reward of leaving a goal"},
    {.name = "instance",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 9007199254740992.,
     .fallback = "0",
     .doc = "which mazes are drawn, whatever the seed of the run"},
    {0        },
};

typedef struct plan {
    size_t n, side, cols; /* cols of all grids and the walls between */
    bool diagonal;
    char *cell;    /* [side x cols] */
    size_t *queue; /* [side x side] */
} plan;

static char *at(const plan *p, size_t maze, size_t row, size_t col)
{
    return p->cell + row * p->cols + maze * (p->side + 1) + col;
}

/* Marks with ',' all free cells of a maze that reach (row, col), and counts
 * them. */
static size_t flood(const plan *p, size_t maze, size_t start)
{
    size_t n = 0;

    p->queue[n++] = start;
    *at(p, maze, start / p->side, start % p->side) = ',';
    for (size_t i = 0; i < n; i++)
        for (size_t way = 0; way < 9; way++) {
            const size_t row = p->queue[i] / p->side + way / 3;
            const size_t col = p->queue[i] % p->side + way % 3;

            if (!p->diagonal && way % 2 == 0) continue;
            if (row < 1 || row > p->side || col < 1 || col > p->side) continue;

            char *const c = at(p, maze, row - 1, col - 1);

            if (*c != '.') continue;
            *c = ',';
            p->queue[n++] = (row - 1) * p->side + col - 1;
        }
    return n;
}

/* One try; false: the goal is too much walled in. */
static bool draw(const plan *p, size_t maze, size_t obstacles, elbo_rng *rng)
{
    const size_t cells = p->side * p->side;
    const size_t goal = elbo_rng_below(rng, cells);

    for (size_t i = 0; i < cells; i++)
        *at(p, maze, i / p->side, i % p->side) = '.';
    for (size_t i = 0; i < obstacles; i++) {
        const size_t wall = elbo_rng_below(rng, cells);

        if (wall != goal) *at(p, maze, wall / p->side, wall % p->side) = '#';
    }
    if (flood(p, maze, goal) < cells / 2) return false;
    for (size_t i = 0; i < cells; i++) {
        char *const c = at(p, maze, i / p->side, i % p->side);

        *c = *c == ',' ? '.' : '#';
    }
    *at(p, maze, goal / p->side, goal % p->side) = 'G';
    return true;
}

static elbo_status draw_all(const elbo_values *values, plan *p,
                            elbo_arena *arena)
{
    enum { TRIES = 1000 };
    const size_t obstacles = (size_t)elbo_int(values, "obstacles");
    const uint64_t instance = (uint64_t)elbo_int(values, "instance");

    p->n = (size_t)elbo_int(values, "mazes");
    p->side = (size_t)elbo_int(values, "side");
    p->cols = p->n * (p->side + 1) - 1;
    p->diagonal = elbo_choice_is(values, "actions", "8");
    p->cell = elbo_arena_take(arena, p->side, p->cols);
    p->queue = elbo_arena_sizes(arena, p->side * p->side);
    ELBO_TRY(elbo_arena_check(arena, "mazes"));
    memset(p->cell, '#', p->side * p->cols);
    for (size_t maze = 0; maze < p->n; maze++) {
        elbo_rng rng = elbo_rng_stream(instance, "mazes", maze);
        size_t tries = 0;

        while (!draw(p, maze, obstacles, &rng))
            if (++tries == TRIES)
                return ELBO_FAIL(ELBO_EINVAL,
                                 "mazes: %zu obstacles leave less than half of "
                                 "%zu x %zu cells",
                                 obstacles, p->side, p->side);
    }
    return ELBO_OK;
}

/* Uniform over the cells, but goals, of mazes first .. last - 1. */
static double *start_in(const plan *p, const elbo_grid *g, size_t first,
                        size_t last, elbo_arena *arena)
{
    uint8_t *const may = elbo_arena_take(arena, g->nS, 1);

    for (size_t s = 0; may && s < g->nS; s++) {
        const size_t maze = g->cell[s] % p->cols / (p->side + 1);

        may[s] = maze >= first && maze < last && p->cell[g->cell[s]] != 'G';
    }
    return may ? elbo_start_uniform(g->nS, may, arena) : NULL;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    const size_t unseen = (size_t)elbo_int(values, "unseen");
    elbo_grid *const g = elbo_arena_take(arena, 1, sizeof *g);
    plan p;

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "mazes"));
    ELBO_TRY(draw_all(values, &p, arena));
    if (unseen >= p.n)
        return ELBO_FAIL(ELBO_EINVAL, "mazes: %zu of %zu unseen leave none",
                         unseen, p.n);
    *g = (elbo_grid){
        .map = {.rows = p.side, .cols = p.cols, .cell = p.cell},
        .nA = strtoul(elbo_text(values, "actions"), NULL, 10),
        .slip = elbo_real(values, "slip"),
        .slip_to = ELBO_SLIP_OTHERS,
        .step_reward = elbo_real(values, "step_reward"),
        .goal_reward = elbo_real(values, "goal_reward"),
        .goal_absorbing = true,
        .reward_on_current = true,
        .start_anywhere = true,
    };
    ELBO_TRY(elbo_grid_build(g, arena, out));
    out->env = &elbo_mazes;
    if (unseen > 0) {
        out->mu = start_in(&p, g, p.n - unseen, p.n, arena);
        out->start = start_in(&p, g, 0, p.n - unseen, arena);
    }
    return elbo_arena_check(arena, "mazes");
}

const elbo_env elbo_mazes = {
    .name = "mazes",
    .source = "after Tamar et al. 2016, arXiv 1602.02867, section 4.1",
    .doc =
        "small grids with random obstacles: learnt in some, judged in others",
    .options = options,
    .open = open_world,
    .outcomes = elbo_grid_outcomes,
};
