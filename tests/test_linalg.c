/* tests/test_linalg.c -- factors, eigenvalues and inverses against their
 * definitions. */
#include "inference/core/linalg.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/linalg_cases.h"
#include "tests/suites.h"

/* S = B B' + 0.2385 I, by the definition. */
static void fill_spd(gsl_matrix *S, const gsl_matrix *B)
{
    for (size_t i = 0; i < S->size1; i++)
        for (size_t j = 0; j < S->size1; j++) {
            double sum = i == j ? 0.2385 : 0;

            for (size_t k = 0; k < S->size1; k++)
                sum += gsl_matrix_get(B, i, k) * gsl_matrix_get(B, j, k);
            gsl_matrix_set(S, i, j, sum);
        }
}

START_TEST(start_succeeds_and_the_blas_has_a_name)
{
    ck_assert_int_eq(elbo_linalg_start(), ELBO_OK);
    ck_assert_str_ne(elbo_blas_name(), "");
}
END_TEST

START_TEST(chol_of_three_by_three_is_the_one_by_hand)
{
    /* L = [2 0 0; 6 1 0; -8 5 3] */
    double a[] = {4, 12, -16, 12, 37, -43, -16, -43, 98};
    gsl_matrix A = gsl_matrix_view_array(a, 3, 3).matrix;
    static const double L[] = {2, 0, 0, 6, 1, 0, -8, 5, 3};

    ck_assert_int_eq(elbo_chol(&A), ELBO_OK);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j <= i; j++)
            ck_assert_double_eq_tol(a[3 * i + j], L[3 * i + j], 1e-13);
}
END_TEST

START_TEST(chol_multiplies_back_and_reads_the_lower_triangle_only)
{
    static const size_t sizes[] = {1, 2, 7, 64, 131};
    elbo_arena *ws = elbo_arena_alloc(1 << 16);

    for (size_t k = 0; k < 5; k++) {
        const size_t n = sizes[k];
        gsl_matrix B = linalg_window(ws, n), S = linalg_window(ws, n),
                   L = linalg_window(ws, n);

        linalg_fill(&B, 2385);
        fill_spd(&S, &B);
        gsl_matrix_memcpy(&L, &S);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i + 1; j < n; j++) gsl_matrix_set(&L, i, j, -7.5);
        ck_assert_int_eq(elbo_chol(&L), ELBO_OK);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = 0;

                for (size_t m = 0; m <= (i < j ? i : j); m++)
                    sum += gsl_matrix_get(&L, i, m) * gsl_matrix_get(&L, j, m);
                ck_assert_double_eq_tol(sum, gsl_matrix_get(&S, i, j),
                                        1e-14 * (double)(n * n));
                if (j > i) ck_assert(gsl_matrix_get(&L, i, j) == -7.5);
            }
    }
    elbo_arena_free(ws);
}
END_TEST

/* sum_k A_ik B_kj */
static double product(const gsl_matrix *A, const gsl_matrix *B, size_t i,
                      size_t j)
{
    double sum = 0;

    for (size_t k = 0; k < A->size2; k++)
        sum += gsl_matrix_get(A, i, k) * gsl_matrix_get(B, k, j);
    return sum;
}

