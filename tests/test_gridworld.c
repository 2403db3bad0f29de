/* tests/test_gridworld.c -- moves, slips, winds and rewards worked out by hand,
 * and every way in which a map may be wrong. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suites.h"
#include "tests/world_cases.h"

static const char maze[] = "map=S...##...G/....##..../....##..../....##..../"
                           "....##..../....##..../........../........../"
                           "........../.......... slip=0.5 slip_to=uniform "
                           "reward_on=current goal_absorbing=false "
                           "step_reward=0.001 goal_reward=10 wall_states=";

/* The maze of a published notebook; its optimal return was found independently.
 */
START_TEST(the_noisy_maze_has_its_known_optimal_return)
{
    char settings[400];

    snprintf(settings, sizeof settings, "%s%s", maze, _i ? "true" : "false");

    const elbo_world w = world_open("gridworld", settings);

    ck_assert_uint_eq(w.nS, _i ? 100 : 88);
    ck_assert_double_eq_tol(world_solve(&w, 0.9, 400, false)[0], 1.3875036096,
                            1e-9);
}
END_TEST

/* p[nS]: where (s, a) leads, termination aside. */
static void spread(const elbo_world *w, size_t s, size_t a, double p[])
{
    elbo_outcome out[16];

    memset(p, 0, w->nS * sizeof *p);
    for (size_t i = 0, n = world_outcomes(w, s, a, out); i < n; i++)
        p[out[i].next] += out[i].prob;
}

/* The 3 x 3 grid, from its centre (state 4), where action `a` is meant:
 *     0 1 2
 *     3 4 5
 *     6 7 8 */
#define OPEN_GRID "map=.../.../... start=uniform "
/* The formatter would align the columns beyond the page. */
/* clang-format off */
static const struct {
    const char *settings;
    size_t a;
    double p[9];
} moves[] = {
    {OPEN_GRID, 0, {[1] = 1}},
    {OPEN_GRID, 1, {[5] = 1}},
    {OPEN_GRID, 2, {[7] = 1}},
    {OPEN_GRID, 3, {[3] = 1}},
    {OPEN_GRID "actions=5", 4, {[4] = 1}},
    {OPEN_GRID "actions=8", 4, {[2] = 1}},
    {OPEN_GRID "actions=8", 5, {[8] = 1}},
    {OPEN_GRID "actions=8", 6, {[6] = 1}},
    {OPEN_GRID "actions=8", 7, {[0] = 1}},
    {OPEN_GRID "slip=0.3", 1, {[1] = 0.1, [3] = 0.1, [5] = 0.7, [7] = 0.1}},
    {OPEN_GRID "slip=0.3 slip_to=uniform",
     1,
     {[1] = 0.075, [3] = 0.075, [5] = 0.775, [7] = 0.075}},
    {OPEN_GRID "slip=0.3 slip_to=perpendicular",
     3,
     {[1] = 0.15, [3] = 0.7, [7] = 0.15}},
    {OPEN_GRID "slip=0.3 slip_to=perpendicular actions=5", 4, {[4] = 1}},
    {OPEN_GRID "slip=0.3 slip_to=perpendicular actions=8",
     4,
     {[0] = 0.15, [2] = 0.7, [8] = 0.15}},
    {OPEN_GRID "slip=0.2 actions=5",
     4,
     {[1] = 0.05, [3] = 0.05, [4] = 0.8, [5] = 0.05, [7] = 0.05}},
    /* A wind upwards in the centre carries a move right to the corner. */
    {"map=.../.^./... start=uniform", 1, {[2] = 1}},
    {"map=.../.^./... start=uniform wind=0.4", 1, {[2] = 0.4, [5] = 0.6}},
    {"map=.../.v./... start=uniform wind=0.4", 1, {[8] = 0.4, [5] = 0.6}},
    {"map=.../.<./... start=uniform wind=0.4", 0, {[0] = 0.4, [1] = 0.6}},
    {"map=.../.>./... start=uniform wind=0.4", 0, {[2] = 0.4, [1] = 0.6}},
    /* The border holds the wind off. */
    {"map=.../.^./... start=uniform wind=0.4", 0, {[1] = 1}},
    {"map=.../.v./... start=uniform slip=0.3 slip_to=perpendicular wind=0.5",
     3,
     {[1] = 0.075, [4] = 0.075, [3] = 0.35, [6] = 0.35, [7] = 0.15}},
};
/* clang-format on */

