/* tests/test_lds.c -- latent linear systems by maximum likelihood. */
#include "inference/messages/lds.h"

#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/lds_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

static elbo_lds_config config_of(size_t nx, elbo_lds_method method)
{
    elbo_lds_config config = elbo_lds_defaults;

    config.nx = nx;
    config.method = method;
    return config;
}

/* The bound after so many iterations, none of which may lower it. */
static double climb(elbo_lds *lds, size_t iterations, elbo_lds_info *info,
                    const char *what, uint64_t seed)
{
    double before = -HUGE_VAL;

    for (size_t i = 0; i < iterations; i++) {
        kalman_ok(elbo_lds_iterate(lds, info));
        ck_assert_msg(info->bound >= before - 1e-10 * (1 + fabs(before)),
                      "%s, system %zu, iteration %zu: %.17g after %.17g", what,
                      (size_t)seed, i, info->bound, before);
        before = info->bound;
    }
    return before;
}

START_TEST(em_never_falls_on_random_systems)
{
    for (uint64_t seed = 40 * (uint64_t)_i; seed < 40 * (uint64_t)_i + 40;
         seed++) {
        elbo_lds_config config = config_of(1 + seed % 4, ELBO_LDS_EM);
        elbo_lds_info info;
        lds_case c;

        config.steady = seed % 2 ? 1e-12 : 0;
        lds_case_random(&c, seed);
        climb(lds_open(&c, &config), 25, &info, "EM", seed);
        lds_case_close(&c);
    }
}
END_TEST

START_TEST(em_without_noise_to_speak_of_never_falls)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        const elbo_lds_config config = config_of(3, ELBO_LDS_EM);
        elbo_lds_info info;
        lds_case c;

        lds_case_open(&c, 3, 2, 1, 2, 60, seed);
        gsl_matrix_scale((gsl_matrix *)c.truth.steps[0].Q, 1e-6);
        gsl_matrix_scale((gsl_matrix *)c.truth.steps[0].R, 1e-9);
        for (size_t i = 0; i < c.n; i++)
            c.data[i] = kalman_case_draw(&c.truth, 60, seed + i);
        climb(lds_open(&c, &config), 60, &info, "EM", seed);
        lds_case_close(&c);
    }
}
END_TEST

/* 10 sequences of 500 rows, and as many held out: the true likelihood less the
 * learnt one is below its standard error. */
START_TEST(learnt_from_5000_rows_predicts_as_the_truth_does)
{
    enum { N = 10, T = 500 };
    elbo_lds_config config = config_of(3, (elbo_lds_method)_i);
    elbo_lds_info info;
    double truth = 0, squares = 0, learnt;
    elbo_sequence out[N];
    elbo_kalman_info one;
    elbo_kalman *k;
    lds_case c;

    lds_case_open(&c, 3, 4, 1, N, T, 5);
    config.steady = 1e-12;

    elbo_lds *lds = lds_open(&c, &config);

    climb(lds, 150, &info, "5000 rows", 5);
    kalman_ok(
        elbo_kalman_init(&elbo_kalman_defaults, 3, 4, 1, T, c.truth.arena, &k));
    kalman_ok(elbo_kalman_model(k, &c.truth.sys));
    for (size_t i = 0; i < N; i++) {
        out[i] = kalman_case_draw(&c.truth, T, 90000 + i);
        kalman_ok(elbo_kalman_filter(k, &out[i], &one));
        truth += one.loglik;
        squares += one.loglik * one.loglik;
    }
    kalman_ok(elbo_lds_loglik(lds, out, N, &learnt));

    const double spread = (squares - truth * truth / N) / (N - 1);
    const double error = sqrt(N * spread);

    ck_assert_msg(fabs(truth - learnt) < error,
                  "truth %.2f, learnt %.2f +- %.2f", truth, learnt, error);
    lds_case_close(&c);
}
END_TEST

/* The gradient of the log-likelihood in what is free vanishes where EM ends. P0
 * is held where other things are learnt: its maximum is on the boundary. */
