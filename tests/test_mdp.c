#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/random_process.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* A world is a list of rows of outcomes. */
enum { LONGEST = 16 };

typedef struct listed {
    size_t nA, n[12];
    elbo_outcome list[12][LONGEST];
} listed;

static size_t recite(const void *world, size_t s, size_t a, elbo_outcome out[])
{
    const listed *w = world;
    const size_t row = s * w->nA + a;

    memcpy(out, w->list[row], w->n[row] * sizeof *out);
    return w->n[row];
}

static elbo_status build(const listed *w, size_t nS, elbo_kernel *P, double **r)
{
    return elbo_mdp_build(w, recite, nS, w->nA, LONGEST, arena, P, r);
}

static const listed small = {
    .nA = 1,
    .n = {4,                                  1, 2  },
    .list = {{{2, false, 0.25, 1.5},
              {1, true, 0.125, 4},
              {2, false, 0.5, -2},
              {0, true, 0.125, 8}},
          {{0, false, 1, 2.385}},
          {{1, false, 0.75, 1}, {0, false, 0.25, 3}}},
};

START_TEST(equal_successors_are_added_and_terminal_ones_go_to_the_end)
{
    elbo_kernel P;
    double *r;

    ck_assert_int_eq(build(&small, 3, &P, &r), ELBO_OK);
    ck_assert_uint_eq(P.pattern->width, 2);
    ck_assert_uint_eq(P.pattern->nnz, 6);
    ck_assert_uint_eq(P.pattern->next[0], 2);
    ck_assert_uint_eq(P.pattern->next[1], 3);
    ck_assert_double_eq(P.prob[0], 0.75);
    ck_assert_double_eq(P.prob[1], 0.25);
    ck_assert_double_eq(r[0], 0.25 * 1.5 + 0.125 * 4 - 1 + 0.125 * 8);
    ck_assert_double_eq(r[1], 2.385);
}
END_TEST

START_TEST(padding_repeats_the_last_successor_with_probability_zero)
{
    elbo_kernel P;
    double *r;

    ck_assert_int_eq(build(&small, 3, &P, &r), ELBO_OK);
    ck_assert_uint_eq(P.pattern->next[2], 0);
    ck_assert_uint_eq(P.pattern->next[3], 0);
    ck_assert_double_eq(P.prob[2], 1);
    ck_assert_double_eq(P.prob[3], 0);
    ck_assert_uint_eq(elbo_entry(P.pattern, 1, 0), 2);
}
END_TEST

START_TEST(successors_are_ascending_whatever_their_order)
{
    elbo_kernel P;
    double *r;

    ck_assert_int_eq(build(&small, 3, &P, &r), ELBO_OK);
    ck_assert_uint_eq(P.pattern->next[4], 0);
    ck_assert_uint_eq(P.pattern->next[5], 1);
    ck_assert_double_eq(P.prob[4], 0.25);
    ck_assert_double_eq(P.prob[5], 0.75);
}
END_TEST

/* Every action of every state has the outcomes of action a alone. */
static size_t same_everywhere(const void *world, size_t s, size_t a,
                              elbo_outcome out[])
{
    const size_t *counts = world;

    (void)s;
    for (size_t i = 0; i < counts[a]; i++)
        out[i] = (elbo_outcome){.next = (uint32_t)(3 * i),
                                .prob = 1 / (double)counts[a]};
    return counts[a];
}

static elbo_pattern pattern_of(size_t nS, size_t few, size_t many)
{
    const size_t counts[2] = {few, many};
    elbo_kernel P;
    double *r;

    ck_assert_int_eq(
        elbo_mdp_build(counts, same_everywhere, nS, 2, LONGEST, arena, &P, &r),
        ELBO_OK);
    return *P.pattern;
}

