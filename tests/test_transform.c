/* tests/test_transform.c -- moments through maps against closed forms. */
#include "inference/messages/transform.h"

#include <float.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/suites.h"

enum { N = 3, M = 4, RULES = 4 };

/* y = A x + b */
typedef struct affine {
    double A[M * N], b[M];
} affine;

static void affine_value(const void *self, const double x[], double y[])
{
    const affine *const f = self;

    for (size_t i = 0; i < M; i++) {
        y[i] = f->b[i];
        for (size_t j = 0; j < N; j++) y[i] += f->A[i * N + j] * x[j];
    }
}

static elbo_transform rule_of(const char *name, size_t order, size_t nx,
                              elbo_arena *ws)
{
    elbo_transform_config config = elbo_transform_defaults;
    elbo_transform out;

    config.rule = elbo_transform_find(name);
    config.order = order;
    config.alpha = 0.7;
    config.kappa = 1.3;
    ck_assert_ptr_nonnull(config.rule);
    ck_assert_int_eq(elbo_transform_open(&config, nx, ws, &out), ELBO_OK);
    return out;
}

/* P = G G' with G [n x rank] drawn. */
static gsl_matrix *drawn_covariance(size_t n, size_t rank, elbo_rng *rng,
                                    elbo_arena *ws)
{
    gsl_matrix *const G = elbo_arena_mat(ws, n, rank);
    gsl_matrix *const P = elbo_arena_mat(ws, n, n);

    elbo_rng_normals(rng, G->data, n * rank);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, G, G, 0, P);
    elbo_sym_from_lower(P);
    return P;
}

static void close_to(const gsl_matrix *A, const gsl_matrix *B, double tolerance)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            ck_assert_double_eq_tol(gsl_matrix_get(A, i, j),
                                    gsl_matrix_get(B, i, j), tolerance);
}

/* Every rule, for P of full rank and of rank 1. */
START_TEST(affine_maps_are_exact)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const char *const name = elbo_transforms[_i % RULES]->name;
    elbo_rng rng = elbo_rng_stream(11, "affine", (uint64_t)_i);
    affine f;
    const elbo_map map = {&f, N, M, affine_value, NULL};
    const elbo_transform rule = rule_of(name, 3, N, ws);
    gsl_matrix *const P = drawn_covariance(N, _i < RULES ? N : 1, &rng, ws);
    gsl_matrix *const cross = elbo_arena_mat(ws, N, M);
    gsl_matrix *const cov = elbo_arena_mat(ws, M, M);
    gsl_vector *const m = elbo_arena_vec(ws, N);
    elbo_image y = elbo_image_of(&map, ws);
    double mean[M];

    elbo_rng_normals(&rng, f.A, M * N);
    elbo_rng_normals(&rng, f.b, M);
    elbo_rng_normals(&rng, m->data, N);

    const gsl_matrix_view A = gsl_matrix_view_array(f.A, M, N);
    const double tolerance = strcmp(name, "linearised") == 0
                                 ? 1e-8 /* by differences */
                                 : 1e-12;

    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_OK);
    affine_value(&f, m->data, mean);
    for (size_t i = 0; i < M; i++)
        ck_assert_double_eq_tol(y.mean->data[i], mean[i], 1e-12);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, P, &A.matrix, 0, cross);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, &A.matrix, cross, 0, cov);
    close_to(y.cross, cross, tolerance);
    close_to(y.cov, cov, 10 * tolerance);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert(gsl_matrix_get(y.cov, i, j)
                      == gsl_matrix_get(y.cov, j, i));
    elbo_arena_free(ws);
}
END_TEST

/* y_d = x^d for d = 0 .. 9, x ~ N(m, s^2) */
enum { POWERS = 10 };

static void powers(const void *self, const double x[], double y[])
{
    (void)self;
    y[0] = 1;
    for (size_t d = 1; d < POWERS; d++) y[d] = y[d - 1] * x[0];
}

