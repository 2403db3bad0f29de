/* tests/test_lqr_solve.c -- limits of temperatures and horizons, and their ends. */
#include "inference/messages/lqr.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/lqr_cases.h"
#include "tests/suites.h"

static double solution_gap(const elbo_lqr_solution *a, const elbo_lqr_solution *b,
                           size_t n)
{
    double most = 0;

    for (size_t t = 0; t < n; t++) {
        most = fmax(most, quadratic_gap(&a->stages[t].V, &b->stages[t].V));
        most = fmax(most, matrix_gap(a->stages[t].pi.K, b->stages[t].pi.K));
        most = fmax(most, vector_gap(a->stages[t].pi.k, b->stages[t].pi.k));
        most = fmax(most, matrix_gap(a->stages[t].pi.S, b->stages[t].pi.S));
        most = fmax(most, matrix_gap(a->stages[t].q.A, b->stages[t].q.A));
        most = fmax(most, matrix_gap(a->stages[t].q.W, b->stages[t].q.W));
    }
    return most;
}

/* The error of a limit is of first order in the temperature, and so falls by ten
 * with each of these. */
START_TEST(temperatures_have_the_limits_they_name)
{
    elbo_rng rng = elbo_rng_stream(2388, "limits", 0);
    const lqr_shape shape = {.nx = 3, .nu = 2, .T = 6, .noise = 2, .varying = true,
                             .prior = true, .radius = 1.5};
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);
    double last[4] = {INFINITY, INFINITY, INFINITY, INFINITY};

    for (int power = 6; power <= 10; power++) {
        const double large = pow(10, power), small = 1 / large;
        const elbo_lqr_solution clamp = lqr_solved(&lqr, lqr_arena);
        double gap[4];
        elbo_lqr near = lqr;

        near.beta = large;
        elbo_lqr_solution s = lqr_solved(&near, lqr_arena);
        gap[0] = solution_gap(&clamp, &s, 6);
        near.beta = -large;
        s = lqr_solved(&near, lqr_arena);
        gap[1] = solution_gap(&clamp, &s, 6);

        near = lqr;
        near.alpha = small;
        s = lqr_solved(&near, lqr_arena);
        gap[2] = solution_gap(&clamp, &s, 6);

        elbo_lqr follow = lqr;

        follow.alpha = INFINITY;
        near.alpha = large;
        const elbo_lqr_solution prior = lqr_solved(&follow, lqr_arena);
        s = lqr_solved(&near, lqr_arena);
        gap[3] = solution_gap(&prior, &s, 6);
        for (int i = 0; i < 4; i++) {
            ck_assert_msg(gap[i] < 1e3 * small * (i == 2 ? power : 1) + 1e-12,
                          "limit %d: %g at 1e%d", i, gap[i], power);
            ck_assert_msg(gap[i] < 0.2 * last[i] + 1e-13, "limit %d: %g, then %g at 1e%d",
                          i, last[i], gap[i], power);
            last[i] = gap[i];
        }
    }
}
END_TEST

/* An action drawn from its prior is noise: r without cost of u, W = 0, temperature
 * alpha, is LEQG with no choice, noise B B' / precision and beta = alpha (Todorov's
 * linearly solvable problem). */
