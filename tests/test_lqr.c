/* tests/test_lqr.c -- regulators against what is published, conditioning and
 * Riccati. */
#include "inference/messages/lqr.h"

#include <check.h>
#include <math.h>

#include "tests/lqr_cases.h"
#include "tests/suites.h"

/* The regulator of Watson, Abdulsamad and Peters 2019 (sec. 3.1, lqr_compare.py):
 * cost x'Q x + u'R u about x_g, without 1/2. */
static elbo_lqr watson(void)
{
    static const double A[] = {1.1, 0, 0.1, 1.1}, B[] = {0.1, 0};
    /* a = x_g - A x_g */
    static const double a[] = {-1, -2}, Q[] = {20, 0, 0, 0, 20, 0, 0, 0, 2};
    static const double Qx[] = {20, 0, 0, 20}, slope[] = {200, 200, 0};
    elbo_linear_dynamics *p = elbo_arena_take(lqr_arena, 1, sizeof *p);
    elbo_quadratic *f = elbo_arena_take(lqr_arena, 2, sizeof *f);
    elbo_lqr lqr = elbo_lqr_defaults;

    ck_assert(elbo_arena_ok(lqr_arena));
    *p = (elbo_linear_dynamics){.A = matrix_of(2, 2, A, lqr_arena),
                                .B = matrix_of(2, 1, B, lqr_arena),
                                .W = matrix_zero(2, 2, lqr_arena),
                                .c = vector_of(2, a, lqr_arena)};
    f[0] = quadratic_of(3, Q, slope, -2000, lqr_arena);
    f[1] = quadratic_of(2, Qx, slope, -2000, lqr_arena);
    lqr.nx = 2;
    lqr.nu = 1;
    lqr.T = 60;
    lqr.dynamics = p;
    lqr.reward = &f[0];
    lqr.terminal = &f[1];
    lqr.ndynamics = lqr.nreward = 1;
    return lqr;
}

START_TEST(published_regulator_comes_out_to_all_its_digits)
{
    const elbo_lqr lqr = watson();
    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    const elbo_lqr_stage *first = &s.stages[0], *last = &s.stages[59];
    const double start[] = {5, 5};
    const gsl_vector *x0 = vector_of(2, start, lqr_arena);

    ck_assert_double_eq_tol(gsl_matrix_get(first->pi.K, 0, 0), -5.8777869752,
                            5e-11);
    ck_assert_double_eq_tol(gsl_matrix_get(first->pi.K, 0, 1), -8.2253625131,
                            5e-11);
    ck_assert_double_eq_tol(gsl_vector_get(first->pi.k, 0), 141.0314948832, 5e-11);
    /* Their P is of x'P x: half of ours. */
    ck_assert_double_eq_tol(gsl_matrix_get(first->V.P, 0, 0) / 2, 87.3943945073,
                            5e-11);
    ck_assert_double_eq_tol(gsl_matrix_get(first->V.P, 0, 1) / 2, 140.1261155788,
                            5e-11);
    ck_assert_double_eq_tol(gsl_matrix_get(first->V.P, 1, 1) / 2, 556.1184072812,
                            1e-10);
    ck_assert_double_eq_tol(gsl_matrix_get(last->pi.K, 0, 0), -1, 1e-13);
    ck_assert_double_eq_tol(gsl_matrix_get(last->pi.K, 0, 1), 0, 1e-13);
    ck_assert_double_eq_tol(gsl_vector_get(last->pi.k, 0), 10, 1e-12);
    ck_assert_double_eq_tol(-elbo_quadratic_at(&first->V, x0), 23094.12582364921,
                            1e-9);
    ck_assert_double_eq_tol(gsl_matrix_get(s.stages[30].pi.K, 0, 0), -5.8665482698,
                            5e-11);

    /* The trajectory. */
    double x[] = {5, 5};

    for (size_t t = 0; t < 60; t++) {
        const elbo_linear_policy *pi = &s.stages[t].pi;
        const double u = gsl_matrix_get(pi->K, 0, 0) * x[0]
                         + gsl_matrix_get(pi->K, 0, 1) * x[1]
                         + gsl_vector_get(pi->k, 0);
        const double next = 1.1 * x[0] + 0.1 * u - 1;

        if (t == 0) ck_assert_double_eq_tol(u, 70.5157474415931, 1e-11);
        x[1] = 0.1 * x[0] + 1.1 * x[1] - 2;
        x[0] = next;
    }
    ck_assert_double_eq_tol(x[0], 10.0098932541, 1e-9);
    ck_assert_double_eq_tol(x[1], 9.9773435756, 1e-9);
}
END_TEST

