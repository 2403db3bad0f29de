/* tests/test_lqg.c -- control on a belief, against theory and simulation. */
#include "inference/messages/lqg.h"

#include <check.h>
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

enum { NX = 3, NU = 2, NY = 2 };

/* The dynamics of a problem, seen through two channels. */
static elbo_lgssm_step seen(const elbo_lqr *lqr, elbo_rng *rng)
{
    const elbo_linear_dynamics *p = lqr->dynamics;
    gsl_matrix *R = covariance_random(rng, NY, NY + 1, 0.5, arena);

    for (size_t i = 0; i < NY; i++) *gsl_matrix_ptr(R, i, i) += 0.1;
    return (elbo_lgssm_step){.A = p->A, .B = p->B, .Q = p->W, .b = p->c,
                             .C = matrix_random(rng, NY, NX, 1, arena), .R = R,
                             .d = vector_random(rng, NY, 0.5, arena)};
}

static elbo_lqr problem(elbo_rng *rng, size_t T, double radius)
{
    const lqr_shape shape = {.nx = NX, .nu = NU, .T = T, .noise = NX,
                             .radius = radius};
    elbo_lqr lqr = lqr_random(rng, &shape, arena);

    lqr.gamma = 0.93;
    return lqr;
}

/* P = A (I - L C) P A' + Q, and the filter's own recursion comes to it. */
START_TEST(steady_filter_is_a_fixed_point)
{
    elbo_rng rng = elbo_rng_stream(2385, "filter", (uint64_t)_i);
    const elbo_lqr lqr = problem(&rng, 0, 2.5);
    const elbo_lgssm_step sys = seen(&lqr, &rng);
    gsl_matrix *L = matrix_zero(NX, NY, arena), *P = matrix_zero(NX, NX, arena);
    gsl_matrix *each[400];

    ck_assert_msg(elbo_filter_gain(&sys, L, P, arena) == ELBO_OK, "%s",
                  elbo_last_error()->text);

    gsl_matrix *D = matrix_zero(NX, NX, arena);

    gsl_matrix_set_identity(D);
    gsl_matrix_sub(D, times(L, sys.C, arena));

    gsl_matrix *next = times(times(sys.A, times(D, P, arena), arena),
                             transposed(sys.A, arena), arena);

    gsl_matrix_add(next, sys.Q);
    ck_assert_double_lt(matrix_gap(next, P), 1e-13 * (1 + gsl_matrix_max(P)));

    for (size_t t = 0; t < 400; t++) each[t] = matrix_zero(NX, NY, arena);
    ck_assert_int_eq(elbo_filter_gains(&sys, 1, sys.Q, NULL, each, 400, arena), ELBO_OK);
    ck_assert_double_lt(matrix_gap(each[399], L), 1e-12);
    ck_assert_double_gt(matrix_gap(each[0], L), 1e-4);
}
END_TEST

/* The gains that the filter's own module arrives at: means of y_0 .. y_T, all of it
 * seen, or single values and a whole row not. */