START_TEST(maximum_entropy_control_is_a_tilt_of_actuator_noise)
{
    elbo_rng rng = elbo_rng_stream(2389, "duality", 0);
    const lqr_shape shape = {.nx = 3, .nu = 2, .T = 7, .prior = true, .radius = 1.5};
    elbo_lqr soft = lqr_random(&rng, &shape, lqr_arena), leqg = soft;
    elbo_linear_dynamics p = soft.dynamics[0];
    elbo_quadratic r = soft.reward[0];
    gsl_matrix *S = matrix_zero(2, 2, lqr_arena), *A = matrix_zero(3, 3, lqr_arena);
    const gsl_matrix *BK = times(p.B, soft.prior[0].K, lqr_arena);

    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < 5; j++)
            if (i >= 3 || j >= 3) gsl_matrix_set(r.P, i, j, 0);
    for (size_t i = 3; i < 5; i++) gsl_vector_set(r.p, i, 0);
    soft.reward = leqg.reward = &r;
    soft.alpha = 2.385;

    /* y = (A + B K0) x + c + B k0 + noise; the action itself does nothing. */
    gsl_vector *c = elbo_arena_vec(lqr_arena, 3);

    gsl_matrix_memcpy(A, p.A);
    gsl_matrix_add(A, BK);
    gsl_matrix_memcpy(S, soft.prior[0].precision);
    ck_assert_int_eq(elbo_chol(S), ELBO_OK);
    ck_assert_int_eq(elbo_chol_inverse(S), ELBO_OK);
    gsl_vector_memcpy(c, p.c);
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 2; j++)
            *gsl_vector_ptr(c, i) += gsl_matrix_get(p.B, i, j)
                                     * gsl_vector_get(soft.prior[0].k, j);
    p.W = times(times(p.B, S, lqr_arena), transposed(p.B, lqr_arena), lqr_arena);
    p.A = A;
    p.c = c;
    p.B = matrix_zero(3, 2, lqr_arena);
    leqg.dynamics = &p;
    leqg.alpha = INFINITY;
    leqg.beta = soft.alpha;

    const elbo_lqr_solution a = lqr_solved(&soft, lqr_arena);
    const elbo_lqr_solution b = lqr_solved(&leqg, lqr_arena);

    for (size_t t = 0; t < 7; t++)
        ck_assert_double_lt(quadratic_gap(&a.stages[t].V, &b.stages[t].V), 1e-12);
}
END_TEST

/* Certainty equivalence: noise and temperature move neither gain nor mean under a
 * flat prior and beta = inf, and at W = 0 no beta does. */
START_TEST(flat_maximum_entropy_has_the_gains_of_lqr)
{
    elbo_rng rng = elbo_rng_stream(2390, "certainty", 0);
    const lqr_shape shape = {.nx = 3, .nu = 2, .T = 7, .noise = 3, .radius = 1.5};
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena), soft = lqr, still = lqr;
    elbo_linear_dynamics p = lqr.dynamics[0];

    p.W = matrix_zero(3, 3, lqr_arena);
    soft.alpha = 0.7;
    still.dynamics = &p;
    still.beta = -0.02385;

    const elbo_lqr_solution a = lqr_solved(&lqr, lqr_arena);
    const elbo_lqr_solution b = lqr_solved(&soft, lqr_arena);
    const elbo_lqr_solution d = lqr_solved(&still, lqr_arena);

    for (size_t t = 0; t < 7; t++) {
        ck_assert_double_lt(matrix_gap(a.stages[t].pi.K, b.stages[t].pi.K), 1e-13);
        ck_assert_double_lt(vector_gap(a.stages[t].pi.k, b.stages[t].pi.k), 1e-13);
        ck_assert_double_lt(matrix_gap(a.stages[t].pi.K, d.stages[t].pi.K), 1e-13);
        ck_assert_double_lt(vector_gap(a.stages[t].pi.k, d.stages[t].pi.k), 1e-13);
    }
}
END_TEST

/* One state, W = w, V = -P x^2 / 2: the tilt exists for beta < 0 iff
 * gamma P w < |beta|. */
