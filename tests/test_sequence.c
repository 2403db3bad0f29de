/* tests/test_sequence.c -- the parts of planning as inference: noise, returns,
 * weights, refits. */
#include "control/sequence.h"

#include <math.h>
#include <string.h>

#include "tests/planner_worlds.h"
#include "tests/suites.h"

enum { H = 12 };

static const double pi = 3.14159265358979323846;

/* Plain settings: one world's `horizon` and so on; tests change fields. */
static elbo_sequence_config plain(size_t horizon, size_t population)
{
    return (elbo_sequence_config){.horizon = horizon,
                                  .population = population,
                                  .iterations = 1,
                                  .components = 1,
                                  .elites = 0.1,
                                  .refit_std = true,
                                  .initial_std = 0.5,
                                  .decay = 1,
                                  .replan = 1,
                                  .particles = 1,
                                  .propagation = ELBO_TSINF};
}

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
    elbo_sequence_config c = plain(H, N);
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
    elbo_sequence_config c = plain(1, N);
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
    elbo_sequence_config c = plain(T, N);
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
    elbo_sequence_config c = plain(4, 2);
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
    elbo_sequence_config c = plain(T, N);
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

/* Of what w, value and info are made. */
typedef struct weighed {
    double w[8], value[8];
    elbo_sequence_info info;
} weighed;

static weighed weigh(const elbo_sequence_config *c, size_t n, size_t elites,
                     const double R[], const double logq[])
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    weighed out;

    ck_assert_msg(elbo_sequence_weights(c, n, elites, R, logq, out.w, out.value,
                                        &out.info, ws)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    elbo_arena_free(ws);
    return out;
}

START_TEST(exponential_weights_are_the_softmax_with_its_ess)
{
    static const double R[] = {1, 3, 2, 2.5}, logq[] = {0, -1, 2, 0.5};
    elbo_sequence_config c = plain(3, 4);

    c.exponential = true;
    c.temperature = 0.7;
    for (int with = 0; with < 2; with++) {
        double sum = 0, squares = 0, e[4];

        c.entropy = with ? 0.4 : 0;
        for (size_t k = 0; k < 4; k++) {
            e[k] = exp(R[k] / 0.7) * exp(-c.entropy * logq[k]);
            sum += e[k];
        }

        const weighed x = weigh(&c, 4, 4, R, with ? logq : NULL);

        for (size_t k = 0; k < 4; k++) {
            ck_assert_double_eq_tol(x.w[k], e[k] / sum, 1e-14);
            squares += e[k] / sum * e[k] / sum;
        }
        ck_assert_double_eq_tol(x.info.ess, 1 / squares, 1e-12);
        ck_assert_uint_eq(x.info.best, 1);
    }
    c.temperature = 0; /* the limit */
    ck_assert_double_eq(weigh(&c, 4, 4, R, NULL).w[1], 1);
    c.temperature = 1e-4;
    ck_assert_double_eq_tol(weigh(&c, 4, 4, R, NULL).w[1], 1, 1e-12);
    c.temperature = INFINITY;
    ck_assert_double_eq(weigh(&c, 4, 4, R, NULL).w[0], 0.25);
}
END_TEST

START_TEST(the_temperature_of_a_target_ess_has_that_ess)
{
    static const double R[] = {-1e4, 300, 290, 100, 299.5};
    static const double logq[] = {9, -3, 20, 0, 4};
    elbo_sequence_config c = plain(3, 5);

    c.exponential = true;
    for (double ess = 1.25; ess < 5; ess += 0.75) {
        c.ess = ess;
        c.temperature = 0;

        const weighed x = weigh(&c, 5, 5, R, NULL);

        ck_assert_double_eq_tol(x.info.ess, ess, 1e-6);
        c.ess = 0;
        c.temperature = x.info.temperature;
        ck_assert_double_eq_tol(weigh(&c, 5, 5, R, NULL).w[4], x.w[4], 1e-12);

        /* the entropy's share comes on top: it has no part in lambda */
        c.ess = ess;
        c.entropy = 1;
        ck_assert_double_eq(weigh(&c, 5, 5, R, logq).info.temperature,
                            x.info.temperature);
        c.entropy = 0;
    }
}
END_TEST

