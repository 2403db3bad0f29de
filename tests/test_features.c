/* tests/test_features.c -- regression on features against its dual form, and a
 * pendulum that is swung up by a model learnt from noise-laden steps. */
#include "inference/messages/features.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "envs/registry.h"
#include "inference/messages/ilqr.h"
#include "tests/linear_control.h"
#include "tests/scratch_folder.h"
#include "tests/suites.h"

enum { KINDS = 2 };

static gsl_matrix *normals(elbo_rng *rng, size_t rows, size_t cols,
                           elbo_arena *ws)
{
    gsl_matrix *const X = elbo_arena_mat(ws, rows, cols);

    elbo_rng_normals(rng, X->data, rows * cols);
    return X;
}

static elbo_features opened(size_t kind, size_t n, const gsl_matrix *X,
                            const double scale[], elbo_arena *ws)
{
    elbo_features f;

    ck_assert_int_eq(
        elbo_features_open(elbo_feature_kinds[kind], n, X, scale, 7, ws, &f),
        ELBO_OK);
    return f;
}

static void check_jacobian(const elbo_map *f, const gsl_matrix *X,
                           elbo_arena *ws)
{
    gsl_matrix *const J = elbo_arena_mat(ws, f->ny, f->nx);
    gsl_matrix *const D = elbo_arena_mat(ws, f->ny, f->nx);
    elbo_map by_differences = *f;

    by_differences.jacobian = NULL;
    for (size_t r = 0; r < 9; r++) {
        ck_assert(!elbo_map_jacobian(f, gsl_matrix_const_ptr(X, r, 0), J, ws));
        ck_assert(!elbo_map_jacobian(&by_differences,
                                     gsl_matrix_const_ptr(X, r, 0), D, ws));
        for (size_t i = 0; i < f->ny * f->nx; i++)
            ck_assert_double_eq_tol(J->data[i], D->data[i], 1e-7);
    }
}

START_TEST(jacobians_match_differences)
{
    static const double scale[] = {0.7, 1.3, 2.385};
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(3, "jacobian", 0);
    const gsl_matrix *const X = normals(&rng, 30, 3, ws);
    const elbo_features f = opened((size_t)_i, 12, X, scale, ws);
    const elbo_feature_model g = {&f, normals(&rng, 2, f.m, ws), true};
    const elbo_map phi = elbo_features_map(&f), map = elbo_feature_model_map(&g);
    double p[16], y[2];

    ck_assert_uint_eq(f.m, 16);
    check_jacobian(&phi, X, ws);
    check_jacobian(&map, X, ws);
    phi.value(phi.self, X->data, p);
    map.value(map.self, X->data, y);
    for (size_t k = 0; k < 2; k++) {
        double sum = X->data[k];

        for (size_t j = 0; j < f.m; j++)
            sum += gsl_matrix_get(g.M, k, j) * p[j];
        ck_assert_double_eq_tol(y[k], sum, 1e-13);
    }
    elbo_arena_free(ws);
}
END_TEST

/* Each product is a mean of n terms 2 cos cos of variance at most 1. */
START_TEST(fourier_features_are_a_squared_exponential_kernel)
{
    enum { n = 20000, ROWS = 8 };
    static const double scale[] = {0.7, 1.3};
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_rng rng = elbo_rng_stream(5, "kernel", 0);
    const gsl_matrix *const X = normals(&rng, ROWS, 2, ws);
    const elbo_features f = opened(0, n, X, scale, ws);
    gsl_matrix *const Phi = elbo_arena_mat(ws, ROWS, f.m);

    elbo_features_rows(&f, X, Phi);
    for (size_t a = 0; a < ROWS; a++)
        for (size_t b = 0; b < ROWS; b++) {
            double kernel = 0, r = 0;

            for (size_t j = 3; j < f.m; j++)
                kernel += gsl_matrix_get(Phi, a, j) * gsl_matrix_get(Phi, b, j);
            for (size_t i = 0; i < 2; i++)
                r += pow((gsl_matrix_get(X, a, i) - gsl_matrix_get(X, b, i))
                             / scale[i],
                         2);
            ck_assert_double_eq_tol(kernel, exp(-0.5 * r), 4.5 / sqrt(n));
        }
    elbo_arena_free(ws);
}
END_TEST