/* The joint Gaussian of a whole trajectory, conditioned on optimality, by dense
 * algebra: the posterior policy of u_t given x_t, and the log evidence. */
enum { DENSE_T = 5, DENSE_NX = 2, DENSE_NZ = 3, DENSE = DENSE_T * DENSE_NZ + 2 };

/* Precision of (z_0, ..., z_{T-1}, x_T) given x_0's block: the sum of quadratic
 * forms of every factor. Index of z_t's part i: 3 t + i. */
static void add_form(gsl_matrix *J, gsl_vector *h, const size_t index[], size_t n,
                     const gsl_matrix *P, const gsl_vector *p)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            *gsl_matrix_ptr(J, index[i], index[j]) += gsl_matrix_get(P, i, j);
        *gsl_vector_ptr(h, index[i]) += gsl_vector_get(p, i);
    }
}

/* log N(y; F z + c, W) of stage t as a form in (z_t, x_{t+1}). */
static void add_dynamics(const elbo_linear_dynamics *p, size_t t, gsl_matrix *J,
                         gsl_vector *h)
{
    const size_t index[] = {3 * t, 3 * t + 1, 3 * t + 2, 3 * t + 3, 3 * t + 4};
    gsl_matrix *D = matrix_zero(2, 5, lqr_arena), *L = matrix_zero(2, 2, lqr_arena);

    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 2; j++)
            gsl_matrix_set(D, i, j, -gsl_matrix_get(p->A, i, j));
        gsl_matrix_set(D, i, 2, -gsl_matrix_get(p->B, i, 0));
        gsl_matrix_set(D, i, 3 + i, 1);
    }
    gsl_matrix_memcpy(L, p->W);
    ck_assert_int_eq(elbo_chol(L), ELBO_OK);
    ck_assert_int_eq(elbo_chol_inverse(L), ELBO_OK);

    const gsl_matrix *DL = times(transposed(D, lqr_arena), L, lqr_arena);
    const gsl_matrix *form = times(DL, D, lqr_arena);
    gsl_matrix *c = matrix_zero(2, 1, lqr_arena);

    gsl_matrix_set_col(c, 0, p->c);

    const gsl_matrix *slope = times(DL, c, lqr_arena);
    const gsl_vector_const_view column = gsl_matrix_const_column(slope, 0);

    add_form(J, h, index, 5, form, &column.vector);
}

/* alpha = beta = 1.7, prior N(0, 1/precision): the exact posterior of trajectories
 * has pi and q of the backup, as i2c's smoother computes them. */
