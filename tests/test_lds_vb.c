/* tests/test_lds_vb.c -- latent linear systems by variational EM: the bound
 * against exact evidences, densities and integrals.
 */
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/lds.h"
#include "tests/lds_cases.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

static const double log_2pi = 1.8378770664093454836;

static elbo_lds_config vb_of(size_t nx)
{
    elbo_lds_config config = elbo_lds_defaults;

    config.nx = nx;
    config.method = ELBO_LDS_VB;
    return config;
}

static double climb(elbo_lds *lds, size_t iterations, elbo_lds_info *info,
                    uint64_t seed)
{
    double before = -HUGE_VAL;

    for (size_t i = 0; i < iterations; i++) {
        kalman_ok(elbo_lds_iterate(lds, info));
        ck_assert_msg(info->bound >= before - 1e-10 * (1 + fabs(before)),
                      "system %zu, iteration %zu: %.17g after %.17g",
                      (size_t)seed, i, info->bound, before);
        before = info->bound;
    }
    return before;
}

START_TEST(bound_never_falls_on_random_systems)
{
    for (uint64_t seed = 40 * (uint64_t)_i; seed < 40 * (uint64_t)_i + 40;
         seed++) {
        elbo_lds_config config = vb_of(1 + seed % 4);
        elbo_lds_info info;
        lds_case c;

        config.steady = seed % 2 ? 1e-12 : 0;
        lds_case_random(&c, seed);
        climb(lds_open(&c, &config), 25, &info, seed);
        for (size_t p = 0; p < ELBO_LDS_PARTS; p++) ck_assert(info.kl[p] >= 0);
        ck_assert_double_eq_tol(
            info.bound, info.evidence - info.kl[0] - info.kl[1] - info.kl[2],
            1e-12 * fabs(info.evidence));
        lds_case_close(&c);
    }
}
END_TEST

/* C = I, no noise of y: states are seen, q is the posterior of a regression,
 * and the bound is the evidence. */
START_TEST(seen_states_make_the_bound_the_exact_evidence)
{
    elbo_lds_config config = vb_of(3);
    elbo_lds_info info;
    double exact = 0;
    lds_case c;

    lds_case_open(&c, 3, 3, 2, 3, 30, 3);

    elbo_arena *const ws = c.truth.arena;
    gsl_matrix *I = elbo_arena_mat(ws, 3, 3), *zero = elbo_arena_mat(ws, 3, 3);

    gsl_matrix_set_identity(I);
    gsl_matrix_set_zero(zero);
    c.truth.steps[0].C = I;
    c.truth.steps[0].R = zero;
    c.truth.steps[0].D = NULL;
    c.truth.steps[0].d = NULL;
    for (size_t i = 0; i < 3; i++)
        c.data[i] = kalman_case_draw(&c.truth, 30, 300 + i);
    config.initial = &c.truth.sys;
    config.hold = ELBO_LDS_HOLD_EMISSION;

    elbo_lds *lds = lds_open(&c, &config);

    climb(lds, 3, &info, 3);

    /* the regressions by hand */
    for (size_t p = 0; p < 2; p++) {
        const size_t nz = p ? 6 : 1;
        elbo_moments S;
        elbo_mniw prior, post;
        double evidence;

        kalman_ok(elbo_moments_init(&S, 3, nz, ws));
        kalman_ok(elbo_mniw_init(&prior, 3, nz, ws));
        kalman_ok(elbo_mniw_init(&post, 3, nz, ws));
        elbo_mniw_isotropic(&prior, 0.1, 0.1, 5);
        for (size_t i = 0; i < 3; i++)
            for (size_t t = p ? 1 : 0; t < (p ? 30 : 1); t++) {
                gsl_matrix *Z = elbo_arena_mat(ws, 1, nz);
                const gsl_matrix y =
                    gsl_matrix_const_submatrix(c.data[i].Y, t, 0, 1, 3).matrix;

                gsl_matrix_set(Z, 0, nz - 1, 1);
                for (size_t j = 0; j + 1 < nz; j++)
                    gsl_matrix_set(
                        Z, 0, j,
                        j < 3 ? gsl_matrix_get(c.data[i].Y, t - 1, j)
                              : gsl_matrix_get(c.data[i].U, t - 1, j - 3));
                kalman_ok(elbo_moments_rows(&S, &y, Z, NULL));
            }
        kalman_ok(elbo_mniw_posterior(&prior, &S, &post, ws));
        kalman_ok(elbo_mniw_evidence(&prior, &post, S.n, &evidence, ws));
        exact += evidence;
    }
    ck_assert_double_eq_tol(info.bound, exact, 1e-9 * fabs(exact));
    ck_assert(info.kl[ELBO_LDS_EMISSION] == 0);
    lds_case_close(&c);
}
END_TEST