START_TEST(inverse_eigenvalues_and_determinant_belong_to_one_matrix)
{
    static const size_t sizes[] = {1, 2, 7, 64};
    elbo_arena *ws = elbo_arena_alloc(1 << 16);

    for (size_t c = 0; c < 4; c++) {
        const size_t n = sizes[c];
        gsl_matrix B = linalg_window(ws, n), S = linalg_window(ws, n),
                   L = linalg_window(ws, n);
        gsl_matrix U = linalg_window(ws, n);
        gsl_vector *values = elbo_arena_vec(ws, n);
        double logdet = 0;

        linalg_fill(&B, 385);
        fill_spd(&S, &B);
        gsl_matrix_memcpy(&L, &S);
        gsl_matrix_memcpy(&U, &S);
        ck_assert_int_eq(elbo_chol(&L), ELBO_OK);
        ck_assert_int_eq(elbo_eig_sym(&U, values, ws), ELBO_OK);
        for (size_t i = 0; i < n; i++) {
            const double value = gsl_vector_get(values, i);

            ck_assert(i == 0 || value >= gsl_vector_get(values, i - 1));
            logdet += log(value);
            for (size_t j = 0; j < n; j++) /* S is symmetric: U S = D U */
                ck_assert_double_eq_tol(product(&U, &S, i, j),
                                        value * gsl_matrix_get(&U, i, j),
                                        1e-13 * (double)(n * n));
        }
        ck_assert_double_eq_tol(elbo_chol_logdet(&L), logdet,
                                1e-12 * (double)n);
        ck_assert_int_eq(elbo_chol_inverse(&L), ELBO_OK);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                ck_assert_double_eq_tol(product(&L, &S, i, j), i == j,
                                        1e-12 * (double)(n * n));
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(eigenvalues_of_what_is_not_finite_are_refused)
{
    double a[] = {1, 0, 0, (double)NAN, 2, 0, 0, 0, 3}, v[3];
    gsl_matrix A = gsl_matrix_view_array(a, 3, 3).matrix;
    gsl_vector values = gsl_vector_view_array(v, 3).vector;
    elbo_arena *ws = elbo_arena_alloc(64);

    ck_assert_int_eq(elbo_eig_sym(&A, &values, ws), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "(1, 0)"));
    a[3] = 0;
    elbo_alloc_budget(0);
    ck_assert_int_eq(elbo_eig_sym(&A, &values, ws), ELBO_ENOMEM);
    elbo_alloc_budget(-1);
    ck_assert_int_eq(elbo_eig_sym(&A, &values, ws), ELBO_OK);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(chol_names_the_minor_that_is_not_positive)
{
    double a[] = {4, 0, 0, 0, 0, 2.385, 0, 0, 0, 0, -1e-9, 0, 0, 0, 0, 5};
    gsl_matrix A = gsl_matrix_view_array(a, 4, 4).matrix;

    ck_assert_int_eq(elbo_chol(&A), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "minor 3 of 4"));
}
END_TEST

/* At every place of the lower triangle, in a matrix that is PD otherwise. */
START_TEST(chol_refuses_what_is_not_finite_anywhere)
{
    enum { M = 6 };
    const double bad[] = {(double)NAN, HUGE_VAL, -HUGE_VAL};
    double a[M * M];

    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < M; i++)
            for (size_t j = 0; j <= i; j++) {
                gsl_matrix A = gsl_matrix_view_array(a, M, M).matrix;

                gsl_matrix_set_identity(&A);
                gsl_matrix_set(&A, i, j, bad[k]);
                ck_assert_int_eq(elbo_chol(&A), ELBO_ENOTPD);
            }
}
END_TEST

START_TEST(the_upper_triangle_mirrors_the_lower)
{
    elbo_arena *ws = elbo_arena_alloc(64);
    gsl_matrix A = linalg_window(ws, 5), B = linalg_window(ws, 5);

    linalg_fill(&A, 7);
    gsl_matrix_memcpy(&B, &A);
    elbo_sym_from_lower(&A);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++)
            ck_assert(gsl_matrix_get(&A, i, j)
                      == gsl_matrix_get(&B, i > j ? i : j, i > j ? j : i));
    elbo_arena_free(ws);
}
END_TEST

/* The fault that elbo_linalg_start guards against: two threads in BLAS. */
START_TEST(two_threads_factor_to_the_same_bits_as_one)
{
    enum { M = 90, TIMES = 24 };
    static double a[TIMES][M * M], alone[M * M];
    elbo_status s[TIMES];
    gsl_matrix A = gsl_matrix_view_array(alone, M, M).matrix;
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    gsl_matrix B = linalg_window(ws, M);

    linalg_fill(&B, 99);
    fill_spd(&A, &B);
    for (size_t i = 0; i < TIMES; i++) memcpy(a[i], alone, sizeof alone);
    ck_assert_int_eq(elbo_chol(&A), ELBO_OK);
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < TIMES; i++) {
        gsl_matrix Ai = gsl_matrix_view_array(a[i], M, M).matrix;

        s[i] = elbo_chol(&Ai);
    }
    for (size_t i = 0; i < TIMES; i++) {
        ck_assert_int_eq(s[i], ELBO_OK);
        ck_assert_mem_eq(a[i], alone, sizeof alone);
    }
    elbo_arena_free(ws);
}
END_TEST

