/* tests/test_mean_field.c -- Gaussian weights against the exact posterior of a
 * linear model with known noise.
 *
 *   y = w x + b + N(0, s^2),  prior N(0, 1/tau):  A = X'X / s^2 + tau I,  m =
 * A^-1 X'y / s^2 The best independent Gaussian has the means m and the
 * precisions A_jj (Bishop 2006, 10.1.2).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/ensemble_cases.h"
#include "tests/suites.h"

enum { N = 40 };
static const double tau = 2.385, noise = 0.4;

static void no_reward(const void *self, size_t n, const float o[],
                      const float u[], const float next[], float out[])
{
    (void)self, (void)o, (void)u, (void)next;
    for (size_t i = 0; i < n; i++) out[i] = 0;
}

static elbo_task_world line(void)
{
    static const elbo_task task = {.reward = no_reward};
    elbo_task_world world = ensemble_mute_world(1, 0);

    world.task = &task;
    return world;
}

static elbo_replay line_rows(void)
{
    elbo_rng rng = elbo_rng_stream(5, "line", 0);
    elbo_replay data;
    double e[2];

    ck_assert_int_eq(elbo_replay_init(&data, 1, 0, N, ensemble_arena), ELBO_OK);
    for (size_t i = 0; i < N; i++) {
        elbo_rng_normals(&rng, e, 2);

        const float o = (float)(0.5 + e[0]);
        const float next = o + (float)(0.7 - 0.4 * (double)o + noise * e[1]);

        ck_assert_int_eq(
            elbo_replay_push(&data, &(elbo_replay_row){.o = &o, .next = &next}),
            ELBO_OK);
    }
    return data;
}

static elbo_task_belief opened(const elbo_task_world *world)
{
    return ensemble_open(
        &elbo_model_ensemble,
        "members=3 layers=0 head=deterministic noise=0.4 "
        "terminal=never normalise=none holdout=0 batch=64 epochs=3000 "
        "rate=1e-2 posterior=mean_field precision=2.385",
        world, 5);
}

static double sigma_of(const elbo_ensemble *e, size_t i)
{
    return log1p(exp((double)e->q[e->size + i]));
}

/* Adam at rate r wanders about its optimum by about r in each number; means are
 * known to a twentieth of their deviation, deviations to 3 per cent. */
START_TEST(the_trained_posterior_is_the_best_independent_one)
{
    const elbo_task_world world = line();
    const elbo_replay data = line_rows();
    elbo_task_belief belief = opened(&world);
    elbo_ensemble *const e = belief.self;
    double xx = tau, x1 = 0, n = tau, xy = 0, y1 = 0;

    for (size_t k = 0; k < 3; k++) {
        ensemble_fit(&belief, &data);
        e->adam[0].config.rate *= 0.1;
    }
    for (size_t i = 0; i < N; i++) {
        const double x = (double)data.o[i], y = (double)data.next[i] - x;

        xx += x * x / (noise * noise);
        x1 += x / (noise * noise);
        n += 1 / (noise * noise);
        xy += x * y / (noise * noise);
        y1 += y / (noise * noise);
    }

    const double det = xx * n - x1 * x1;
    const double slope = (n * xy - x1 * y1) / det,
                 offset = (xx * y1 - x1 * xy) / det;

    ck_assert_double_eq_tol((double)e->q[0], slope, 0.05 / sqrt(xx));
    ck_assert_double_eq_tol((double)e->q[1], offset, 0.05 / sqrt(n));
    ck_assert_double_eq_tol(sigma_of(e, 0) * sqrt(xx), 1, 0.03);
    ck_assert_double_eq_tol(sigma_of(e, 1) * sqrt(n), 1, 0.03);
}
END_TEST

/* KL(N(m, s^2) || N(0, 1/tau)) by its density, summed over a fine grid. */
static double kl_by_grid(double m, double s)
{
    double sum = 0;

    for (int i = -4000; i <= 4000; i++) {
        const double e = i * 2e-3, x = m + s * e;
        const double q = exp(-0.5 * e * e) / sqrt(2 * 3.14159265358979);

        sum += 2e-3 * q
               * (-0.5 * e * e - log(s) + 0.5 * tau * x * x - 0.5 * log(tau));
    }
    return sum;
}

START_TEST(the_prior_term_is_minus_the_divergence)
{
    const elbo_task_world world = line();
    const elbo_task_belief belief = opened(&world);
    elbo_ensemble *const e = belief.self;

    e->q[0] = 0.3F, e->q[1] = -1.7F;
    e->q[2] = -1.1F, e->q[3] = 0.4F;
    ck_assert_double_eq_tol(belief.model->log_prior(&belief),
                            -kl_by_grid((double)e->q[0], sigma_of(e, 0))
                                - kl_by_grid((double)e->q[1], sigma_of(e, 1)),
                            1e-6);
}
END_TEST

