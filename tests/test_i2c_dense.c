/* tests/test_i2c_dense.c -- i2c on drawn linear systems: its posterior is dense
 * conditioning, and EM raises the evidence. */
#include "inference/messages/i2c.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>

#include "tests/i2c_cases.h"
#include "tests/suites.h"

/* All of (x_0, u_0, .., x_T) and the goals are affine in independent Gaussians
 * v = (x_0, u_0, .., u_T-1, e_0, .., e_T-1, and each goal's noise). */
enum { D_NX = 2, D_NU = 2, D_N = D_NX + D_NU, D_T = 5 };
enum { D_PATH = D_T * D_N + D_NX, D_GOALS = D_T * D_N + D_NX };
enum { D_V = D_NX + D_T * D_NU + D_T * D_NX + D_GOALS };

typedef struct dense {
    gsl_matrix *path, *goals;           /* coefficients of v */
    gsl_vector *path_mean, *goals_mean; /* at the mean of v */
    gsl_matrix *cov;                    /* of v */
} dense;

static gsl_matrix block(gsl_matrix *M, size_t i, size_t j, size_t r, size_t c)
{
    return gsl_matrix_submatrix(M, i, j, r, c).matrix;
}

static void dense_step(const i2c_task *w, dense *d, size_t t)
{
    const size_t row = t * D_N;
    gsl_matrix xu = block(d->path, row, 0, D_N, D_V);
    gsl_matrix next = block(d->path, row + D_N, 0, D_NX, D_V);
    gsl_matrix z = block(d->goals, row, 0, D_N, D_V);
    gsl_vector m = gsl_vector_subvector(d->path_mean, row, D_N).vector;
    gsl_vector mn = gsl_vector_subvector(d->path_mean, row + D_N, D_NX).vector;
    gsl_vector mz = gsl_vector_subvector(d->goals_mean, row, D_N).vector;

    for (size_t i = 0; i < D_NU; i++) {
        gsl_matrix_set(&xu, D_NX + i, D_NX + t * D_NU + i, 1);
        m.data[D_NX + i] = gsl_matrix_get(w->p.mu, t, i);
    }
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, w->f.M, &xu, 0, &next);
    gsl_vector_memcpy(&mn, w->f.c);
    gsl_blas_dgemv(CblasNoTrans, 1, w->f.M, &m, 1, &mn);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, w->h.M, &xu, 0, &z);
    gsl_vector_memcpy(&mz, w->h.c);
    gsl_blas_dgemv(CblasNoTrans, 1, w->h.M, &m, 1, &mz);
    for (size_t i = 0; i < D_NX; i++)
        gsl_matrix_set(&next, i, D_NX + D_T * D_NU + t * D_NX + i, 1);
}

static void place(gsl_matrix *cov, size_t at, const gsl_matrix *P)
{
    gsl_matrix b = block(cov, at, at, P->size1, P->size1);

    gsl_matrix_memcpy(&b, P);
}

static gsl_matrix *scaled_inverse(const gsl_matrix *W, double s, elbo_arena *ws)
{
    gsl_matrix *const V = elbo_arena_mat(ws, W->size1, W->size1);

    gsl_matrix_memcpy(V, W);
    ck_assert_int_eq(elbo_chol(V), ELBO_OK);
    ck_assert_int_eq(elbo_chol_inverse(V), ELBO_OK);
    gsl_matrix_scale(V, s);
    return V;
}

static void dense_of(const i2c_task *w, double alpha, dense *d, elbo_arena *ws)
{
    const gsl_matrix *const V = scaled_inverse(w->p.W, alpha, ws);
    const gsl_matrix *const V_end = scaled_inverse(w->p.W_end, alpha, ws);
    const size_t noise = D_NX + D_T * D_NU, meets = noise + D_T * D_NX;

    *d = (dense){.path = elbo_arena_mat(ws, D_PATH, D_V),
                 .goals = elbo_arena_mat(ws, D_GOALS, D_V),
                 .path_mean = elbo_arena_vec(ws, D_PATH),
                 .goals_mean = elbo_arena_vec(ws, D_GOALS),
                 .cov = elbo_arena_mat(ws, D_V, D_V)};
    gsl_matrix_set_zero(d->path);
    gsl_matrix_set_zero(d->cov);
    place(d->cov, 0, w->p.P0);
    for (size_t i = 0; i < D_NX; i++) {
        gsl_matrix_set(d->path, i, i, 1);
        d->path_mean->data[i] = w->p.m0->data[i];
    }
    for (size_t t = 0; t < D_T; t++) {
        place(d->cov, D_NX + t * D_NU, w->p.Sigma_u);
        place(d->cov, noise + t * D_NX, w->p.Sigma);
        place(d->cov, meets + t * D_N, V);
        dense_step(w, d, t);
    }
    place(d->cov, meets + D_T * D_N, V_end);

    gsl_matrix last = block(d->path, D_T * D_N, 0, D_NX, D_V);
    gsl_matrix z = block(d->goals, D_T * D_N, 0, D_NX, D_V);
    gsl_vector m = gsl_vector_subvector(d->path_mean, D_T * D_N, D_NX).vector;
    gsl_vector mz = gsl_vector_subvector(d->goals_mean, D_T * D_N, D_NX).vector;

    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, w->h_end.M, &last, 0, &z);
    gsl_vector_memcpy(&mz, w->h_end.c);
    gsl_blas_dgemv(CblasNoTrans, 1, w->h_end.M, &m, 1, &mz);
    for (size_t i = 0; i < D_GOALS; i++)
        gsl_matrix_set(d->goals, i, meets + i, 1);
}

