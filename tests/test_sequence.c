/* tests/test_sequence.c -- planning as inference: what a sequence is drawn
 * from, and what it returns. */
#include "control/sequence.h"

#include <math.h>

#include "tests/planner_worlds.h"
#include "tests/suites.h"

enum { H = 12 };

static const double pi = 3.14159265358979323846;

/* The covariance B B' over time has the spectrum as its eigenvalues. */
START_TEST(coloured_noise_has_the_spectrum_it_claims)
{
    static const double colours[] = {0, 0.25, 2, 3.5};

    for (size_t c = 0; c < 4; c++)
        for (size_t n = H - 1; n <= H; n++) { /* odd and even */
            double B[H * H], power[H] = {0};

            elbo_sequence_basis(colours[c], n, B);
            for (size_t t = 0; t < n; t++) {
                double variance = 0;

                for (size_t i = 0; i < n; i++)
                    variance += B[t * n + i] * B[t * n + i];
                ck_assert_double_eq_tol(variance, 1, 1e-12);
            }
            for (size_t k = 0; k <= n / 2; k++)
                for (size_t i = 0; i < n; i++) { /* |DFT of column i|^2 */
                    double re = 0, im = 0;

                    for (size_t t = 0; t < n; t++) {
                        const double angle =
                            2 * pi * (double)(k * t) / (double)n;

                        re += B[t * n + i] * cos(angle);
                        im += B[t * n + i] * sin(angle);
                    }
                    power[k] += re * re + im * im;
                }
            for (size_t k = 2; k <= n / 2; k++)
                ck_assert_double_eq_tol(power[k] / power[1],
                                        pow((double)k, -colours[c]), 1e-10);
            ck_assert_double_eq_tol(power[0], power[1], 1e-10 * power[1]);
        }
}
END_TEST

/* 4000 sequences: covariance of neighbours in time against B B', 5 standard
 * errors. */
START_TEST(coloured_sequences_are_correlated_as_the_basis_says)
{
    enum { N = 4000 };
    stand_in s;
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_sequence_config c = plain_sequence(H, N);
    double B[H * H], z[H * 3], sum = 0, want = 0;
    float a[H * 2];

    stand_in_open(&s, 1, 2, 0, 1);
    c.initial_std = 0.2; /* five deviations fit: nothing is clipped, to 1e-6 */

    elbo_sequence_q q = elbo_sequence_q_of(&c, &s.world, ws);
    elbo_rng rng = elbo_rng_stream(7, "test", 0);

    elbo_sequence_start(&c, &rng, &q);
    elbo_sequence_basis(2, H, B);
    for (size_t k = 0; k < N; k++) {
        elbo_sequence_draw(&c, &q, B, &rng, z, a);
        sum += (double)a[4 * 2 + 1] * (double)a[5 * 2 + 1] / (0.2 * 0.2);
    }
    for (size_t i = 0; i < H; i++) want += B[4 * H + i] * B[5 * H + i];
    ck_assert_double_eq_tol(sum / N, want, 5 * sqrt((1 + want * want) / N));
    elbo_arena_free(ws);
}
END_TEST

/* PETS: cut at two deviations, which shrink where the mean is near a bound. */
START_TEST(truncated_draws_keep_to_two_deviations_that_fit_the_box)
{
    enum { N = 4000 };
    stand_in s;
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_sequence_config c = plain_sequence(1, N);
    double z[3], sum = 0, squares = 0, widest = 0;
    float a[1];

    stand_in_open(&s, 1, 1, 0, 1);
    c.truncated = true;

    elbo_sequence_q q = elbo_sequence_q_of(&c, &s.world, ws);
    elbo_rng rng = elbo_rng_stream(8, "test", 0);

    elbo_sequence_start(&c, &rng, &q);
    q.mean[0] = 0.7; /* (1 - 0.7) / 2 = 0.15 is below 0.5 */
    for (size_t k = 0; k < N; k++) {
        elbo_sequence_draw(&c, &q, NULL, &rng, z, a);

        const double e = ((double)a[0] - 0.7) / 0.15;

        sum += e;
        squares += e * e;
        widest = fmax(widest, fabs(e));
    }
    ck_assert_double_le(widest, 2 + 1e-6);
    ck_assert_double_gt(widest, 1.95);
    /* Var of a normal cut at 2: 1 - 4 phi(2) / (2 Phi(2) - 1) = 0.774 */
    ck_assert_double_eq_tol(sum / N, 0, 5 * sqrt(0.774 / N));
    ck_assert_double_eq_tol(squares / N, 0.7737, 5 * 1.0 / sqrt(N));
    elbo_arena_free(ws);
}
END_TEST

/* Rewards that tell the member: 10^member. */
static void tells_member(const stand_in *self, const float o[], const float u[],
                         uint32_t member, elbo_rng *rng, bool mean,
                         float next[], float *reward, uint8_t *end)
{
    (void)self, (void)u, (void)rng, (void)mean;
    next[0] = o[0] + 1;
    *reward = powf(10, (float)member);
    *end = 0;
}

