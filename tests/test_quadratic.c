/* tests/test_quadratic.c -- expectations and divergences by their definitions. */
#include "inference/messages/quadratic.h"

#include <check.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

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

/* KL(N(a, S) || N(b, R)) of the definition, by inverses and determinants. */
static double gaussian_kl(const gsl_vector *a, const gsl_matrix *S,
                          const gsl_vector *b, const gsl_matrix *R)
{
    const size_t n = a->size;
    gsl_matrix *Ls = matrix_zero(n, n, arena), *Lr = matrix_zero(n, n, arena);
    double sum = -(double)n;

    gsl_matrix_memcpy(Ls, S);
    gsl_matrix_memcpy(Lr, R);
    ck_assert_int_eq(elbo_chol(Ls), ELBO_OK);
    ck_assert_int_eq(elbo_chol(Lr), ELBO_OK);
    sum += elbo_chol_logdet(Lr) - elbo_chol_logdet(Ls);
    ck_assert_int_eq(elbo_chol_inverse(Lr), ELBO_OK);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            sum += gsl_matrix_get(Lr, i, j)
                   * (gsl_matrix_get(S, i, j)
                      + (gsl_vector_get(a, i) - gsl_vector_get(b, i))
                            * (gsl_vector_get(a, j) - gsl_vector_get(b, j)));
    return sum / 2;
}

static gsl_vector *affine(const gsl_matrix *A, const gsl_vector *x,
                          const gsl_matrix *B, const gsl_vector *u,
                          const gsl_vector *c)
{
    gsl_vector *y = elbo_arena_vec(arena, A->size1);

    for (size_t i = 0; i < A->size1; i++) {
        double sum = gsl_vector_get(c, i);

        for (size_t j = 0; j < A->size2; j++)
            sum += gsl_matrix_get(A, i, j) * gsl_vector_get(x, j);
        for (size_t j = 0; B && j < B->size2; j++)
            sum += gsl_matrix_get(B, i, j) * gsl_vector_get(u, j);
        gsl_vector_set(y, i, sum);
    }
    return y;
}

START_TEST(divergences_equal_their_definitions)
{
    elbo_rng rng = elbo_rng_stream(2389, "divergences", (uint64_t)_i);
    const lqr_shape shape = {.nx = 3, .nu = 2, .T = 2, .noise = 5, .varying = true,
                             .prior = true, .radius = 1};
    const elbo_lqr lqr = lqr_random(&rng, &shape, arena);
    const elbo_linear_dynamics *q = &lqr.dynamics[0], *p = &lqr.dynamics[1];
    const elbo_linear_policy pi = policy_random(&rng, 3, 2, arena);
    const elbo_linear_prior *prior = &lqr.prior[0];
    elbo_quadratic klz = elbo_quadratic_take(arena, 5);
    elbo_quadratic klx = elbo_quadratic_take(arena, 3);
    gsl_vector *z = vector_random(&rng, 5, 2, arena);
    const gsl_vector_view x = gsl_vector_subvector(z, 0, 3);
    const gsl_vector_view u = gsl_vector_subvector(z, 3, 2);
    gsl_matrix *S0 = matrix_zero(2, 2, arena);

    ck_assert_int_eq(elbo_linear_dynamics_kl(q, p, &klz, arena), ELBO_OK);
    ck_assert_double_eq_tol(
        elbo_quadratic_at(&klz, z),
        gaussian_kl(affine(q->A, &x.vector, q->B, &u.vector, q->c), q->W,
                    affine(p->A, &x.vector, p->B, &u.vector, p->c), p->W),
        1e-10 * (1 + fabs(elbo_quadratic_at(&klz, z))));
    gsl_matrix_memcpy(S0, prior->precision);
    ck_assert_int_eq(elbo_chol(S0), ELBO_OK);
    ck_assert_int_eq(elbo_chol_inverse(S0), ELBO_OK);
    ck_assert_int_eq(elbo_linear_policy_kl(&pi, prior, &klx, arena), ELBO_OK);
    ck_assert_double_eq_tol(
        elbo_quadratic_at(&klx, &x.vector),
        gaussian_kl(affine(pi.K, &x.vector, NULL, NULL, pi.k), pi.S,
                    affine(prior->K, &x.vector, NULL, NULL, prior->k), S0),
        1e-11);

    /* Against a prior that is flat in one direction: minus an entropy there. The
     * second action alone has precision 3. */
    const double precision[] = {0, 0, 0, 3};
    const elbo_linear_prior half = {.precision = matrix_of(2, 2, precision, arena)};
    gsl_vector *mean = affine(pi.K, &x.vector, NULL, NULL, pi.k);
    gsl_matrix *L = matrix_zero(2, 2, arena);

    gsl_matrix_memcpy(L, pi.S);
    ck_assert_int_eq(elbo_chol(L), ELBO_OK);
    ck_assert_int_eq(elbo_linear_policy_kl(&pi, &half, &klx, arena), ELBO_OK);
    ck_assert_double_eq_tol(
        elbo_quadratic_at(&klx, &x.vector),
        -0.5 * (2 * (1 + log(2 * M_PI)) + elbo_chol_logdet(L))
            + 0.5 * log(2 * M_PI / 3)
            + 1.5 * (gsl_matrix_get(pi.S, 1, 1) + gsl_pow_2(gsl_vector_get(mean, 1))),
        1e-12);
}
END_TEST