/* log N(y_0 .. | a, b, Q) of the scalar system with C = 1, by its recursion. */
static double scalar_loglik(const double y[], size_t T, double a, double b,
                            double Q, double R, double m, double P)
{
    double sum = 0;

    for (size_t t = 0; t < T; t++) {
        const double S = P + R, e = y[t] - m;

        sum -= 0.5 * (log_2pi + log(S) + e * e / S);
        m += P / S * e;
        P = P * R / S;
        m = a * m + b;
        P = a * a * P + Q;
    }
    return sum;
}

/* The marginal likelihood over (a, b, Q) under the prior K = k I, Psi, nu, on a
 * grid: trapezoid sums of a smooth integrand that vanishes at the ends. */
static double exact_marginal(const double y[], size_t T, double R, double k,
                             double psi, double nu)
{
    enum { U = 120, N = 80 };
    const double du = 16.0 / U, dn = 14.0 / N;
    double sum = 0;

    for (size_t i = 0; i <= U; i++) {
        const double Q = exp(-7 + du * (double)i);
        const double logQ = 0.5 * nu * log(psi / 2) - lgamma(0.5 * nu)
                            - (0.5 * nu + 1) * log(Q) - 0.5 * psi / Q;

        for (size_t p = 0; p <= N; p++)
            for (size_t q = 0; q <= N; q++) {
                const double u = -7 + dn * (double)p, v = -7 + dn * (double)q;
                const double s = sqrt(Q / k);

                sum += exp(logQ - 0.5 * (u * u + v * v) - log_2pi
                           + scalar_loglik(y, T, s * u, s * v, Q, R, 0.4, 0.7))
                       * Q * du * dn * dn;
            }
    }
    return log(sum);
}

START_TEST(bound_is_below_the_marginal_of_one_dimension)
{
    static const double R[] = {1e-6, 0.3, 2};
    double y[6] = {0.3, 1.1, 0.2, -0.9, 0.6, 0.4};
    double one = 1, r = R[_i], q = 0.5, p0 = 0.7, m0 = 0.4;
    const gsl_matrix A = gsl_matrix_view_array(&one, 1, 1).matrix;
    const gsl_matrix Q = gsl_matrix_view_array(&q, 1, 1).matrix;
    const gsl_matrix Rm = gsl_matrix_view_array(&r, 1, 1).matrix;
    const gsl_matrix P0 = gsl_matrix_view_array(&p0, 1, 1).matrix;
    const gsl_vector m0v = gsl_vector_view_array(&m0, 1).vector;
    const gsl_matrix Y = gsl_matrix_view_array(y, 6, 1).matrix;
    const elbo_lgssm_step step = {.A = &A, .Q = &Q, .C = &A, .R = &Rm};
    const elbo_lgssm sys = {
        .nx = 1, .ny = 1, .steps = &step, .m0 = &m0v, .P0 = &P0};
    const elbo_sequence x = {.Y = &Y};
    elbo_arena *ws = elbo_arena_alloc(1 << 16);
    elbo_lds_config config = vb_of(1);
    elbo_lds_info info;
    elbo_mniw prior;
    elbo_lds *lds;

    kalman_ok(elbo_mniw_init(&prior, 1, 2, ws));
    elbo_mniw_isotropic(&prior, 3, 2, 6.5);
    config.initial = &sys;
    config.hold = ELBO_LDS_HOLD_START | ELBO_LDS_HOLD_EMISSION;
    config.prior[ELBO_LDS_TRANSITION] = &prior;
    kalman_ok(elbo_lds_open(&config, &x, 1, ws, &lds));

    const double bound = climb(lds, 400, &info, 0);
    const double exact = exact_marginal(y, 6, r, 3, 2, 6.5);

    /* hardly any noise: q(x) q(theta) is the posterior but for terms of order R
     */
    ck_assert_msg(bound < exact && bound > exact - (_i ? 1 : 1e-5),
                  "bound %.12g, exact %.12g", bound, exact);
    elbo_arena_free(ws);
}
END_TEST

