/* tests/test_envs.c -- the contract that every world of the registry keeps. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/suites.h"
#include "tests/world_cases.h"

static const char *defaults(const elbo_env *env)
{
    return strcmp(env->name, "table") == 0
               ? "transitions=FrozenLake-v1-8x8.csv "
                 "initial=FrozenLake-v1-8x8.initial.csv"
               : "";
}

static size_t n_envs(void)
{
    size_t n = 0;

    while (elbo_envs[n] && elbo_envs[n]->open) n++; /* the linear ones last */
    return n;
}

START_TEST(every_world_tells_what_it_is)
{
    const elbo_env *const env = elbo_envs[_i];

    ck_assert_ptr_eq(elbo_env_find(env->name), env);
    ck_assert_uint_gt(strlen(env->source), 5);
    ck_assert_uint_gt(strlen(env->doc), 5);
    for (const elbo_option *o = env->options; o && o->name; o++) {
        ck_assert_uint_gt(strlen(o->doc), 5);
        ck_assert_ptr_null(strchr(o->doc, '\n'));
    }
}
END_TEST

START_TEST(every_world_is_a_right_process)
{
    const elbo_env *const env = elbo_envs[_i];
    const elbo_world w = world_open(env->name, defaults(env));
    elbo_mdp mdp;
    double sum = 0;

    ck_assert_msg(elbo_world_mdp(&w, 0.97, 0, world_arena, &mdp) == ELBO_OK,
                  "%s", elbo_last_error()->text);
    ck_assert_uint_eq(mdp.nS, w.nS);
    ck_assert_uint_eq(mdp.nA, w.nA);
    ck_assert_double_eq(mdp.gamma, 0.97);
    for (size_t s = 0; s < w.nS; s++) sum += w.mu[s];
    ck_assert_double_eq_tol(sum, 1, 1e-12);
}
END_TEST

/* The row that elbo_world_mdp stores is what the outcomes add up to. */
START_TEST(every_process_has_the_world_s_rows)
{
    const elbo_env *const env = elbo_envs[_i];
    const elbo_world w = world_open(env->name, defaults(env));
    elbo_outcome *const out = elbo_arena_take(world_arena, w.most, sizeof *out);
    double *const p = elbo_arena_doubles(world_arena, w.nS + 1);
    elbo_mdp mdp;

    ck_assert_int_eq(elbo_world_mdp(&w, 1, 7, world_arena, &mdp), ELBO_OK);
    for (size_t row = 0; row < w.nS * w.nA; row++) {
        const size_t n = world_outcomes(&w, row / w.nA, row % w.nA, out);
        const elbo_pattern *const pattern = mdp.P.pattern;
        double r = 0, worst = 0;

        memset(p, 0, (w.nS + 1) * sizeof *p);
        for (size_t i = 0; i < n; i++) {
            p[out[i].terminal ? w.nS : out[i].next] += out[i].prob;
            r += out[i].prob * out[i].reward;
        }
        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++)
            p[elbo_successor(pattern, row, i)] -= mdp.P.prob[i];
        for (size_t s = 0; s <= w.nS; s++) worst = fmax(worst, fabs(p[s]));
        ck_assert_double_le(worst, 1e-14);
        ck_assert_double_eq_tol(mdp.r[row], r, 1e-12 * (1 + fabs(r)));
    }
}
END_TEST

START_TEST(equal_options_give_equal_bits)
{
    const elbo_env *const env = elbo_envs[_i];
    const elbo_world x = world_open(env->name, defaults(env));
    const elbo_world y = world_open(env->name, defaults(env));

    world_same(&x, &y);
    ck_assert_uint_eq(x.dim, y.dim);
    if (x.coord)
        ck_assert_mem_eq(x.coord, y.coord, x.nS * x.dim * sizeof *x.coord);
}
END_TEST

START_TEST(no_two_states_share_coordinates)
{
    const elbo_env *const env = elbo_envs[_i];
    const elbo_world w = world_open(env->name, defaults(env));

    ck_assert_int_eq(w.coord != NULL, w.dim > 0);
    for (size_t s = 0; w.coord && s < w.nS; s++)
        for (size_t t = 0; t < s; t++)
            ck_assert_int_ne(memcmp(w.coord + s * w.dim, w.coord + t * w.dim,
                                    w.dim * sizeof *w.coord),
                             0);
}
END_TEST