START_TEST(divergences_that_are_infinite_are_refused)
{
    elbo_rng rng = elbo_rng_stream(2390, "infinite", 0);
    const lqr_shape shape = {.nx = 2, .nu = 1, .T = 1, .noise = 2, .radius = 1};
    const elbo_lqr lqr = lqr_random(&rng, &shape, arena);
    const double line[] = {4, 2, 2, 1}, other[] = {0.1, 0, 0, 0};
    elbo_linear_dynamics p = lqr.dynamics[0], q = p;
    elbo_quadratic kl = elbo_quadratic_take(arena, 3);
    gsl_matrix *A = matrix_zero(2, 2, arena);

    /* Noise along (2, 1). */
    p.W = q.W = matrix_of(2, 2, line, arena);
    ck_assert_int_eq(elbo_linear_dynamics_kl(&q, &p, &kl, arena), ELBO_OK);
    ck_assert_double_eq_tol(kl.c, 0, 1e-15);

    /* A mean that moves along the line, and one that leaves it. */
    gsl_matrix_memcpy(A, p.A);
    *gsl_matrix_ptr(A, 0, 0) += 0.2;
    *gsl_matrix_ptr(A, 1, 0) += 0.1;
    q.A = A;
    ck_assert_int_eq(elbo_linear_dynamics_kl(&q, &p, &kl, arena), ELBO_OK);
    ck_assert_double_eq_tol(-gsl_matrix_get(kl.P, 0, 0), 0.01, 1e-15);
    *gsl_matrix_ptr(A, 1, 0) += 1e-6;
    ck_assert_int_eq(elbo_linear_dynamics_kl(&q, &p, &kl, arena), ELBO_ENOTPD);
    q.A = p.A;
    q.W = matrix_of(2, 2, other, arena);
    ck_assert_int_eq(elbo_linear_dynamics_kl(&q, &p, &kl, arena), ELBO_ENOTPD);
    q.W = matrix_zero(2, 2, arena);
    ck_assert_int_eq(elbo_linear_dynamics_kl(&q, &p, &kl, arena), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "infinite"));

    elbo_linear_policy pi = policy_random(&rng, 2, 1, arena);
    const elbo_linear_prior flat = {0};
    elbo_quadratic klx = elbo_quadratic_take(arena, 2);

    gsl_matrix_set_zero(pi.S);
    ck_assert_int_eq(elbo_linear_policy_kl(&pi, &flat, &klx, arena), ELBO_ENOTPD);
}
END_TEST

Suite *suite_quadratic(void)
{
    Suite *s = suite_create("quadratic");
    TCase *t = tcase_create("quadratic");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, divergences_equal_their_definitions, 0, 10);
    tcase_add_test(t, divergences_that_are_infinite_are_refused);
    suite_add_tcase(s, t);
    return s;
}
