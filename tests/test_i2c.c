/* tests/test_i2c.c -- i2c on linear systems: Riccati, checkpoints, faults. */
#include "inference/messages/i2c.h"

#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/i2c_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* Riccati for two states and one input, with P~ = (P^-1 + s I)^-1 in place of
 * P: K [T x 2]; P, unless NULL, [T + 1 x 4]. */
static void riccati(double R, double s, double K[][2], double P[][4])
{
    const double *const A = lq_A, *const B = lq_B;
    double V[4] = {lq_Q[0], 0, 0, lq_Q[1]};

    if (P) memcpy(P[LQ_T], V, sizeof V);
    for (size_t t = LQ_T; t-- > 0;) {
        /* P~ = (I + s P)^-1 P */
        const double M[4] = {1 + s * V[0], s * V[1], s * V[2], 1 + s * V[3]};
        const double det = M[0] * M[3] - M[1] * M[2];
        const double W[4] = {(M[3] * V[0] - M[1] * V[2]) / det,
                             (M[3] * V[1] - M[1] * V[3]) / det,
                             (M[0] * V[2] - M[2] * V[0]) / det,
                             (M[0] * V[3] - M[2] * V[1]) / det};
        const double WB[2] = {W[0] * B[0] + W[1] * B[1],
                              W[2] * B[0] + W[3] * B[1]};
        const double S = R + B[0] * WB[0] + B[1] * WB[1];
        double WA[4], AWA[4];

        for (size_t j = 0; j < 2; j++) {
            K[t][j] = -(WB[0] * A[j] + WB[1] * A[2 + j]) / S;
            for (size_t i = 0; i < 2; i++)
                WA[2 * i + j] = W[2 * i] * A[j] + W[2 * i + 1] * A[2 + j];
        }
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                AWA[2 * i + j] = A[i] * WA[j] + A[2 + i] * WA[2 + j];
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                V[2 * i + j] = AWA[2 * i + j] - S * K[t][i] * K[t][j]
                               + (i == j ? lq_Q[i] : 0);
        if (P) memcpy(P[t], V, sizeof V);
    }
}

/* LQR's inputs and states: u = K (x - g), u* = 0 at the goal. */
static double lqr_rollout(double K[][2], double u[], double x[2])
{
    double cost = 0;

    x[0] = x[1] = 5;
    for (size_t t = 0; t < LQ_T; t++) {
        const double d[] = {x[0] - 10, x[1] - 10};

        u[t] = K[t][0] * d[0] + K[t][1] * d[1];
        cost += 10 * (d[0] * d[0] + d[1] * d[1]) + u[t] * u[t];
        x[0] = 10 + lq_A[0] * d[0] + lq_A[1] * d[1] + lq_B[0] * u[t];
        x[1] = 10 + lq_A[2] * d[0] + lq_A[3] * d[1] + lq_B[1] * u[t];
    }
    return cost + 10 * (x[0] - 10) * (x[0] - 10)
           + 10 * (x[1] - 10) * (x[1] - 10);
}

START_TEST(the_oracle_is_the_published_lqr)
{
    double K[LQ_T][2], P[LQ_T + 1][4], u[LQ_T], x[2];

    riccati(1, 0, K, P);
    ck_assert_double_eq_tol(K[0][0], -5.8777869752, 1e-10);
    ck_assert_double_eq_tol(K[0][1], -8.2253625131, 1e-10);
    ck_assert_double_eq_tol(-10 * (K[0][0] + K[0][1]), 141.0314948832, 1e-9);
    ck_assert_double_eq_tol(P[0][0], 87.3943945073, 1e-9);
    ck_assert_double_eq_tol(P[0][1], 140.1261155788, 1e-9);
    ck_assert_double_eq_tol(P[0][3], 556.1184072812, 1e-9);
    ck_assert_double_eq_tol(K[30][0], -5.8665482698, 1e-10);
    ck_assert_double_eq_tol(K[30][1], -8.1850701936, 1e-10);
    ck_assert_double_eq_tol(K[59][0], -1, 1e-14);
    ck_assert_double_eq_tol(K[59][1], 0, 1e-14);
    ck_assert_double_eq_tol(lqr_rollout(K, u, x), 23094.12582364921, 1e-10);
    ck_assert_double_eq_tol(u[0], 70.5157474415931, 1e-11);
    ck_assert_double_eq_tol(x[0], 10.0098932541, 1e-10);
    ck_assert_double_eq_tol(x[1], 9.9773435756, 1e-10);
}
END_TEST