/* E x^(d+1) = m E x^d + d s^2 E x^(d-1) */
static void gaussian_powers(double m, double s2, size_t n, double E[])
{
    E[0] = 1;
    E[1] = m;
    for (size_t d = 1; d + 1 < n; d++)
        E[d + 1] = m * E[d] + (double)d * s2 * E[d - 1];
}

START_TEST(gauss_hermite_is_exact_to_degree_2p_minus_1)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const size_t order = (size_t)_i;
    const elbo_map map = {NULL, 1, POWERS, powers, NULL};
    const elbo_transform rule = rule_of("gauss_hermite", order, 1, ws);
    gsl_vector *const m = elbo_arena_vec(ws, 1);
    gsl_matrix *const P = elbo_arena_mat(ws, 1, 1);
    elbo_image y = elbo_image_of(&map, ws);
    double E[2 * POWERS];

    m->data[0] = 0.7385;
    P->data[0] = 0.81;
    gaussian_powers(m->data[0], P->data[0], 2 * POWERS, E);
    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_OK);
    for (size_t d = 0; d < POWERS; d++) {
        if (d <= 2 * order - 1)
            ck_assert_double_eq_tol(y.mean->data[d], E[d], 1e-12 * (1 + E[d]));
        if (d + 1 <= 2 * order - 1)
            ck_assert_double_eq_tol(gsl_matrix_get(y.cross, 0, d),
                                    E[d + 1] - m->data[0] * E[d],
                                    1e-12 * (1 + E[d + 1]));
        for (size_t k = 0; k < POWERS && d + k <= 2 * order - 1; k++)
            ck_assert_double_eq_tol(gsl_matrix_get(y.cov, d, k),
                                    E[d + k] - E[d] * E[k],
                                    1e-12 * (1 + E[d + k]));
    }
    /* and no further: the test could fail */
    if (2 * order < POWERS)
        ck_assert(fabs(y.mean->data[2 * order] - E[2 * order]) > 1e-3);
    elbo_arena_free(ws);
}
END_TEST

static void waves(const void *self, const double x[], double y[])
{
    (void)self;
    y[0] = sin(x[0]);
    y[1] = cos(x[0]);
}

/* E sin = e sin m, e = exp(-s^2 / 2); E sin^2 = (1 - e^4 cos 2m) / 2;
 * Cov(x, sin) = s^2 e cos m */
START_TEST(sine_and_cosine_have_their_closed_forms)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_map map = {NULL, 1, 2, waves, NULL};
    const elbo_transform rule = rule_of("gauss_hermite", 20, 1, ws);
    const double mean = 0.6385, s2 = 0.49, e = exp(-0.5 * s2);
    const double e4 = exp(-2 * s2);
    gsl_vector *const m = elbo_arena_vec(ws, 1);
    gsl_matrix *const P = elbo_arena_mat(ws, 1, 1);
    elbo_image y = elbo_image_of(&map, ws);

    m->data[0] = mean;
    P->data[0] = s2;
    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_OK);

    const double s = e * sin(mean), c = e * cos(mean);

    ck_assert_double_eq_tol(y.mean->data[0], s, 1e-13);
    ck_assert_double_eq_tol(y.mean->data[1], c, 1e-13);
    ck_assert_double_eq_tol(gsl_matrix_get(y.cov, 0, 0),
                            0.5 * (1 - e4 * cos(2 * mean)) - s * s, 1e-13);
    ck_assert_double_eq_tol(gsl_matrix_get(y.cov, 1, 1),
                            0.5 * (1 + e4 * cos(2 * mean)) - c * c, 1e-13);
    ck_assert_double_eq_tol(gsl_matrix_get(y.cov, 1, 0),
                            0.5 * e4 * sin(2 * mean) - s * c, 1e-13);
    ck_assert_double_eq_tol(gsl_matrix_get(y.cross, 0, 0), s2 * c, 1e-13);
    ck_assert_double_eq_tol(gsl_matrix_get(y.cross, 0, 1), -s2 * s, 1e-13);
    elbo_arena_free(ws);
}
END_TEST