/* One draw's slope averaged over many is the derivative of the bound a row,
 * whose expectation is known: E_q l is quadratic. 5 standard errors. */
START_TEST(slopes_are_those_of_the_bound)
{
    enum { DRAWS = 4000 };
    const elbo_task_world world = line();
    const elbo_replay data = line_rows();
    elbo_task_belief belief = opened(&world);
    elbo_ensemble *const e = belief.self;
    const elbo_task_mstep mstep = ensemble_mstep(&data);
    elbo_ensemble_task t = {.belief = &belief, .mstep = &mstep};
    elbo_rng rng = elbo_rng_stream(8, "slopes", 0);
    double sum[4] = {0}, squares[4] = {0};
    const double mu[] = {0.3, -0.2}, s[] = {0.25, 0.5};

    for (size_t j = 0; j < 2; j++) {
        e->q[j] = (float)mu[j];
        e->q[2 + j] = (float)log(expm1(s[j]));
    }
    e->rows = N;
    ck_assert_int_eq(elbo_ensemble_split(e, &data, &t.rows, ensemble_arena),
                     ELBO_OK);
    ck_assert_int_eq(elbo_ensemble_prepare(&t, ensemble_arena), ELBO_OK);
    for (size_t k = 0; k < DRAWS; k++) {
        elbo_mean_field_draw(e, 0, &rng, t.noise);

        const float *const theta = elbo_ensemble_theta(e, 0);

        t.grad[0] = t.grad[1] = 0; /* of minus the mean log density */
        for (size_t i = 0; i < N; i++) {
            const float d =
                data.next[i] - data.o[i] - theta[0] * data.o[i] - theta[1];

            t.grad[0] -= d * data.o[i] / (float)(noise * noise * N);
            t.grad[1] -= d / (float)(noise * noise * N);
        }
        elbo_mean_field_slope(&t);
        for (size_t j = 0; j < 4; j++) {
            sum[j] += (double)t.slope[j] / DRAWS;
            squares[j] += (double)t.slope[j] * (double)t.slope[j] / DRAWS;
        }
    }
    for (size_t j = 0; j < 2; j++) {
        double curve = 0, g = 0;

        for (size_t i = 0; i < N; i++) {
            const double x = (double)data.o[i], y = (double)data.next[i] - x;
            const double f = j ? 1 : x;

            curve += f * f / (noise * noise * N);
            g -= (y - mu[0] * x - mu[1]) * f / (noise * noise * N);
        }

        const double along = 1 - exp(-s[j]); /* d sigma / d rho */
        const double ds = (curve * s[j] + (tau * s[j] - 1 / s[j]) / N) * along;

        ck_assert_double_eq_tol(
            sum[j], g + tau * mu[j] / N,
            5 * sqrt((squares[j] - sum[j] * sum[j]) / DRAWS));
        ck_assert_double_eq_tol(
            sum[2 + j], ds,
            5 * sqrt((squares[2 + j] - sum[2 + j] * sum[2 + j]) / DRAWS));
    }
}
END_TEST

/* E_q sum log p of the line's rows. */
static double expected_log(const elbo_ensemble *e, const elbo_replay *data)
{
    double sum = 0;

    for (size_t i = 0; i < N; i++) {
        const double x = (double)data->o[i], y = (double)data->next[i] - x;
        const double d = y - (double)e->q[0] * x - (double)e->q[1];
        const double v = pow(sigma_of(e, 0) * x, 2) + pow(sigma_of(e, 1), 2);

        sum -= 0.5 * (log(2 * 3.14159265358979 * noise * noise)
                      + (d * d + v) / (noise * noise));
    }
    return sum;
}

/* y ~ N(0, s^2 I + X X' / tau), by the 2 x 2 matrix A. */
static double log_evidence(const elbo_replay *data)
{
    const double s2 = noise * noise;
    double a = tau, b = 0, c = tau, xy = 0, y1 = 0, yy = 0;

    for (size_t i = 0; i < N; i++) {
        const double x = (double)data->o[i], y = (double)data->next[i] - x;

        a += x * x / s2, b += x / s2, c += 1 / s2;
        xy += x * y / s2, y1 += y / s2, yy += y * y / s2;
    }

    const double det = a * c - b * b;
    const double fit = (c * xy * xy - 2 * b * xy * y1 + a * y1 * y1) / det;

    return -0.5
           * (N * log(2 * 3.14159265358979 * s2) + log(det / (tau * tau)) + yy - fit);
}

/* The data term is a mean over the members, which are draws of q: 5 standard errors.
 * The log of their mean density would be far above it where q is as wide as here. */
