/* tests/test_i2c_covariance.c -- covariance control by i2c. */
#include "inference/messages/i2c.h"

#include <math.h>

#include "tests/i2c_cases.h"
#include "tests/suites.h"

/* The official experiment: only inputs cost, x_T is to be N((-5, -5), 2 I). */
enum { CC_T = 50, CC_ITERATIONS = 15, CC_ROLLOUTS = 20000 };

static void covariance_task(i2c_task *w, elbo_arena *ws)
{
    static const double A[] = {1.05, 0, 0.05, 1.01}, B[] = {0.1, 0};
    static const double start[] = {5, 5}, P0[] = {0.1, 5},
                        Sigma[] = {0.1, 0.01};
    static const double goal[] = {-5, -5}, none = 0;
    gsl_matrix *const mu = elbo_arena_mat(ws, CC_T, 1);

    gsl_matrix_set_zero(mu);
    *w = (i2c_task){
        .f = lq_dynamics(goal, A, B, ws),
        .h = {elbo_arena_mat(ws, 1, 3), elbo_arena_vec(ws, 1)},
        .p = { .nx = 2,
              .nu = 1,
              .T = CC_T,
              .m0 = vector_of(2, start, ws),
              .P0 = diagonal(P0, 2, 1, ws),
              .Sigma = diagonal(Sigma, 2, 1, ws),
              .goal = vector_of(1, &none, ws),
              .W = identity(1, 1, ws),
              .mu = mu,
              .Sigma_u = identity(1, 100, ws),
              .target = vector_of(2, goal, ws),
              .target_cov = identity(2, 2, ws)}
    };
    gsl_matrix_set_zero(w->h.M);
    gsl_vector_set_zero(w->h.c);
    gsl_matrix_set(w->h.M, 0, 2, 1);
    i2c_task_link(w);
}

static void noisy_step(const i2c_task *w, double xu[], elbo_rng *rng)
{
    double next[2], e[2];

    w->p.f.value(w->p.f.self, xu, next);
    elbo_rng_normals(rng, e, 2);
    for (size_t i = 0; i < 2; i++)
        xu[i] = next[i] + sqrt(gsl_matrix_get(w->p.Sigma, i, i)) * e[i];
}

START_TEST(covariance_control_reaches_its_target)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_i2c_config config = elbo_i2c_defaults;
    elbo_rng rng = elbo_rng_stream(29, "rollouts", 0);
    double kl[CC_ITERATIONS], sum[2] = {0}, square[3] = {0};
    elbo_i2c *i2c;
    i2c_task w;

    config.alpha = 1e9;
    config.clip = 1;
    config.fade = false;
    config.transform.rule = &elbo_transform_linearised;
    covariance_task(&w, ws);
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_OK);
    for (size_t k = 0; k < CC_ITERATIONS; k++) {
        elbo_i2c_info info;

        ck_assert_int_eq(elbo_i2c_iterate(i2c, &info, ws), ELBO_OK);
        ck_assert(info.alpha_next == 1e9);
        kl[k] = info.kl_target;
        /* log-linearly: by about the same factor each time */
        if (k > 1 && kl[k - 1] > 1e-10)
            ck_assert_double_lt(kl[k], 0.5 * kl[k - 1]);
    }
    ck_assert_double_gt(kl[0], 0);
    ck_assert_double_lt(kl[CC_ITERATIONS - 1], 1e-5);

    for (size_t r = 0; r < CC_ROLLOUTS; r++) {
        double xu[3], u;

        elbo_rng_normals(&rng, xu, 2);
        for (size_t i = 0; i < 2; i++)
            xu[i] = 5 + sqrt(gsl_matrix_get(w.p.P0, i, i)) * xu[i];
        for (size_t t = 0; t < CC_T; t++) {
            elbo_i2c_act(i2c, t, xu, &xu[2]);
            elbo_rng_normals(&rng, &u, 1);
            xu[2] += sqrt(elbo_i2c_posterior(i2c).S[t]) * u;
            noisy_step(&w, xu, &rng);
        }
        for (size_t i = 0; i < 2; i++) sum[i] += xu[i] / CC_ROLLOUTS;
        square[0] += (xu[0] + 5) * (xu[0] + 5) / CC_ROLLOUTS;
        square[1] += (xu[0] + 5) * (xu[1] + 5) / CC_ROLLOUTS;
        square[2] += (xu[1] + 5) * (xu[1] + 5) / CC_ROLLOUTS;
    }
    /* four standard errors: sqrt(2 / n), 2 sqrt(2 / n), 2 / sqrt(n) */
    for (size_t i = 0; i < 2; i++) ck_assert_double_eq_tol(sum[i], -5, 0.04);
    ck_assert_double_eq_tol(square[0], 2, 0.08);
    ck_assert_double_eq_tol(square[1], 0, 0.057);
    ck_assert_double_eq_tol(square[2], 2, 0.08);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_i2c_covariance(void)
{
    Suite *const s = suite_create("i2c_covariance");
    TCase *const t = tcase_create("i2c");

    tcase_add_test(t, covariance_control_reaches_its_target);
    suite_add_tcase(s, t);
    return s;
}