static const struct {
    double alpha, variance_u, noise, K30[2];
} riccati_cases[] = {
    {1,   100, 0,    {-5.8557145516, -8.1608274832}},
    {1,   1,   0,    {0, 0}                        },
    {1,   100, 0.01, {-2.3095539329, -0.2907114925}},
    {100, 100, 0.01, {0, 0}                        },
    {0.1, 100, 0.01, {-0.655530841, -0.0113092858} },
};

/* R' = R + alpha / sigma_u^2, P~ = (P^-1 + Sigma / alpha)^-1 */
START_TEST(gains_are_those_of_risk_seeking_riccati)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const double alpha = riccati_cases[_i].alpha;
    const double variance = riccati_cases[_i].variance_u;
    const double noise = riccati_cases[_i].noise;
    const double *const K30 = riccati_cases[_i].K30;
    double K[LQ_T][2];

    riccati(1 + alpha / variance, noise / alpha, K, NULL);
    for (size_t r = 0; elbo_transforms[r]; r++) {
        elbo_i2c_info info;
        i2c_task w;

        i2c_lqr_task(&w, variance, noise, ws);
        w.p.P0 = identity(LQ_NX, 0.7385, ws); /* which the gains do not see */

        const elbo_i2c_view view = elbo_i2c_posterior(
            i2c_one_iteration(&w, alpha, elbo_transforms[r], &info, ws));

        for (size_t t = 1; t < LQ_T; t++)
            for (size_t j = 0; j < 2; j++)
                ck_assert_double_eq_tol(view.K[2 * t + j], K[t][j], 1e-10);
        for (size_t j = 0; j < 2 && K30[0] != 0; j++)
            ck_assert_double_eq_tol(view.K[60 + j], K30[j], 2e-10);
    }
    elbo_arena_free(ws);
}
END_TEST

/* max |u - u_LQR| is linear in alpha. */
START_TEST(cold_posteriors_are_lqr)
{
    static const double alphas[] = {1, 1e-2, 1e-5};
    static const double gaps[] = {0.1747, 1.76e-3, 1.74e-6};
    static const double digits[] = {5e-5, 5e-6, 5e-9};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double K[LQ_T][2], u[LQ_T], x[2], gap = 0;
    elbo_i2c_info info;
    i2c_task w;

    riccati(1, 0, K, NULL);
    (void)lqr_rollout(K, u, x);
    i2c_lqr_task(&w, 100, 1e-20, ws);

    const elbo_i2c_view view = elbo_i2c_posterior(i2c_one_iteration(
        &w, alphas[_i], &elbo_transform_linearised, &info, ws));

    for (size_t t = 0; t < LQ_T; t++)
        gap = fmax(gap, fabs(view.mean[3 * t + 2] - u[t]));
    ck_assert_double_eq_tol(gap, gaps[_i], digits[_i]);
    elbo_arena_free(ws);
}
END_TEST

/* A start that is a point has nothing to feed back at t = 0, and every later
 * gain as from any start; with fading, iterations go on. */
START_TEST(a_start_may_be_a_point)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_i2c_info info;
    double K[LQ_T][2];
    i2c_task w;

    riccati(1 + 1.0 / 100, 0.01, K, NULL);
    i2c_lqr_task(&w, 100, 0.01, ws);
    w.p.P0 = identity(LQ_NX, 0, ws);
    for (size_t r = 0; elbo_transforms[r]; r++) {
        elbo_i2c *const i2c =
            i2c_one_iteration(&w, 1, elbo_transforms[r], &info, ws);
        const elbo_i2c_view view = elbo_i2c_posterior(i2c);

        for (size_t j = 0; j < 2; j++) ck_assert(view.K[j] == 0);
        for (size_t t = 1; t < LQ_T; t++)
            for (size_t j = 0; j < 2; j++)
                ck_assert_double_eq_tol(view.K[2 * t + j], K[t][j], 1e-10);
        for (size_t k = 0; k < 3; k++)
            ck_assert_int_eq(elbo_i2c_iterate(i2c, &info, ws), ELBO_OK);
        for (size_t i = 0; i < 2; i++) ck_assert(view.mean[i] == 5);
    }
    elbo_arena_free(ws);
}
END_TEST

