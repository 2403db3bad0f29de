/* tests/transition_rows.c -- the divergence of one row of q from p. */
#include <math.h>

#include "inference/transition.h"
#include "tests/random_process.h"
#include "tests/transition_cases.h"

static elbo_arena *arena;

static void setup(void)
{
    arena = elbo_arena_alloc(1 << 16);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

START_TEST(row_kl_matches_the_definition)
{
    elbo_rng rng = elbo_rng_stream(9, "kl", 0);
    const elbo_mdp mdp = random_process(&rng, 23, 2, 6, 0.2, arena);
    elbo_kernel q = mdp.P;

    q.prob = random_policy(&rng, 46, 6, true, arena);
    for (size_t row = 0; row < 46; row++) {
        long double kl = 0;

        for (size_t i = 6 * row; i < 6 * row + 6; i++)
            if (q.prob[i] > 0)
                kl +=
                    (long double)q.prob[i]
                    * logl((long double)q.prob[i] / (long double)mdp.P.prob[i]);
        ck_assert_double_eq_tol(elbo_row_kl(&q, &mdp.P, row), (double)kl,
                                1e-15);
        ck_assert_double_eq(elbo_row_kl(&q, &q, row), 0);
    }
}
END_TEST

START_TEST(row_kl_keeps_its_digits_where_q_is_close_to_p)
{
    const uint32_t next[] = {0, 1};
    const elbo_pattern pattern = {
        .nS = 1, .nA = 1, .width = 2, .next = next, .nnz = 2};
    const double h = 0x1p-30; /* q = p + (h, -h): KL = h^2 / (2 p1 p2) + ... */
    double p[] = {0.25, 0.75}, q[] = {0.25 + h, 0.75 - h};
    elbo_kernel P = {.pattern = &pattern, .prob = p};
    const elbo_kernel Q = {.pattern = &pattern, .prob = q};
    const double second = h * h / 2 * (1 / 0.25 + 1 / 0.75);

    ck_assert_double_eq_tol(elbo_row_kl(&Q, &P, 0) / second, 1, 1e-8);
    P.partial = true;
    ck_assert_double_eq_tol(elbo_row_kl(&Q, &P, 0) / second, 1, 1e-8);
    p[1] = 0;
    ck_assert_double_eq(elbo_row_kl(&Q, &P, 0), HUGE_VAL);
    q[1] = 0;
    ck_assert_double_eq_tol(elbo_row_kl(&Q, &P, 0), q[0] * log(q[0] / 0.25),
                            1e-16);
}
END_TEST

TCase *tcase_row_kl(void)
{
    TCase *t = tcase_create("row kl");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, row_kl_matches_the_definition);
    tcase_add_test(t, row_kl_keeps_its_digits_where_q_is_close_to_p);
    return t;
}