/* W = M M' of rank 3 in 5 dimensions, and one that is no covariance. */
START_TEST(psd_factor_multiplies_back_at_any_rank)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    gsl_matrix *M = elbo_arena_mat(ws, 5, 3), *W = elbo_arena_mat(ws, 5, 5);
    gsl_matrix *L = elbo_arena_mat(ws, 5, 5);
    size_t empty = 0;

    linalg_fill(M, 2385);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) {
            double sum = 0;

            for (size_t k = 0; k < 3; k++)
                sum += gsl_matrix_get(M, i, k) * gsl_matrix_get(M, j, k);
            gsl_matrix_set(W, i, j, sum);
        }
    ck_assert_int_eq(elbo_psd_factor(W, L, ws), ELBO_OK);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++) {
            double sum = 0;

            for (size_t k = 0; k < 5; k++)
                sum += gsl_matrix_get(L, i, k) * gsl_matrix_get(L, j, k);
            ck_assert_double_eq_tol(sum, gsl_matrix_get(W, i, j), 1e-14);
        }
    for (size_t k = 0; k < 5; k++) {
        double norm = 0;

        for (size_t i = 0; i < 5; i++)
            norm = fmax(norm, fabs(gsl_matrix_get(L, i, k)));
        if (norm < 1e-7) empty++;
    }
    ck_assert_uint_eq(empty, 2);
    *gsl_matrix_ptr(W, 0, 0) -= 2;
    ck_assert_int_eq(elbo_psd_factor(W, L, ws), ELBO_ENOTPD);
    gsl_matrix_set_zero(W);
    ck_assert_int_eq(elbo_psd_factor(W, L, ws), ELBO_OK);
    ck_assert_double_eq(gsl_matrix_max(L), 0);
    elbo_arena_free(ws);
}
END_TEST

/* A rotation by 1 rad, shrunk to 0.7, beside an eigenvalue of 0.2. */
START_TEST(the_spectral_radius_is_the_largest_modulus)
{
    double a[9] = {
        0.7 * cos(1), -0.7 * sin(1), 5, 0.7 * sin(1), 0.7 * cos(1), -3, 0, 0,
        0.2};
    gsl_matrix_view A = gsl_matrix_view_array(a, 3, 3);
    elbo_arena *ws = elbo_arena_alloc(1 << 12);
    double radius;

    ck_assert_int_eq(elbo_spectral_radius(&A.matrix, &radius, ws), ELBO_OK);
    ck_assert_double_eq_tol(radius, 0.7, 1e-14);
    a[4] = NAN;
    ck_assert_int_eq(elbo_spectral_radius(&A.matrix, &radius, ws),
                     ELBO_ENOTFINITE);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_linalg(void)
{
    Suite *suite = suite_create("linalg");
    TCase *t = tcase_create("linalg");

    tcase_add_test(t, start_succeeds_and_the_blas_has_a_name);
    tcase_add_test(t, chol_of_three_by_three_is_the_one_by_hand);
    tcase_add_test(t, chol_multiplies_back_and_reads_the_lower_triangle_only);
    tcase_add_test(t, inverse_eigenvalues_and_determinant_belong_to_one_matrix);
    tcase_add_test(t, eigenvalues_of_what_is_not_finite_are_refused);
    tcase_add_test(t, chol_names_the_minor_that_is_not_positive);
    tcase_add_test(t, chol_refuses_what_is_not_finite_anywhere);
    tcase_add_test(t, the_upper_triangle_mirrors_the_lower);
    tcase_add_test(t, two_threads_factor_to_the_same_bits_as_one);
    tcase_add_test(t, psd_factor_multiplies_back_at_any_rank);
    tcase_add_test(t, the_spectral_radius_is_the_largest_modulus);
    suite_add_tcase(suite, t);
    return suite;
}