START_TEST(em_ends_where_the_gradient_of_what_is_free_vanishes)
{
    elbo_lds_config config = config_of(2, ELBO_LDS_EM);
    elbo_lds_info info;
    lds_case c;

    lds_case_open(&c, 2, 3, 1, 12, 150, 9);
    config.initial = &c.truth.sys;
    config.hold = _i == 0 ? ELBO_LDS_HOLD_P0
                  : _i == 1
                      ? ELBO_LDS_HOLD_P0 | ELBO_LDS_HOLD_A | ELBO_LDS_HOLD_d
                      : ELBO_LDS_HOLD_START | ELBO_LDS_HOLD_Q | ELBO_LDS_HOLD_C
                            | ELBO_LDS_HOLD_B;

    elbo_lds *lds = lds_open(&c, &config);

    climb(lds, 3000, &info, "EM", 9);

    const elbo_lgssm *const m = elbo_lds_model(lds);
    const elbo_lgssm_step *const s = m->steps;
    const struct {
        const gsl_matrix *A;
        unsigned hold;
    } parameters[] = {
        {m->P0, ELBO_LDS_HOLD_P0},
        {s->A,  ELBO_LDS_HOLD_A },
        {s->B,  ELBO_LDS_HOLD_B },
        {s->Q,  ELBO_LDS_HOLD_Q },
        {s->C,  ELBO_LDS_HOLD_C },
        {s->D,  ELBO_LDS_HOLD_D },
        {s->R,  ELBO_LDS_HOLD_R },
    };

    for (size_t p = 0; p < sizeof parameters / sizeof *parameters; p++) {
        gsl_matrix *A = (gsl_matrix *)parameters[p].A;

        if (config.hold & parameters[p].hold) continue;
        for (size_t i = 0; i < A->size1; i++) {
            const bool both = A->size1 == A->size2 && A != s->A;
            const double kept = gsl_matrix_get(A, i, 0), h = 1e-4;
            double f[3];

            for (size_t side = 0; side < 3; side++) {
                const double x = kept + h * ((double)side - 1);

                gsl_matrix_set(A, i, 0, x);
                if (both) gsl_matrix_set(A, 0, i, x);
                kalman_ok(elbo_lds_loglik(lds, c.data, c.n, &f[side]));
            }
            gsl_matrix_set(A, i, 0, kept);
            if (both) gsl_matrix_set(A, 0, i, kept);

            /* nats that a Newton step along it would gain */
            const double slope = (f[2] - f[0]) / (2 * h);
            const double bend = (2 * f[1] - f[0] - f[2]) / (h * h);

            ck_assert_msg(bend > 0 && slope * slope / (2 * bend) < 1e-3,
                          "parameter %zu, row %zu: slope %g, bend %g", p, i,
                          slope, bend);
        }
    }

    /* what is held is the truth to the bit */
    const elbo_lgssm_step *const t = c.truth.sys.steps;

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++) {
            if (config.hold & ELBO_LDS_HOLD_A)
                ck_assert(gsl_matrix_get(s->A, i, j)
                          == gsl_matrix_get(t->A, i, j));
            if (config.hold & ELBO_LDS_HOLD_Q)
                ck_assert(gsl_matrix_get(s->Q, i, j)
                          == gsl_matrix_get(t->Q, i, j));
        }
    lds_case_close(&c);
}
END_TEST

START_TEST(a_sequence_twice_doubles_the_log_likelihood)
{
    const elbo_lds_config config = config_of(2, ELBO_LDS_EM);
    elbo_lds_info one, two;
    lds_case c;

    lds_case_open(&c, 2, 3, 1, 1, 60, 15);

    elbo_lds *single = lds_open(&c, &config);

    c.data[1] = c.data[0];
    c.n = 2;

    elbo_lds *twice = lds_open(&c, &config);

    for (size_t i = 0; i < 20; i++) {
        kalman_ok(elbo_lds_iterate(single, &one));
        kalman_ok(elbo_lds_iterate(twice, &two));
        ck_assert_double_eq_tol(two.bound, 2 * one.bound,
                                1e-9 * fabs(one.bound));
    }
    lds_case_close(&c);
}
END_TEST

