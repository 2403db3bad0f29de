/* tests/test_td_lambda.c -- returns along paths against the forward view. */
#include "inference/networks/td_lambda.h"

#include <check.h>
#include <math.h>

#include "inference/core/rng.h"
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

enum { MOST = 400 };

/* V at the successor of episode e's step t: any numbers. */
static float value_after(uint32_t episode, uint32_t step)
{
    return (float)sin(1 + 3. * episode + 0.7 * step);
}

/* Episodes of random length side by side on four streams, some ending, some
 * cut; the ring drops the oldest rows. */
static size_t fill(elbo_replay *replay, size_t capacity, float next_value[])
{
    elbo_rng rng = elbo_rng_stream(2, "paths", 0);
    uint32_t step[4] = {0}, episode[4] = {0, 1, 2, 3}, made = 4;
    const float o = 0, u = 0;

    ck_assert_int_eq(elbo_replay_init(replay, 1, 1, capacity, arena), ELBO_OK);
    for (size_t k = 0; k < MOST; k++) {
        const size_t j = elbo_rng_below(&rng, 4);
        const double fate = elbo_rng_uniform(&rng);
        const elbo_replay_row row = {.o = &o,
                                     .u = &u,
                                     .next = &o,
                                     .reward = (float)elbo_rng_uniform(&rng),
                                     .end = fate < 0.05,
                                     .step = step[j],
                                     .episode = episode[j]};

        next_value[replay->pushed % capacity] =
            value_after(episode[j], step[j]);
        ck_assert_int_eq(elbo_replay_push(replay, &row), ELBO_OK);
        step[j]++;
        if (fate < 0.1) step[j] = 0, episode[j] = made++;
    }
    return replay->n;
}

static const elbo_replay *by;
static bool row_at(uint32_t episode, uint32_t step, size_t *slot)
{
    for (*slot = 0; *slot < by->n; ++*slot)
        if (by->episode[*slot] == episode && by->step[*slot] == step)
            return true;
    return false;
}

/* (1 - lambda) sum_n lambda^(n-1) G^(n), and lambda^(N-1) G^(N) of the last n.
 */
static double forward_view(size_t slot, double gamma, double lambda)
{
    const uint32_t episode = by->episode[slot];
    double sum = 0, earned = 0, discount = 1, share = 1;

    for (uint32_t step = by->step[slot];; step++) {
        size_t at, after;

        ck_assert(row_at(episode, step, &at));
        earned += discount * (double)by->reward[at];
        discount *= gamma;

        const double V = by->end[at] ? 0 : (double)value_after(episode, step);

        if (by->end[at] || !row_at(episode, step + 1, &after))
            return sum + share * (earned + discount * V);
        sum += (1 - lambda) * share * (earned + discount * V);
        share *= lambda;
    }
}

START_TEST(returns_are_those_of_the_forward_view)
{
    static const double lambdas[] = {0, 0.37, 0.95, 1};
    static const size_t capacities[] = {MOST, 150};
    float next_value[MOST];
    double G[MOST];
    elbo_replay replay;

    for (size_t c = 0; c < 2; c++) {
        const size_t n = fill(&replay, capacities[c], next_value);

        by = &replay;
        ck_assert_int_eq(
            elbo_td_lambda(&replay, next_value, 0.93, lambdas[_i], G, arena),
            ELBO_OK);
        for (size_t i = 0; i < n; i++)
            ck_assert_double_eq_tol(G[i], forward_view(i, 0.93, lambdas[_i]),
                                    1e-12);
    }
}
END_TEST

START_TEST(with_lambda_zero_it_is_one_step_and_with_one_all_that_is_held)
{
    float V[] = {7, 5, 3};
    double G[3];
    elbo_replay replay;
    const float o = 0;

    ck_assert_int_eq(elbo_replay_init(&replay, 1, 1, 3, arena), ELBO_OK);
    for (uint32_t t = 0; t < 3; t++) {
        const elbo_replay_row row = {
            .o = &o, .u = &o, .next = &o, .reward = 1, .step = t, .episode = 4};

        ck_assert_int_eq(elbo_replay_push(&replay, &row), ELBO_OK);
    }
    ck_assert_int_eq(elbo_td_lambda(&replay, V, 0.5, 0, G, arena), ELBO_OK);
    ck_assert(G[0] == 4.5 && G[1] == 3.5 && G[2] == 2.5);
    ck_assert_int_eq(elbo_td_lambda(&replay, V, 0.5, 1, G, arena), ELBO_OK);
    ck_assert(G[2] == 2.5 && G[1] == 2.25 && G[0] == 2.125);
    replay.end[1] = 1; /* nothing follows, whatever V says */
    ck_assert_int_eq(elbo_td_lambda(&replay, V, 0.5, 1, G, arena), ELBO_OK);
    ck_assert(G[1] == 1 && G[0] == 1.5);
}
END_TEST

Suite *suite_td_lambda(void)
{
    Suite *suite = suite_create("td_lambda");
    TCase *t = tcase_create("td_lambda");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, returns_are_those_of_the_forward_view, 0, 4);
    tcase_add_test(
        t, with_lambda_zero_it_is_one_step_and_with_one_all_that_is_held);
    suite_add_tcase(suite, t);
    return suite;
}