START_TEST(breakdown_is_named_with_its_stage)
{
    const double one = 1, w = 0.5, reward[] = {1, 0, 0, 1}, none[] = {0, 0};
    const elbo_linear_dynamics p = {.A = matrix_of(1, 1, &one, lqr_arena),
                                    .B = matrix_of(1, 1, &one, lqr_arena),
                                    .W = matrix_of(1, 1, &w, lqr_arena)};
    const elbo_quadratic r = quadratic_of(2, reward, none, 0, lqr_arena);
    elbo_lqr lqr = elbo_lqr_defaults;
    elbo_lqr_solution s;

    lqr.nx = lqr.nu = 1;
    lqr.T = 2;
    lqr.dynamics = &p;
    lqr.reward = &r;
    lqr.ndynamics = lqr.nreward = 1;

    /* V(1) has P = 1: stage 0 breaks at |beta| = 0.5. */
    lqr.beta = -0.5001;
    ck_assert_int_eq(
        elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena), ELBO_OK);
    lqr.beta = -0.4999;
    ck_assert_int_eq(
        elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "stage 0: E exp"));

    /* Optimism has no such bound. */
    lqr.beta = 0.001;
    ck_assert_int_eq(
        elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena), ELBO_OK);

    /* For ever: P = 1 + P~/(1 + P~), P~ = P / (1 + s w P), has a solution with
     * 1 + s w P > 0 iff |beta| > beta*, by bisection on the scalar map. */
    lqr.T = 0;
    lqr.gamma = 1 - 0x1p-40; /* the mean of 0 has constant reward 0 but for W */
    double low = 0.5, high = 2;

    for (int k = 0; k < 60; k++) {
        const double beta = 0.5 * (low + high);
        double P = 0;
        bool broken = false;

        for (int t = 0; t < 2000000 && !broken; t++) {
            const double S = 1 - P * w / beta, tilted = P / S;

            broken = S <= 0;
            if (P == 1 + tilted / (1 + tilted)) break;
            P = 1 + tilted / (1 + tilted);
        }
        *(broken ? &low : &high) = beta;
    }
    lqr.beta = -(high + 1e-3);
    ck_assert_int_eq(
        elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena), ELBO_OK);
    lqr.beta = -(low - 1e-3);
    ck_assert_int_eq(
        elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "stages to go"));
}
END_TEST

START_TEST(values_without_bound_are_errors_in_words)
{
    const double two = 2, zero = 0, one = 1, reward[] = {1, 0, 0, 1};
    const double none[] = {0, 0}, convex[] = {1, 0, 0, -1}, bonus[] = {1, 0};
    elbo_linear_dynamics p = {.A = matrix_of(1, 1, &two, lqr_arena),
                              .B = matrix_of(1, 1, &zero, lqr_arena),
                              .W = matrix_of(1, 1, &zero, lqr_arena)};
    elbo_quadratic r = quadratic_of(2, reward, none, 0, lqr_arena);
    elbo_lqr lqr = elbo_lqr_defaults;
    elbo_lqr_solution s;

    lqr.nx = lqr.nu = 1;
    lqr.dynamics = &p;
    lqr.reward = &r;
    lqr.ndynamics = lqr.nreward = 1;
    lqr.gamma = 0.9;

    /* Unstable and out of reach: gamma 2^2 > 1. */
    ck_assert_int_eq(elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena),
                     ELBO_ENOCONV);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "|P| ="));

    /* Discounted enough: 0.2 2^2 < 1, P = 1 / (1 - 0.8). */
    lqr.gamma = 0.2;
    s = lqr_solved(&lqr, lqr_arena);
    ck_assert_double_eq_tol(gsl_matrix_get(s.stages[0].V.P, 0, 0), 5, 1e-13);

    /* Linear rewards of a state that doubles. */
    r = quadratic_of(2, (const double[]){0, 0, 0, 1}, bonus, 0, lqr_arena);
    lqr.gamma = 0.6;
    ck_assert_int_eq(elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena),
                     ELBO_ENOCONV);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "linear term"));

    /* A reward at each step for ever. */
    r = quadratic_of(2, reward, none, 0.25, lqr_arena);
    p.A = matrix_of(1, 1, &one, lqr_arena);
    p.B = p.A;
    lqr.gamma = 1;
    ck_assert_int_eq(elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena),
                     ELBO_ENOCONV);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "0.25 at each step"));
    r.c = 0;
    s = lqr_solved(&lqr, lqr_arena);
    /* P = 1 + P / (1 + P): the golden ratio */
    ck_assert_double_eq_tol(gsl_matrix_get(s.stages[0].V.P, 0, 0),
                            (1 + sqrt(5)) / 2, 1e-14);

    /* Actions that pay ever more. */
    r = quadratic_of(2, convex, none, 0, lqr_arena);
    ck_assert_int_eq(elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena),
                     ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "unbounded above"));

    /* No prior to follow; a W that is none. */
    lqr.alpha = INFINITY;
    ck_assert_int_eq(elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena),
                     ELBO_EINVAL);
    lqr.alpha = 0;
    p.W = matrix_of(1, 1, (const double[]){-0.1}, lqr_arena);
    ck_assert_int_eq(elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &s, lqr_arena),
                     ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "no covariance"));
}
END_TEST

