/* tests/test_worlds.c -- each world against numbers that were found without it:
 * Gymnasium's tables, published values, laws of chance. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/data.h"
#include "tests/suites.h"
#include "tests/world_cases.h"

static const struct {
    const char *name, *settings, *file;
} twins[] = {
    {"frozen_lake",   "map=4x4", "FrozenLake-v1-4x4"},
    {"frozen_lake",   "map=8x8", "FrozenLake-v1-8x8"},
    {"cliff_walking", "",        "CliffWalking-v1"  },
    {"taxi",          "",        "Taxi-v4"          },
};

static FILE *open_csv(const char *name, const char *ending)
{
    char path[200], header[100];

    snprintf(path, sizeof path, "%s/%s%s", world_folder, name, ending);

    FILE *const f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_ptr_nonnull(fgets(header, sizeof header, f));
    return f;
}

/* Read by scanf: nothing here knows inference/core/csv. */
START_TEST(built_in_tables_equal_gymnasium_s_entry_by_entry)
{
    const elbo_world w = world_open(twins[_i].name, twins[_i].settings);
    elbo_outcome out[3], o;
    FILE *const f = open_csv(twins[_i].file, ".csv");
    size_t s, a, lines = 0, total = 0;
    size_t *const seen = elbo_arena_sizes(world_arena, w.nS * w.nA);
    int terminal;

    ck_assert_uint_le(w.most, 3);
    while (fscanf(f, "%zu,%zu,%lf,%u,%lf,%d", &s, &a, &o.prob, &o.next,
                  &o.reward, &terminal)
           == 6) {
        const size_t i = seen[s * w.nA + a]++;

        o.terminal = terminal;
        ck_assert_uint_gt(world_outcomes(&w, s, a, out), i);
        ck_assert_msg(world_outcome_is(&out[i], &o),
                      "%s: state %zu, action %zu, outcome %zu", w.env->name, s,
                      a, i);
        lines++;
    }
    ck_assert_int_ne(feof(f), 0);
    fclose(f);
    for (size_t row = 0; row < w.nS * w.nA; row++)
        total += world_outcomes(&w, row / w.nA, row % w.nA, out);
    ck_assert_uint_eq(lines, total);
}
END_TEST

START_TEST(built_in_starts_equal_gymnasium_s)
{
    const elbo_world w = world_open(twins[_i].name, twins[_i].settings);
    FILE *const f = open_csv(twins[_i].file, ".initial.csv");
    size_t s, lines = 0, support = 0;
    double p;

    while (fscanf(f, "%zu,%lf", &s, &p) == 2) {
        ck_assert_uint_lt(s, w.nS);
        ck_assert_mem_eq(&w.mu[s], &p, sizeof p);
        lines++;
    }
    fclose(f);
    for (s = 0; s < w.nS; s++) support += w.mu[s] > 0;
    ck_assert_uint_eq(lines, support);
}
END_TEST

START_TEST(a_table_read_from_the_files_is_the_built_in_world)
{
    char settings[200];

    snprintf(settings, sizeof settings,
             "transitions=%s.csv initial=%s.initial.csv", twins[_i].file,
             twins[_i].file);

    const elbo_world x = world_open(twins[_i].name, twins[_i].settings);
    const elbo_world y = world_open("table", settings);

    world_same(&x, &y);
}
END_TEST

START_TEST(ice_slips_as_often_as_it_is_told)
{
    const elbo_world w = world_open("frozen_lake", "success_rate=0.5");
    const elbo_world sure = world_open("frozen_lake", "slippery=false");
    elbo_outcome out[3];

    /* From cell 6, between two holes, meaning down: left is 5, right is 7. */
    ck_assert_uint_eq(world_outcomes(&w, 6, 1, out), 3);
    ck_assert_uint_eq(out[0].next, 5);
    ck_assert_double_eq(out[0].prob, 0.25);
    ck_assert_uint_eq(out[1].next, 10);
    ck_assert_double_eq(out[1].prob, 0.5);
    ck_assert_uint_eq(out[2].next, 7);
    ck_assert(out[0].terminal && !out[1].terminal && out[2].terminal);
    ck_assert_uint_eq(world_outcomes(&sure, 6, 1, out), 1);
    ck_assert_uint_eq(out[0].next, 10);
}
END_TEST

