/* tests/test_least_squares.c -- maximum likelihood from moments, and floors. */
#include <math.h>

#include "tests/mniw_cases.h"

START_TEST(maximum_likelihood_solves_the_normal_equations_and_floors)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const mniw_sample x = mniw_degenerate(_i ? 3 : 50, ws);
    gsl_matrix *M = elbo_arena_mat(ws, 2, 6), *W = elbo_arena_mat(ws, 2, 2);
    gsl_vector *values = elbo_arena_vec(ws, 2);
    elbo_mniw_ml_info info;

    mniw_ok(elbo_mniw_ml(&x.S, 1e-6, M, W, &info, ws));
    ck_assert_uint_eq(info.rank, 3);
    ck_assert_uint_eq(info.floored, _i ? 2 : 1);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 6; j++) {
            double sum = -gsl_matrix_get(x.S.Syz, i, j);

            for (size_t k = 0; k < 6; k++)
                sum += gsl_matrix_get(M, i, k) * gsl_matrix_get(x.S.Szz, k, j);
            ck_assert_double_eq_tol(sum, 0, 1e-7);
        }
        ck_assert(gsl_matrix_get(M, i, 4) == 0);
        /* least norm: a copy gets its share, in scaled channels */
        ck_assert_double_eq_tol(gsl_matrix_get(M, i, 0),
                                -2.5 * gsl_matrix_get(M, i, 3), 1e-8);
    }
    mniw_ok(elbo_eig_sym(W, values, ws));
    ck_assert_double_eq_tol(gsl_vector_get(values, 0), 1e-6, 1e-12);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(maximum_likelihood_has_no_better_neighbour)
{
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    const mniw_sample x = mniw_rows(30, 2, 3, 71, ws);
    gsl_matrix *M = elbo_arena_mat(ws, 2, 3), *W = elbo_arena_mat(ws, 2, 2);
    gsl_matrix *P = elbo_arena_mat(ws, 2, 2);
    elbo_mniw_ml_info info;

    mniw_ok(elbo_mniw_ml(&x.S, 1e-9, M, W, &info, ws));
    ck_assert(info.rank == 3 && info.floored == 0);
    lu_inverse(W, P);

    const double best = mniw_log_likelihood(&x, M, W, P);
    elbo_rng rng = elbo_rng_stream(71, "neighbours", 0);

    for (size_t k = 0; k < 40; k++) {
        gsl_matrix *A = elbo_arena_mat(ws, 2, 3), *B = elbo_arena_mat(ws, 2, 2);

        mniw_fill(A, &rng);
        mniw_fill(B, &rng);
        gsl_matrix_scale(A, 1e-3);
        gsl_matrix_scale(B, 1e-3);
        elbo_sym_from_lower(B);
        gsl_matrix_add(A, M);
        gsl_matrix_add(B, W);
        lu_inverse(B, P);
        ck_assert(mniw_log_likelihood(&x, A, B, P) < best);
    }
    elbo_arena_free(ws);
}
END_TEST

/* No W >= floor diag(scale) near the floored one has a larger likelihood
 * -log|W| - tr W^-1 S, and the floored one is in the set. */
START_TEST(floored_covariance_is_the_best_above_the_floor)
{
    static const double scale[] = {1e-6, 1, 1e4}, floor = 0.5;
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(73, "floor", 0);
    gsl_matrix *S = elbo_arena_mat(ws, 3, 3), *W = elbo_arena_mat(ws, 3, 3);
    gsl_matrix *P = elbo_arena_mat(ws, 3, 3), *T = elbo_arena_mat(ws, 3, 3);
    gsl_matrix *G = elbo_arena_mat(ws, 3, 2);
    size_t floored, tried = 0;

    mniw_fill(G, &rng); /* rank 2: at least one eigenvalue is below */
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 3; j++)
            gsl_matrix_set(
                S, i, j,
                sqrt(scale[i] * scale[j])
                    * (gsl_matrix_get(G, i, 0) * gsl_matrix_get(G, j, 0)
                       + gsl_matrix_get(G, i, 1) * gsl_matrix_get(G, j, 1)));
    gsl_matrix_memcpy(W, S);
    mniw_ok(elbo_floor_covariance(W, scale, floor, &floored, ws));
    ck_assert(floored >= 1 && floored < 3);
    for (size_t trial = 0; trial < 400; trial++) {
        gsl_vector *values = elbo_arena_vec(ws, 3);
        double best = -lu_inverse(W, P), other;

        for (size_t i = 0; i < 9; i++)
            best -= P->data[i / 3 * P->tda + i % 3]
                    * S->data[i % 3 * S->tda + i / 3];
        mniw_fill(T, &rng);
        for (size_t i = 0; i < 3; i++)
            for (size_t j = 0; j < 3; j++) /* scaled: W_ij + 1e-2 of a normal */
                gsl_matrix_set(T, i, j,
                               gsl_matrix_get(W, i, j)
                                       / sqrt(scale[i] * scale[j])
                                   + 1e-2
                                         * gsl_matrix_get(T, i > j ? i : j,
                                                          i > j ? j : i));
        elbo_sym_from_lower(T);
        gsl_matrix_memcpy(P, T);
        mniw_ok(elbo_eig_sym(P, values, ws));
        if (gsl_vector_get(values, 0) < floor) continue;
        tried++;
        for (size_t i = 0; i < 9; i++)
            T->data[i / 3 * T->tda + i % 3] *=
                sqrt(scale[i / 3] * scale[i % 3]);
        other = -lu_inverse(T, P);
        for (size_t i = 0; i < 9; i++)
            other -= P->data[i / 3 * P->tda + i % 3]
                     * S->data[i % 3 * S->tda + i / 3];
        ck_assert(other < best);
    }
    ck_assert_uint_gt(tried, 50);

    /* nothing below the floor: nothing changes */
    gsl_matrix_memcpy(S, W);
    mniw_ok(elbo_floor_covariance(W, scale, 0.9 * floor, &floored, ws));
    ck_assert_uint_eq(floored, 0);
    mniw_same(W, S, 0);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_least_squares(void)
{
    Suite *s = suite_create("least_squares");
    TCase *t = tcase_create("least_squares");

    tcase_add_loop_test(
        t, maximum_likelihood_solves_the_normal_equations_and_floors, 0, 2);
    tcase_add_test(t, maximum_likelihood_has_no_better_neighbour);
    tcase_add_test(t, floored_covariance_is_the_best_above_the_floor);
    suite_add_tcase(s, t);
    return s;
}