/* Within 5 standard errors of a binomial, and impossible things never. */
START_TEST(steps_are_drawn_as_often_as_the_outcomes_say)
{
    enum { DRAWS = 20000 };
    const elbo_env *const env = elbo_envs[_i];
    const elbo_world w = world_open(env->name, defaults(env));
    elbo_outcome *const out = elbo_arena_take(world_arena, w.most, sizeof *out);
    double *const p = elbo_arena_doubles(world_arena, w.nS + 1);
    size_t *const hits = elbo_arena_sizes(world_arena, w.nS + 1);

    for (size_t row = 0; row < w.nS * w.nA; row += w.nS * w.nA / 5) {
        elbo_rng rng = elbo_rng_stream(2385, "steps", row);
        const size_t s = row / w.nA, a = row % w.nA;
        const size_t n = world_outcomes(&w, s, a, out);

        memset(p, 0, (w.nS + 1) * sizeof *p);
        memset(hits, 0, (w.nS + 1) * sizeof *hits);
        for (size_t i = 0; i < n; i++)
            p[out[i].terminal ? w.nS : out[i].next] += out[i].prob;
        for (size_t k = 0; k < DRAWS; k++) {
            const elbo_outcome o = elbo_world_step(&w, s, a, &rng, out);

            hits[o.terminal ? w.nS : o.next]++;
        }
        for (size_t t = 0; t <= w.nS; t++)
            ck_assert_double_le(fabs((double)hits[t] / DRAWS - p[t]),
                                5 * sqrt(fmax(p[t] * (1 - p[t]), 0) / DRAWS)
                                    + 1e-12);
    }
}
END_TEST

START_TEST(every_allocation_may_fail)
{
    const elbo_env *const env = elbo_envs[_i];
    elbo_status s;
    long n = 0;

    do {
        elbo_world w;

        elbo_alloc_budget(n++);

        elbo_arena *const small = elbo_arena_alloc(64);

        s = small ? world_try_open(env->name, defaults(env), world_folder,
                                   small, &w)
                  : ELBO_ENOMEM;
        elbo_arena_free(small);
        elbo_alloc_budget(-1);
    } while (s == ELBO_ENOMEM);
    ck_assert_msg(s == ELBO_OK, "%s", elbo_last_error()->text);
    ck_assert_int_gt(n, 2);
}
END_TEST

START_TEST(an_unknown_world_is_not_found)
{
    ck_assert_ptr_null(elbo_env_find("four_room"));
    ck_assert_ptr_null(elbo_env_find(""));
}
END_TEST

static const struct {
    const char *env, *settings, *text;
} contradictions[] = {
    {"garnet",    "states=4 branching=5", "branching 5 is more than 4 states" },
    {"riverswim", "forward=0.7 stay=0.4", "forward 0.7 and stay 0.4 exceed 1" },
    {"gridworld", "map=S.G rows=3",       "rows and cols are for an open grid"},
    {"gridworld", "map=S.G file=x.map",   "both map and file are given"       },
    {"gridworld", "file=x.map cols=3",    "rows and cols are for an open grid"},
    {"gridworld", "rows=1 cols=1",        "a grid of 1 x 1"                   },
    {"gridworld", "map=..G",              "the map has no 'S'"                },
    {"gridworld", "map=GP start=uniform", "all of the map's end the episode"  },
};

START_TEST(options_that_contradict_each_other_are_refused)
{
    elbo_world w;

    ck_assert_int_eq(world_try_open(contradictions[_i].env,
                                    contradictions[_i].settings, world_folder,
                                    world_arena, &w),
                     ELBO_EINVAL);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, contradictions[_i].text));
}
END_TEST

Suite *suite_envs(void)
{
    Suite *const suite = suite_create("envs");
    TCase *const t = tcase_create("contract");
    const int n = (int)n_envs();
    const int m = sizeof contradictions / sizeof *contradictions;

    tcase_add_checked_fixture(t, world_set_up, world_tear_down);
    tcase_add_loop_test(t, every_world_tells_what_it_is, 0, n);
    tcase_add_loop_test(t, every_world_is_a_right_process, 0, n);
    tcase_add_loop_test(t, every_process_has_the_world_s_rows, 0, n);
    tcase_add_loop_test(t, equal_options_give_equal_bits, 0, n);
    tcase_add_loop_test(t, no_two_states_share_coordinates, 0, n);
    tcase_add_loop_test(t, steps_are_drawn_as_often_as_the_outcomes_say, 0, n);
    tcase_add_loop_test(t, every_allocation_may_fail, 0, n);
    tcase_add_test(t, an_unknown_world_is_not_found);
    tcase_add_loop_test(t, options_that_contradict_each_other_are_refused, 0,
                        m);
    suite_add_tcase(suite, t);
    return suite;
}
