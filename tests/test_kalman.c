/* tests/test_kalman.c -- filter and smoother against dense Gaussian
 * conditioning. */
#include "inference/messages/kalman.h"

#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/kalman_cases.h"
#include "tests/suites.h"

static const struct {
    size_t nx, ny, nu, T;
} sizes[] = {
    {1,  1,  0, 1  },
    {1,  1,  0, 2  },
    {2,  1,  1, 30 },
    {4,  2,  2, 50 },
    {3,  5,  1, 40 },
    {5,  7,  0, 33 },
    {10, 5,  2, 200},
    {26, 21, 1, 9  },
};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* Means, covariances and lag-one covariances of every row. */
static void check_smoothed(const kalman_case *c, elbo_kalman *k,
                           const dense_posterior *p, double tolerance)
{
    const size_t nx = c->sys.nx;
    gsl_matrix *lag = elbo_arena_mat(c->arena, nx, nx);

    for (size_t t = 0; t < c->T; t++) {
        const gsl_matrix P = elbo_kalman_covariance(k, t);

        for (size_t i = 0; i < nx; i++)
            kalman_near(gsl_matrix_get(elbo_kalman_means(k), t, i),
                        gsl_vector_get(p->mean, dense_x(p, t) + i), tolerance,
                        "mean", t);
        kalman_near_block(&P, p->P, dense_x(p, t), dense_x(p, t), tolerance,
                          "covariance", t);
        for (size_t i = 0; i < nx; i++)
            for (size_t j = 0; j < i; j++)
                ck_assert(gsl_matrix_get(&P, i, j) == gsl_matrix_get(&P, j, i));
        if (t + 1 == c->T) continue;
        elbo_kalman_lag_one(k, t, lag);
        kalman_near_block(lag, p->P, dense_x(p, t + 1), dense_x(p, t),
                          tolerance, "lag-one", t);
    }
}

static void smooth_and_check(kalman_case *c, double tolerance)
{
    elbo_kalman *k = kalman_case_workspace(c, 0);
    const dense_posterior p = dense_condition(c, c->arena);
    elbo_kalman_info info;

    kalman_ok(elbo_kalman_smooth(k, &c->x, &info));
    kalman_near(info.loglik, p.loglik, tolerance, "log-likelihood", c->T);
    check_smoothed(c, k, &p, tolerance);
    ck_assert_uint_eq(info.values + info.missing, c->T * c->sys.ny);
    ck_assert_uint_eq(info.steady, c->T);
}

START_TEST(smoother_is_dense_conditioning)
{
    kalman_case c;
    const size_t i = (size_t)_i / HOLES;

    kalman_case_open(&c, sizes[i].nx, sizes[i].ny, sizes[i].nu, sizes[i].T,
                     false, (uint64_t)_i);
    kalman_case_punch(&c, (holes)(_i % HOLES), 7);
    smooth_and_check(&c, 1e-10);
    kalman_case_close(&c);
}
END_TEST

START_TEST(varying_models_are_smoothed_as_well)
{
    kalman_case c;

    kalman_case_open(&c, 3, 2, 2, 25, true, 11);
    kalman_case_punch(&c, (holes)_i, 8);
    smooth_and_check(&c, 1e-10);
    kalman_case_close(&c);
}
END_TEST

START_TEST(penalties_are_factors_of_the_dense_posterior)
{
    static const size_t n[] = {3, 22};
    kalman_case c;
    const size_t nx = n[_i / HOLES];

    kalman_case_open(&c, nx, 2, 1, 9, false, 13);
    kalman_case_punch(&c, (holes)(_i % HOLES), 9);
    c.sys.transition_penalty = kalman_case_penalty(&c, nx, 1);
    smooth_and_check(&c, 1e-10);
    c.sys.emission_penalty = kalman_case_penalty(&c, 1, 2);
    smooth_and_check(&c, 1e-10);
    c.sys.transition_penalty = NULL;
    smooth_and_check(&c, 1e-10);
    kalman_case_close(&c);
}
END_TEST

/* A start known but for one direction, a force that moves one direction, a
 * noiseless channel. */
START_TEST(singular_covariances_are_smoothed_on_their_range)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 3, 2, 1, 8, false, 17);

    gsl_matrix *Q = elbo_arena_mat(c.arena, 3, 3);
    gsl_matrix *R = elbo_arena_mat(c.arena, 2, 2);
    gsl_matrix *P0 = elbo_arena_mat(c.arena, 3, 3);
    gsl_matrix *A = elbo_arena_mat(c.arena, 3, 3);

    gsl_matrix_set_all(P0, 0.7); /* along one direction */
    gsl_matrix_set_zero(Q);
    gsl_matrix_set(Q, 2, 2, 0.3);
    gsl_matrix_set(Q, 1, 1, 0.1);
    gsl_matrix_set(Q, 1, 2, sqrt(0.03));
    gsl_matrix_set(Q, 2, 1, sqrt(0.03));
    gsl_matrix_set_identity(A);
    gsl_matrix_set(A, 0, 1, 0.5);
    gsl_matrix_set(A, 1, 2, 0.5);
    gsl_matrix_set_zero(R);
    gsl_matrix_set(R, 0, 0, 0.2);
    c.steps[0].A = A;
    c.steps[0].Q = Q;
    c.steps[0].R = R;
    c.sys.P0 = P0;
    c.x = kalman_case_draw(&c, 8, 17);
    smooth_and_check(&c, 1e-10);

    elbo_kalman *k = kalman_case_workspace(&c, 0);

    kalman_ok(elbo_kalman_smooth(k, &c.x, &info));
    ck_assert(info.singular > 0);
    kalman_case_close(&c);
}
END_TEST