START_TEST(a_return_that_is_not_finite_has_no_weight_and_is_counted)
{
    const double R[] = {1, NAN, 3, INFINITY, -5};
    elbo_sequence_config c = plain(3, 5);

    for (int soft = 0; soft < 2; soft++) {
        c.exponential = soft;
        c.temperature = 10;

        const weighed x = weigh(&c, 5, 4, R, NULL);

        ck_assert_double_eq(x.w[1], 0);
        ck_assert_double_eq(x.w[3], 0);
        ck_assert_double_gt(x.w[4], 0); /* 4 elites, of 3 that count */
        ck_assert_uint_eq(x.info.refused, 2);
        ck_assert_uint_eq(x.info.best, 2);
        ck_assert(isfinite(x.info.expected));
    }
}
END_TEST

START_TEST(without_one_finite_return_there_is_no_plan)
{
    const double R[] = {NAN, -INFINITY};
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    elbo_sequence_config c = plain(3, 2);
    elbo_sequence_info info;
    double w[2], value[2];

    ck_assert_int_eq(
        elbo_sequence_weights(&c, 2, 1, R, NULL, w, value, &info, ws),
        ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "none of 2"));
    elbo_arena_free(ws);
}
END_TEST

/* Two sequences of the same mean return; only the second is ever very good. */
START_TEST(f_inside_of_the_mean_over_particles_is_optimistic)
{
    static const double R[] = {2, 2, 2, 0, 0, 6};
    elbo_sequence_config c = plain(3, 2);

    c.particles = 3;
    c.exponential = true;
    c.temperature = 1.5;
    ck_assert_double_eq(weigh(&c, 2, 2, R, NULL).w[1], 0.5);
    c.inside = true;

    const double one = exp(2 / 1.5), two = (2 + exp(4.0)) / 3;

    ck_assert_double_eq_tol(weigh(&c, 2, 2, R, NULL).w[1], two / (one + two),
                            1e-14);

    c.exponential = false; /* of six particles 6 and, for equals, all the 2 */
    ck_assert_double_eq_tol(weigh(&c, 2, 1, R, NULL).w[1], 0.25, 1e-14);
}
END_TEST

/* Else q would walk where nothing tells sequences apart. */
START_TEST(sequences_of_equal_return_are_elite_together)
{
    static const double R[] = {3, 7, 3, 1, 3};
    elbo_sequence_config c = plain(3, 5);
    const weighed x = weigh(&c, 5, 2, R, NULL);

    for (size_t k = 0; k < 5; k++)
        ck_assert_double_eq_tol(x.w[k], k == 3 ? 0 : 0.25, 1e-15);
    ck_assert_double_eq_tol(x.info.ess, 4, 1e-12);
}
END_TEST

/* By hand: elites 0.2 and 0.6 have mean 0.4, variance 0.04 (of the elite, not n
 * - 1).
 */
START_TEST(the_refit_is_the_elites_mean_and_deviation_smoothed_and_floored)
{
    static const double R[] = {5, 1, 7, 3};
    static const float a[] = {0.2F, 0.1F, 0.9F, -1, 0.6F, 0.1F, 0, 0};
    stand_in s;
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_sequence_config c = plain(2, 4);
    elbo_rng rng = elbo_rng_stream(1, "test", 0);

    stand_in_open(&s, 1, 1, 0, 1);

    elbo_sequence_q q = elbo_sequence_q_of(&c, &s.world, ws);
    const weighed x = weigh(&c, 4, 2, R, NULL);

    elbo_sequence_start(&c, &rng, &q);
    ck_assert_int_eq(elbo_sequence_refit(&c, 4, a, x.w, &q, ws), ELBO_OK);
    ck_assert_double_eq_tol(q.mean[0], 0.4, 1e-7);
    ck_assert_double_eq_tol(q.var[0], 0.04, 1e-7);
    ck_assert_double_eq_tol(q.mean[1], 0.1, 1e-7);
    ck_assert_double_eq_tol(q.var[1], 0, 1e-7);
    ck_assert_double_eq(x.info.expected, 6);
    ck_assert_double_eq(x.info.ess, 2);

    c.smoothing = 0.25;
    c.std_floor = 0.3;
    elbo_sequence_start(&c, &rng, &q);
    ck_assert_int_eq(elbo_sequence_refit(&c, 4, a, x.w, &q, ws), ELBO_OK);
    ck_assert_double_eq_tol(q.mean[0], 0.75 * 0.4, 1e-7);
    ck_assert_double_eq_tol(q.var[0], 0.25 * 0.25 + 0.75 * 0.04, 1e-7);
    ck_assert_double_eq_tol(q.var[1], 0.09,
                            1e-12); /* 0.0625 is below the floor */
    elbo_arena_free(ws);
}
END_TEST