START_TEST(layout_follows_from_how_the_rows_are_filled)
{
    elbo_pattern p = pattern_of(100, 3, 8);

    ck_assert_ptr_nonnull(p.next);
    ck_assert_uint_eq(p.width, 8); /* 16 entries for 11: padding may double */
    p = pattern_of(100, 1, 3);
    ck_assert_uint_eq(p.width, 3);
    p = pattern_of(100, 1, 2);
    ck_assert_uint_eq(p.width, 2);
    p = pattern_of(100, 3, 9); /* too wide */
    ck_assert_uint_eq(p.width, 0);
    ck_assert_ptr_nonnull(p.start);
    ck_assert_uint_eq(p.nnz, 100 * 12);
    p = pattern_of(46, 8, 16); /* 24 of 2 x 47 */
    ck_assert_ptr_nonnull(p.start);
}
END_TEST

/* All successors of all rows. */
static size_t everywhere(const void *world, size_t s, size_t a,
                         elbo_outcome out[])
{
    const size_t nS = *(const size_t *)world;

    (void)s;
    for (size_t i = 0; i < nS; i++)
        out[nS - 1 - i] = (elbo_outcome){
            .next = (uint32_t)i, .prob = 1 / (double)nS, .reward = (double)a};
    return nS;
}

START_TEST(half_filled_and_wide_is_dense)
{
    const size_t nS = 11;
    elbo_kernel P;
    double *r;

    ck_assert_int_eq(elbo_mdp_build(&nS, everywhere, nS, 2, nS, arena, &P, &r),
                     ELBO_OK);
    ck_assert_ptr_null(P.pattern->next);
    ck_assert_uint_eq(P.pattern->width, nS + 1);
    for (size_t row = 0; row < 2 * nS; row++) {
        ck_assert_double_eq_tol(r[row], (double)(row % 2), 1e-15);
        for (size_t s = 0; s <= nS; s++)
            ck_assert_double_eq(P.prob[elbo_entry(P.pattern, row, s)],
                                s < nS ? 1 / (double)nS : 0);
    }
    ck_assert_uint_eq(elbo_entry(P.pattern, 0, nS + 1), (size_t)-1);
}
END_TEST

START_TEST(padding_that_more_than_doubles_makes_it_csr)
{
    const elbo_pattern p = pattern_of(100, 1, 8), q = pattern_of(100, 1, 1);

    ck_assert_ptr_null(q.start);
    ck_assert_uint_eq(q.width, 1);
    ck_assert_ptr_null(p.start); /* 16 places for 9 entries */

    const size_t mostly_one[5] = {8, 1, 1, 1, 2}; /* 40 places for 13 */
    elbo_kernel P;
    double *r;

    ck_assert_int_eq(elbo_mdp_build(mostly_one, same_everywhere, 100, 5,
                                    LONGEST, arena, &P, &r),
                     ELBO_OK);
    ck_assert_ptr_nonnull(P.pattern->start);
    ck_assert_uint_eq(P.pattern->nnz, 1300);
    ck_assert_uint_eq(P.pattern->start[2], 9);
}
END_TEST

START_TEST(entry_finds_what_a_linear_search_finds)
{
    elbo_rng rng = elbo_rng_stream(7, "test", 0);
    const elbo_mdp mdp = random_process(&rng, 23, 3, 5, 0.3, arena);

    for (layout l = 0; l < LAYOUTS; l++) {
        const elbo_kernel P = in_layout(&mdp.P, l, arena);

        for (size_t row = 0; row < 23 * 3; row++)
            for (size_t next = 0; next <= 23; next++) {
                const size_t found = elbo_entry(P.pattern, row, next);
                size_t i = elbo_row_begin(P.pattern, row);

                while (i < elbo_row_end(P.pattern, row)
                       && elbo_successor(P.pattern, row, i) != next)
                    i++;
                if (i == elbo_row_end(P.pattern, row)) i = (size_t)-1;
                ck_assert_uint_eq(found, i);
            }
    }
}
END_TEST

