/* tests/test_notebook_walls.c -- figure 2b of "Mismatched No More" by whole runs: which
 * way a policy goes round a wall, by the class of its model and the clip.
 */
#include <check.h>
#include <math.h>

#include "tests/engine_cases.h"
#include "tests/suites.h"

static const struct {
    const char *model, *own, *inference;
    double promised, steps; /* to the goal, 0: never */
} walls[] = {
    {"tabular", NULL,
     "iterations=20 tolerance=0 transition=free(ratio=clip(5),mode=notebook)", 73.9645,  26},
    {"aliased", "block=3",
     "iterations=20 tolerance=0 transition=free(ratio=clip(5),mode=notebook)", 61.802,   28},
    {"aliased", "block=3",
     "iterations=20 tolerance=0 transition=free(ratio=clip(0),mode=notebook)", 214.0564, 0 },
    {"aliased", "block=3", "iterations=20 transition=free(ratio=clip(5))",
     61.8114,                                                                            28},
};

/* 1 a step for ever, 100 on the goal from step t on: 10 + 990 gamma^t. Half of
 * 2^-20 of the policy is still uniform after 20 updates. */
START_TEST(figure_2b_goes_the_short_way_the_longer_one_and_into_the_wall)
{
    const case_text text = {
        .env = "gridworld",
        .env_own = "map=S......#......./.......#......./.......#....G../"
                   ".......#......./.......#......./.......#......./"
                   ".......#......./.......#......./.............../"
                   ".............../.............../.............../"
                   ".............../.............../............... "
                   "actions=5 wall_states=true reward_on=current "
                   "goal_absorbing=false step_reward=1 goal_reward=100",
        .env_common = "discount=0.9",
        .model = walls[_i].model,
        .model_own = walls[_i].own,
        .control = "value_iteration",
        .control_common = "reward=(1-gamma)*log(r)",
        .inference = walls[_i].inference,
        .data = "steps=0"};
    const double earns =
        10 + (walls[_i].steps > 0 ? 990 * pow(0.9, walls[_i].steps) : 0);
    case_setup c;
    elbo_engine *e;
    elbo_row row;

    case_open(&c, &text);
    case_ok(elbo_engine_open(&c.setup, 0, &e));
    while (elbo_engine_verdict(e) == ELBO_RUNNING)
        case_ok(elbo_engine_iterate(e, &row));
    ck_assert_double_eq_tol(row.return_real, earns, 0.01);
    ck_assert_double_eq_tol(row.return_model, walls[_i].promised, 1e-3);
    elbo_engine_free(e);
    case_close(&c);
}
END_TEST

Suite *suite_notebook_walls(void)
{
    Suite *const s = suite_create("notebook_walls");
    TCase *const t = tcase_create("notebook_walls");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(
        t, figure_2b_goes_the_short_way_the_longer_one_and_into_the_wall, 0,
        sizeof walls / sizeof *walls);
    suite_add_tcase(s, t);
    return s;
}