START_TEST(gains_are_those_of_the_kalman_filter)
{
    enum { T = 12 };
    elbo_rng rng = elbo_rng_stream(2386, "means", 0);
    const elbo_lqr lqr = problem(&rng, 0, 2);
    const elbo_lgssm_step sys = seen(&lqr, &rng);
    gsl_matrix *const Y = matrix_random(&rng, T, NY, 2, arena);
    const gsl_matrix *U = matrix_random(&rng, T, NU, 1, arena);
    const gsl_vector *m0 = vector_random(&rng, NX, 1, arena);
    const gsl_matrix *P0 = covariance_random(&rng, NX, NX, 2, arena);
    const elbo_lgssm model = {.nx = NX, .ny = NY, .nu = NU, .steps = &sys,
                              .m0 = m0, .P0 = P0};
    const elbo_sequence sequence = {Y, U};
    gsl_matrix *L[T];
    elbo_kalman *kalman;
    elbo_kalman_info info;
    double p[NX], b[NX];

    bool there[T * NY];

    for (size_t t = 0; t < T; t++) {
        L[t] = matrix_zero(NX, NY, arena);
        for (size_t j = 0; j < NY; j++) {
            there[t * NY + j] =
                !_i || (t != 5 && elbo_rng_uniform(&rng) < 0.6);
            if (!there[t * NY + j]) gsl_matrix_set(Y, t, j, (double)NAN);
        }
    }
    ck_assert_int_eq(
        elbo_filter_gains(&sys, 1, P0, _i ? there : NULL, L, T, arena), ELBO_OK);
    ck_assert_int_eq(elbo_kalman_init(&elbo_kalman_defaults, NX, NY, NU, T, arena,
                                      &kalman),
                     ELBO_OK);
    ck_assert_int_eq(elbo_kalman_model(kalman, &model), ELBO_OK);
    ck_assert_int_eq(elbo_kalman_filter(kalman, &sequence, &info), ELBO_OK);

    for (size_t i = 0; i < NX; i++) p[i] = gsl_vector_get(m0, i);
    for (size_t t = 0; t < T; t++) {
        for (size_t i = 0; i < NX; i++) {
            b[i] = p[i];
            for (size_t j = 0; j < NY; j++) {
                double e = gsl_matrix_get(Y, t, j) - gsl_vector_get(sys.d, j);

                if (isnan(e)) ck_assert(gsl_matrix_get(L[t], i, j) == 0);
                if (isnan(e)) continue;

                for (size_t k = 0; k < NX; k++)
                    e -= gsl_matrix_get(sys.C, j, k) * p[k];
                b[i] += gsl_matrix_get(L[t], i, j) * e;
            }
            ck_assert_double_eq_tol(
                b[i], gsl_matrix_get(elbo_kalman_means(kalman), t, i), 1e-12);
        }
        for (size_t i = 0; i < NX; i++) {
            p[i] = gsl_vector_get(sys.b, i);
            for (size_t k = 0; k < NX; k++)
                p[i] += gsl_matrix_get(sys.A, i, k) * b[k];
            for (size_t k = 0; k < NU; k++)
                p[i] += gsl_matrix_get(sys.B, i, k) * gsl_matrix_get(U, t, k);
        }
    }
}
END_TEST

typedef struct bench {
    elbo_lqg lqg;
    elbo_lqr lqr;
    gsl_vector *m0, *prior;
    gsl_matrix *P0;
} bench;

static double return_of(const bench *b)
{
    double J;

    ck_assert_msg(elbo_lqg_return(&b->lqg, b->lqr.reward, b->lqr.nreward,
                                  b->lqr.terminal, b->m0, b->P0, b->prior, &J, arena)
                      == ELBO_OK,
                  "%s", elbo_last_error()->text);
    return J;
}

/* Separation: with Sigma the covariance of x - b, which no action moves,
 *   J = E V(x_0) - 1/2 sum gamma^t tr(K'M K Sigma_t),  M = Q_uu,
 * V and K those of LQR. For ever from the filter's steady state, and with a horizon. */
START_TEST(right_model_earns_what_separation_says)
{
    elbo_rng rng = elbo_rng_stream(2387, "separation", (uint64_t)_i);
    const size_t T = _i < 5 ? 0 : 7;
    bench b = {.lqr = problem(&rng, T, 2)};
    const elbo_lgssm_step sys = seen(&b.lqr, &rng);
    const elbo_lqr_solution s = lqr_solved(&b.lqr, arena);
    gsl_matrix *L[8], *P = matrix_zero(NX, NX, arena);
    elbo_linear_policy pi[8];

    b.m0 = b.prior = vector_random(&rng, NX, 1, arena);
    for (size_t t = 0; t < 8; t++) L[t] = matrix_zero(NX, NY, arena);
    for (size_t t = 0; t < (T ? T : 1); t++) pi[t] = s.stages[t].pi;
    if (T) {
        gsl_matrix_memcpy(P, covariance_random(&rng, NX, NX, 1, arena));
        ck_assert_int_eq(elbo_filter_gains(&sys, 1, P, NULL, L, T + 1, arena), ELBO_OK);
    } else {
        ck_assert_int_eq(elbo_filter_gain(&sys, L[0], P, arena), ELBO_OK);
    }
    b.P0 = matrix_zero(NX, NX, arena);
    gsl_matrix_memcpy(b.P0, P);
    b.lqg = (elbo_lqg){.nx = NX, .nu = NU, .ny = NY, .T = T, .truth = &sys,
                       .model = &sys, .L = (const gsl_matrix *const *)L,
                       .policy = pi, .ntruth = 1, .nmodel = 1,
                       .nL = T ? T + 1 : 1, .npolicy = T ? T : 1,
                       .gamma = b.lqr.gamma};

    double J = elbo_quadratic_mean(&s.stages[0].V, b.m0, b.P0), discount = 1;

    for (size_t t = 0; t < (T ? T : 1); t++) {
        /* Sigma = (I - L C) P; its cost is tr(M K Sigma K'). */
        const gsl_matrix *K = pi[t].K;
        gsl_matrix *D = matrix_zero(NX, NX, arena);

        gsl_matrix_set_identity(D);
        gsl_matrix_sub(D, times(L[t], sys.C, arena));

        const gsl_matrix *Sigma = times(D, P, arena);
        const gsl_matrix *KSK =
            times(times(K, Sigma, arena), transposed(K, arena), arena);
        double cost = 0;

        for (size_t i = 0; i < NU; i++)
            for (size_t j = 0; j < NU; j++)
                cost += gsl_matrix_get(s.stages[t].Q.P, NX + i, NX + j)
                        * gsl_matrix_get(KSK, j, i);
        J -= 0.5 * discount * cost / (T ? 1 : 1 - b.lqr.gamma);
        discount *= b.lqr.gamma;
        gsl_matrix_memcpy(P, times(times(sys.A, Sigma, arena),
                                   transposed(sys.A, arena), arena));
        gsl_matrix_add(P, sys.Q);
    }
    ck_assert_double_eq_tol(return_of(&b), J, 1e-11 * (1 + fabs(J)));
}
END_TEST