typedef struct temperature {
    double alpha, beta;
    bool next, prior, penalty;
} temperature;

static const temperature regimes[] = {
    {0, INFINITY, false, false, false}, {0.7, INFINITY, false, false, false},
    {0.7, 3, false, true, false},       {0.7, 3, true, true, true},
    {0.7, -8, true, false, false},      {INFINITY, 3, false, true, true},
    {INFINITY, -INFINITY, false, true, true}, {0, -8, false, false, true},
};
enum { NREGIMES = sizeof regimes / sizeof *regimes };

static elbo_lqr regime(elbo_rng *rng, const temperature *k, size_t nx, size_t nu,
                       size_t T, bool varying)
{
    const lqr_shape shape = {.nx = nx, .nu = nu, .T = T, .noise = nx - 1,
                             .varying = varying, .radius = T ? 1.5 : 2,
                             .prior = k->prior, .penalty = k->penalty};
    elbo_lqr lqr = lqr_random(rng, &shape, lqr_arena);

    lqr.alpha = k->alpha;
    lqr.beta = k->beta;
    lqr.kl_next = k->next;
    return lqr;
}

/* Doubling against 900 stages one by one: 0.95^900 = 9e-21. */
START_TEST(infinite_horizon_is_the_limit_of_long_ones)
{
    elbo_rng rng = elbo_rng_stream(2391, "limit", (uint64_t)_i);
    elbo_lqr lqr = regime(&rng, &regimes[_i], 4, 2, 0, false);
    const elbo_lqr_solution ever = lqr_solved(&lqr, lqr_arena);

    lqr.T = 900;
    const elbo_lqr_solution far = lqr_solved(&lqr, lqr_arena);

    ck_assert_double_lt(solution_gap(&ever, &far, 1), 1e-11);
    ck_assert_uint_le(ever.info.sweeps, 3);
    ck_assert_uint_le(ever.info.doublings, 12);
}
END_TEST

START_TEST(sizes_of_thirty_states_settle)
{
    elbo_rng rng = elbo_rng_stream(2392, "large", 0);
    elbo_lqr lqr = regime(&rng, &regimes[3], 30, 7, 0, false);

    lqr.gamma = 0.9999;
    const elbo_lqr_solution s = lqr_solved(&lqr, lqr_arena);

    ck_assert_double_le(s.info.residual, 1e-12);
}
END_TEST

START_TEST(failed_allocations_are_reported)
{
    elbo_rng rng = elbo_rng_stream(2393, "memory", 0);
    const elbo_lqr lqr = regime(&rng, &regimes[3], 3, 2, 0, false);
    elbo_status s = ELBO_ENOMEM;
    long n = 0;

    while (s == ELBO_ENOMEM && n < 1000) {
        elbo_lqr_solution solution;

        elbo_alloc_budget(n++);
        elbo_arena *ws = elbo_arena_alloc(64);
        s = ws ? elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &solution, ws)
               : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 5);
}
END_TEST

Suite *suite_lqr_solve(void)
{
    Suite *s = suite_create("lqr_solve");
    TCase *t = tcase_create("solve");

    tcase_add_checked_fixture(t, lqr_set_up, lqr_tear_down);
    tcase_add_test(t, temperatures_have_the_limits_they_name);
    tcase_add_test(t, maximum_entropy_control_is_a_tilt_of_actuator_noise);
    tcase_add_test(t, flat_maximum_entropy_has_the_gains_of_lqr);
    tcase_add_test(t, breakdown_is_named_with_its_stage);
    tcase_add_test(t, values_without_bound_are_errors_in_words);
    tcase_add_loop_test(t, infinite_horizon_is_the_limit_of_long_ones, 0,
                        NREGIMES);
    tcase_add_test(t, sizes_of_thirty_states_settle);
    tcase_add_test(t, failed_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}