/* y = x'S x, one number */
static void quadratic(const void *self, const double x[], double y[])
{
    const double *const S = self;

    y[0] = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) y[0] += x[i] * S[i * N + j] * x[j];
}

static const double form[N * N] = {2.385, 0.3,  -0.7, 0.3, 1.2,
                                   0.4,   -0.7, 0.4,  0.9};

static double trace(const gsl_matrix *A)
{
    double sum = 0;

    for (size_t i = 0; i < A->size1; i++) sum += gsl_matrix_get(A, i, i);
    return sum;
}

/* E = m'S m + tr S P, Var = 2 tr (S P)^2 + 4 m'S P S m, Cov(x, y) = 2 P S m.
 * All but the linearisation have the mean; the grid all three. */
START_TEST(a_quadratic_form_has_its_closed_form)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const char *const name = elbo_transforms[1 + _i]->name;
    elbo_rng rng = elbo_rng_stream(5, "quadratic", 0);
    const elbo_map map = {form, N, 1, quadratic, NULL};
    const elbo_transform rule = rule_of(name, 3, N, ws);
    gsl_matrix *const P = drawn_covariance(N, N, &rng, ws);
    gsl_matrix *const SP = elbo_arena_mat(ws, N, N);
    gsl_matrix *const SPSP = elbo_arena_mat(ws, N, N);
    gsl_vector *const m = elbo_arena_vec(ws, N);
    gsl_vector *const Sm = elbo_arena_vec(ws, N);
    gsl_vector *const PSm = elbo_arena_vec(ws, N);
    const gsl_matrix_const_view S = gsl_matrix_const_view_array(form, N, N);
    elbo_image y = elbo_image_of(&map, ws);
    double mSm, mSPSm;

    elbo_rng_normals(&rng, m->data, N);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, &S.matrix, P, 0, SP);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, SP, SP, 0, SPSP);
    gsl_blas_dgemv(CblasNoTrans, 1, &S.matrix, m, 0, Sm);
    gsl_blas_dgemv(CblasNoTrans, 1, P, Sm, 0, PSm);
    gsl_blas_ddot(m, Sm, &mSm);
    gsl_blas_ddot(Sm, PSm, &mSPSm);
    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_OK);
    ck_assert_double_eq_tol(y.mean->data[0], mSm + trace(SP), 1e-12);
    for (size_t i = 0; i < N; i++)
        ck_assert_double_eq_tol(gsl_matrix_get(y.cross, i, 0), 2 * PSm->data[i],
                                1e-11);
    if (strcmp(name, "gauss_hermite") == 0)
        ck_assert_double_eq_tol(y.cov->data[0], 2 * trace(SPSP) + 4 * mSPSm,
                                1e-11);
    elbo_arena_free(ws);
}
END_TEST

/* n + kappa = 3 makes the variance of x^2 right: 2 s^4 + 4 m^2 s^2. */
START_TEST(unscented_points_give_the_variance_of_a_square)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    static const double one[N * N] = {1};
    const elbo_map map = {one, N, 1, quadratic, NULL};
    elbo_transform_config config = {&elbo_transform_unscented, 1, 0, 0, 0};
    elbo_transform rule;
    gsl_vector *const m = elbo_arena_vec(ws, N);
    gsl_matrix *const P = elbo_arena_mat(ws, N, N);
    elbo_image y = elbo_image_of(&map, ws);
    const double s2 = 0.6385, at = 1.2;

    gsl_vector_set_zero(m);
    gsl_matrix_set_zero(P);
    m->data[0] = at;
    P->data[0] = s2;
    config.kappa = -(double)N;
    ck_assert_int_eq(elbo_transform_open(&config, N, ws, &rule), ELBO_EINVAL);
    config.kappa = 3 - (double)N;
    ck_assert_int_eq(elbo_transform_open(&config, N, ws, &rule), ELBO_OK);
    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_OK);
    ck_assert_double_eq_tol(y.cov->data[0], 4 * at * at * s2 + 2 * s2 * s2,
                            1e-12);
    config.kappa = 0.5;
    ck_assert_int_eq(elbo_transform_open(&config, N, ws, &rule), ELBO_OK);
    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_OK);

    /* points at +-sqrt(reach s2) with weight 1 / (2 reach): the fourth central
     * moment is reach s2^2 instead of 3 s2^2 */
    const double reach = N + 0.5;

    ck_assert_double_eq_tol(y.mean->data[0], at * at + s2, 1e-13);
    ck_assert_double_eq_tol(y.cov->data[0],
                            4 * at * at * s2 + (reach - 1) * s2 * s2, 1e-12);
    elbo_arena_free(ws);
}
END_TEST