START_TEST(filter_is_the_smoother_of_what_was_seen_so_far)
{
    static const size_t lengths[] = {1, 2, 9, 20};
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 3, 2, 1, 20, false, 19);
    kalman_case_punch(&c, CHANNELS, 3);
    c.sys.emission_penalty = kalman_case_penalty(&c, 1, 2);

    elbo_kalman *k = kalman_case_workspace(&c, 0);
    const gsl_matrix whole = *c.x.Y;

    for (size_t i = 0; i < 4; i++) {
        const gsl_matrix part =
            gsl_matrix_const_submatrix(&whole, 0, 0, lengths[i], 2).matrix;
        kalman_case shorter = c;

        shorter.x.Y = &part;
        shorter.T = lengths[i];

        const dense_posterior p = dense_condition(&shorter, c.arena);
        const size_t t = lengths[i] - 1;

        kalman_ok(elbo_kalman_filter(k, &c.x, &info)); /* of the whole */

        const gsl_matrix P = elbo_kalman_covariance(k, t);

        kalman_near_block(&P, p.P, dense_x(&p, t), dense_x(&p, t), 1e-11,
                          "filter", t);
        for (size_t j = 0; j < 3; j++)
            kalman_near(gsl_matrix_get(elbo_kalman_means(k), t, j),
                        gsl_vector_get(p.mean, dense_x(&p, t) + j), 1e-11,
                        "filter", t);
        kalman_ok(elbo_kalman_filter(k, &shorter.x, &info));
        kalman_near(info.loglik, p.loglik, 1e-11, "log-likelihood", t);
    }
    kalman_case_close(&c);
}
END_TEST

/* One state, noise of y 14 orders below its prior: P = 1/(1/P0 + 1/R). */
START_TEST(covariances_keep_their_digits_beside_tiny_noise)
{
    const double R = 1e-14, P0 = 3, Q = 1e-13;
    double one = 1, r = R, q = Q, p0 = P0, m0 = 0, y[2] = {0.3, 0.3};
    const gsl_matrix A = gsl_matrix_view_array(&one, 1, 1).matrix;
    const gsl_matrix Qm = gsl_matrix_view_array(&q, 1, 1).matrix;
    const gsl_matrix Rm = gsl_matrix_view_array(&r, 1, 1).matrix;
    const gsl_matrix P0m = gsl_matrix_view_array(&p0, 1, 1).matrix;
    const gsl_vector m0v = gsl_vector_view_array(&m0, 1).vector;
    const gsl_matrix Y = gsl_matrix_view_array(y, 2, 1).matrix;
    const elbo_lgssm_step step = {.A = &A, .Q = &Qm, .C = &A, .R = &Rm};
    const elbo_lgssm sys = {
        .nx = 1, .ny = 1, .steps = &step, .m0 = &m0v, .P0 = &P0m};
    const elbo_sequence x = {.Y = &Y};
    elbo_arena *ws = elbo_arena_alloc(1 << 12);
    elbo_kalman_info info;
    elbo_kalman *k;

    kalman_ok(elbo_kalman_init(&elbo_kalman_defaults, 1, 1, 0, 2, ws, &k));
    kalman_ok(elbo_kalman_model(k, &sys));
    kalman_ok(elbo_kalman_smooth(k, &x, &info));

    const double first = 1 / (1 / P0 + 1 / R + 1 / (Q + R));
    const double last = 1 / (1 / (1 / (1 / P0 + 1 / R) + Q) + 1 / R);
    const gsl_matrix a = elbo_kalman_covariance(k, 0);
    const gsl_matrix b = elbo_kalman_covariance(k, 1);

    ck_assert_double_eq_tol(a.data[0] / first, 1, 1e-10);
    ck_assert_double_eq_tol(b.data[0] / last, 1, 1e-10);
    elbo_arena_free(ws);
}
END_TEST