START_TEST(random_processes_pass_the_check)
{
    elbo_rng rng = elbo_rng_stream(8, "test", 0);

    for (size_t branching = 1; branching < 14; branching++) {
        const elbo_mdp mdp = random_process(&rng, 40, 3, branching, 0.2, arena);

        ck_assert_int_eq(elbo_mdp_check(&mdp), ELBO_OK);
    }
}
END_TEST

/* The complaint about `mdp`, which must have one. */
static const char *complaint(const elbo_mdp *mdp)
{
    ck_assert_int_eq(elbo_mdp_check(mdp), ELBO_EDATA);
    return elbo_last_error()->text;
}

START_TEST(check_names_state_action_and_amount)
{
    const uint32_t next[] = {0, 1, 0, 2, 0, 1, 1, 2};
    const elbo_pattern pattern = {
        .nS = 2, .nA = 2, .width = 2, .next = next, .nnz = 8};
    double prob[] = {0.5, 0.5, 0.25, 0.75, 1, 0, 0.875, 0.125};
    double r[] = {1, 2, 3, -4}, mu[] = {0.25, 0.75};
    elbo_mdp mdp = {
        .nS = 2,
        .nA = 2,
        .P = {&pattern, prob},
        .r = r,
        .mu = mu,
        .gamma = 0.9
    };

    ck_assert_int_eq(elbo_mdp_check(&mdp), ELBO_OK);
    prob[6] = 0.775;
    ck_assert_str_eq(complaint(&mdp), "state 1, action 1: probabilities sum to "
                                      "0.9, 0.1 short of 1");
    prob[6] = 0.9;
    ck_assert_str_eq(complaint(&mdp), "state 1, action 1: probabilities sum to "
                                      "1.025, 0.025 over 1");
    prob[6] = 0.875;
    prob[3] = -0.25;
    ck_assert_str_eq(complaint(&mdp),
                     "state 0, action 1: the probability to end is -0.25");
    prob[3] = 0.75;
    prob[0] = 1.5;
    ck_assert_str_eq(
        complaint(&mdp),
        "state 0, action 0: the probability of successor 0 is 1.5");
    prob[0] = (double)NAN;
    ck_assert_ptr_nonnull(strstr(complaint(&mdp), "successor 0 is nan"));
    prob[0] = 0.5;
    r[2] = HUGE_VAL;
    ck_assert_str_eq(complaint(&mdp), "state 1, action 0: the reward is inf");
    r[2] = 3;
    mu[1] = 0.5;
    ck_assert_str_eq(complaint(&mdp), "initial distribution: probabilities sum "
                                      "to 0.75, 0.25 short of 1");
    mu[1] = -0.75;
    ck_assert_str_eq(complaint(&mdp),
                     "initial distribution: state 1 has -0.75");
    mu[1] = 0.75;
    mdp.gamma = 0;
    ck_assert_str_eq(complaint(&mdp), "discount must be in (0, 1], not 0");
    mdp.gamma = 1.25;
    ck_assert_str_eq(complaint(&mdp), "discount must be in (0, 1], not 1.25");
    mdp.gamma = (double)NAN;
    ck_assert_int_eq(elbo_mdp_check(&mdp), ELBO_EDATA);
}
END_TEST

START_TEST(rows_may_be_off_by_rounding_only)
{
    const uint32_t next[] = {0, 1};
    const elbo_pattern pattern = {
        .nS = 1, .nA = 1, .width = 2, .next = next, .nnz = 2};
    double prob[] = {0.5, 0.5 + 0.9e-9}, r[] = {1}, mu[] = {1};
    elbo_mdp mdp = {
        .nS = 1, .nA = 1, .P = {&pattern, prob},
                .r = r, .mu = mu, .gamma = 1
    };

    ck_assert_int_eq(elbo_mdp_check(&mdp), ELBO_OK);
    prob[1] = 0.5 + 1.1e-9;
    ck_assert_int_eq(elbo_mdp_check(&mdp), ELBO_EDATA);
}
END_TEST

