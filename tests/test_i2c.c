/* tests/test_i2c.c -- i2c on linear systems: dense conditioning, Riccati, EM,
 * covariance control. */
#include "inference/messages/i2c.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/rng.h"
#include "tests/linear_control.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

/* A problem whose parts live in an arena. */
typedef struct task {
    linear_map f, h, h_end;
    elbo_i2c_problem p;
} task;

static void link_maps(task *w)
{
    w->p.f = linear_map_of(&w->f);
    w->p.h = linear_map_of(&w->h);
    if (w->h_end.M) w->p.h_end = linear_map_of(&w->h_end);
}

static gsl_vector *vector_of(const double x[], size_t n, elbo_arena *ws)
{
    gsl_vector *const v = elbo_arena_vec(ws, n);

    memcpy(v->data, x, n * sizeof *x);
    return v;
}

static linear_map identity_map(size_t n, elbo_arena *ws)
{
    const linear_map f = {identity(n, 1, ws), elbo_arena_vec(ws, n)};

    gsl_vector_set_zero(f.c);
    return f;
}

/* The LQR-equivalence experiment; `noise` on the diagonals of P0 and Sigma. */
static void lqr_task(task *w, double variance_u, double noise, elbo_arena *ws)
{
    static const double goal[] = {10, 10, 0}, start[] = {5, 5};
    static const double weight[] = {10, 10, 1};
    gsl_matrix *const mu = elbo_arena_mat(ws, LQ_T, LQ_NU);

    gsl_matrix_set_zero(mu);
    *w = (task){
        .f = lq_dynamics(goal, lq_A, lq_B, ws),
        .h = identity_map(LQ_NX + LQ_NU, ws),
        .h_end = identity_map(LQ_NX, ws),
        .p = {.nx = LQ_NX,
              .nu = LQ_NU,
              .T = LQ_T,
              .m0 = vector_of(start, LQ_NX, ws),
              .P0 = identity(LQ_NX, noise, ws),
              .Sigma = identity(LQ_NX, noise, ws),
              .goal = vector_of(goal, LQ_NX + LQ_NU, ws),
              .goal_end = vector_of(goal, LQ_NX, ws),
              .W = diagonal(weight, LQ_NX + LQ_NU, 1, ws),
              .W_end = diagonal(weight, LQ_NX, 1, ws),
              .mu = mu,
              .Sigma_u = identity(LQ_NU, variance_u, ws)},
    };
    link_maps(w);
}

/* Riccati for two states and one input, with P~ = (P^-1 + s I)^-1 in place of
 * P: K [T x 2]; P, unless NULL, [T + 1 x 4]. */
static void riccati(double R, double s, double K[][2], double P[][4])
{
    const double *const A = lq_A, *const B = lq_B;
    double V[4] = {lq_Q[0], 0, 0, lq_Q[1]};

    if (P) memcpy(P[LQ_T], V, sizeof V);
    for (size_t t = LQ_T; t-- > 0;) {
        /* P~ = (I + s P)^-1 P */
        const double M[4] = {1 + s * V[0], s * V[1], s * V[2], 1 + s * V[3]};
        const double det = M[0] * M[3] - M[1] * M[2];
        const double W[4] = {(M[3] * V[0] - M[1] * V[2]) / det,
                             (M[3] * V[1] - M[1] * V[3]) / det,
                             (M[0] * V[2] - M[2] * V[0]) / det,
                             (M[0] * V[3] - M[2] * V[1]) / det};
        const double WB[2] = {W[0] * B[0] + W[1] * B[1],
                              W[2] * B[0] + W[3] * B[1]};
        const double S = R + B[0] * WB[0] + B[1] * WB[1];
        double WA[4], AWA[4];

        for (size_t j = 0; j < 2; j++) {
            K[t][j] = -(WB[0] * A[j] + WB[1] * A[2 + j]) / S;
            for (size_t i = 0; i < 2; i++)
                WA[2 * i + j] = W[2 * i] * A[j] + W[2 * i + 1] * A[2 + j];
        }
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                AWA[2 * i + j] = A[i] * WA[j] + A[2 + i] * WA[2 + j];
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                V[2 * i + j] = AWA[2 * i + j] - S * K[t][i] * K[t][j]
                               + (i == j ? lq_Q[i] : 0);
        if (P) memcpy(P[t], V, sizeof V);
    }
}