/* Ten states, noise from 1e-12 to 1e6: no smoothed eigenvalue below 0. */
START_TEST(covariances_stay_positive_in_a_stiff_system)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 10, 5, 0, 300, false, 31);

    gsl_matrix *Q = elbo_arena_mat(c.arena, 10, 10);
    gsl_matrix *R = elbo_arena_mat(c.arena, 5, 5);
    gsl_matrix *P0 = elbo_arena_mat(c.arena, 10, 10);
    gsl_matrix *U = elbo_arena_mat(c.arena, 10, 10);
    gsl_vector *values = elbo_arena_vec(c.arena, 10);

    gsl_matrix_set_identity(Q);
    gsl_matrix_scale(Q, 1e-9);
    gsl_matrix_set_identity(P0);
    gsl_matrix_scale(P0, 1e6);
    gsl_matrix_set_identity(R);
    gsl_matrix_scale(R, 1e-12);
    c.steps[0].Q = Q;
    c.steps[0].R = R;
    c.sys.P0 = P0;

    elbo_kalman *k = kalman_case_workspace(&c, 0);

    kalman_ok(elbo_kalman_smooth(k, &c.x, &info));
    ck_assert(isfinite(info.loglik));
    for (size_t t = 0; t < c.T; t++) {
        const gsl_matrix P = elbo_kalman_covariance(k, t);

        gsl_matrix_memcpy(U, &P);
        kalman_ok(elbo_eig_sym(U, values, c.arena));
        ck_assert_msg(gsl_vector_get(values, 0)
                          >= -1e-15 * gsl_vector_get(values, 9),
                      "row %zu: %g of %g", t, gsl_vector_get(values, 0),
                      gsl_vector_get(values, 9));
    }
    kalman_case_close(&c);
}
END_TEST

START_TEST(what_is_wrong_is_named_with_its_row)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 3, 2, 2, 10, false, 37);

    elbo_kalman *k = kalman_case_workspace(&c, 0);
    gsl_matrix *Y = elbo_arena_mat(c.arena, 10, 2);
    gsl_matrix *U = elbo_arena_mat(c.arena, 10, 2);
    gsl_matrix *S = elbo_arena_mat(c.arena, 3, 3);
    gsl_matrix *C = elbo_arena_mat(c.arena, 2, 3);
    gsl_matrix *R = elbo_arena_mat(c.arena, 2, 2);
    elbo_sequence bad = {.Y = Y, .U = U};

    gsl_matrix_memcpy(Y, c.x.Y);
    gsl_matrix_memcpy(U, c.x.U);
    gsl_matrix_set(Y, 4, 1, -HUGE_VAL);
    ck_assert_int_eq(elbo_kalman_smooth(k, &bad, &info), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 4: y(1)"));
    gsl_matrix_set(Y, 4, 1, 0);
    gsl_matrix_set(U, 6, 0, (double)NAN);
    ck_assert_int_eq(elbo_kalman_filter(k, &bad, &info), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 6: u(0)"));
    gsl_matrix_set(U, 6, 0, 0);
    kalman_ok(elbo_kalman_smooth(k, &bad, &info));

    /* the same row of C twice, and no noise */
    gsl_matrix_set_all(C, 1);
    gsl_matrix_set_zero(R);
    c.steps[0].C = C;
    c.steps[0].R = R;
    kalman_ok(elbo_kalman_model(k, &c.sys));
    ck_assert_int_eq(elbo_kalman_smooth(k, &bad, &info), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 0"));

    gsl_matrix_set_identity(S);
    gsl_matrix_set(S, 1, 1, -0.1);
    c.steps[0].Q = S;
    ck_assert_int_eq(elbo_kalman_model(k, &c.sys), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "Q"));
    gsl_matrix_set(S, 1, 1, (double)NAN);
    ck_assert_int_eq(elbo_kalman_model(k, &c.sys), ELBO_ENOTFINITE);
    kalman_case_close(&c);
}
END_TEST

START_TEST(each_allocation_fails_once_and_is_told)
{
    elbo_kalman *k;
    elbo_status s;
    long n = 0;

    do {
        elbo_alloc_budget(n++);

        elbo_arena *ws = elbo_arena_alloc(64);

        s = ws ? elbo_kalman_init(&elbo_kalman_defaults, 3, 2, 1, 20, ws, &k)
               : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        ck_assert(s == ELBO_OK || s == ELBO_ENOMEM);
    } while (s == ELBO_ENOMEM);
    ck_assert(n > 5);
}
END_TEST

Suite *suite_kalman(void)
{
    Suite *s = suite_create("kalman");
    TCase *t = tcase_create("kalman");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, smoother_is_dense_conditioning, 0, SIZES * HOLES);
    tcase_add_loop_test(t, varying_models_are_smoothed_as_well, 0, HOLES);
    tcase_add_loop_test(t, penalties_are_factors_of_the_dense_posterior, 0,
                        2 * HOLES);
    tcase_add_test(t, singular_covariances_are_smoothed_on_their_range);
    tcase_add_test(t, filter_is_the_smoother_of_what_was_seen_so_far);
    tcase_add_test(t, covariances_keep_their_digits_beside_tiny_noise);
    tcase_add_test(t, covariances_stay_positive_in_a_stiff_system);
    tcase_add_test(t, what_is_wrong_is_named_with_its_row);
    tcase_add_test(t, each_allocation_fails_once_and_is_told);
    suite_add_tcase(s, t);
    return s;
}