START_TEST(equal_temperatures_are_exact_conditioning)
{
    const double alpha = 1.7;
    elbo_rng rng = elbo_rng_stream(2387, "conditioning", (uint64_t)_i);
    const lqr_shape shape = {.nx = 2, .nu = 1, .T = DENSE_T, .noise = 2,
                             .varying = true, .prior = true, .radius = 1.5};
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);

    lqr.alpha = lqr.beta = alpha;

    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);
    gsl_matrix *J = matrix_zero(DENSE, DENSE, lqr_arena);
    gsl_matrix *row = matrix_zero(1, 3, lqr_arena);
    gsl_vector *h = elbo_arena_vec(lqr_arena, DENSE);

    gsl_vector_set_zero(h);
    for (size_t t = 0; t < DENSE_T; t++) {
        const size_t index[] = {3 * t, 3 * t + 1, 3 * t + 2};
        const elbo_linear_prior *prior = &lqr.prior[t];
        gsl_matrix *P = matrix_zero(3, 3, lqr_arena);
        gsl_vector *p = elbo_arena_vec(lqr_arena, 3);
        const double precision = gsl_matrix_get(prior->precision, 0, 0);

        gsl_matrix_memcpy(P, lqr.reward[t].P);
        gsl_vector_memcpy(p, lqr.reward[t].p);
        gsl_matrix_scale(P, 1 / alpha);
        gsl_vector_scale(p, 1 / alpha);
        for (size_t i = 0; i < 2; i++)
            gsl_matrix_set(row, 0, i, -gsl_matrix_get(prior->K, 0, i));
        gsl_matrix_set(row, 0, 2, 1);
        add_form(J, h, index, 3, P, p);
        for (size_t i = 0; i < 3; i++) {
            const double a = precision * gsl_matrix_get(row, 0, i);

            for (size_t j = 0; j < 3; j++)
                gsl_matrix_set(P, i, j, a * gsl_matrix_get(row, 0, j));
            gsl_vector_set(p, i, a * gsl_vector_get(prior->k, 0));
        }
        add_form(J, h, index, 3, P, p);
        add_dynamics(&lqr.dynamics[t], t, J, h);
    }

    const size_t end[] = {DENSE - 2, DENSE - 1};
    gsl_matrix *P = matrix_zero(2, 2, lqr_arena);
    gsl_vector *p = elbo_arena_vec(lqr_arena, 2);

    gsl_matrix_memcpy(P, lqr.terminal->P);
    gsl_vector_memcpy(p, lqr.terminal->p);
    gsl_matrix_scale(P, 1 / alpha);
    gsl_vector_scale(p, 1 / alpha);
    add_form(J, h, end, 2, P, p);

    /* Condition on x_t: of what lies after it, eliminate all but u_t. */
    for (size_t t = 0; t < DENSE_T; t++) {
        const size_t u = 3 * t + 2, n = DENSE - u;
        gsl_matrix_view tail = gsl_matrix_submatrix(J, u, u, n, n);
        gsl_matrix *C = matrix_zero(n, n, lqr_arena);
        gsl_vector *mean = elbo_arena_vec(lqr_arena, n);
        elbo_lu lu;

        gsl_matrix_memcpy(C, &tail.matrix);
        ck_assert_int_eq(elbo_lu_factor(C, lqr_arena, &lu), ELBO_OK);
        for (size_t i = 0; i < 3; i++) { /* k, then K's two columns */
            for (size_t j = 0; j < n; j++)
                gsl_vector_set(mean, j, i == 0 ? gsl_vector_get(h, u + j)
                                               : -gsl_matrix_get(J, u + j, u - 3 + i));
            ck_assert_int_eq(elbo_lu_solve(&lu, mean), ELBO_OK);
            ck_assert_double_eq_tol(gsl_vector_get(mean, 0),
                                    i == 0 ? gsl_vector_get(s.stages[t].pi.k, 0)
                                           : gsl_matrix_get(s.stages[t].pi.K, 0, i - 1),
                                    1e-11);
        }
        for (size_t j = 0; j < n; j++) gsl_vector_set(mean, j, j == 0);
        ck_assert_int_eq(elbo_lu_solve(&lu, mean), ELBO_OK);
        ck_assert_double_eq_tol(gsl_vector_get(mean, 0),
                                gsl_matrix_get(s.stages[t].pi.S, 0, 0), 1e-12);
    }
}
END_TEST

/* Watson et al.'s identity: the gains are Riccati's with R' = R + alpha precision
 * and P~ = (P^-1 + W / alpha)^-1. Here by inverses, as it is stated. */