/* LQR's inputs and states: u = K (x - g), u* = 0 at the goal. */
static double lqr_rollout(double K[][2], double u[], double x[2])
{
    double cost = 0;

    x[0] = x[1] = 5;
    for (size_t t = 0; t < LQ_T; t++) {
        const double d[] = {x[0] - 10, x[1] - 10};

        u[t] = K[t][0] * d[0] + K[t][1] * d[1];
        cost += 10 * (d[0] * d[0] + d[1] * d[1]) + u[t] * u[t];
        x[0] = 10 + lq_A[0] * d[0] + lq_A[1] * d[1] + lq_B[0] * u[t];
        x[1] = 10 + lq_A[2] * d[0] + lq_A[3] * d[1] + lq_B[1] * u[t];
    }
    return cost + 10 * (x[0] - 10) * (x[0] - 10)
           + 10 * (x[1] - 10) * (x[1] - 10);
}

static elbo_i2c *one_iteration(task *w, double alpha,
                               const elbo_transform_rule *rule,
                               elbo_i2c_info *info, elbo_arena *ws)
{
    elbo_i2c_config config = elbo_i2c_defaults;
    elbo_i2c *i2c;

    config.alpha = alpha;
    config.transform.rule = rule;
    ck_assert_int_eq(elbo_i2c_open(&config, &w->p, ws, &i2c), ELBO_OK);
    ck_assert_int_eq(elbo_i2c_iterate(i2c, info, ws), ELBO_OK);
    return i2c;
}

START_TEST(the_oracle_is_the_published_lqr)
{
    double K[LQ_T][2], P[LQ_T + 1][4], u[LQ_T], x[2];

    riccati(1, 0, K, P);
    ck_assert_double_eq_tol(K[0][0], -5.8777869752, 1e-10);
    ck_assert_double_eq_tol(K[0][1], -8.2253625131, 1e-10);
    ck_assert_double_eq_tol(-10 * (K[0][0] + K[0][1]), 141.0314948832, 1e-9);
    ck_assert_double_eq_tol(P[0][0], 87.3943945073, 1e-9);
    ck_assert_double_eq_tol(P[0][1], 140.1261155788, 1e-9);
    ck_assert_double_eq_tol(P[0][3], 556.1184072812, 1e-9);
    ck_assert_double_eq_tol(K[30][0], -5.8665482698, 1e-10);
    ck_assert_double_eq_tol(K[30][1], -8.1850701936, 1e-10);
    ck_assert_double_eq_tol(K[59][0], -1, 1e-14);
    ck_assert_double_eq_tol(K[59][1], 0, 1e-14);
    ck_assert_double_eq_tol(lqr_rollout(K, u, x), 23094.12582364921, 1e-10);
    ck_assert_double_eq_tol(u[0], 70.5157474415931, 1e-11);
    ck_assert_double_eq_tol(x[0], 10.0098932541, 1e-10);
    ck_assert_double_eq_tol(x[1], 9.9773435756, 1e-10);
}
END_TEST

static const struct {
    double alpha, variance_u, noise, K30[2];
} riccati_cases[] = {
    {1,   100, 0,    {-5.8557145516, -8.1608274832}},
    {1,   1,   0,    {0, 0}                        },
    {1,   100, 0.01, {-2.3095539329, -0.2907114925}},
    {100, 100, 0.01, {0, 0}                        },
    {0.1, 100, 0.01, {-0.655530841, -0.0113092858} },
};

/* R' = R + alpha / sigma_u^2, P~ = (P^-1 + Sigma / alpha)^-1 */
START_TEST(gains_are_those_of_risk_seeking_riccati)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const double alpha = riccati_cases[_i].alpha;
    const double variance = riccati_cases[_i].variance_u;
    const double noise = riccati_cases[_i].noise;
    const double *const K30 = riccati_cases[_i].K30;
    double K[LQ_T][2];

    riccati(1 + alpha / variance, noise / alpha, K, NULL);
    for (size_t r = 0; elbo_transforms[r]; r++) {
        elbo_i2c_info info;
        task w;

        lqr_task(&w, variance, noise, ws);
        w.p.P0 = identity(LQ_NX, 0.7385, ws); /* which the gains do not see */

        const elbo_i2c_view view = elbo_i2c_posterior(
            one_iteration(&w, alpha, elbo_transforms[r], &info, ws));

        for (size_t t = 1; t < LQ_T; t++)
            for (size_t j = 0; j < 2; j++)
                ck_assert_double_eq_tol(view.K[2 * t + j], K[t][j], 1e-10);
        for (size_t j = 0; j < 2 && K30[0] != 0; j++)
            ck_assert_double_eq_tol(view.K[60 + j], K30[j], 2e-10);
    }
    elbo_arena_free(ws);
}
END_TEST

