/* tests/test_local_level.c -- the annual flow of the Nile at Aswan, 1871-1970
 * (Cobb 1978, Table 1), as a random walk seen in noise: the published
 * variances.
 */
#include <math.h>

#include "inference/messages/lds.h"
#include "tests/kalman_cases.h"
#include "tests/suites.h"

enum { YEARS = 100 };

static double nile[YEARS] = {
    1120, 1160, 963,  1210, 1160, 1160, 813,  1230, 1370, 1140, /* 1871 */
    995,  935,  1110, 994,  1020, 960,  1180, 799,  958,  1140, /* 1881 */
    1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,  /* 1891 */
    874,  694,  940,  833,  701,  916,  692,  1020, 1050, 969,  /* 1901 */
    831,  726,  456,  824,  702,  1120, 1100, 832,  764,  821,  /* 1911 */
    768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,  /* 1921 */
    781,  865,  845,  944,  984,  897,  822,  1010, 771,  676,  /* 1931 */
    649,  846,  812,  742,  801,  1040, 860,  874,  848,  890,  /* 1941 */
    744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,  /* 1951 */
    1020, 906,  901,  1170, 912,  746,  919,  718,  714,  740   /* 1961 */
};

/* Variances of noise and of steps as in Durbin & Koopman, Time Series Analysis
 * by State Space Methods (2012), ch. 2; the log-likelihood with a diffuse start
 * as R's statespacer prints it (introductory vignette: -6.334646 a year). A
 * start of variance P0 costs 1/2 log P0 more than a diffuse one. */
START_TEST(the_nile_has_the_published_variances)
{
    const double large = 1e11;
    double one = 1, q = 1000, r = 10000, p0 = large, m0 = 0;
    const gsl_matrix A = gsl_matrix_view_array(&one, 1, 1).matrix;
    const gsl_matrix Q = gsl_matrix_view_array(&q, 1, 1).matrix;
    const gsl_matrix R = gsl_matrix_view_array(&r, 1, 1).matrix;
    const gsl_matrix P0 = gsl_matrix_view_array(&p0, 1, 1).matrix;
    const gsl_vector m0v = gsl_vector_view_array(&m0, 1).vector;
    const gsl_matrix Y = gsl_matrix_view_array(nile, YEARS, 1).matrix;
    const elbo_lgssm_step step = {.A = &A, .Q = &Q, .C = &A, .R = &R};
    const elbo_lgssm sys = {
        .nx = 1, .ny = 1, .steps = &step, .m0 = &m0v, .P0 = &P0};
    const elbo_sequence x = {.Y = &Y};
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_lds_config config = elbo_lds_defaults;
    elbo_lds_info info;
    elbo_lds *lds;

    config.nx = 1;
    config.initial = &sys;
    config.hold = ELBO_LDS_HOLD_START | ELBO_LDS_HOLD_A | ELBO_LDS_HOLD_b
                  | ELBO_LDS_HOLD_C | ELBO_LDS_HOLD_d;
    kalman_ok(elbo_lds_open(&config, &x, 1, ws, &lds));
    for (size_t i = 0; i < 3000; i++) kalman_ok(elbo_lds_iterate(lds, &info));

    const elbo_lgssm_step *const found = elbo_lds_model(lds)->steps;

    ck_assert_double_eq_tol(found->R->data[0], 15099, 1);
    ck_assert_double_eq_tol(found->Q->data[0], 1469.1, 0.2);
    ck_assert_double_eq_tol((info.bound + 0.5 * log(large)) / YEARS, -6.334646,
                            1e-6);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_local_level(void)
{
    Suite *s = suite_create("local_level");
    TCase *t = tcase_create("local_level");

    tcase_add_test(t, the_nile_has_the_published_variances);
    suite_add_tcase(s, t);
    return s;
}