/* The density of a component, term by term. */
static double density(const elbo_sequence_q *q, size_t m, const float a[])
{
    double p = q->weight[m];

    for (size_t i = 0; i < q->H * q->nu; i++) {
        const double v = q->var[m * q->H * q->nu + i];
        const double e = (double)a[i] - q->mean[m * q->H * q->nu + i];

        p *= exp(-e * e / (2 * v)) / sqrt(2 * pi * v);
    }
    return p;
}

START_TEST(a_mixture_takes_one_step_of_em)
{
    enum { N = 6, M = 3, T = 2 };
    static const float a[N * T] = {-0.5F, 0.2F,  0.4F, -0.3F, 0.1F,  0.9F,
                                   0.7F,  -0.6F, 0.3F, 0.3F,  -0.9F, 0};
    static const double w[N] = {0.1, 0.3, 0, 0.2, 0.25, 0.15};
    stand_in s;
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_sequence_config c = plain(T, N);
    elbo_rng rng = elbo_rng_stream(3, "test", 0);
    double term[M];

    stand_in_open(&s, 1, 1, 0, 1);
    c.components = M;

    elbo_sequence_q q = elbo_sequence_q_of(&c, &s.world, ws);
    elbo_sequence_q old = elbo_sequence_q_of(&c, &s.world, ws);

    elbo_sequence_start(&c, &rng, &q);
    ck_assert_double_ne(q.mean[0], q.mean[T]);
    q.weight[0] = 0.2, q.weight[1] = 0.5, q.weight[2] = 0.3;
    memcpy(old.weight, q.weight, sizeof term);
    memcpy(old.mean, q.mean, M * T * sizeof *q.mean);
    memcpy(old.var, q.var, M * T * sizeof *q.var);
    ck_assert_int_eq(elbo_sequence_refit(&c, N, a, w, &q, ws), ELBO_OK);
    for (size_t m = 0; m < M; m++) {
        double mass = 0, mean[T] = {0}, square[T] = {0};

        for (size_t k = 0; k < N; k++) {
            double all = 0;

            for (size_t j = 0; j < M; j++) all += density(&old, j, a + k * T);

            const double r = w[k] * density(&old, m, a + k * T) / all;

            ck_assert_double_eq_tol(elbo_sequence_log(&c, &old, a + k * T, term)
                                        + T * -0.5 * log(2 * pi),
                                    log(all), 1e-12);
            mass += r;
            for (size_t t = 0; t < T; t++) {
                const double x = (double)a[k * T + t];

                mean[t] += r * x;
                square[t] += r * x * x;
            }
        }
        ck_assert_double_eq_tol(q.weight[m], mass, 1e-12);
        for (size_t t = 0; t < T; t++) {
            mean[t] /= mass;
            ck_assert_double_eq_tol(q.mean[m * T + t], mean[t], 1e-12);
            ck_assert_double_eq_tol(
                q.var[m * T + t], square[t] / mass - mean[t] * mean[t], 1e-12);
        }
    }
    elbo_arena_free(ws);
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
    tcase_add_test(t, exponential_weights_are_the_softmax_with_its_ess);
    tcase_add_test(t, the_temperature_of_a_target_ess_has_that_ess);
    tcase_add_test(t, a_return_that_is_not_finite_has_no_weight_and_is_counted);
    tcase_add_test(t, without_one_finite_return_there_is_no_plan);
    tcase_add_test(t, f_inside_of_the_mean_over_particles_is_optimistic);
    tcase_add_test(t, sequences_of_equal_return_are_elite_together);
    tcase_add_test(
        t, the_refit_is_the_elites_mean_and_deviation_smoothed_and_floored);
    tcase_add_test(t, a_mixture_takes_one_step_of_em);
    suite_add_tcase(s, t);
    return s;
}
