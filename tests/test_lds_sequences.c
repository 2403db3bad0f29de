/* tests/test_lds_sequences.c -- sequences of latent linear systems side by side. */
#include <math.h>
#include <omp.h>

#include "inference/messages/lds.h"
#include "tests/lds_cases.h"
#include "tests/suites.h"

static elbo_lds_config config_of(size_t nx, elbo_lds_method method)
{
    elbo_lds_config config = elbo_lds_defaults;

    config.nx = nx;
    config.method = method;
    return config;
}

/* Twelve sequences from 20 to 240 rows, one with holes: opened and run under 1 to 4
 * threads, and opened under one number but run under another. */
START_TEST(the_number_of_threads_changes_no_bit)
{
    enum { RUNS = 6, ROUNDS = 4 };
    static const int opened[RUNS] = {1, 2, 3, 4, 4, 1}, run[RUNS] = {1, 2, 3, 4, 2, 4};
    elbo_lds_config config = config_of(3, _i % 2 ? ELBO_LDS_VB : ELBO_LDS_EM);
    const int threads = omp_get_max_threads();
    elbo_lds_info info[RUNS][ROUNDS];
    double loglik[RUNS];
    lds_case c;

    config.steady = _i / 2 ? 1e-10 : 0;
    lds_case_open(&c, 3, 2, 1, 12, 240, 31);
    for (size_t i = 0; i < c.n; i++)
        c.data[i] = kalman_case_draw(&c.truth, 240 - 20 * i, 50 + i);
    gsl_matrix_set((gsl_matrix *)c.data[2].Y, 7, 1, (double)NAN);
    for (size_t r = 0; r < RUNS; r++) {
        omp_set_num_threads(opened[r]);

        elbo_lds *const lds = lds_open(&c, &config);

        omp_set_num_threads(run[r]);
        for (size_t k = 0; k < ROUNDS; k++)
            kalman_ok(elbo_lds_iterate(lds, &info[r][k]));
        kalman_ok(elbo_lds_loglik(lds, c.data, c.n, &loglik[r]));
        ck_assert_mem_eq(info[r], info[0], sizeof info[0]);
        ck_assert(loglik[r] == loglik[0]);
    }
    omp_set_num_threads(threads);
    ck_assert_double_gt(info[0][ROUNDS - 1].bound, info[0][0].bound);
    lds_case_close(&c);
}
END_TEST

/* Side by side as one after another: the moments of two halves are those of all. */
START_TEST(sequences_of_a_hundred_are_the_sum_of_their_parts)
{
    enum { N = 100, T = 12 };
    elbo_lds_config config = config_of(2, ELBO_LDS_EM);
    elbo_sequence data[N];
    elbo_lds_info all, part;
    elbo_lds *lds;
    double sum = 0;
    lds_case c;

    lds_case_open(&c, 2, 2, 0, 1, T, 8);
    for (size_t i = 0; i < N; i++)
        data[i] = kalman_case_draw(&c.truth, 1 + i % T, 900 + i);
    kalman_ok(elbo_lds_open(&config, data, N, c.truth.arena, &lds));
    kalman_ok(elbo_lds_infer(lds, &all));
    for (size_t i = 0; i < N; i += 20) {
        kalman_ok(elbo_lds_data(lds, data + i, 20));
        kalman_ok(elbo_lds_infer(lds, &part));
        sum += part.bound;
    }
    ck_assert_double_eq_tol(sum, all.bound, 1e-11 * fabs(all.bound));
    ck_assert_int_eq(elbo_lds_data(lds, data, N + 1), ELBO_ESIZE);
    config.sequences = N + 1;
    kalman_ok(elbo_lds_open(&config, data, T, c.truth.arena, &lds));
    kalman_ok(elbo_lds_data(lds, data, N));
    kalman_ok(elbo_lds_infer(lds, &part));
    lds_case_close(&c);
}
END_TEST

Suite *suite_lds_sequences(void)
{
    Suite *const s = suite_create("lds_sequences");
    TCase *const t = tcase_create("lds_sequences");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, the_number_of_threads_changes_no_bit, 0, 4);
    tcase_add_test(t, sequences_of_a_hundred_are_the_sum_of_their_parts);
    suite_add_tcase(s, t);
    return s;
}