static void check_covariance(const gsl_matrix *W, elbo_arena *ws)
{
    gsl_matrix *L = elbo_arena_mat(ws, W->size1, W->size1);

    gsl_matrix_memcpy(L, W);
    kalman_ok(elbo_chol(L));
}

START_TEST(degenerate_data_leave_a_model_that_is_one)
{
    const elbo_lds_method method = (elbo_lds_method)(_i % 2);
    const lds_degenerate what = (lds_degenerate)(_i / 2);
    const elbo_lds_config config = config_of(6, method);
    elbo_lds_info info;
    double before = -HUGE_VAL, lost = 0;
    size_t floored = 0;
    lds_case c;

    lds_case_degenerate(&c, what);

    elbo_lds *lds = lds_open(&c, &config);

    for (size_t i = 0; i < 100; i++) {
        double loss;

        kalman_ok(elbo_lds_infer(lds, &info));
        kalman_ok(elbo_lds_rounding(lds, &loss));
        ck_assert_msg(
            info.bound >= before - 1e-10 * (1 + fabs(before)) - lost - loss,
            "degenerate %d, iteration %zu: %.17g after %.17g, rounding %g",
            (int)what, i, info.bound, before, lost + loss);
        ck_assert(isfinite(info.bound) && loss >= 0);
        before = info.bound;
        lost = loss;
        kalman_ok(elbo_lds_learn(lds, &info));
        for (size_t p = 0; p < ELBO_LDS_PARTS; p++) floored += info.floored[p];
    }

    const elbo_lgssm *const m = elbo_lds_model(lds);

    check_covariance(m->P0, c.truth.arena);
    check_covariance(m->steps->Q, c.truth.arena);
    check_covariance(m->steps->R, c.truth.arena);
    if (method == ELBO_LDS_EM
        && (what == CONSTANT_CHANNEL || what == ALL_CONSTANT
            || what == TWICE_THE_SAME_CHANNEL))
        ck_assert_uint_gt(floored, 0);
    if (method == ELBO_LDS_EM && what == COLLINEAR_INPUTS)
        ck_assert_uint_eq(info.rank[ELBO_LDS_EMISSION], 6 + 1 + 1);
    lds_case_close(&c);
}
END_TEST

/* 73 channels; the long one (1000 rows, 300 iterations) was run once by hand.
 */
START_TEST(seventy_three_dimensions_stay_a_model)
{
    elbo_lds_config config = config_of(_i ? 73 : 12, ELBO_LDS_EM);
    elbo_lds_info info;
    lds_case c;

    config.steady = 1e-12;
    lds_case_open(&c, 12, 73, 0, 1, _i ? 60 : 200, 73);
    climb(lds_open(&c, &config), _i ? 6 : 12, &info, "73", 73);
    ck_assert(isfinite(info.bound));
    lds_case_close(&c);
}
END_TEST