START_TEST(a_slippery_cliff_takes_quarter_turns)
{
    const elbo_world w = world_open("cliff_walking", "slippery=true");
    elbo_outcome out[3];

    /* From above the cliff, meaning right: up, right, and down over it. */
    ck_assert_uint_eq(world_outcomes(&w, 29, 1, out), 3);
    ck_assert_uint_eq(out[0].next, 17);
    ck_assert_uint_eq(out[1].next, 30);
    ck_assert_uint_eq(out[2].next, 36);
    ck_assert_double_eq(out[2].reward, -100);
    ck_assert_double_eq(out[1].prob, 1. / 3);
}
END_TEST

START_TEST(four_rooms_walks_are_doubly_stochastic)
{
    const elbo_world w = world_open("four_rooms", _i ? "slip=0.385" : "");
    const double *const V = world_solve(&w, 0.99, 4000, true);
    double sum = 0;

    ck_assert_uint_eq(w.nS, 104);
    ck_assert_uint_eq(w.nA, 4);
    for (size_t s = 0; s < w.nS; s++) sum += V[s];
    ck_assert_double_eq_tol(sum / 104, 100. / 104, 1e-12);
}
END_TEST

static size_t state_at(const elbo_world *w, int row, int col)
{
    for (size_t s = 0; s < w->nS; s++)
        if (w->coord[2 * s] == row && w->coord[2 * s + 1] == col) return s;
    return (size_t)-1;
}

START_TEST(four_rooms_pays_at_the_top_right_and_opens_four_doors)
{
    static const int doors[][2] = {
        {3,  6},
        {6,  2},
        {7,  9},
        {10, 6}
    };
    const elbo_world w = world_open("four_rooms", "");
    const elbo_world ends = world_open("four_rooms", "goal_absorbing=true");
    const size_t goal = state_at(&w, 1, 11);
    elbo_outcome out[4];

    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_lt(state_at(&w, doors[i][0], doors[i][1]), w.nS);
    for (size_t row = 0; row < w.nS * w.nA; row++) {
        const size_t n = world_outcomes(&w, row / 4, row % 4, out);

        for (size_t i = 0; i < n; i++) {
            ck_assert_double_eq(out[i].reward, out[i].next == goal);
            ck_assert(!out[i].terminal);
        }
    }
    ck_assert_uint_eq(world_outcomes(&w, goal, 3, out), 4);
    ck_assert_double_eq_tol(out[3].prob, 0.8, 1e-15);
    ck_assert_double_eq_tol(out[0].prob, 0.2 / 3, 1e-15);
    ck_assert_uint_eq(world_outcomes(&ends, goal, 3, out), 1);
    ck_assert(out[0].terminal);
    ck_assert_double_eq(ends.mu[goal], 0);
    ck_assert_double_eq(w.mu[goal], 1. / 104);
}
END_TEST

START_TEST(riverswim_has_the_known_twenty_step_values)
{
    static const double known[] = {3.39726396, 4.05265063, 5.3018679,
                                   6.67836688, 8.09400027, 9.52144452};
    const elbo_world w = world_open("riverswim", "");
    const double *const V = world_solve(&w, 1, 20, false);

    for (size_t s = 0; s < 6; s++)
        ck_assert_double_eq_tol(V[s], known[s], 1e-8);
}
END_TEST

/* The variant with a stronger current: S in 3 .. 5, 4 S steps. */
START_TEST(the_other_riverswim_is_reached_by_options)
{
    static const double known[] = {5.7246, 5.6604, 5.6013};
    const size_t n = (size_t)_i + 3;
    char settings[200];

    snprintf(settings, sizeof settings,
             "states=%zu left_reward=0.05 first_forward=0.7 forward=0.3 "
             "stay=0.6 last_stay=0.9",
             n);

    const elbo_world w = world_open("riverswim", settings);

    ck_assert_double_eq_tol(world_solve(&w, 1, 4 * n, false)[0], known[_i],
                            1e-4);
}
END_TEST

/* Always forward: the stationary distribution is 0.2 * 0.8^k and 0.8^4 at the
 * end, so a step earns 0.8^5 * 10 + 0.2 * 2 = 3.6768. */