/* evidence = E log p(x_0) + E log p(x'|x) + E log p(y|x) + H[q]: each
 * expectation by its moments, the entropy by the dense posterior. */
START_TEST(evidence_is_expected_log_likelihood_and_entropy)
{
    const elbo_lds_config config = vb_of(2);
    elbo_lds_info info;
    lds_case c;
    double sum = 0, x;

    kalman_case_open(&c.truth, 2, 3, 1, 9, false, 51);
    c.n = 1;
    kalman_case_punch(&c.truth, (holes)_i, 51);
    c.data[0] = c.truth.x;

    elbo_lds *lds = lds_open(&c, &config);

    climb(lds, 4, &info, 51);

    const elbo_lgssm *const model = elbo_lds_model(lds);
    elbo_arena *const ws = c.truth.arena;
    kalman_case under_q = c.truth;
    elbo_moments S[ELBO_LDS_PARTS];
    elbo_kalman_info one;
    elbo_kalman *k;

    under_q.sys = *model;

    const dense_posterior p = dense_condition(&under_q, ws);
    const size_t most = p.mean->size;
    size_t *free_places = elbo_arena_sizes(ws, most), n = 0;

    kalman_ok(elbo_kalman_init(&elbo_kalman_defaults, 2, 3, 1, 9, ws, &k));
    kalman_ok(elbo_kalman_model(k, model));
    kalman_ok(elbo_kalman_smooth(k, &c.data[0], &one));
    for (size_t i = 0; i < ELBO_LDS_PARTS; i++)
        kalman_ok(elbo_moments_init(&S[i], i == 2 ? 3 : 2, i ? 4 : 1, ws));
    kalman_ok(elbo_kalman_moments(k, &S[0], &S[1], &S[2]));
    for (size_t i = 0; i < ELBO_LDS_PARTS; i++) {
        kalman_ok(elbo_mniw_loglik(elbo_lds_posterior(lds, (elbo_lds_part)i),
                                   &S[i], &x, ws));
        sum += x;
    }

    /* H of all states, and of the channels missing from rows that are seen */
    for (size_t t = 0; t < 9; t++) {
        size_t seen = 0;

        for (size_t i = 0; i < 2; i++) free_places[n++] = dense_x(&p, t) + i;
        for (size_t i = 0; i < 3; i++)
            if (!isnan(gsl_matrix_get(c.data[0].Y, t, i))) seen++;
        for (size_t i = 0; seen && i < 3; i++)
            if (isnan(gsl_matrix_get(c.data[0].Y, t, i)))
                free_places[n++] = dense_y(&p, t) + i;
    }

    gsl_matrix *H = elbo_arena_mat(ws, n, n);

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(H, i, j,
                           gsl_matrix_get(p.P, free_places[i], free_places[j]));
    kalman_ok(elbo_chol(H));
    sum += 0.5 * ((double)n * (1 + log_2pi) + elbo_chol_logdet(H));

    kalman_ok(elbo_lds_iterate(lds, &info)); /* its E-step is at the same q */
    ck_assert_double_eq_tol(info.evidence, sum, 1e-9 * (1 + fabs(sum)));
    lds_case_close(&c);
}
END_TEST