/* One closed loop by its definition. */
static double roll(const bench *b, const gsl_matrix *L0, const gsl_matrix *LQ,
                   const gsl_matrix *LR, elbo_rng *rng)
{
    const elbo_lqg *g = &b->lqg;
    const elbo_lgssm_step *truth = g->truth, *model = g->model;
    double x[NX], p[NX], belief[NX], u[NU], y[NY], e[8], sum = 0, discount = 1;
    gsl_vector *z = elbo_arena_vec(arena, NX + NU);

    elbo_rng_normals(rng, e, 8);
    for (size_t i = 0; i < NX; i++) {
        p[i] = gsl_vector_get(b->prior, i);
        x[i] = gsl_vector_get(b->m0, i);
        for (size_t j = 0; j < NX; j++) x[i] += gsl_matrix_get(L0, i, j) * e[j];
    }
    for (size_t t = 0; t < g->T; t++) {
        elbo_rng_normals(rng, e, 8);
        for (size_t i = 0; i < NY; i++) {
            y[i] = gsl_vector_get(truth->d, i) - gsl_vector_get(model->d, i);
            for (size_t j = 0; j < NX; j++)
                y[i] += gsl_matrix_get(truth->C, i, j) * x[j]
                        - gsl_matrix_get(model->C, i, j) * p[j];
            for (size_t j = 0; j < NY; j++)
                y[i] += gsl_matrix_get(LR, i, j) * e[j];
        }
        for (size_t i = 0; i < NX; i++) {
            belief[i] = p[i];
            for (size_t j = 0; j < NY; j++)
                belief[i] += gsl_matrix_get(g->L[0], i, j) * y[j];
        }
        for (size_t i = 0; i < NU; i++) {
            u[i] = gsl_vector_get(g->policy->k, i);
            for (size_t j = 0; j < NX; j++)
                u[i] += gsl_matrix_get(g->policy->K, i, j) * belief[j];
            gsl_vector_set(z, NX + i, u[i]);
        }
        for (size_t i = 0; i < NX; i++) gsl_vector_set(z, i, x[i]);
        sum += discount * elbo_quadratic_at(b->lqr.reward, z);
        discount *= g->gamma;
        for (size_t i = 0; i < NX; i++) {
            double next = gsl_vector_get(truth->b, i);

            p[i] = gsl_vector_get(model->b, i);
            for (size_t j = 0; j < NX; j++) {
                next += gsl_matrix_get(truth->A, i, j) * gsl_vector_get(z, j)
                        + gsl_matrix_get(LQ, i, j) * e[NY + j];
                p[i] += gsl_matrix_get(model->A, i, j) * belief[j];
            }
            for (size_t j = 0; j < NU; j++) {
                next += gsl_matrix_get(truth->B, i, j) * u[j];
                p[i] += gsl_matrix_get(model->B, i, j) * u[j];
            }
            x[i] = next;
        }
    }
    for (size_t i = 0; i < NX; i++) gsl_vector_set(z, i, x[i]);

    const gsl_vector_view end = gsl_vector_subvector(z, 0, NX);

    return sum + discount * elbo_quadratic_at(b->lqr.terminal, &end.vector);
}

