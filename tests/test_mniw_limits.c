/* tests/test_mniw_limits.c -- the matrix-normal inverse-Wishart of degenerate
 * data, of no belief at all, on disk and without memory.
 */
#include "inference/messages/mniw.h"

#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/mniw_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

START_TEST(posterior_of_degenerate_data_is_sound_by_its_prior)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const mniw_sample x = mniw_degenerate(_i ? 4 : 50, ws);
    elbo_mniw p, q;
    double kl, loglik, evidence;

    mniw_ok(elbo_mniw_init(&p, 2, 6, ws));
    mniw_ok(elbo_mniw_init(&q, 2, 6, ws));
    elbo_mniw_isotropic(&p, 1e-2, 1e-2, 2.385);
    mniw_ok(elbo_mniw_posterior(&p, &x.S, &q, ws));
    mniw_ok(elbo_mniw_check(&q, ws));
    mniw_ok(elbo_mniw_kl(&q, &p, &kl, ws));
    mniw_ok(elbo_mniw_loglik(&q, &x.S, &loglik, ws));
    mniw_ok(elbo_mniw_evidence(&p, &q, x.S.n, &evidence, ws));
    ck_assert_double_eq_tol(evidence, loglik - kl, 1e-7);

    /* the normal equations M (K + Szz) = Syz, to the scale of their terms */
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 6; j++) {
            double sum = -gsl_matrix_get(x.S.Syz, i, j), scale = fabs(sum);

            for (size_t k = 0; k < 6; k++) {
                const double a =
                    gsl_matrix_get(q.M, i, k) * gsl_matrix_get(q.K, k, j);

                sum += a;
                scale += fabs(a);
            }
            ck_assert(fabs(sum) <= 1e-11 * scale);
        }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(what_is_no_belief_is_refused_with_its_place)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_mniw q = mniw_draw(2, 3, 81, ws), kept = mniw_draw(2, 3, 81, ws);
    mniw_sample x = mniw_rows(4, 2, 3, 82, ws);
    gsl_matrix *W = elbo_arena_mat(ws, 2, 2), *M = elbo_arena_mat(ws, 2, 3);
    elbo_mniw_ml_info info;
    const double n = x.S.n;

    gsl_matrix_set(x.Y, 2, 1, (double)NAN);
    ck_assert_int_eq(elbo_moments_rows(&x.S, x.Y, x.Z, x.w), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 2"));
    gsl_matrix_set(x.Y, 2, 1, 1);
    x.w[3] = -1;
    ck_assert_int_eq(elbo_moments_rows(&x.S, x.Y, x.Z, x.w), ELBO_EINVAL);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 3"));
    ck_assert(x.S.n == n);

    gsl_matrix_set(x.S.Szz, 1, 1, -1e3);
    ck_assert_int_eq(elbo_mniw_posterior(&q, &x.S, &q, ws), ELBO_ENOTPD);
    mniw_same(q.M, kept.M, 0);
    mniw_same(q.K, kept.K, 0);
    mniw_same(q.Psi, kept.Psi, 0);
    x.S.n = 0;
    ck_assert_int_eq(elbo_mniw_ml(&x.S, 1, M, W, &info, ws), ELBO_EINVAL);

    q.nu = 3;
    ck_assert_int_eq(elbo_mniw_covariance(&q, W), ELBO_EINVAL);
    mniw_ok(elbo_mniw_check(&q, ws));
    q.nu = 1;
    ck_assert_int_eq(elbo_mniw_check(&q, ws), ELBO_EINVAL);
    q.nu = 3;
    gsl_matrix_set(q.M, 1, 2, HUGE_VAL);
    ck_assert_int_eq(elbo_mniw_check(&q, ws), ELBO_ENOTFINITE);
    gsl_matrix_set(q.M, 1, 2, 0);
    gsl_matrix_set(q.Psi, 1, 1, 0);
    ck_assert_int_eq(elbo_mniw_check(&q, ws), ELBO_ENOTPD);
    ck_assert_int_eq(elbo_mniw_precision(&q, W), ELBO_ENOTPD);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(saved_and_loaded_is_the_same_to_the_bit)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const elbo_mniw q = mniw_draw(2, 3, 91, ws);
    elbo_mniw back = mniw_draw(2, 3, 92, ws), other = mniw_draw(3, 3, 92, ws);
    elbo_writer *out = elbo_writer_alloc();
    elbo_reader *in;

    elbo_writer_section(out, "mniw");
    elbo_mniw_save(&q, out);
    mniw_ok(elbo_writer_commit(out, scratch_path));
    elbo_writer_free(out);
    mniw_ok(elbo_reader_open(scratch_path, &in));
    mniw_ok(elbo_reader_section(in, "mniw"));
    mniw_ok(elbo_mniw_load(&back, in));
    mniw_same(q.M, back.M, 0);
    mniw_same(q.K, back.K, 0);
    mniw_same(q.Psi, back.Psi, 0);
    ck_assert(q.nu == back.nu);
    mniw_ok(elbo_reader_section(in, "mniw"));
    ck_assert_int_eq(elbo_mniw_load(&other, in), ELBO_EDATA);
    elbo_reader_free(in);
    elbo_arena_free(ws);
}
END_TEST

/* All that a posterior needs, in an arena too small for it. */
static elbo_status whole_call(elbo_arena *ws)
{
    elbo_moments S;
    elbo_mniw p, q;
    double x;

    ELBO_TRY(elbo_moments_init(&S, 3, 4, ws));
    ELBO_TRY(elbo_mniw_init(&p, 3, 4, ws));
    ELBO_TRY(elbo_mniw_init(&q, 3, 4, ws));
    elbo_mniw_isotropic(&p, 1, 1, 5);
    ELBO_TRY(elbo_mniw_posterior(&p, &S, &q, ws));
    ELBO_TRY(elbo_mniw_kl(&q, &p, &x, ws));
    ELBO_TRY(elbo_mniw_evidence(&p, &q, S.n, &x, ws));
    S.n = 1;
    return elbo_mniw_loglik(&q, &S, &x, ws);
}

START_TEST(each_allocation_fails_once_and_is_told)
{
    elbo_status s;
    long n = 0;

    do {
        elbo_alloc_budget(n++);

        elbo_arena *ws = elbo_arena_alloc(64);

        s = ws ? whole_call(ws) : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        ck_assert(s == ELBO_OK || s == ELBO_ENOMEM);
    } while (s == ELBO_ENOMEM);
    ck_assert(n > 5);
}
END_TEST

Suite *suite_mniw_limits(void)
{
    Suite *s = suite_create("mniw_limits");
    TCase *t = tcase_create("mniw");

    tcase_set_timeout(t, 30);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, posterior_of_degenerate_data_is_sound_by_its_prior,
                        0, 2);
    tcase_add_test(t, what_is_no_belief_is_refused_with_its_place);
    tcase_add_test(t, saved_and_loaded_is_the_same_to_the_bit);
    tcase_add_test(t, each_allocation_fails_once_and_is_told);
    suite_add_tcase(s, t);
    return s;
}