/* The M-step: no other q(transition) or q(emission) has a larger bound. */
START_TEST(mstep_is_the_best_posterior_for_its_moments)
{
    const elbo_lds_config config = vb_of(2);
    elbo_lds_info info;
    lds_case c;

    lds_case_open(&c, 2, 3, 1, 2, 30, 53);

    elbo_lds *lds = lds_open(&c, &config);
    const double end = climb(lds, 600, &info, 53);

    for (size_t part = 0; part < ELBO_LDS_PARTS; part++) {
        elbo_mniw *q =
            (elbo_mniw *)elbo_lds_posterior(lds, (elbo_lds_part)part);

        for (size_t trial = 0; trial < 6; trial++) {
            elbo_lds *other = lds_open(&c, &config);
            elbo_writer *out = elbo_writer_alloc();
            elbo_reader *in;
            const double kept = gsl_matrix_get(q->M, 0, 0), nu = q->nu;
            const double psi = gsl_matrix_get(q->Psi, 0, 0);

            if (trial < 2)
                gsl_matrix_set(q->M, 0, 0, kept + (trial ? 0.1 : -0.1));
            if (trial / 2 == 1)
                gsl_matrix_set(q->Psi, 0, 0, psi * (trial % 2 ? 1.1 : 0.95));
            if (trial / 2 == 2) q->nu = nu * (trial % 2 ? 1.1 : 0.95);
            elbo_writer_section(out, "lds");
            elbo_lds_save(lds, out);
            kalman_ok(elbo_writer_commit(out, scratch_path));
            elbo_writer_free(out);
            kalman_ok(elbo_reader_open(scratch_path, &in));
            kalman_ok(elbo_reader_section(in, "lds"));
            kalman_ok(elbo_lds_load(other, in));
            elbo_reader_free(in);
            gsl_matrix_set(q->M, 0, 0, kept);
            gsl_matrix_set(q->Psi, 0, 0, psi);
            q->nu = nu;
            kalman_ok(elbo_lds_iterate(other, &info));
            ck_assert_msg(info.bound < end,
                          "part %zu, trial %zu: %.12g above %.12g", part, trial,
                          info.bound, end);
        }
    }
    lds_case_close(&c);
}
END_TEST

/* As the prior's weight goes, VB's predictions become those of ML-EM. */
START_TEST(weak_priors_approach_maximum_likelihood)
{
    enum { T = 3000 };
    elbo_lds_config em = elbo_lds_defaults, vb = vb_of(2);
    double gap[3], ml, x;
    lds_case c;

    lds_case_open(&c, 2, 3, 1, 4, T / 4, 61);
    em.nx = 2;
    em.initial = vb.initial = &c.truth.sys;
    em.hold = vb.hold = ELBO_LDS_HOLD_START;
    em.steady = vb.steady = 1e-12;

    elbo_lds *best = lds_open(&c, &em);
    elbo_lds_info info;

    ml = climb(best, 300, &info, 61);
    for (size_t i = 0; i < 3; i++) {
        static const double weight[] = {100, 1, 1e-6};

        vb.prior_precision = weight[i];
        vb.prior_variance = weight[i];

        elbo_lds *lds = lds_open(&c, &vb);

        climb(lds, 300, &info, 61);
        kalman_ok(elbo_lds_loglik(lds, c.data, c.n, &x));
        gap[i] = ml - x;
    }
    /* at the weakest, what is left is the spread of the 31 parameters */
    ck_assert_msg(gap[0] > gap[1] && gap[1] > gap[2] && fabs(gap[2]) < 1,
                  "nats below the maximum: %g, %g, %g", gap[0], gap[1], gap[2]);
    lds_case_close(&c);
}
END_TEST

Suite *suite_lds_vb(void)
{
    Suite *s = suite_create("lds_vb");
    TCase *t = tcase_create("lds_vb");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, bound_never_falls_on_random_systems, 0, 5);
    tcase_add_test(t, seen_states_make_the_bound_the_exact_evidence);
    tcase_add_loop_test(t, bound_is_below_the_marginal_of_one_dimension, 0, 3);
    tcase_add_loop_test(t, evidence_is_expected_log_likelihood_and_entropy, 0,
                        HOLES);
    tcase_add_test(t, mstep_is_the_best_posterior_for_its_moments);
    tcase_add_test(t, weak_priors_approach_maximum_likelihood);
    suite_add_tcase(s, t);
    return s;
}