START_TEST(saved_and_loaded_goes_on_to_the_same_bits)
{
    const elbo_lds_config config = config_of(2, (elbo_lds_method)_i);
    const elbo_lds_config larger = config_of(3, (elbo_lds_method)_i);
    elbo_lds_info a, b;
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;
    lds_case c;

    lds_case_random(&c, 4);

    elbo_lds *one = lds_open(&c, &config), *other = lds_open(&c, &config);
    elbo_lds *wrong = lds_open(&c, &larger);

    climb(one, 5, &a, "saved", 4);
    elbo_writer_section(out, "lds");
    elbo_lds_save(one, out);
    kalman_ok(elbo_writer_commit(out, scratch_path));
    elbo_writer_free(out);
    kalman_ok(elbo_reader_open(scratch_path, &in));
    kalman_ok(elbo_reader_section(in, "lds"));
    kalman_ok(elbo_lds_load(other, in));
    kalman_ok(elbo_reader_section(in, "lds"));
    ck_assert_int_eq(elbo_lds_load(wrong, in), ELBO_EDATA);
    elbo_reader_free(in);
    for (size_t i = 0; i < 5; i++) {
        kalman_ok(elbo_lds_iterate(one, &a));
        kalman_ok(elbo_lds_iterate(other, &b));
        ck_assert_mem_eq(&a, &b, sizeof a);
    }
    lds_case_close(&c);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
    elbo_lds_config config = config_of(2, ELBO_LDS_EM);
    elbo_lds *lds;
    double x;
    lds_case c;

    lds_case_open(&c, 2, 3, 1, 3, 20, 21);

    elbo_arena *const ws = c.truth.arena;
    gsl_matrix *Y = elbo_arena_mat(ws, 20, 3), *U = elbo_arena_mat(ws, 20, 1);
    const elbo_sequence kept = c.data[2];

    gsl_matrix_memcpy(Y, kept.Y);
    gsl_matrix_memcpy(U, kept.U);
    c.data[2] = (elbo_sequence){.Y = Y, .U = U};
    gsl_matrix_set(Y, 7, 1, HUGE_VAL);
    ck_assert_int_eq(elbo_lds_open(&config, c.data, 3, ws, &lds),
                     ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "sequence 2, row 7: y(1)"));
    gsl_matrix_set(Y, 7, 1, 0);
    gsl_matrix_set(U, 3, 0, (double)NAN);
    ck_assert_int_eq(elbo_lds_open(&config, c.data, 3, ws, &lds),
                     ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "sequence 2, row 3: u(0)"));
    gsl_matrix_set(U, 3, 0, 0);

    const gsl_matrix two = gsl_matrix_submatrix(Y, 0, 0, 20, 2).matrix;

    c.data[2].Y = &two;
    ck_assert_int_eq(elbo_lds_open(&config, c.data, 3, ws, &lds), ELBO_EDATA);
    kalman_ok(elbo_lds_open(&config, c.data, 2, ws, &lds));
    ck_assert_int_eq(elbo_lds_loglik(lds, c.data, 3, &x), ELBO_EDATA);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "sequence 2"));

    config.hold = ELBO_LDS_HOLD_A;
    ck_assert_int_eq(elbo_lds_open(&config, c.data, 2, ws, &lds), ELBO_EINVAL);
    config.initial = &c.truth.sys;
    config.method = ELBO_LDS_VB;
    ck_assert_int_eq(elbo_lds_open(&config, c.data, 2, ws, &lds), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "transition"));

    elbo_mniw prior;

    kalman_ok(elbo_mniw_init(&prior, 3, 4, ws));
    elbo_mniw_isotropic(&prior, 1, -1, 4);
    config.hold = 0;
    config.prior[ELBO_LDS_EMISSION] = &prior;
    ck_assert_int_eq(elbo_lds_open(&config, c.data, 2, ws, &lds), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(
        strstr(elbo_last_error()->text, "prior of emission: mniw: Psi"));
    elbo_mniw_isotropic(&prior, 1, 1, 2);
    ck_assert_int_eq(elbo_lds_open(&config, c.data, 2, ws, &lds), ELBO_EINVAL);
    lds_case_close(&c);
}
END_TEST

/* An M-step that fails leaves the parameters as they were. */
START_TEST(failed_iteration_leaves_the_parameters)
{
    const elbo_lds_config config = config_of(2, (elbo_lds_method)_i);
    elbo_lds_info a, b;
    elbo_lds *one, *other;
    long n = 0;
    elbo_status s;
    lds_case c;

    lds_case_open(&c, 2, 3, 1, 1, 30, 23);
    other = lds_open(&c, &config);
    kalman_ok(elbo_lds_iterate(other, &b));
    do { /* each time in an arena that has no room to spare */
        elbo_arena *ws = elbo_arena_alloc(64);

        kalman_ok(elbo_lds_open(&config, c.data, c.n, ws, &one));
        elbo_alloc_budget(n++);
        s = elbo_lds_iterate(one, &a);
        elbo_alloc_budget(-1);
        ck_assert(s == ELBO_OK || s == ELBO_ENOMEM);
        kalman_ok(elbo_lds_iterate(one, &a));
        if (s == ELBO_ENOMEM) ck_assert(a.bound == b.bound);
        elbo_arena_free(ws);
    } while (s == ELBO_ENOMEM);
    lds_case_close(&c);
}
END_TEST