START_TEST(with_the_divergence_the_data_term_is_below_the_evidence)
{
    enum { MEMBERS = 64 };
    const elbo_task_world world = line();
    const elbo_replay data = line_rows();
    elbo_task_belief belief = ensemble_open(
        &elbo_model_ensemble,
        "members=64 layers=0 head=deterministic noise=0.4 terminal=never "
        "normalise=none holdout=0 epochs=1 rate=0 posterior=mean_field "
        "precision=2.385 start=0.3",
        &world, 5);
    const elbo_ensemble *const e = belief.self;
    double l[N], each[MEMBERS] = {0}, sum = 0, mean = 0, squares = 0;
    uint32_t slot[N];

    ensemble_fit(&belief, &data);
    for (size_t i = 0; i < N; i++) slot[i] = (uint32_t)i;
    ck_assert_int_eq(
        belief.model->log_density(&belief, &data, slot, N, l, ensemble_ws), ELBO_OK);
    for (size_t i = 0; i < N; i++) {
        const double x = (double)data.o[i], y = (double)data.next[i] - x;

        sum += l[i];
        for (size_t m = 0; m < MEMBERS; m++) {
            const float *const theta = elbo_ensemble_theta(e, m);
            const double d = y - (double)theta[0] * x - (double)theta[1];

            each[m] -= 0.5 * (log(2 * 3.14159265358979 * noise * noise)
                              + d * d / (noise * noise));
        }
    }
    for (size_t m = 0; m < MEMBERS; m++) mean += each[m] / MEMBERS;
    for (size_t m = 0; m < MEMBERS; m++)
        squares += (each[m] - mean) * (each[m] - mean) / (MEMBERS - 1);
    ck_assert_double_eq_tol(sum, mean, 1e-3);
    ck_assert_double_eq_tol(sum, expected_log(e, &data), 5 * sqrt(squares / MEMBERS));
    ck_assert_double_lt(expected_log(e, &data) + belief.model->log_prior(&belief),
                        log_evidence(&data));

    belief = opened(&world); /* where q is the best there is, by little */
    for (size_t k = 0; k < 3; k++) {
        ensemble_fit(&belief, &data);
        ((elbo_ensemble *)belief.self)->adam[0].config.rate *= 0.1;
    }

    const double gap = log_evidence(&data) - expected_log(belief.self, &data)
                       - belief.model->log_prior(&belief);

    ck_assert(gap > 0 && gap < 0.5);
}
END_TEST

START_TEST(members_are_draws_of_the_posterior)
{
    const elbo_task_world world = line();
    const elbo_replay data = line_rows();
    elbo_task_belief belief =
        ensemble_open(&elbo_model_ensemble,
                      "members=64 layers=0 head=deterministic terminal=never "
                      "holdout=0 epochs=1 "
                      "posterior=mean_field precision=1 start=0.3",
                      &world, 5);
    const elbo_ensemble *const e = belief.self;
    double mean = 0, squares = 0;

    ensemble_fit(&belief, &data);
    for (size_t m = 0; m < 64; m++) {
        const double z = ((double)*elbo_ensemble_theta(e, m) - (double)e->q[0])
                         / sigma_of(e, 0);

        mean += z / 64;
        squares += z * z / 64;
    }
    ck_assert_double_eq_tol(mean, 0, 4 / sqrt(64));
    ck_assert_double_eq_tol(squares, 1, 4 * sqrt(2. / 64));
}
END_TEST

START_TEST(what_mean_field_cannot_have_is_refused)
{
    static const char *const settings[] = {"", "precision=1 elites=2",
                                           "precision=1 bootstrap=indices"};
    static const char *const reasons[] = {"precision above 0 in layer 1",
                                          "no elites", "no bootstrap"};
    const elbo_task_world world = line();
    elbo_task_belief belief;
    char text[128];

    snprintf(text, sizeof text, "posterior=mean_field terminal=never %s",
             settings[_i]);
    ck_assert_int_eq(
        ensemble_try_open(&elbo_model_ensemble, text, &world, 1, &belief),
        ELBO_EINVAL);
    ck_assert_msg(strstr(elbo_last_error()->text, reasons[_i]), "\"%s\"",
                  elbo_last_error()->text);
}
END_TEST

Suite *suite_mean_field(void)
{
    Suite *const s = suite_create("mean_field");
    TCase *const t = tcase_create("mean_field");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_test(t, the_trained_posterior_is_the_best_independent_one);
    tcase_add_test(t, the_prior_term_is_minus_the_divergence);
    tcase_add_test(t, slopes_are_those_of_the_bound);
    tcase_add_test(t, with_the_divergence_the_data_term_is_below_the_evidence);
    tcase_add_test(t, members_are_draws_of_the_posterior);
    tcase_add_loop_test(t, what_mean_field_cannot_have_is_refused, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
