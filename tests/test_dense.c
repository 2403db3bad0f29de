/* tests/test_dense.c -- small matrices against sums written out, at every size
 * around the padding and the step to BLAS.
 */
#include "inference/messages/dense.h"

#include <math.h>

#include "inference/core/rng.h"
#include "tests/suites.h"

enum { LARGEST = 26 };

static gsl_matrix *draw(elbo_arena *ws, size_t rows, size_t cols, elbo_rng *rng)
{
    gsl_matrix *A = elbo_dense_mat(ws, rows, cols);

    for (size_t i = 0; i < rows; i++)
        elbo_rng_normals(rng, A->data + i * A->tda, cols);
    for (size_t i = 0; i < rows; i++) /* a pair may reach into the padding */
        for (size_t j = cols; j < A->tda; j++) A->data[i * A->tda + j] = 0;
    return A;
}

/* Element (i, j) of A B, or of A' B. */
static double product(const gsl_matrix *A, bool transposed, const gsl_matrix *B,
                      size_t i, size_t j)
{
    double sum = 0;

    for (size_t k = 0; k < B->size1; k++)
        sum += (transposed ? gsl_matrix_get(A, k, i) : gsl_matrix_get(A, i, k))
               * gsl_matrix_get(B, k, j);
    return sum;
}

static void padding_is_zero(const gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = A->size2; j < A->tda; j++)
            ck_assert(A->data[i * A->tda + j] == 0);
}

/* C before, and what each operation makes of it. */
static void check_product(const gsl_matrix *A, bool transposed,
                          const gsl_matrix *B, elbo_arena *ws, elbo_rng *rng)
{
    static const double keep[] = {0, 1, 1}, sign[] = {1, 1, -1};
    const size_t rows = transposed ? A->size2 : A->size1;

    for (int how = ELBO_DENSE_SET; how <= ELBO_DENSE_SUB; how++) {
        gsl_matrix *C = draw(ws, rows, B->size2, rng);
        gsl_matrix *before = elbo_dense_mat(ws, rows, B->size2);

        elbo_dense_copy(before, C);
        (transposed ? elbo_dense_tn : elbo_dense_nn)((elbo_dense_how)how, A, B,
                                                     C);
        padding_is_zero(C);
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < B->size2; j++)
                ck_assert_double_eq_tol(
                    gsl_matrix_get(C, i, j),
                    keep[how] * gsl_matrix_get(before, i, j)
                        + sign[how] * product(A, transposed, B, i, j),
                    1e-13 * (double)(1 + B->size1));
    }
}