START_TEST(a_row_without_outcomes_is_built_and_then_refused)
{
    listed w = small;
    elbo_mdp mdp = {
        .nS = 3, .nA = 1, .mu = (const double[]){0, 1, 0},
                 .gamma = 0.9
    };
    double *r;

    w.n[2] = 0;
    ck_assert_int_eq(build(&w, 3, &mdp.P, &r), ELBO_OK);
    mdp.r = r;
    ck_assert_double_eq(r[2], 0);
    ck_assert_str_eq(complaint(&mdp), "state 2, action 0: probabilities sum to "
                                      "0, 1 short of 1");
}
END_TEST

START_TEST(a_size_that_overflows_is_refused)
{
    elbo_pattern *p;
    elbo_kernel P;
    double *r;

    ck_assert_int_eq(
        elbo_pattern_dense((size_t)1 << 31, (size_t)1 << 31, arena, &p),
        ELBO_ESIZE);
    ck_assert_int_eq(elbo_pattern_dense(UINT32_MAX, 1, arena, &p), ELBO_ESIZE);
    ck_assert_int_eq(
        elbo_mdp_build(&small, recite, UINT32_MAX, 1, LONGEST, arena, &P, &r),
        ELBO_ESIZE);
}
END_TEST

START_TEST(dense_pattern_has_an_entry_for_every_successor)
{
    elbo_pattern *p;

    ck_assert_int_eq(elbo_pattern_dense(7, 3, arena, &p), ELBO_OK);
    ck_assert_uint_eq(p->nnz, 7 * 3 * 8);
    for (size_t row = 0; row < 21; row++)
        for (size_t s = 0; s <= 7; s++) {
            ck_assert_uint_eq(elbo_entry(p, row, s), row * 8 + s);
            ck_assert_uint_eq(elbo_successor(p, row, row * 8 + s), s);
        }
}
END_TEST

START_TEST(build_fails_cleanly_wherever_memory_ends)
{
    const size_t nS = 11;
    elbo_status s = ELBO_ENOMEM;
    long failures = -1;

    while (s == ELBO_ENOMEM) {
        elbo_kernel P;
        double *r;

        failures++;
        elbo_alloc_budget(failures);

        elbo_arena *tight = elbo_arena_alloc(64);

        s = tight ? elbo_mdp_build(&nS, everywhere, nS, 2, nS, tight, &P, &r)
                  : ELBO_ENOMEM;
        elbo_arena_free(tight);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(failures, 2);
}
END_TEST

Suite *suite_mdp(void)
{
    Suite *suite = suite_create("mdp");
    TCase *t = tcase_create("mdp");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t,
                   equal_successors_are_added_and_terminal_ones_go_to_the_end);
    tcase_add_test(t, padding_repeats_the_last_successor_with_probability_zero);
    tcase_add_test(t, successors_are_ascending_whatever_their_order);
    tcase_add_test(t, layout_follows_from_how_the_rows_are_filled);
    tcase_add_test(t, half_filled_and_wide_is_dense);
    tcase_add_test(t, padding_that_more_than_doubles_makes_it_csr);
    tcase_add_test(t, entry_finds_what_a_linear_search_finds);
    tcase_add_test(t, random_processes_pass_the_check);
    tcase_add_test(t, check_names_state_action_and_amount);
    tcase_add_test(t, rows_may_be_off_by_rounding_only);
    tcase_add_test(t, a_row_without_outcomes_is_built_and_then_refused);
    tcase_add_test(t, a_size_that_overflows_is_refused);
    tcase_add_test(t, dense_pattern_has_an_entry_for_every_successor);
    tcase_add_test(t, build_fails_cleanly_wherever_memory_ends);
    suite_add_tcase(suite, t);
    return suite;
}