/* The dual form: with K = Phi Phi' + k I, mean = phi'Phi' K^-1 Y and
 * 1 + phi'(k I + Phi'Phi)^-1 phi = 1 + (phi'phi - phi'Phi' K^-1 Phi phi) / k.
 */
START_TEST(predictions_are_those_of_the_kernel)
{
    enum { ROWS = 25, NY = 2 };
    static const double k = 0.7385;
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(11, "dual", 0);
    const gsl_matrix *const X = normals(&rng, ROWS, 3, ws);
    const gsl_matrix *const Y = normals(&rng, ROWS, NY, ws);
    const gsl_matrix *const new_x = normals(&rng, 1, 3, ws);
    const elbo_features f = opened((size_t)_i, 60, X, NULL, ws);
    const elbo_map map = elbo_features_map(&f);
    gsl_matrix *const Phi = elbo_arena_mat(ws, ROWS, f.m);
    gsl_matrix *const K = identity(ROWS, k, ws);
    gsl_matrix *const scale = elbo_arena_mat(ws, NY, NY);
    gsl_vector *const p = elbo_arena_vec(ws, f.m);
    gsl_vector *const c = elbo_arena_vec(ws, ROWS);
    gsl_vector *const d = elbo_arena_vec(ws, ROWS);
    double mean[NY], degrees, norm, part, want[NY];
    gsl_vector_view out = gsl_vector_view_array(want, NY);
    elbo_mniw q;

    ck_assert(!elbo_mniw_init(&q, NY, f.m, ws));
    elbo_mniw_isotropic(&q, k, 1.2, 5);
    ck_assert_int_eq(elbo_features_fit(&f, X, Y, &q, &q, ws), ELBO_OK);
    ck_assert_int_eq(
        elbo_features_predict(&f, &q, new_x->data, mean, scale, &degrees, ws),
        ELBO_OK);

    elbo_features_rows(&f, X, Phi);
    map.value(map.self, new_x->data, p->data);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, Phi, Phi, 1, K);
    gsl_blas_dgemv(CblasNoTrans, 1, Phi, p, 0, c);
    ck_assert_int_eq(elbo_chol(K), ELBO_OK);
    ck_assert_int_eq(elbo_chol_inverse(K), ELBO_OK);
    gsl_blas_dgemv(CblasNoTrans, 1, K, c, 0, d);
    gsl_blas_dgemv(CblasTrans, 1, Y, d, 0, &out.vector);
    gsl_blas_ddot(p, p, &norm);
    gsl_blas_ddot(c, d, &part);
    ck_assert_double_eq_tol(degrees, 5 + ROWS - NY + 1, 1e-12);
    for (size_t i = 0; i < NY; i++) {
        ck_assert_double_eq_tol(mean[i], want[i], 1e-9);
        for (size_t j = 0; j < NY; j++)
            ck_assert_double_eq_tol(gsl_matrix_get(scale, i, j),
                                    gsl_matrix_get(q.Psi, i, j)
                                        * (1 + (norm - part) / k) / degrees,
                                    1e-9);
    }
    elbo_arena_free(ws);
}
END_TEST

/* Steps of the pendulum from states drawn over a wide box, with noise. */
enum { STEPS = 3000, FEATURES = 250 };
static const double noise = 1e-3;