START_TEST(products_are_the_sums_written_out)
{
    const size_t n = (size_t)_i;
    elbo_arena *ws = elbo_arena_alloc(1 << 20);
    elbo_rng rng = elbo_rng_stream(1, "dense", n);
    static const size_t others[] = {1, 3, 4, 5, 13, 17, 25, 40};

    for (size_t a = 0; a < 8; a++)
        for (size_t b = 0; b < 8; b++) {
            const size_t m = others[a], p = others[b];
            const elbo_mark mark = elbo_arena_mark(ws);

            check_product(draw(ws, n, m, &rng), false, draw(ws, m, p, &rng), ws,
                          &rng);
            check_product(draw(ws, m, n, &rng), true, draw(ws, m, p, &rng), ws,
                          &rng);
            elbo_arena_release(ws, mark);
        }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(squares_are_symmetric_to_the_bit)
{
    const size_t n = (size_t)_i;
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(2, "dense", n);
    const gsl_matrix *A = draw(ws, 7, n, &rng);
    gsl_matrix *C = elbo_dense_mat(ws, n, n);

    for (size_t round = 1; round <= 3; round++) {
        static const elbo_dense_how how[] = {ELBO_DENSE_SET, ELBO_DENSE_ADD,
                                             ELBO_DENSE_SUB};
        static const double times[] = {1, 2, 1};

        elbo_dense_square(how[round - 1], A, C);
        padding_is_zero(C);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) {
                ck_assert(gsl_matrix_get(C, i, j) == gsl_matrix_get(C, j, i));
                ck_assert_double_eq_tol(
                    gsl_matrix_get(C, i, j),
                    times[round - 1] * product(A, true, A, i, j), 1e-12);
            }
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(factors_multiply_back_and_solve)
{
    const size_t n = (size_t)_i;
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(3, "dense", n);
    const gsl_matrix *A = draw(ws, n + 3, n, &rng), *B = draw(ws, n, 9, &rng);
    gsl_matrix *S = elbo_dense_mat(ws, n, n), *U = elbo_dense_mat(ws, n, n);
    gsl_matrix *X = elbo_dense_mat(ws, n, 9);
    double logdet = 0;

    elbo_dense_square(ELBO_DENSE_SET, A, S);
    elbo_dense_copy(U, S);
    ck_assert(elbo_dense_chol(U, 1e-14));
    for (size_t i = 0; i < n; i++) {
        logdet += log(gsl_matrix_get(U, i, i));
        for (size_t j = 0; j < n; j++) {
            if (j < i) ck_assert(gsl_matrix_get(U, i, j) == 0);
            ck_assert_double_eq_tol(product(U, true, U, i, j),
                                    gsl_matrix_get(S, i, j),
                                    1e-13 * (double)(n + 3));
        }
    }
    ck_assert_double_eq_tol(elbo_dense_logdiag(U), logdet, 1e-12);
    elbo_dense_copy(X, B);
    elbo_dense_solve_transposed(U, X);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 9; j++)
            ck_assert_double_eq_tol(product(U, true, X, i, j),
                                    gsl_matrix_get(B, i, j), 1e-10);
    elbo_dense_copy(X, B);
    elbo_dense_solve(U, X);
    padding_is_zero(X);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 9; j++)
            ck_assert_double_eq_tol(product(U, false, X, i, j),
                                    gsl_matrix_get(B, i, j), 1e-10);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(lost_pivots_and_what_is_not_finite_are_refused)
{
    static const size_t sizes[] = {2, 7, 21};
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(4, "dense", 0);

    for (size_t k = 0; k < 3; k++) {
        const size_t n = sizes[k];
        gsl_matrix *A = draw(ws, 2 * n, n, &rng), *S = elbo_dense_mat(ws, n, n);

        /* the last column is another's copy, but for 1e-5 */
        for (size_t i = 0; i < 2 * n; i++)
            gsl_matrix_set(A, i, n - 1,
                           gsl_matrix_get(A, i, 0) + (i == 3 ? 1e-5 : 0));
        elbo_dense_square(ELBO_DENSE_SET, A, S);
        ck_assert(elbo_dense_chol(S, 1e-14));
        elbo_dense_square(ELBO_DENSE_SET, A, S);
        ck_assert(!elbo_dense_chol(S, 1e-8));
        elbo_dense_square(ELBO_DENSE_SET, A, S);
        gsl_matrix_set(S, n - 1, n - 1, -1);
        ck_assert(!elbo_dense_chol(S, 0));
        elbo_dense_square(ELBO_DENSE_SET, A, S);
        gsl_matrix_set(S, n - 1, n - 1, (double)NAN);
        ck_assert(!elbo_dense_chol(S, 0));
        elbo_dense_square(ELBO_DENSE_SET, A, S);
        gsl_matrix_set(S, 0, n - 1, HUGE_VAL);
        gsl_matrix_set(S, n - 1, 0, HUGE_VAL);
        ck_assert(!elbo_dense_chol(S, 0));
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(rows_and_transposes_are_those_of_the_matrix)
{
    const size_t n = (size_t)_i;
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(5, "dense", n);
    const gsl_matrix *A = draw(ws, 6, n, &rng), *x = draw(ws, 1, 6, &rng);
    gsl_matrix *y = draw(ws, 1, n, &rng), *At = elbo_dense_mat(ws, n, 6);
    gsl_matrix *before = elbo_dense_mat(ws, 1, n), *B = draw(ws, n, n, &rng);
    gsl_matrix *C = elbo_dense_mat(ws, n, n);

    elbo_dense_copy(before, y);
    elbo_dense_row(-1, x->data, A, y->data);
    elbo_dense_copy_transposed(At, A);
    elbo_dense_copy(C, B);
    elbo_dense_symmetrise(C);
    padding_is_zero(y);
    padding_is_zero(At);
    for (size_t j = 0; j < n; j++) {
        ck_assert_double_eq_tol(
            gsl_matrix_get(y, 0, j),
            gsl_matrix_get(before, 0, j) - product(x, false, A, 0, j), 1e-13);
        for (size_t i = 0; i < 6; i++)
            ck_assert(gsl_matrix_get(At, j, i) == gsl_matrix_get(A, i, j));
        for (size_t i = 0; i < n; i++)
            ck_assert_double_eq_tol(
                gsl_matrix_get(C, i, j),
                0.5 * (gsl_matrix_get(B, i, j) + gsl_matrix_get(B, j, i)),
                1e-15 * 8);
    }
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_dense(void)
{
    Suite *s = suite_create("dense");
    TCase *t = tcase_create("dense");

    tcase_set_timeout(t, 30);
    tcase_add_loop_test(t, products_are_the_sums_written_out, 1, LARGEST);
    tcase_add_loop_test(t, squares_are_symmetric_to_the_bit, 1, LARGEST);
    tcase_add_loop_test(t, factors_multiply_back_and_solve, 1, LARGEST);
    tcase_add_test(t, lost_pivots_and_what_is_not_finite_are_refused);
    tcase_add_loop_test(t, rows_and_transposes_are_those_of_the_matrix, 1,
                        LARGEST);
    suite_add_tcase(s, t);
    return s;
}