/* A controller of one system in another: 10^5 runs within 5 standard errors. */
START_TEST(wrong_model_earns_what_simulation_says)
{
    enum { N = 100000 };
    elbo_rng rng = elbo_rng_stream(2388, "mismatch", 0);
    bench b = {.lqr = problem(&rng, 6, 1.5)};
    elbo_lqr other = problem(&rng, 0, 1.5);
    const elbo_lgssm_step truth = seen(&b.lqr, &rng), model = seen(&other, &rng);
    gsl_matrix *L = matrix_zero(NX, NY, arena);
    gsl_matrix *L0 = matrix_zero(NX, NX, arena), *LQ = matrix_zero(NX, NX, arena);
    gsl_matrix *LR = matrix_zero(NY, NY, arena);
    double sum = 0, squares = 0;

    other.reward = b.lqr.reward;

    const elbo_lqr_solution s = lqr_solved(&other, arena);
    const elbo_linear_policy pi = s.stages[0].pi;
    const gsl_matrix *gains[] = {L};

    ck_assert_int_eq(elbo_filter_gain(&model, L, NULL, arena), ELBO_OK);
    b.m0 = vector_random(&rng, NX, 1, arena);
    b.prior = vector_random(&rng, NX, 1, arena);
    b.P0 = covariance_random(&rng, NX, NX, 1, arena);
    b.lqg = (elbo_lqg){.nx = NX, .nu = NU, .ny = NY, .T = 6, .truth = &truth,
                       .model = &model, .L = gains, .policy = &pi, .ntruth = 1,
                       .nmodel = 1, .nL = 1, .npolicy = 1, .gamma = 0.93};
    ck_assert_int_eq(elbo_psd_factor(b.P0, L0, arena), ELBO_OK);
    ck_assert_int_eq(elbo_psd_factor(truth.Q, LQ, arena), ELBO_OK);
    ck_assert_int_eq(elbo_psd_factor(truth.R, LR, arena), ELBO_OK);
    for (size_t n = 0; n < N; n++) {
        const elbo_mark mark = elbo_arena_mark(arena);
        const double J = roll(&b, L0, LQ, LR, &rng);

        elbo_arena_release(arena, mark);
        sum += J / N;
        squares += J * J / N;
    }

    const double J = return_of(&b), error = sqrt((squares - sum * sum) / N);

    ck_assert_msg(fabs(sum - J) < 5 * error, "%g, exactly %g +- %g", sum, J, error);
    ck_assert_double_lt(error, 0.01 * (1 + fabs(J)));
}
END_TEST

/* Separation of the poles: an unstable truth is refused through (x, b). */
START_TEST(what_has_no_limit_is_refused)
{
    const double a = 1.3, zero = 0, one = 1, cost[] = {1, 0, 0, 1}, none[] = {0, 0};
    gsl_matrix *A = matrix_of(1, 1, &a, arena), *I = matrix_of(1, 1, &one, arena);
    elbo_lgssm_step sys = {.A = A, .B = I, .Q = I, .C = I, .R = I};
    const elbo_quadratic r = quadratic_of(2, cost, none, 0, arena);
    const elbo_linear_policy idle = {.K = matrix_of(1, 1, &zero, arena),
                                     .k = vector_of(1, &zero, arena),
                                     .S = matrix_of(1, 1, &zero, arena)};
    gsl_matrix *L = matrix_zero(1, 1, arena);
    const gsl_matrix *gains[] = {L};
    const gsl_vector *x0 = vector_of(1, &one, arena);
    const elbo_lqg lqg = {.nx = 1, .nu = 1, .ny = 1, .truth = &sys, .model = &sys,
                          .L = gains, .policy = &idle, .ntruth = 1, .nmodel = 1,
                          .nL = 1, .npolicy = 1, .gamma = 0.9};
    double J;

    ck_assert_int_eq(elbo_filter_gain(&sys, L, NULL, arena), ELBO_OK);
    ck_assert_int_eq(elbo_lqg_return(&lqg, &r, 1, NULL, x0, NULL, x0, &J, arena),
                     ELBO_ENOCONV);
    /* Nothing is seen of a state that grows. */
    sys.C = matrix_zero(1, 1, arena);
    ck_assert_int_eq(elbo_filter_gain(&sys, L, NULL, arena), ELBO_ENOCONV);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "filter's covariance"));
}
END_TEST

Suite *suite_lqg(void)
{
    Suite *s = suite_create("lqg");
    TCase *t = tcase_create("lqg");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, steady_filter_is_a_fixed_point, 0, 8);
    tcase_add_loop_test(t, gains_are_those_of_the_kalman_filter, 0, 2);
    tcase_add_loop_test(t, right_model_earns_what_separation_says, 0, 10);
    tcase_add_test(t, wrong_model_earns_what_simulation_says);
    tcase_add_test(t, what_has_no_limit_is_refused);
    suite_add_tcase(s, t);
    return s;
}