START_TEST(gains_are_those_of_a_riccati_equation_with_changed_costs)
{
    static const double grid[][3] = {{1, 100, 0},   {1, 1, 0},     {1, 100, 0.01},
                                     {100, 100, 0.01}, {0.1, 100, 0.01}};
    const double alpha = grid[_i][0], sigma = grid[_i][1], noise = grid[_i][2];
    /* Their likelihood is exp(-cost / (2 alpha)): rewards of -1/2 the cost. */
    elbo_lqr lqr = watson();
    const double one = 1 / sigma;
    const elbo_linear_prior prior = {.precision = matrix_of(1, 1, &one, lqr_arena)};
    elbo_linear_dynamics p = lqr.dynamics[0];
    elbo_quadratic r[2] = {lqr.reward[0], *lqr.terminal};
    gsl_matrix *W = matrix_zero(2, 2, lqr_arena), *P = matrix_zero(2, 2, lqr_arena);

    for (size_t i = 0; i < 2; i++) {
        gsl_matrix_scale(r[i].P, 0.5);
        gsl_vector_scale(r[i].p, 0.5);
        gsl_matrix_set(W, i, i, noise);
    }
    p.W = W;
    lqr.dynamics = &p;
    lqr.reward = &r[0];
    lqr.terminal = &r[1];
    lqr.prior = &prior;
    lqr.nprior = 1;
    lqr.alpha = lqr.beta = alpha;

    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);

    gsl_matrix_memcpy(P, r[1].P);
    for (size_t t = 60; t-- > 0;) {
        gsl_matrix *T = matrix_zero(2, 2, lqr_arena);

        /* P~ = (P^-1 + W/alpha)^-1, 2 x 2 by the adjugate */
        for (int pass = 0; pass < 2; pass++) {
            const double a = gsl_matrix_get(P, 0, 0), b = gsl_matrix_get(P, 0, 1);
            const double d = gsl_matrix_get(P, 1, 1), det = a * d - b * b;

            gsl_matrix_set(P, 0, 0, d / det + (pass ? 0 : noise / alpha));
            gsl_matrix_set(P, 1, 1, a / det + (pass ? 0 : noise / alpha));
            gsl_matrix_set(P, 0, 1, -b / det);
            gsl_matrix_set(P, 1, 0, -b / det);
        }

        const gsl_matrix *PB = times(P, p.B, lqr_arena);
        const gsl_matrix *BPB = times(transposed(p.B, lqr_arena), PB, lqr_arena);
        const gsl_matrix *BPA = times(transposed(PB, lqr_arena), p.A, lqr_arena);
        const double M = 1 + alpha / sigma + gsl_matrix_get(BPB, 0, 0);

        for (size_t i = 0; i < 2; i++)
            ck_assert_double_eq_tol(gsl_matrix_get(s.stages[t].pi.K, 0, i),
                                    -gsl_matrix_get(BPA, 0, i) / M, 1e-11);
        gsl_matrix_memcpy(T, times(transposed(p.A, lqr_arena),
                                   times(P, p.A, lqr_arena), lqr_arena));
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                gsl_matrix_set(P, i, j,
                               gsl_matrix_get(T, i, j) + (i == j ? 10 : 0)
                                   - gsl_matrix_get(BPA, 0, i)
                                         * gsl_matrix_get(BPA, 0, j) / M);
    }
    if (_i == 2)
        ck_assert_double_eq_tol(gsl_matrix_get(s.stages[30].pi.K, 0, 0),
                                -2.3095539329, 5e-11);
    if (_i == 4)
        ck_assert_double_eq_tol(gsl_matrix_get(s.stages[30].pi.K, 0, 1),
                                -0.0113092858, 5e-11);
}
END_TEST

Suite *suite_lqr(void)
{
    Suite *s = suite_create("lqr");
    TCase *t = tcase_create("lqr");

    tcase_add_checked_fixture(t, lqr_set_up, lqr_tear_down);
    tcase_add_test(t, published_regulator_comes_out_to_all_its_digits);
    tcase_add_loop_test(t, equal_temperatures_are_exact_conditioning, 0, 5);
    tcase_add_loop_test(
        t, gains_are_those_of_a_riccati_equation_with_changed_costs, 0, 5);
    suite_add_tcase(s, t);
    return s;
}