/* The path given the goals: mean and covariance; returns log p(goals). */
static double condition(const i2c_task *w, dense *d, gsl_matrix *P,
                        elbo_arena *ws)
{
    gsl_matrix *const GV = elbo_arena_mat(ws, D_GOALS, D_V);
    gsl_matrix *const PV = elbo_arena_mat(ws, D_PATH, D_V);
    gsl_matrix *const S = elbo_arena_mat(ws, D_GOALS, D_GOALS);
    gsl_matrix *const C = elbo_arena_mat(ws, D_GOALS, D_PATH);
    gsl_vector *const e = elbo_arena_vec(ws, D_GOALS);
    double square;

    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, d->goals, d->cov, 0, GV);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, d->path, d->cov, 0, PV);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, GV, d->goals, 0, S);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, GV, d->path, 0, C);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, PV, d->path, 0, P);
    for (size_t i = 0; i < D_GOALS; i++)
        e->data[i] = w->p.goal->data[i < D_T * D_N ? i % D_N : i - D_T * D_N]
                     - d->goals_mean->data[i];
    ck_assert_int_eq(elbo_chol(S), ELBO_OK);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, S, e);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, S, C);
    gsl_blas_dgemv(CblasTrans, 1, C, e, 1, d->path_mean);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, -1, C, C, 1, P);
    gsl_blas_ddot(e, e, &square);
    return -0.5 * (D_GOALS * log(2 * M_PI) + elbo_chol_logdet(S) + square);
}

START_TEST(the_posterior_is_dense_conditioning)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(19, "dense", (uint64_t)_i);
    gsl_matrix *const P = elbo_arena_mat(ws, D_PATH, D_PATH);
    const double alpha = 0.7385;
    elbo_i2c_info info;
    i2c_task w;
    dense d;

    i2c_drawn_task(&w, D_NX, D_NU, D_T, &rng, ws);
    dense_of(&w, alpha, &d, ws);

    const double evidence = condition(&w, &d, P, ws);
    const elbo_i2c_view view = elbo_i2c_posterior(
        i2c_one_iteration(&w, alpha, elbo_transforms[_i % 4], &info, ws));

    ck_assert_double_eq_tol(info.elbo, evidence, 1e-10 * fabs(evidence));
    ck_assert_double_eq_tol(info.likelihood - info.kl, info.elbo, 1e-10);
    for (size_t t = 0; t < D_T; t++)
        for (size_t i = 0; i < D_N; i++) {
            ck_assert_double_eq_tol(view.mean[t * D_N + i],
                                    d.path_mean->data[t * D_N + i], 1e-10);
            for (size_t j = 0; j < D_N; j++)
                ck_assert_double_eq_tol(
                    view.cov[(t * D_N + i) * D_N + j],
                    gsl_matrix_get(P, t * D_N + i, t * D_N + j), 1e-10);
        }
    for (size_t i = 0; i < D_NX; i++)
        ck_assert_double_eq_tol(view.end_mean[i],
                                d.path_mean->data[D_T * D_N + i], 1e-10);
    elbo_arena_free(ws);
}
END_TEST

/* EM without `fade`: the evidence rises, the KL is one. */
START_TEST(evidence_never_falls_on_linear_systems)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(23, "em", (uint64_t)_i);
    const size_t nx = 1 + elbo_rng_below(&rng, 4);
    const size_t nu = 1 + elbo_rng_below(&rng, 2);
    elbo_i2c_config config = elbo_i2c_defaults;
    double last = -HUGE_VAL, first = 0;
    elbo_i2c *i2c;
    i2c_task w;

    config.fade = false;
    config.transform.rule = &elbo_transform_linearised;
    config.clip = _i % 2 ? 0 : 0.9;
    i2c_drawn_task(&w, nx, nu, 8, &rng, ws);
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_OK);
    for (size_t k = 0; k < 25; k++) {
        elbo_i2c_info info;

        ck_assert_int_eq(elbo_i2c_iterate(i2c, &info, ws), ELBO_OK);
        ck_assert_double_ge(info.elbo, last - 1e-9 * (1 + fabs(last)));
        ck_assert_double_ge(info.kl, -1e-9);
        ck_assert(info.alpha_next >= config.clip * info.alpha);
        if (k == 0) first = info.elbo;
        last = info.elbo;
    }
    ck_assert_double_gt(last, first + 1e-3);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_i2c_dense(void)
{
    Suite *const s = suite_create("i2c_dense");
    TCase *const t = tcase_create("i2c");

    tcase_add_loop_test(t, the_posterior_is_dense_conditioning, 0, 8);
    tcase_add_loop_test(t, evidence_never_falls_on_linear_systems, 0, 40);
    suite_add_tcase(s, t);
    return s;
}
