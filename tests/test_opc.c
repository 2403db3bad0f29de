/* tests/test_opc.c -- on-policy corrections, on the published linear toy. */
#include "inference/messages/opc.h"

#include <check.h>
#include <math.h>

#include "inference/messages/lqr_gradient.h"
#include "tests/lqr_cases.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    ck_assert_int_eq(elbo_linalg_start(), ELBO_OK);
    arena = elbo_arena_alloc(1 << 18);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* s' = s + a, a = theta s, s_0 = 1, J = -sum_{t < 10} s_t^2, theta = -1/2. */
enum { TOY_T = 10 };

static elbo_linear_dynamics toy_model(double dA, double dB)
{
    const double A = 1 + dA, B = 1 + dB, none = 0;

    return (elbo_linear_dynamics){.A = matrix_of(1, 1, &A, arena),
                                  .B = matrix_of(1, 1, &B, arena),
                                  .c = vector_of(1, &none, arena),
                                  .W = matrix_of(1, 1, &none, arena)};
}

typedef struct answer {
    double J, slope; /* in theta */
} answer;

static answer return_of(const elbo_linear_dynamics p[], size_t np)
{
    const double theta = -0.5, none[] = {0, 0, 0, 0}, one = 1;
    const double cost[] = {2, 0, 0, 0};
    const elbo_linear_policy pi = {.K = matrix_of(1, 1, &theta, arena),
                                   .k = vector_of(1, none, arena),
                                   .S = matrix_of(1, 1, none, arena)};
    const elbo_linear_chain chain = {.nx = 1, .nu = 1, .T = TOY_T, .dynamics = p,
                                     .ndynamics = np, .policy = &pi, .npolicy = 1,
                                     .gamma = 1};
    const elbo_quadratic r = quadratic_of(2, cost, none, 0, arena);
    const gsl_vector *x0 = vector_of(1, &one, arena);
    elbo_quadratic V[TOY_T];
    elbo_linear_policy slope[TOY_T];
    answer out = {0};

    for (size_t t = 0; t < TOY_T; t++) {
        V[t] = elbo_quadratic_take(arena, 1);
        slope[t] = elbo_linear_policy_take(arena, 1, 1);
    }
    ck_assert_int_eq(elbo_linear_evaluate(&chain, &r, 1, NULL, V, arena), ELBO_OK);
    ck_assert_int_eq(elbo_linear_return_gradient(&chain, &r, 1, NULL, x0, NULL,
                                                 slope, NULL, arena),
                     ELBO_OK);
    out.J = elbo_quadratic_at(&V[0], x0);
    for (size_t t = 0; t < TOY_T; t++) out.slope += gsl_matrix_get(slope[t].K, 0, 0);
    return out;
}

/* The reference: the real system under theta. */
static void reference(gsl_matrix *X, gsl_matrix *U)
{
    gsl_matrix_set(X, 0, 0, 1);
    for (size_t t = 0; t < TOY_T; t++) {
        const double s = gsl_matrix_get(X, t, 0);

        gsl_matrix_set(U, t, 0, -0.5 * s);
        gsl_matrix_set(X, t + 1, 0, 0.5 * s);
    }
}

static void answers(double dA, double dB, answer *model, answer *opc)
{
    const elbo_linear_dynamics p = toy_model(dA, dB);
    elbo_linear_dynamics corrected[TOY_T];
    gsl_matrix *X = matrix_zero(TOY_T + 1, 1, arena);
    gsl_matrix *U = matrix_zero(TOY_T, 1, arena);

    reference(X, U);
    ck_assert_int_eq(elbo_opc_correct(&p, 1, X, U, corrected, arena), ELBO_OK);
    *model = return_of(&p, 1);
    *opc = return_of(corrected, TOY_T);
}

