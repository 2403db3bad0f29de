/* tests/test_linalg_lu.c -- linear systems by LU. */
#include "inference/core/linalg.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/linalg_cases.h"
#include "tests/suites.h"

START_TEST(lu_solves_both_systems)
{
    static const size_t sizes[] = {1, 2, 9, 65, 128};
    elbo_arena *ws = elbo_arena_alloc(1 << 16);

    for (size_t k = 0; k < 5; k++) {
        const size_t n = sizes[k];
        gsl_matrix A = linalg_window(ws, n), F = linalg_window(ws, n);
        gsl_vector *x = elbo_arena_vec(ws, n), *b = elbo_arena_vec(ws, n);
        gsl_vector *bt = elbo_arena_vec(ws, n);
        uint32_t seed = 85;
        elbo_lu lu;

        linalg_fill(&A, 23);
        for (size_t i = 0; i < n; i++) /* well conditioned, not symmetric */
            *gsl_matrix_ptr(&A, i, (i + 1) % n) += 3 * sqrt((double)n);
        for (size_t i = 0; i < n; i++)
            gsl_vector_set(x, i, linalg_noise(&seed));
        for (size_t i = 0; i < n; i++) {
            double sum = 0, sum_t = 0;

            for (size_t j = 0; j < n; j++) {
                sum += gsl_matrix_get(&A, i, j) * gsl_vector_get(x, j);
                sum_t += gsl_matrix_get(&A, j, i) * gsl_vector_get(x, j);
            }
            gsl_vector_set(b, i, sum);
            gsl_vector_set(bt, i, sum_t);
        }
        gsl_matrix_memcpy(&F, &A);
        ck_assert_int_eq(elbo_lu_factor(&F, ws, &lu), ELBO_OK);
        ck_assert_int_eq(elbo_lu_solve(&lu, b), ELBO_OK);
        ck_assert_int_eq(elbo_lu_solve_transposed(&lu, bt), ELBO_OK);
        for (size_t i = 0; i < n; i++) {
            ck_assert_double_eq_tol(b->data[i], x->data[i], 1e-11);
            ck_assert_double_eq_tol(bt->data[i], x->data[i], 1e-11);
        }
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lu_by_hand_with_a_zero_in_the_corner)
{
    double a[] = {0, 2, 1, -3}, b[] = {5, 2.385}, c[] = {5, 2.385};
    gsl_matrix A = gsl_matrix_view_array(a, 2, 2).matrix;
    gsl_vector x = gsl_vector_view_array(b, 2).vector;
    gsl_vector y = gsl_vector_view_array(c, 2).vector;
    elbo_arena *ws = elbo_arena_alloc(64);
    elbo_lu lu;

    ck_assert_int_eq(elbo_lu_factor(&A, ws, &lu), ELBO_OK);
    ck_assert_double_eq_tol(lu.norm1, 5, 1e-15); /* columns: 1 and 5 */
    /* 2 x1 = 5, x0 - 3 x1 = 2.385 */
    ck_assert_int_eq(elbo_lu_solve(&lu, &x), ELBO_OK);
    ck_assert_double_eq_tol(b[1], 2.5, 1e-15);
    ck_assert_double_eq_tol(b[0], 9.885, 1e-14);
    /* y1 = 5, 2 y0 - 3 y1 = 2.385 */
    ck_assert_int_eq(elbo_lu_solve_transposed(&lu, &y), ELBO_OK);
    ck_assert_double_eq_tol(c[1], 5, 1e-15);
    ck_assert_double_eq_tol(c[0], 8.6925, 1e-14);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lu_names_the_pivot_that_is_zero)
{
    double a[] = {1, 2, 3, 2, 4, 6, 1, 0, 2.385}; /* row 2 = 2 row 1 */
    gsl_matrix A = gsl_matrix_view_array(a, 3, 3).matrix;
    elbo_arena *ws = elbo_arena_alloc(64);
    elbo_lu lu;

    ck_assert_int_eq(elbo_lu_factor(&A, ws, &lu), ELBO_ESINGULAR);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "pivot 2 of 3"));
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lu_refuses_a_matrix_that_is_not_finite)
{
    elbo_arena *ws = elbo_arena_alloc(64);

    for (size_t at = 0; at < 9; at++) {
        double a[] = {1, 0, 0, 0, 2.385, 0, 0, 0, 1};
        gsl_matrix A = gsl_matrix_view_array(a, 3, 3).matrix;
        elbo_lu lu;

        a[at] = at % 2 ? HUGE_VAL : (double)NAN;
        ck_assert_int_eq(elbo_lu_factor(&A, ws, &lu), ELBO_ENOTFINITE);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_solution_that_overflows_is_told)
{
    double a[] = {1, 0, 0, 1e-200}, b[] = {2.385, 1e200};
    gsl_matrix A = gsl_matrix_view_array(a, 2, 2).matrix;
    gsl_vector x = gsl_vector_view_array(b, 2).vector;
    elbo_arena *ws = elbo_arena_alloc(64);
    elbo_lu lu;

    ck_assert_int_eq(elbo_lu_factor(&A, ws, &lu), ELBO_OK);
    ck_assert_int_eq(elbo_lu_solve(&lu, &x), ELBO_ENOTFINITE);
    b[1] = (double)NAN;
    ck_assert_int_eq(elbo_lu_solve_transposed(&lu, &x), ELBO_ENOTFINITE);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(an_empty_system_is_solved)
{
    elbo_arena *ws = elbo_arena_alloc(64);
    gsl_matrix *A = elbo_arena_mat(ws, 0, 0);
    gsl_vector *x = elbo_arena_vec(ws, 0);
    elbo_lu lu;

    ck_assert_int_eq(elbo_chol(A), ELBO_OK);
    ck_assert_int_eq(elbo_lu_factor(A, ws, &lu), ELBO_OK);
    ck_assert_int_eq(elbo_lu_solve(&lu, x), ELBO_OK);
    ck_assert(lu.norm1 == 0);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lu_without_memory_says_so)
{
    enum { M = 100 };
    static double a[M * M];
    gsl_matrix A = gsl_matrix_view_array(a, M, M).matrix;
    elbo_lu lu;
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    for (; s == ELBO_ENOMEM; n++) {
        gsl_matrix_set_identity(&A);
        elbo_alloc_budget(n);

        elbo_arena *ws = elbo_arena_alloc(64);

        s = ws ? elbo_lu_factor(&A, ws, &lu) : ELBO_ENOMEM;
        elbo_alloc_budget(-1);
        elbo_arena_free(ws);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 2);
}
END_TEST

START_TEST(columns_are_solved_one_by_one)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    gsl_matrix A = linalg_window(ws, 6);
    gsl_matrix *F = elbo_arena_mat(ws, 6, 6), *X = elbo_arena_mat(ws, 6, 3);
    gsl_matrix *B = elbo_arena_mat(ws, 6, 3);
    elbo_lu lu;

    linalg_fill(&A, 2385);
    linalg_fill(B, 2386);
    gsl_matrix_memcpy(F, &A);
    gsl_matrix_memcpy(X, B);
    ck_assert_int_eq(elbo_lu_factor(F, ws, &lu), ELBO_OK);
    ck_assert_int_eq(elbo_lu_solve_columns(&lu, X, ws), ELBO_OK);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 3; j++) {
            double sum = 0;

            for (size_t k = 0; k < 6; k++)
                sum += gsl_matrix_get(&A, i, k) * gsl_matrix_get(X, k, j);
            ck_assert_double_eq_tol(sum, gsl_matrix_get(B, i, j), 1e-12);
        }
    elbo_sym_mean(&A);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++)
            ck_assert_double_eq(gsl_matrix_get(&A, i, j),
                                gsl_matrix_get(&A, j, i));
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_linalg_lu(void)
{
    Suite *suite = suite_create("linalg_lu");
    TCase *t = tcase_create("linalg");
    tcase_add_test(t, lu_solves_both_systems);
    tcase_add_test(t, lu_by_hand_with_a_zero_in_the_corner);
    tcase_add_test(t, lu_names_the_pivot_that_is_zero);
    tcase_add_test(t, lu_refuses_a_matrix_that_is_not_finite);
    tcase_add_test(t, a_solution_that_overflows_is_told);
    tcase_add_test(t, an_empty_system_is_solved);
    tcase_add_test(t, lu_without_memory_says_so);
    tcase_add_test(t, columns_are_solved_one_by_one);
    suite_add_tcase(suite, t);
    return suite;
}