static void save_to(const char *path, const elbo_i2c *i2c)
{
    elbo_writer *const out = elbo_writer_alloc();

    elbo_writer_section(out, "i2c");
    elbo_i2c_save(i2c, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

static elbo_status load_from(const char *path, elbo_i2c *i2c)
{
    elbo_reader *in;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "i2c"), ELBO_OK);

    const elbo_status s = elbo_i2c_load(i2c, in);

    elbo_reader_free(in);
    return s;
}

START_TEST(a_checkpoint_continues_to_the_same_bits)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(31, "save", 0);
    elbo_i2c *whole, *resumed, *other;
    elbo_i2c_info a, b;
    i2c_task w, longer;

    i2c_drawn_task(&w, 3, 1, 6, &rng, ws);
    i2c_drawn_task(&longer, 3, 1, 7, &rng, ws);
    ck_assert(!elbo_i2c_open(&elbo_i2c_defaults, &w.p, ws, &whole));
    ck_assert(!elbo_i2c_open(&elbo_i2c_defaults, &w.p, ws, &resumed));
    ck_assert(!elbo_i2c_open(&elbo_i2c_defaults, &longer.p, ws, &other));
    for (size_t k = 0; k < 3; k++) ck_assert(!elbo_i2c_iterate(whole, &a, ws));
    save_to(scratch_path, whole);
    ck_assert_int_eq(load_from(scratch_path, resumed), ELBO_OK);
    ck_assert_int_eq(load_from(scratch_path, other), ELBO_EDATA);
    for (size_t k = 0; k < 3; k++) {
        ck_assert(!elbo_i2c_iterate(whole, &a, ws));
        ck_assert(!elbo_i2c_iterate(resumed, &b, ws));
        ck_assert(a.elbo == b.elbo && a.alpha_next == b.alpha_next);
        ck_assert(a.iteration == b.iteration && a.cost == b.cost);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(wrong_settings_and_matrices_are_refused)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(37, "wrong", 0);
    elbo_i2c_config config = elbo_i2c_defaults;
    elbo_i2c_info info;
    elbo_i2c *i2c;
    i2c_task w;

    i2c_drawn_task(&w, 2, 1, 4, &rng, ws);
    config.alpha = 0;
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_EINVAL);
    config.alpha = 1;
    config.clip = 1.5;
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_EINVAL);
    config.clip = 0;
    config.anneal = -1;
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_EINVAL);
    config.anneal = 0;
    w.p.W = identity(3, -1, ws);
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "i2c: W: "));
    w.p.W = identity(3, 1, ws);
    gsl_matrix_set((gsl_matrix *)w.f.M, 0, 0, 1e200);
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_OK);
    ck_assert_int_ne(elbo_i2c_iterate(i2c, &info, ws), ELBO_OK);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "filter, step"));
    elbo_arena_free(ws);
}
END_TEST

/* Each allocation fails once; afterwards the same numbers. */
START_TEST(lost_allocations_are_reported)
{
    elbo_arena *const parts = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(41, "memory", 0);
    elbo_i2c_info info;
    elbo_status s;
    long n = 0;
    i2c_task w;

    i2c_drawn_task(&w, 2, 1, 30, &rng, parts);
    do {
        elbo_i2c *i2c;

        elbo_alloc_budget(n++);

        elbo_arena *const arena = elbo_arena_alloc(64);

        s = arena ? elbo_i2c_open(&elbo_i2c_defaults, &w.p, arena, &i2c)
                  : ELBO_ENOMEM;
        if (s == ELBO_OK) s = elbo_i2c_iterate(i2c, &info, arena);
        elbo_arena_free(arena);
        elbo_alloc_budget(-1);
    } while (s == ELBO_ENOMEM);
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 3);
    elbo_arena_free(parts);
}
END_TEST

Suite *suite_i2c(void)
{
    Suite *const s = suite_create("i2c");
    TCase *const t = tcase_create("i2c");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, the_oracle_is_the_published_lqr);
    tcase_add_loop_test(t, gains_are_those_of_risk_seeking_riccati, 0, 5);
    tcase_add_test(t, a_start_may_be_a_point);
    tcase_add_loop_test(t, cold_posteriors_are_lqr, 0, 3);
    tcase_add_test(t, a_checkpoint_continues_to_the_same_bits);
    tcase_add_test(t, wrong_settings_and_matrices_are_refused);
    tcase_add_test(t, lost_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}