static void draw_steps(const elbo_plant *plant, elbo_rng *rng, gsl_matrix *X,
                       gsl_matrix *Y)
{
    for (size_t r = 0; r < X->size1; r++) {
        double next[2], e[2];
        double *const x = gsl_matrix_ptr(X, r, 0);

        x[0] = -2 + 10.3 * elbo_rng_uniform(rng);
        x[1] = -9 + 18 * elbo_rng_uniform(rng);
        x[2] = -2 + 4 * elbo_rng_uniform(rng);
        plant->dynamics->step(plant->self, x, x + 2, next);
        elbo_rng_normals(rng, e, 2);
        for (size_t i = 0; i < 2; i++)
            gsl_matrix_set(Y, r, i, next[i] - x[i] + noise * e[i]);
    }
}

static double worst_step(const elbo_plant *plant, const elbo_map *f,
                         elbo_rng *rng, elbo_arena *ws)
{
    gsl_matrix *const X = elbo_arena_mat(ws, 500, 3);
    gsl_matrix *const Y = elbo_arena_mat(ws, 500, 2);
    double worst = 0;

    draw_steps(plant, rng, X, Y);
    for (size_t r = 0; r < 500; r++) {
        const double *const x = gsl_matrix_const_ptr(X, r, 0);
        double next[2], guess[2];

        plant->dynamics->step(plant->self, x, x + 2, next);
        f->value(f->self, x, guess);
        for (size_t i = 0; i < 2; i++)
            worst = fmax(worst, fabs(next[i] - guess[i]));
    }
    return worst;
}

/* Plan in the model, act in the world: the end is upright, and costs what the
 * model promised. */
static void swing_up(const elbo_plant *plant, const elbo_map *f, elbo_arena *ws)
{
    const elbo_dynamics *const d = plant->dynamics;
    gsl_matrix *const u = elbo_arena_mat(ws, d->horizon, 1);
    gsl_vector *const x0 = elbo_arena_vec(ws, 2);
    gsl_vector *const goal = elbo_arena_vec(ws, 4);
    gsl_vector *const goal_end = elbo_arena_vec(ws, 3);
    elbo_ilqr_config config = elbo_ilqr_defaults;
    elbo_ilqr_info info;
    elbo_ilqr *ilqr;
    double x[2], cost = 0;

    memcpy(x0->data, d->start, sizeof x);
    memcpy(goal->data, d->goal, 4 * sizeof *x);
    memcpy(goal_end->data, d->goal, 3 * sizeof *x);
    for (size_t t = 0; t < d->horizon; t++) u->data[t] = 0.1 * sin((double)t);

    const elbo_ilqr_problem p = {
        .nx = 2,
        .nu = 1,
        .T = d->horizon,
        .f = *f,
        .h = elbo_plant_observe(plant),
        .h_end = elbo_plant_observe_end(plant),
        .x0 = x0,
        .goal = goal,
        .goal_end = goal_end,
        .W = diagonal(d->weight, 4, 1, ws),
        .W_end = diagonal(d->weight_end, 3, 1, ws),
        .limit = &plant->limit,
        .u = u,
    };

    config.lambda = 100;
    ck_assert_int_eq(elbo_ilqr_open(&config, &p, ws, &ilqr), ELBO_OK);
    ck_assert_int_eq(elbo_ilqr_solve(ilqr, 100, &info, ws), ELBO_OK);
    memcpy(x, d->start, sizeof x);
    for (size_t t = 0; t < d->horizon; t++) {
        double next[2], a;

        elbo_ilqr_act(ilqr, t, x, &a);
        cost += elbo_plant_cost(plant, x, &a);
        d->step(plant->self, x, &a, next);
        memcpy(x, next, sizeof x);
    }
    ck_assert_double_lt(fabs(remainder(x[0], 2 * M_PI)), 0.15);
    cost += elbo_plant_cost_end(plant, x);
    ck_assert_double_eq_tol(cost, info.cost, 0.05 * cost);
}