/* R [n x P] of sequences that all are a, in a stand-in. */
static void returns_of(const stand_in *s, const elbo_sequence_config *c,
                       size_t n, const float a[], double R[], uint64_t *rows)
{
    static const float o[STAND_IN_MOST] = {0};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_sequence_rollout r = {&s->problem, c, o, 5, 100};

    ck_assert_msg(elbo_sequence_returns(&r, n, a, R, rows, ws) == ELBO_OK, "%s",
                  elbo_last_error()->text);
    elbo_arena_free(ws);
}

START_TEST(a_particle_of_tsinf_keeps_its_member_one_of_ts1_does_not)
{
    enum { N = 3, P = 4, T = 6 };
    stand_in s;
    elbo_sequence_config c = plain_sequence(T, N);
    const float a[N * T] = {0};
    double R[N * P], first[N * P];
    uint64_t rows = 0;
    size_t moved = 0, differ = 0;

    stand_in_open(&s, 1, 1, 0, 5);
    s.one = tells_member;
    s.n_elites = 2; /* 1 and 3 of 0 .. 4 */
    s.elite[0] = 1, s.elite[1] = 3;
    c.particles = P;
    returns_of(&s, &c, N, a, R, &rows);
    for (size_t i = 0; i < N * P; i++)
        ck_assert_double_eq(R[i], T * (i % P % 2 ? 1e3 : 10));
    ck_assert_uint_eq(rows, N * P * T);

    c.propagation = ELBO_TS1;
    returns_of(&s, &c, N, a, first, &rows);
    for (size_t i = 0; i < N * P; i++) {
        const double threes = (first[i] - T * 10) / 990; /* steps by member 3 */

        ck_assert_double_eq(threes, floor(threes));
        moved += threes > 0 && threes < T;
        differ += i >= P && first[i] != first[i - P];
    }
    ck_assert_uint_ge(moved,
                      N * P - 3); /* 2^-5 of them have one member alone */
    ck_assert_uint_ge(differ, 1);

    c.common = true; /* a particle has one noise under all sequences */
    returns_of(&s, &c, N, a, R, &rows);
    for (size_t i = P; i < N * P; i++) ck_assert_double_eq(R[i], R[i - P]);
}
END_TEST

START_TEST(the_expectation_is_the_mean_over_elites_of_one_particle)
{
    stand_in s;
    elbo_sequence_config c = plain_sequence(4, 2);
    const float a[8] = {0};
    double R[2];
    uint64_t rows = 0;

    stand_in_open(&s, 1, 1, 0, 3);
    s.one = tells_member;
    c.propagation = ELBO_EXPECTATION;
    c.particles = 20;
    ck_assert_uint_eq(elbo_sequence_particles(&c), 1);
    returns_of(&s, &c, 2, a, R, &rows);
    ck_assert_double_eq_tol(R[0], 4 * 111.0 / 3, 1e-4);
    ck_assert_uint_eq(rows, 2 * 4 * 3);
}
END_TEST

/* Reward u a step; over when the sum of u passes 1.5. */
static void ends_when_full(const stand_in *self, const float o[],
                           const float u[], uint32_t member, elbo_rng *rng,
                           bool mean, float next[], float *reward, uint8_t *end)
{
    (void)self, (void)member, (void)rng, (void)mean;
    next[0] = o[0] + u[0];
    *reward = u[0];
    *end = next[0] > 1.5F;
}

START_TEST(a_plan_that_ends_gets_no_later_reward_and_no_later_row)
{
    enum { N = 3, T = 6 };
    stand_in s;
    elbo_sequence_config c = plain_sequence(T, N);
    float a[N * T];
    double R[N * 2];
    uint64_t rows = 0;

    stand_in_open(&s, 1, 1, 0, 1);
    s.one = ends_when_full;
    s.problem.gamma = 0.5;
    c.particles = 2;
    for (size_t t = 0; t < T; t++)
        a[t] = 1, a[T + t] = 0.25F, a[2 * T + t] = 0.5F;
    returns_of(&s, &c, N, a, R, &rows);
    ck_assert_double_eq(R[0], 1 + 0.5); /* ends at step 2 */
    ck_assert_double_eq(R[2], 0.25 * (2 - pow(0.5, T - 1)));   /* never */
    ck_assert_double_eq(R[4], 0.5 * (1 + 0.5 + 0.25 + 0.125)); /* at step 4 */
    ck_assert_double_eq(R[5], R[4]);
    ck_assert_uint_eq(rows, 2 * (2 + T + 4));
}
END_TEST

Suite *suite_sequence(void)
{
    Suite *s = suite_create("sequence");
    TCase *t = tcase_create("parts");

    tcase_add_test(t, coloured_noise_has_the_spectrum_it_claims);
    tcase_add_test(t, coloured_sequences_are_correlated_as_the_basis_says);
    tcase_add_test(t, truncated_draws_keep_to_two_deviations_that_fit_the_box);
    tcase_add_test(t, a_particle_of_tsinf_keeps_its_member_one_of_ts1_does_not);
    tcase_add_test(t, the_expectation_is_the_mean_over_elites_of_one_particle);
    tcase_add_test(t, a_plan_that_ends_gets_no_later_reward_and_no_later_row);
    suite_add_tcase(s, t);
    return s;
}