START_TEST(moves_lead_where_the_hand_says)
{
    const elbo_world w = world_open("gridworld", moves[_i].settings);
    double p[9];

    ck_assert_uint_eq(w.nS, 9);
    spread(&w, 4, moves[_i].a, p);
    for (size_t s = 0; s < 9; s++)
        ck_assert_double_eq_tol(p[s], moves[_i].p[s], 1e-15);
}
END_TEST

START_TEST(walls_and_borders_keep_a_move_in_place)
{
    const elbo_world w = world_open("gridworld", "map=S#./.../..G actions=8");
    elbo_outcome out[8];

    /* 0 . 1
     * 2 3 4
     * 5 6 7: up, right (a wall), left stay; down-right only needs its target.
     */
    for (size_t a = 0; a < 8; a++) {
        static const uint32_t to[] = {0, 0, 2, 0, 0, 3, 0, 0};

        ck_assert_uint_eq(world_outcomes(&w, 0, a, out), 1);
        ck_assert_uint_eq(out[0].next, to[a]);
    }
    ck_assert_uint_eq(w.nS, 8);
    ck_assert_int_eq(w.coord[2 * 1], 0);
    ck_assert_int_eq(w.coord[2 * 1 + 1], 2);
    world_outcomes(&w, 3, 4, out); /* up-right past the wall's corner */
    ck_assert_uint_eq(out[0].next, 1);
}
END_TEST

#define REWARDS "step_reward=-0.25 goal_reward=7.5 pit_reward=-3 "

static void expect(const elbo_world *w, size_t s, size_t a, uint32_t next,
                   double reward, bool terminal)
{
    elbo_outcome out[8];

    ck_assert_uint_eq(world_outcomes(w, s, a, out), 1);
    ck_assert_uint_eq(out[0].next, next);
    ck_assert_double_eq(out[0].reward, reward);
    ck_assert_int_eq(out[0].terminal, terminal);
    ck_assert_double_eq(out[0].prob, 1);
}

START_TEST(a_step_pays_for_the_cell_it_enters)
{
    const elbo_world w = world_open("gridworld", "map=PS.G " REWARDS);
    const elbo_world go =
        world_open("gridworld", "map=PS.G goal_absorbing=false "
                                "pit_absorbing=false " REWARDS);

    expect(&w, 1, 1, 2, -0.25, false);
    expect(&w, 2, 1, 3, 7.5, true);
    expect(&w, 1, 3, 0, -3, true);
    expect(&w, 3, 3, 3, 0, true); /* over, and nothing more is paid */
    expect(&w, 0, 1, 0, 0, true);
    expect(&go, 2, 1, 3, 7.5, false);
    expect(&go, 3, 1, 3, 7.5, false); /* bumping into the border enters again */
    expect(&go, 3, 3, 2, -0.25, false);
    expect(&go, 1, 3, 0, -3, false);
}
END_TEST

START_TEST(a_step_may_pay_for_the_cell_it_leaves)
{
    const elbo_world w =
        world_open("gridworld", "map=PS.G reward_on=current " REWARDS);
    const elbo_world go =
        world_open("gridworld", "map=PS.G reward_on=current "
                                "goal_absorbing=false " REWARDS);

    expect(&w, 1, 1, 2, -0.25, false);
    expect(&w, 2, 1, 3, -0.25, false);
    expect(&w, 3, 3, 3, 7.5, true);
    expect(&w, 0, 1, 0, -3, true);
    expect(&go, 3, 3, 2, 7.5, false);
    expect(&go, 3, 0, 3, 7.5, false);
}
END_TEST