START_TEST(a_learnt_pendulum_is_swung_up)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 20);
    elbo_rng rng = elbo_rng_stream(13, "pendulum", 0);
    gsl_matrix *const X = elbo_arena_mat(ws, STEPS, 3);
    gsl_matrix *const Y = elbo_arena_mat(ws, STEPS, 2);
    elbo_plant plant;
    elbo_mniw q;

    ck_assert(!elbo_plant_open(&elbo_pendulum, "", ws, &plant));
    draw_steps(&plant, &rng, X, Y);

    const double scale[] = {1, 9, 3};
    const elbo_features f = opened((size_t)_i, FEATURES, X, scale, ws);
    elbo_feature_model model = {&f, NULL, true};

    ck_assert(!elbo_mniw_init(&q, 2, f.m, ws));
    elbo_mniw_isotropic(&q, 1e-6, 1e-6, 4);
    ck_assert_int_eq(elbo_features_fit(&f, X, Y, &q, &q, ws), ELBO_OK);
    model.M = q.M;

    const elbo_map map = elbo_feature_model_map(&model);

    ck_assert_double_lt(worst_step(&plant, &map, &rng, ws), 0.02);
    swing_up(&plant, &map, ws);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(features_are_kept_and_checked)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_rng rng = elbo_rng_stream(17, "save", 0);
    gsl_matrix *const X = normals(&rng, 6, 2, ws);
    const double zero[] = {1, 0};
    elbo_writer *const out = elbo_writer_alloc();
    elbo_features f = opened((size_t)_i, 9, X, NULL, ws), g, smaller;
    elbo_reader *in;
    double a[12], b[12];

    ck_assert(!elbo_features_open(f.kind, 9, X, NULL, 8, ws, &g));
    smaller = opened((size_t)_i, 4, X, NULL, ws);
    elbo_writer_section(out, "features");
    elbo_features_save(&f, out);
    ck_assert_int_eq(elbo_writer_commit(out, scratch_path), ELBO_OK);
    elbo_writer_free(out);
    ck_assert_int_eq(elbo_reader_open(scratch_path, &in), ELBO_OK);
    ck_assert_int_eq(elbo_reader_section(in, "features"), ELBO_OK);
    ck_assert_int_eq(elbo_features_load(&smaller, in), ELBO_EDATA);
    ck_assert_int_eq(elbo_reader_section(in, "features"), ELBO_OK);
    ck_assert_int_eq(elbo_features_load(&g, in), ELBO_OK);
    elbo_reader_free(in);

    const elbo_map map_f = elbo_features_map(&f), map_g = elbo_features_map(&g);

    map_f.value(map_f.self, X->data, a);
    map_g.value(map_g.self, X->data, b);
    ck_assert(memcmp(a, b, sizeof a) == 0);

    ck_assert_int_eq(elbo_features_open(f.kind, 9, X, zero, 8, ws, &g),
                     ELBO_EINVAL);
    gsl_matrix_set(X, 4, 1, nan(""));
    ck_assert_int_eq(elbo_features_open(f.kind, 9, X, NULL, 8, ws, &g),
                     ELBO_ENOTFINITE);
    ck_assert_str_eq(elbo_last_error()->text,
                     "features: row 4, column 1 is nan");
    ck_assert_ptr_eq(elbo_feature_find(f.kind->name), f.kind);
    ck_assert_ptr_null(elbo_feature_find("wavelet"));
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_features(void)
{
    Suite *const s = suite_create("features");
    TCase *const t = tcase_create("features");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, scratch_make, scratch_remove);
    tcase_add_loop_test(t, jacobians_match_differences, 0, KINDS);
    tcase_add_test(t, fourier_features_are_a_squared_exponential_kernel);
    tcase_add_loop_test(t, predictions_are_those_of_the_kernel, 0, KINDS);
    tcase_add_loop_test(t, a_learnt_pendulum_is_swung_up, 0, KINDS);
    tcase_add_loop_test(t, features_are_kept_and_checked, 0, KINDS);
    suite_add_tcase(s, t);
    return s;
}
