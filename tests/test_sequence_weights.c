/* tests/test_sequence_weights.c -- planning as inference: what weighs a
 * sequence, and what q becomes of the weights. */
#include "control/sequence.h"

#include <math.h>
#include <string.h>

#include "tests/planner_worlds.h"
#include "tests/suites.h"

static const double pi = 3.14159265358979323846;

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
    elbo_sequence_config c = plain_sequence(3, 4);

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
    elbo_sequence_config c = plain_sequence(3, 5);

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
    elbo_sequence_config c = plain_sequence(3, 5);

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
    elbo_sequence_config c = plain_sequence(3, 2);
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
    elbo_sequence_config c = plain_sequence(3, 2);

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
    elbo_sequence_config c = plain_sequence(3, 5);
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
    elbo_sequence_config c = plain_sequence(2, 4);
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
    elbo_sequence_config c = plain_sequence(T, N);
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

Suite *suite_sequence_weights(void)
{
    Suite *s = suite_create("sequence_weights");
    TCase *t = tcase_create("parts");
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