START_TEST(each_allocation_fails_once_and_is_told)
{
    const elbo_lds_config config = config_of(2, (elbo_lds_method)_i);
    elbo_lds *lds;
    elbo_status s;
    long n = 0;
    lds_case c;

    lds_case_open(&c, 2, 3, 1, 1, 12, 25);
    do {
        elbo_alloc_budget(n++);

        elbo_arena *ws = elbo_arena_alloc(64);

        s = ws ? elbo_lds_open(&config, c.data, c.n, ws, &lds) : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        ck_assert(s == ELBO_OK || s == ELBO_ENOMEM);
    } while (s == ELBO_ENOMEM);
    ck_assert(n > 5);
    lds_case_close(&c);
}
END_TEST

/* Two halves are a whole, and the bound between them does not fall. */
START_TEST(infer_and_learn_are_an_iteration)
{
    const elbo_lds_config config = config_of(2, _i ? ELBO_LDS_VB : ELBO_LDS_EM);
    elbo_lds_info whole, half;
    lds_case c;
    elbo_lds *a, *b;

    lds_case_open(&c, 2, 3, 1, 3, 20, 11);
    a = lds_open(&c, &config);
    b = lds_open(&c, &config);
    for (int k = 0; k < 4; k++) {
        kalman_ok(elbo_lds_iterate(a, &whole));
        kalman_ok(elbo_lds_infer(b, &half));
        ck_assert(half.bound == whole.bound);
        ck_assert(half.bound == half.evidence - elbo_lds_kl(b));
        kalman_ok(elbo_lds_learn(b, &half));
        ck_assert(memcmp(half.rank, whole.rank, sizeof half.rank) == 0);
    }
    ck_assert(memcmp(elbo_lds_point(a)->steps->A->data,
                     elbo_lds_point(b)->steps->A->data, 2 * sizeof(double))
              == 0);
    ck_assert_ptr_null(elbo_lds_point(b)->transition_penalty);
    double rounding;

    kalman_ok(elbo_lds_rounding(b, &rounding));
    ck_assert_double_gt(rounding, 0);
    ck_assert_double_lt(rounding, 1e-9); /* no cover for a fall, where all is well */
    /* other data: fewer of them have a larger density here, longer ones no room
     */
    kalman_ok(elbo_lds_data(b, c.data, 1));
    kalman_ok(elbo_lds_infer(b, &half));
    ck_assert(half.evidence != whole.evidence);

    const elbo_sequence longer = kalman_case_draw(&c.truth, 21, 5);

    ck_assert_int_eq(elbo_lds_data(b, &longer, 1), ELBO_ESIZE);
    lds_case_close(&c);
}
END_TEST

Suite *suite_lds(void)
{
    Suite *s = suite_create("lds");
    TCase *t = tcase_create("lds");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, em_never_falls_on_random_systems, 0, 5);
    tcase_add_test(t, em_without_noise_to_speak_of_never_falls);
    tcase_add_loop_test(t, learnt_from_5000_rows_predicts_as_the_truth_does, 0,
                        2);
    tcase_add_loop_test(t, em_ends_where_the_gradient_of_what_is_free_vanishes,
                        0, 3);
    tcase_add_test(t, a_sequence_twice_doubles_the_log_likelihood);
    tcase_add_loop_test(t, degenerate_data_leave_a_model_that_is_one, 0,
                        2 * LDS_DEGENERATE);
    tcase_add_loop_test(t, seventy_three_dimensions_stay_a_model, 0, 2);
    tcase_add_loop_test(t, saved_and_loaded_goes_on_to_the_same_bits, 0, 2);
    tcase_add_loop_test(t, infer_and_learn_are_an_iteration, 0, 2);
    tcase_add_test(t, what_is_wrong_is_named);
    tcase_add_loop_test(t, failed_iteration_leaves_the_parameters, 0, 2);
    tcase_add_loop_test(t, each_allocation_fails_once_and_is_told, 0, 2);
    suite_add_tcase(s, t);
    return s;
}