START_TEST(walls_may_be_states_that_only_lead_out)
{
    const elbo_world w =
        world_open("gridworld", "map=S##/..G wall_states=true");
    elbo_outcome out[4];

    ck_assert_uint_eq(w.nS, 6);
    expect(&w, 1, 3, 0, 0, false); /* out to the left */
    expect(&w, 1, 1, 1, 0, false); /* not into the next wall */
    expect(&w, 1, 2, 4, 0, false);
    expect(&w, 2, 2, 5, 1, true);
    for (size_t s = 0; s < 6; s++)
        for (size_t a = 0; a < 4; a++) {
            world_outcomes(&w, s, a, out);
            ck_assert(out[0].next == s
                      || (out[0].next != 1 && out[0].next != 2));
        }
}
END_TEST

START_TEST(episodes_start_where_the_map_says)
{
    const elbo_world two = world_open("gridworld", "map=S.#S/PG..");
    const elbo_world any =
        world_open("gridworld", "map=S.#S/PG.. start=uniform");
    const elbo_world most = world_open(
        "gridworld", "map=S.#S/PG.. start=uniform goal_absorbing=false");
    static const double at_two[] = {.5, 0, .5, 0, 0, 0, 0};
    static const double at_any[] = {.2, .2, .2, 0, 0, .2, .2};

    ck_assert_uint_eq(two.nS, 7);
    for (size_t s = 0; s < 7; s++) {
        ck_assert_double_eq(two.mu[s], at_two[s]);
        ck_assert_double_eq(any.mu[s], at_any[s]);
        ck_assert_double_eq(most.mu[s], s == 3 ? 0 : 1. / 6);
    }
}
END_TEST

START_TEST(an_open_grid_needs_only_its_size)
{
    const elbo_world w = world_open("gridworld", "rows=3 cols=5");
    const elbo_world usual = world_open("gridworld", "");

    ck_assert_uint_eq(w.nS, 15);
    ck_assert_double_eq(w.mu[0], 1);
    expect(&w, 9, 2, 14, 1, true);
    ck_assert_uint_eq(usual.nS, 100);
}
END_TEST

START_TEST(a_million_cells_open_and_build)
{
    const elbo_world w = world_open("gridworld", "rows=1000 cols=1000 slip=0.2 "
                                                 "slip_to=perpendicular");
    elbo_mdp mdp;
    double p[2] = {0, 0};

    ck_assert_uint_eq(w.nS, 1000000);
    ck_assert_int_eq(elbo_world_mdp(&w, 0.99, 0, world_arena, &mdp), ELBO_OK);

    /* Right from row 999, column 998: the goal, up, or in place. */
    const elbo_pattern *const pattern = mdp.P.pattern;
    const size_t row = 999998 * 4 + 1;

    ck_assert_double_eq_tol(mdp.r[row], 0.8, 1e-15);
    for (size_t i = elbo_row_begin(pattern, row);
         i < elbo_row_end(pattern, row); i++) {
        const size_t to = elbo_successor(pattern, row, i);

        if (to == w.nS) p[0] += mdp.P.prob[i];
        if (to == 998998) p[1] += mdp.P.prob[i];
    }
    ck_assert_double_eq_tol(p[0], 0.8, 1e-15);
    ck_assert_double_eq_tol(p[1], 0.1, 1e-15);
}
END_TEST

/* ---- Wrong maps ---- */

/* The formatter would align the columns beyond the page. */
/* clang-format off */
static const struct {
    const char *map;
    size_t row, column, offset;
    const char *text;
} wrong[] = {
    {"S.x", 1, 3, 2, "unknown character 'x', not one of .#SGP^>v<"},
    {"S../.s./..G", 2, 2, 5, "unknown character 's'"},
    {"S../\t../..G", 2, 1, 4, "unknown character '?'"},
    {"S../..", 2, 3, 6, "a row of 2 cells below rows of 3"},
    {"S../...G", 2, 4, 7, "a row of 4 cells below rows of 3"},
    {"S..//..G", 2, 1, 4, "an empty row"},
    {"/S.G", 1, 1, 0, "an empty row"},
    {"###/###", 1, 1, 0, "no cell is free"},
};
/* clang-format on */