/* max |u - u_LQR| is linear in alpha. */
START_TEST(cold_posteriors_are_lqr)
{
    static const double alphas[] = {1, 1e-2, 1e-5};
    static const double gaps[] = {0.1747, 1.76e-3, 1.74e-6};
    static const double digits[] = {5e-5, 5e-6, 5e-9};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double K[LQ_T][2], u[LQ_T], x[2], gap = 0;
    elbo_i2c_info info;
    task w;

    riccati(1, 0, K, NULL);
    (void)lqr_rollout(K, u, x);
    lqr_task(&w, 100, 1e-20, ws);

    const elbo_i2c_view view = elbo_i2c_posterior(
        one_iteration(&w, alphas[_i], &elbo_transform_linearised, &info, ws));

    for (size_t t = 0; t < LQ_T; t++)
        gap = fmax(gap, fabs(view.mean[3 * t + 2] - u[t]));
    ck_assert_double_eq_tol(gap, gaps[_i], digits[_i]);
    elbo_arena_free(ws);
}
END_TEST

/* A drawn linear task of nx states, nu inputs. */
static void drawn_task(task *w, size_t nx, size_t nu, size_t T, elbo_rng *rng,
                       elbo_arena *ws)
{
    const size_t n = nx + nu, nz = n;
    linear_map *const maps[] = {&w->f, &w->h, &w->h_end};
    const size_t rows[] = {nx, nz, nx}, cols[] = {n, n, nx};
    gsl_matrix *const mu = elbo_arena_mat(ws, T, nu);
    gsl_vector *const m0 = elbo_arena_vec(ws, nx);
    gsl_vector *const goal = elbo_arena_vec(ws, nz);
    gsl_matrix *spd[5];
    const size_t sizes[] = {nx, nx, nz, nx, nu};

    for (size_t i = 0; i < 3; i++) {
        *maps[i] = (linear_map){elbo_arena_mat(ws, rows[i], cols[i]),
                                elbo_arena_vec(ws, rows[i])};
        elbo_rng_normals(rng, maps[i]->M->data, rows[i] * cols[i]);
        elbo_rng_normals(rng, maps[i]->c->data, rows[i]);
        gsl_matrix_scale(maps[i]->M, 0.6);
    }
    for (size_t i = 0; i < 5; i++) {
        gsl_matrix *const G = elbo_arena_mat(ws, sizes[i], sizes[i]);

        elbo_rng_normals(rng, G->data, sizes[i] * sizes[i]);
        spd[i] = identity(sizes[i], 0.2385, ws);
        gsl_blas_dgemm(CblasNoTrans, CblasTrans, 0.5, G, G, 1, spd[i]);
        elbo_sym_from_lower(spd[i]);
    }
    elbo_rng_normals(rng, mu->data, T * nu);
    elbo_rng_normals(rng, m0->data, nx);
    elbo_rng_normals(rng, goal->data, nz);
    w->p = (elbo_i2c_problem){.nx = nx,
                              .nu = nu,
                              .T = T,
                              .m0 = m0,
                              .P0 = spd[0],
                              .Sigma = spd[1],
                              .goal = goal,
                              .goal_end = vector_of(goal->data, nx, ws),
                              .W = spd[2],
                              .W_end = spd[3],
                              .mu = mu,
                              .Sigma_u = spd[4]};
    link_maps(w);
}

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

static void dense_step(const task *w, dense *d, size_t t)
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