START_TEST(chain_earns_what_its_stationary_distribution_says)
{
    const elbo_world w = world_open("chain", "");
    elbo_outcome out[2];
    double at[5] = {1}, next[5], earned = 0;

    for (size_t t = 0; t < 50; t++) {
        memset(next, 0, sizeof next);
        earned = 0;
        for (size_t s = 0; s < 5; s++)
            for (size_t i = 0, n = world_outcomes(&w, s, 0, out); i < n; i++) {
                next[out[i].next] += at[s] * out[i].prob;
                earned += at[s] * out[i].prob * out[i].reward;
            }
        memcpy(at, next, sizeof at);
    }
    ck_assert_double_eq_tol(earned, 3.6768, 1e-12);
}
END_TEST

/* ---- Garnets ---- */

START_TEST(garnets_have_distinct_successors_and_right_rows)
{
    const elbo_world w =
        world_open("garnet", _i ? "states=37 actions=3 branching=7"
                                : "states=5 actions=2 branching=5");
    elbo_outcome out[7];

    for (size_t row = 0; row < w.nS * w.nA; row++) {
        const size_t n = world_outcomes(&w, row / w.nA, row % w.nA, out);
        double sum = 0;

        ck_assert_uint_eq(n, _i ? 7 : 5);
        for (size_t i = 0; i < n; i++) {
            sum += out[i].prob;
            ck_assert_double_gt(out[i].prob, 0);
            ck_assert(i == 0 || out[i].next > out[i - 1].next);
        }
        ck_assert_double_eq_tol(sum, 1, 1e-15);
    }
}
END_TEST

/* With two successors a piece is uniform: mean 1/2, variance 1/12; over 4000
 * rows their standard errors are 0.0046 and 0.0012. A state is a successor of a
 * row with probability 2/20. */
START_TEST(garnets_follow_their_laws)
{
    const elbo_world w =
        world_open("garnet", "states=20 actions=200 branching=2 instance=7 "
                             "reward=action sparsity=0.25");
    elbo_outcome out[2];
    double mean = 0, square = 0, hits[20] = {0}, zeros = 0, r2 = 0, r4 = 0;

    for (size_t row = 0; row < 4000; row++) {
        world_outcomes(&w, row / 200, row % 200, out);
        mean += out[0].prob / 4000;
        square += pow(out[0].prob - 0.5, 2) / 4000;
        hits[out[0].next]++, hits[out[1].next]++;
        zeros += !(out[0].reward != 0);
        r2 += pow(out[0].reward, 2) / 3000;
        r4 += pow(out[0].reward, 4) / 3000;
    }
    ck_assert_double_eq_tol(mean, 0.5, 5 * 0.0046);
    ck_assert_double_eq_tol(square, 1. / 12, 5 * 0.0012);
    for (size_t s = 0; s < 20; s++)
        ck_assert_double_eq_tol(hits[s], 400, 5 * sqrt(4000 * 0.1 * 0.9));
    ck_assert_double_eq_tol(zeros, 1000, 5 * sqrt(4000 * 0.25 * 0.75));
    ck_assert_double_eq_tol(r2, 1, 5 * sqrt(2. / 3000) + 0.05);
    ck_assert_double_eq_tol(r4, 3, 5 * sqrt(96. / 3000) + 0.15);
}
END_TEST

START_TEST(garnets_differ_by_instance_and_pay_by_state)
{
    const elbo_world x = world_open("garnet", "instance=3 reward_law=uniform");
    const elbo_world y = world_open("garnet", "instance=4 reward_law=uniform");
    elbo_world by_seed = {.seed = 4};
    elbo_outcome a[3], b[3];
    size_t equal = 0;

    ck_assert_int_eq(world_try_open("garnet", "instance=-1 reward_law=uniform",
                                    world_folder, world_arena, &by_seed),
                     ELBO_OK);

    for (size_t s = 0; s < 50; s++) {
        world_outcomes(&x, s, 0, a);
        ck_assert_double_ge(a[0].reward, 0);
        ck_assert_double_lt(a[0].reward, 1);
        for (size_t act = 1; act < 4; act++) {
            world_outcomes(&x, s, act, b);
            ck_assert_double_eq(a[0].reward, b[2].reward);
        }
        world_outcomes(&y, s, 0, b);
        for (size_t i = 0; i < 3; i++) equal += world_outcome_is(&a[i], &b[i]);
        world_outcomes(&by_seed, s, 0, a);
        for (size_t i = 0; i < 3; i++) ck_assert(world_outcome_is(&a[i], &b[i]));
    }
    ck_assert_uint_eq(equal, 0);
    ck_assert_double_eq(world_open("garnet", "start=first").mu[0], 1);
}
END_TEST