START_TEST(toy_has_the_published_returns_and_slopes)
{
    static const double rows[][5] = {
        /* dA, dB, the model's J, its slope, the corrected slope */
        {-0.6, 0, -1.01010101, 0.20406081, -1.26983703},
        {0.3, 0.3, -1.73128789, -5.05389907, -2.56758567},
        {-0.4, 0.5, -1.02301790, 0.47095453, -1.86045925},
    };
    const elbo_linear_dynamics real = toy_model(0, 0);
    const answer truth = return_of(&real, 1);

    ck_assert_double_eq_tol(truth.J, -1.3333320618, 5e-11);
    ck_assert_double_eq_tol(truth.slope, -1.77772522, 5e-9);
    for (size_t i = 0; i < 3; i++) {
        answer model, opc;

        answers(rows[i][0], rows[i][1], &model, &opc);
        ck_assert_double_eq_tol(model.J, rows[i][2], 5e-9);
        ck_assert_double_eq_tol(model.slope, rows[i][3], 5e-9);
        ck_assert_double_eq_tol(opc.J, truth.J, 1e-15);
        ck_assert_double_eq_tol(opc.slope, rows[i][4], 5e-9);
    }
}
END_TEST

START_TEST(sign_of_the_policy_gradient_is_wrong_without_correction_only)
{
    const elbo_linear_dynamics real = toy_model(0, 0);
    const answer truth = return_of(&real, 1);
    size_t wrong = 0, wrong_opc = 0;

    for (int i = 0; i < 41; i++)
        for (int j = 0; j < 41; j++) {
            const elbo_mark mark = elbo_arena_mark(arena);
            answer model, opc;

            answers(0.05 * i - 1, 0.05 * j - 1, &model, &opc);
            /* 21 models bring the state to 0 at once and 41 have no B: slope 0, but
             * for rounding. */
            wrong += model.slope > 1e-12;
            wrong_opc += opc.slope > 1e-12;
            /* Models that double the state each step cost 2^20 of 2^52. */
            ck_assert_double_eq_tol(opc.J, truth.J, 1e-9);
            elbo_arena_release(arena, mark);
        }
    ck_assert_uint_eq(wrong, 420);
    ck_assert_uint_eq(wrong_opc, 0);
}
END_TEST

/* Any model, any actions, several states: the reference is repeated. */
START_TEST(reference_is_repeated_by_any_model)
{
    elbo_rng rng = elbo_rng_stream(2385, "reference", 0);
    const lqr_shape shape = {.nx = 3, .nu = 2, .T = 9, .noise = 2, .varying = true,
                             .radius = 2};
    const elbo_lqr lqr = lqr_random(&rng, &shape, arena);
    const gsl_matrix *X = matrix_random(&rng, 10, 3, 1, arena);
    const gsl_matrix *U = matrix_random(&rng, 9, 2, 1, arena);
    elbo_linear_dynamics corrected[9];

    ck_assert_int_eq(elbo_opc_correct(lqr.dynamics, 9, X, U, corrected, arena),
                     ELBO_OK);
    for (size_t t = 0; t < 9; t++) {
        ck_assert_ptr_eq(corrected[t].A, lqr.dynamics[t].A);
        for (size_t i = 0; i < 3; i++) {
            double y = gsl_vector_get(corrected[t].c, i);

            for (size_t j = 0; j < 3; j++)
                y += gsl_matrix_get(corrected[t].A, i, j) * gsl_matrix_get(X, t, j);
            for (size_t j = 0; j < 2; j++)
                y += gsl_matrix_get(corrected[t].B, i, j) * gsl_matrix_get(U, t, j);
            ck_assert_double_eq_tol(y, gsl_matrix_get(X, t + 1, i), 1e-14);
        }
    }
}
END_TEST

Suite *suite_opc(void)
{
    Suite *s = suite_create("opc");
    TCase *t = tcase_create("opc");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, toy_has_the_published_returns_and_slopes);
    tcase_add_test(t, sign_of_the_policy_gradient_is_wrong_without_correction_only);
    tcase_add_test(t, reference_is_repeated_by_any_model);
    suite_add_tcase(s, t);
    return s;
}