static void dense_of(const task *w, double alpha, dense *d, elbo_arena *ws)
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
static double condition(const task *w, dense *d, gsl_matrix *P, elbo_arena *ws)
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
    task w;
    dense d;

    drawn_task(&w, D_NX, D_NU, D_T, &rng, ws);
    dense_of(&w, alpha, &d, ws);

    const double evidence = condition(&w, &d, P, ws);
    const elbo_i2c_view view = elbo_i2c_posterior(
        one_iteration(&w, alpha, elbo_transforms[_i % 4], &info, ws));

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
    task w;

    config.fade = false;
    config.transform.rule = &elbo_transform_linearised;
    config.clip = _i % 2 ? 0 : 0.9;
    drawn_task(&w, nx, nu, 8, &rng, ws);
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

/* The official experiment: only inputs cost, x_T is to be N((-5, -5), 2 I). */
enum { CC_T = 50, CC_ITERATIONS = 15, CC_ROLLOUTS = 20000 };

static void covariance_task(task *w, elbo_arena *ws)
{
    static const double A[] = {1.05, 0, 0.05, 1.01}, B[] = {0.1, 0};
    static const double start[] = {5, 5}, P0[] = {0.1, 5},
                        Sigma[] = {0.1, 0.01};
    static const double goal[] = {-5, -5}, none = 0;
    gsl_matrix *const mu = elbo_arena_mat(ws, CC_T, 1);

    gsl_matrix_set_zero(mu);
    *w = (task){
        .f = lq_dynamics(goal, A, B, ws),
        .h = {elbo_arena_mat(ws, 1, 3), elbo_arena_vec(ws, 1)},
        .p = { .nx = 2,
              .nu = 1,
              .T = CC_T,
              .m0 = vector_of(start, 2, ws),
              .P0 = diagonal(P0, 2, 1, ws),
              .Sigma = diagonal(Sigma, 2, 1, ws),
              .goal = vector_of(&none, 1, ws),
              .W = identity(1, 1, ws),
              .mu = mu,
              .Sigma_u = identity(1, 100, ws),
              .target = vector_of(goal, 2, ws),
              .target_cov = identity(2, 2, ws)}
    };
    gsl_matrix_set_zero(w->h.M);
    gsl_vector_set_zero(w->h.c);
    gsl_matrix_set(w->h.M, 0, 2, 1);
    link_maps(w);
}

static void noisy_step(const task *w, double xu[], elbo_rng *rng)
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
    task w;

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

/* A start that is a point has nothing to feed back at t = 0, and every later
 * gain as from any start; with fading, iterations go on. */
START_TEST(a_start_may_be_a_point)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_i2c_info info;
    double K[LQ_T][2];
    task w;

    riccati(1 + 1.0 / 100, 0.01, K, NULL);
    lqr_task(&w, 100, 0.01, ws);
    w.p.P0 = identity(LQ_NX, 0, ws);
    for (size_t r = 0; elbo_transforms[r]; r++) {
        elbo_i2c *const i2c =
            one_iteration(&w, 1, elbo_transforms[r], &info, ws);
        const elbo_i2c_view view = elbo_i2c_posterior(i2c);

        for (size_t j = 0; j < 2; j++) ck_assert(view.K[j] == 0);
        for (size_t t = 1; t < LQ_T; t++)
            for (size_t j = 0; j < 2; j++)
                ck_assert_double_eq_tol(view.K[2 * t + j], K[t][j], 1e-10);
        for (size_t k = 0; k < 3; k++)
            ck_assert_int_eq(elbo_i2c_iterate(i2c, &info, ws), ELBO_OK);
        for (size_t i = 0; i < 2; i++) ck_assert(view.mean[i] == 5);
    }
    elbo_arena_free(ws);
}
END_TEST

static void save_to(const char *path, const elbo_i2c *i2c)
{
    elbo_writer *const out = elbo_writer_alloc();

    elbo_writer_section(out, "i2c");
    elbo_i2c_save(i2c, out);
    ck_assert_int_eq(elbo_writer_commit(out, path), ELBO_OK);
    elbo_writer_free(out);
}

static elbo_status load_from(const char *path, elbo_i2c *i2c)
{
    elbo_reader *in;

    ck_assert_int_eq(elbo_reader_open(path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "i2c"), ELBO_OK);

    const elbo_status s = elbo_i2c_load(i2c, in);

    elbo_reader_free(in);
    return s;
}