static void broken(const void *self, const double x[], double y[])
{
    (void)self;
    y[0] = x[0] > 0 ? x[0] : nan("");
}

START_TEST(failures_have_their_place)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_map map = {NULL, 1, 1, broken, NULL};
    const elbo_transform rule = rule_of("cubature", 0, 1, ws);
    elbo_transform_config config = elbo_transform_defaults;
    elbo_transform other;
    gsl_vector *const m = elbo_arena_vec(ws, 1);
    gsl_matrix *const P = elbo_arena_mat(ws, 1, 1);
    elbo_image y = elbo_image_of(&map, ws);

    m->data[0] = 0.5;
    P->data[0] = 1;
    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_ENOTFINITE);
    ck_assert_str_eq(elbo_last_error()->text,
                     "point 1: component 0 of the map is nan");
    P->data[0] = -1;
    ck_assert_int_eq(elbo_transform_moments(&rule, &map, m, P, &y, ws),
                     ELBO_ENOTPD);
    config.rule = &elbo_transform_gauss_hermite;
    config.order = 0;
    ck_assert_int_eq(elbo_transform_open(&config, 2, ws, &other), ELBO_EINVAL);
    config.order = 50;
    ck_assert_int_eq(elbo_transform_open(&config, 5, ws, &other), ELBO_ESIZE);
    config.rule = &elbo_transform_unscented;
    config.alpha = 0;
    ck_assert_int_eq(elbo_transform_open(&config, 5, ws, &other), ELBO_EINVAL);
    ck_assert_ptr_null(elbo_transform_find("unscent"));
    elbo_arena_free(ws);
}
END_TEST

/* L L' = A for every rank, and a matrix that is not PSD is refused. */
START_TEST(semidefinite_factors_multiply_back)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(3, "psd", (uint64_t)_i);
    enum { n = 6 };
    gsl_matrix *const A = drawn_covariance(n, (size_t)_i + 1, &rng, ws);
    gsl_matrix *const L = elbo_arena_mat(ws, n, n);
    gsl_matrix *const LL = elbo_arena_mat(ws, n, n);

    gsl_matrix_memcpy(L, A);
    ck_assert_int_eq(elbo_chol_psd(L), ELBO_OK);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, L, L, 0, LL);
    close_to(LL, A, 1e-6); /* a dropped pivot of rounding leaves its root */
    if (_i == n - 1) close_to(LL, A, 1e-13);
    gsl_matrix_set(A, 2, 2, gsl_matrix_get(A, 2, 2) - 40);
    ck_assert_int_eq(elbo_chol_psd(A), ELBO_ENOTPD);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_transform(void)
{
    Suite *const s = suite_create("transform");
    TCase *const t = tcase_create("transform");

    tcase_add_loop_test(t, affine_maps_are_exact, 0, 2 * RULES);
    tcase_add_loop_test(t, gauss_hermite_is_exact_to_degree_2p_minus_1, 1, 7);
    tcase_add_test(t, sine_and_cosine_have_their_closed_forms);
    tcase_add_loop_test(t, a_quadratic_form_has_its_closed_form, 0, 3);
    tcase_add_test(t, unscented_points_give_the_variance_of_a_square);
    tcase_add_test(t, failures_have_their_place);
    tcase_add_loop_test(t, semidefinite_factors_multiply_back, 0, 6);
    suite_add_tcase(s, t);
    return s;
}