/* Reachable cells by an independent flood: coordinates and moves alone. */
START_TEST(mazes_reach_their_goals_and_split_their_starts)
{
    const elbo_world w = world_open(
        "mazes", _i ? "mazes=6 unseen=2 side=7 actions=8 instance=3"
                    : "mazes=6 unseen=2 side=7 obstacles=14 instance=3");
    elbo_outcome out[8];
    size_t *const far = elbo_arena_sizes(world_arena, w.nS);
    double seen = 0, judged = 0;
    size_t goals = 0;

    for (size_t s = 0; s < w.nS; s++) {
        const bool goal =
            world_outcomes(&w, s, 0, out) == 1 && out[0].terminal;

        far[s] = goal ? 1 : 0;
        goals += goal;
        ck_assert_double_eq(goal ? w.mu[s] + w.start[s] : 0, 0);
        seen += w.start[s];
        judged += w.mu[s];
        ck_assert(w.start[s] == 0 || w.coord[2 * s + 1] < 4 * 8);
        ck_assert(w.mu[s] == 0 || w.coord[2 * s + 1] >= 4 * 8);
    }
    ck_assert_uint_eq(goals, 6);
    ck_assert_double_eq_tol(seen, 1, 1e-12);
    ck_assert_double_eq_tol(judged, 1, 1e-12);
    for (size_t sweep = 0; sweep < 60; sweep++)
        for (size_t s = 0; s < w.nS; s++)
            for (size_t a = 0; a < w.nA; a++) {
                world_outcomes(&w, s, a, out);
                if (far[out[0].next]) far[s] = 1;
            }
    for (size_t s = 0; s < w.nS; s++) ck_assert_uint_eq(far[s], 1);
}
END_TEST

START_TEST(data_start_where_policies_are_not_judged)
{
    const elbo_world w =
        world_open("mazes", "mazes=5 unseen=3 side=4 obstacles=2");
    double *const uniform = elbo_arena_doubles(world_arena, w.nS * w.nA);
    const elbo_behaviour how = {
        .policy = uniform, .stages = 1, .episode_steps = 5};
    elbo_collector collector;
    elbo_data data;

    for (size_t i = 0; i < w.nS * w.nA; i++) uniform[i] = 0.25;
    elbo_collector_init(&collector, 1);
    ck_assert_int_eq(elbo_data_init(&data, 400, world_arena), ELBO_OK);
    ck_assert_int_eq(
        elbo_collect(&data, &collector, &w, &how, 400, world_arena), ELBO_OK);
    for (size_t i = 0; i < 400; i++)
        ck_assert_int_lt(w.coord[2 * data.s[i] + 1], 2 * 5);
}
END_TEST

Suite *suite_worlds(void)
{
    Suite *const suite = suite_create("worlds");
    TCase *const t = tcase_create("numbers");
    const int n = sizeof twins / sizeof *twins;

    tcase_add_checked_fixture(t, world_set_up, world_tear_down);
    tcase_add_loop_test(t, built_in_tables_equal_gymnasium_s_entry_by_entry, 0,
                        n);
    tcase_add_loop_test(t, built_in_starts_equal_gymnasium_s, 0, n);
    tcase_add_loop_test(t, a_table_read_from_the_files_is_the_built_in_world, 0,
                        n);
    tcase_add_test(t, ice_slips_as_often_as_it_is_told);
    tcase_add_test(t, a_slippery_cliff_takes_quarter_turns);
    tcase_add_loop_test(t, four_rooms_walks_are_doubly_stochastic, 0, 2);
    tcase_add_test(t, four_rooms_pays_at_the_top_right_and_opens_four_doors);
    tcase_add_test(t, riverswim_has_the_known_twenty_step_values);
    tcase_add_loop_test(t, the_other_riverswim_is_reached_by_options, 0, 3);
    tcase_add_test(t, chain_earns_what_its_stationary_distribution_says);
    tcase_add_loop_test(t, garnets_have_distinct_successors_and_right_rows, 0,
                        2);
    tcase_add_loop_test(t, mazes_reach_their_goals_and_split_their_starts, 0,
                        2);
    tcase_add_test(t, data_start_where_policies_are_not_judged);
    tcase_add_test(t, garnets_follow_their_laws);
    tcase_add_test(t, garnets_differ_by_instance_and_pay_by_state);
    suite_add_tcase(suite, t);
    return suite;
}