START_TEST(a_checkpoint_continues_to_the_same_bits)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(31, "save", 0);
    elbo_i2c *whole, *resumed, *other;
    elbo_i2c_info a, b;
    task w, longer;

    drawn_task(&w, 3, 1, 6, &rng, ws);
    drawn_task(&longer, 3, 1, 7, &rng, ws);
    ck_assert(!elbo_i2c_open(&elbo_i2c_defaults, &w.p, ws, &whole));
    ck_assert(!elbo_i2c_open(&elbo_i2c_defaults, &w.p, ws, &resumed));
    ck_assert(!elbo_i2c_open(&elbo_i2c_defaults, &longer.p, ws, &other));
    for (size_t k = 0; k < 3; k++) ck_assert(!elbo_i2c_iterate(whole, &a, ws));
    save_to(scratch_path, whole);
    ck_assert_int_eq(load_from(scratch_path, resumed), ELBO_OK);
    ck_assert_int_eq(load_from(scratch_path, other), ELBO_EDATA);
    for (size_t k = 0; k < 3; k++) {
        ck_assert(!elbo_i2c_iterate(whole, &a, ws));
        ck_assert(!elbo_i2c_iterate(resumed, &b, ws));
        ck_assert(a.elbo == b.elbo && a.alpha_next == b.alpha_next);
        ck_assert(a.iteration == b.iteration && a.cost == b.cost);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(wrong_settings_and_matrices_are_refused)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(37, "wrong", 0);
    elbo_i2c_config config = elbo_i2c_defaults;
    elbo_i2c_info info;
    elbo_i2c *i2c;
    task w;

    drawn_task(&w, 2, 1, 4, &rng, ws);
    config.alpha = 0;
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_EINVAL);
    config.alpha = 1;
    config.clip = 1.5;
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_EINVAL);
    config.clip = 0;
    config.anneal = -1;
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_EINVAL);
    config.anneal = 0;
    w.p.W = identity(3, -1, ws);
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "i2c: W: "));
    w.p.W = identity(3, 1, ws);
    gsl_matrix_set((gsl_matrix *)w.f.M, 0, 0, 1e200);
    ck_assert_int_eq(elbo_i2c_open(&config, &w.p, ws, &i2c), ELBO_OK);
    ck_assert_int_ne(elbo_i2c_iterate(i2c, &info, ws), ELBO_OK);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "filter, step"));
    elbo_arena_free(ws);
}
END_TEST

/* Each allocation fails once; afterwards the same numbers. */
START_TEST(lost_allocations_are_reported)
{
    elbo_arena *const parts = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(41, "memory", 0);
    elbo_i2c_info info;
    elbo_status s;
    long n = 0;
    task w;

    drawn_task(&w, 2, 1, 30, &rng, parts);
    do {
        elbo_i2c *i2c;

        elbo_alloc_budget(n++);

        elbo_arena *const arena = elbo_arena_alloc(64);

        s = arena ? elbo_i2c_open(&elbo_i2c_defaults, &w.p, arena, &i2c)
                  : ELBO_ENOMEM;
        if (s == ELBO_OK) s = elbo_i2c_iterate(i2c, &info, arena);
        elbo_arena_free(arena);
        elbo_alloc_budget(-1);
    } while (s == ELBO_ENOMEM);
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(n, 3);
    elbo_arena_free(parts);
}
END_TEST

Suite *suite_i2c(void)
{
    Suite *const s = suite_create("i2c");
    TCase *const t = tcase_create("i2c");

    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_test(t, the_oracle_is_the_published_lqr);
    tcase_add_loop_test(t, gains_are_those_of_risk_seeking_riccati, 0, 5);
    tcase_add_test(t, a_start_may_be_a_point);
    tcase_add_loop_test(t, cold_posteriors_are_lqr, 0, 3);
    tcase_add_loop_test(t, the_posterior_is_dense_conditioning, 0, 8);
    tcase_add_loop_test(t, evidence_never_falls_on_linear_systems, 0, 40);
    tcase_add_test(t, covariance_control_reaches_its_target);
    tcase_add_test(t, a_checkpoint_continues_to_the_same_bits);
    tcase_add_test(t, wrong_settings_and_matrices_are_refused);
    tcase_add_test(t, lost_allocations_are_reported);
    suite_add_tcase(s, t);
    return s;
}