START_TEST(a_wrong_map_is_refused_at_its_place)
{
    const elbo_env *const env = elbo_env_find("gridworld");
    const size_t i = elbo_option_find(env->options, "map");
    const char *nearest = "";
    char place[60];
    elbo_values values;
    size_t column = 99;

    ck_assert_int_eq(elbo_values_init(&values, env->options, world_arena),
                     ELBO_OK);
    ck_assert_int_eq(
        elbo_values_set(&values, i, wrong[_i].map, &column, &nearest),
        ELBO_EINVAL);
    ck_assert_uint_eq(column, wrong[_i].offset);
    snprintf(place, sizeof place, "map row %zu, column %zu: ", wrong[_i].row,
             wrong[_i].column);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, place));
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, wrong[_i].text));
}
END_TEST

/* Write `map` as the file m.map of a folder of its own, open it, clean up. */
static elbo_status open_file(const char *map, elbo_world *w)
{
    char folder[] = "/tmp/elbo-map-XXXXXX", path[64];

    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/m.map", folder);

    FILE *const f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    fputs(map, f);
    fclose(f);

    const elbo_status s =
        world_try_open("gridworld", "file=m.map", folder, world_arena, w);

    unlink(path);
    rmdir(folder);
    return s;
}

START_TEST(a_wrong_map_file_is_refused_at_its_place)
{
    char map[64], place[64];
    elbo_world w;

    snprintf(map, sizeof map, "%s", wrong[_i].map);
    for (char *c = map; *c; c++)
        if (*c == '/') *c = '\n';
    ck_assert_int_eq(open_file(map, &w), ELBO_EDATA);
    snprintf(place, sizeof place, "/m.map:%zu:%zu: ", wrong[_i].row,
             wrong[_i].column);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, place));
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, wrong[_i].text));
}
END_TEST

START_TEST(a_map_file_is_the_map)
{
    static const char *const files[] = {"S.#\n.vG\n", "S.#\n.vG",
                                        "S.#\r\n.vG\r\n"};
    const elbo_world x = world_open("gridworld", "map=S.#/.vG");
    elbo_world y;

    ck_assert_int_eq(open_file(files[_i], &y), ELBO_OK);
    world_same(&x, &y);
    ck_assert_int_eq(
        world_try_open("gridworld", "file=none.map", "/tmp", world_arena, &y),
        ELBO_ENOINPUT);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "/tmp/none.map: "));
}
END_TEST

Suite *suite_gridworld(void)
{
    Suite *const suite = suite_create("gridworld");
    TCase *const t = tcase_create("gridworld");
    const int n_wrong = sizeof wrong / sizeof *wrong;

    tcase_add_checked_fixture(t, world_set_up, world_tear_down);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_noisy_maze_has_its_known_optimal_return, 0, 2);
    tcase_add_loop_test(t, moves_lead_where_the_hand_says, 0,
                        sizeof moves / sizeof *moves);
    tcase_add_test(t, walls_and_borders_keep_a_move_in_place);
    tcase_add_test(t, a_step_pays_for_the_cell_it_enters);
    tcase_add_test(t, a_step_may_pay_for_the_cell_it_leaves);
    tcase_add_test(t, walls_may_be_states_that_only_lead_out);
    tcase_add_test(t, episodes_start_where_the_map_says);
    tcase_add_test(t, an_open_grid_needs_only_its_size);
    tcase_add_test(t, a_million_cells_open_and_build);
    tcase_add_loop_test(t, a_wrong_map_is_refused_at_its_place, 0, n_wrong);
    tcase_add_loop_test(t, a_wrong_map_file_is_refused_at_its_place, 0,
                        n_wrong);
    tcase_add_loop_test(t, a_map_file_is_the_map, 0, 3);
    suite_add_tcase(suite, t);
    return suite;
}
