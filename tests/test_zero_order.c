/* tests/test_zero_order.c -- searches by values alone: the simplex,
 * differences, and Bayesian optimisation with its Gaussian process.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "inference/ascent.h"
#include "inference/core/alloc.h"
#include "inference/core/rng.h"
#include "inference/gradient/gaussian_process.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

/* ---- the Gaussian process ---- */

enum { POINTS = 9, D = 2 };

static const double phi[D + 2] = {-0.4, 0.3, 0.2, -2.1};

/* A cloud of points and values that a smooth function and noise give. */
static elbo_gp_data cloud(double x[], double y[])
{
    elbo_rng rng = elbo_rng_stream(3, "test", 0);

    for (size_t i = 0; i < POINTS; i++) {
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = 2 * elbo_rng_uniform(&rng) - 1;
        y[i] = sin(3 * x[i * D]) + x[i * D + 1]
               + 0.1 * (elbo_rng_uniform(&rng) - 0.5);
    }
    return (elbo_gp_data){POINTS, D, x, y};
}

static double covariance(const double a[], const double b[])
{
    double sum = 0;

    for (size_t j = 0; j < D; j++) sum += pow((a[j] - b[j]) / exp(phi[j]), 2);
    return exp(2 * phi[D]) * exp(-sum / 2);
}

/* z = A^-1 b by Gauss and Jordan, with *det; A and b are overwritten. */
static double solve_dense(double A[POINTS][POINTS], double b[], size_t n)
{
    double det = 1;

    for (size_t c = 0; c < n; c++) {
        const double pivot = A[c][c];

        det *= pivot;
        for (size_t j = 0; j < n; j++) A[c][j] /= pivot;
        b[c] /= pivot;
        for (size_t i = 0; i < n; i++) {
            const double f = A[i][c];

            if (i == c) continue;
            for (size_t j = 0; j < n; j++) A[i][j] -= f * A[c][j];
            b[i] -= f * b[c];
        }
    }
    return det;
}

static void dense_covariance(const elbo_gp_data *data, double A[POINTS][POINTS])
{
    for (size_t i = 0; i < POINTS; i++)
        for (size_t k = 0; k < POINTS; k++)
            A[i][k] = covariance(data->x + i * D, data->x + k * D)
                      + (i == k ? exp(2 * phi[D + 1]) : 0);
}

START_TEST(the_posterior_is_the_dense_formula)
{
    static const double at[][D] = {
        {0,    0   },
        {0.3,  -0.9},
        {2,    2   },
        {-0.5, 0.1 }
    };
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double x[POINTS * D], y[POINTS], A[POINTS][POINTS];
    const elbo_gp_data data = cloud(x, y);
    elbo_gp gp;

    case_ok(elbo_gp_condition(&data, phi, ws, &gp));
    for (size_t t = 0; t < 4; t++) {
        double k[POINTS], w[POINTS], z[POINTS], mean, sd, m = 0, v;

        for (size_t i = 0; i < POINTS; i++)
            k[i] = z[i] = covariance(x + i * D, at[t]);
        memcpy(w, y, sizeof w);
        dense_covariance(&data, A);
        solve_dense(A, w, POINTS);
        dense_covariance(&data, A);
        solve_dense(A, z, POINTS);
        v = covariance(at[t], at[t]);
        for (size_t i = 0; i < POINTS; i++) {
            m += k[i] * w[i];
            v -= k[i] * z[i];
        }
        elbo_gp_predict(&gp, at[t], &mean, &sd);
        ck_assert_double_eq_tol(mean, m, 1e-7);
        ck_assert_double_eq_tol(sd, sqrt(v), 1e-7);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(the_evidence_is_the_gaussian_density_and_its_gradient_fits)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double x[POINTS * D], y[POINTS], A[POINTS][POINTS], w[POINTS], grad[D + 2];
    const elbo_gp_data data = cloud(x, y);
    double value, quadratic = 0;

    memcpy(w, y, sizeof w);
    dense_covariance(&data, A);

    const double det = solve_dense(A, w, POINTS);

    for (size_t i = 0; i < POINTS; i++) quadratic += y[i] * w[i];
    case_ok(elbo_gp_evidence(&data, phi, &value, grad, ws));
    ck_assert_double_eq_tol(
        value, -0.5 * (quadratic + log(det) + POINTS * log(2 * acos(-1))),
        1e-6);
    for (size_t j = 0; j < D + 2; j++) {
        double moved[D + 2], up, down;

        memcpy(moved, phi, sizeof moved);
        moved[j] = phi[j] + 1e-5;
        case_ok(elbo_gp_evidence(&data, moved, &up, NULL, ws));
        moved[j] = phi[j] - 1e-5;
        case_ok(elbo_gp_evidence(&data, moved, &down, NULL, ws));
        ck_assert_double_eq_tol(grad[j], (up - down) / 2e-5, 1e-5);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(the_fit_is_no_worse_than_any_grid_point)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    double x[POINTS * D], y[POINTS];
    const elbo_gp_data data = cloud(x, y);
    elbo_gp gp;
    double value, best;

    case_ok(elbo_gp_fit(&data, ws, &gp));
    case_ok(elbo_gp_evidence(&data, gp.phi, &best, NULL, ws));
    for (int i = 0; i < 625; i++) {
        const double at[D + 2] = {-2 + i % 5, -2 + i / 5 % 5,
                                  -1 + 0.5 * (i / 25 % 5), -6 + i / 125};

        case_ok(elbo_gp_evidence(&data, at, &value, NULL, ws));
        /* the prior costs the fit a nat or two at most */
        ck_assert_double_le(value, best + 2);
    }
    elbo_arena_free(ws);
}
END_TEST

/* E max(f - best, 0) by the midpoint rule over twelve standard deviations. */
static double improvement_by_sum(double mean, double sd, double best)
{
    enum { STEPS = 200000 };
    double sum = 0;

    for (int i = 0; i < STEPS; i++) {
        const double z = -12 + 24 * (i + 0.5) / STEPS;

        sum += fmax(mean + sd * z - best, 0) * exp(-z * z / 2) * 24 / STEPS;
    }
    return sum / sqrt(2 * acos(-1));
}

START_TEST(expected_improvement_is_its_integral)
{
    static const double cases[][3] = {
        {0,   1,   0 },
        {0.3, 0.5, 1 },
        {-2,  1.5, 0 },
        {4,   0.2, 1 },
        {0,   2,   -5}
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double *const c = cases[i];

        ck_assert_double_eq_tol(elbo_expected_improvement(c[0], c[1], c[2]),
                                improvement_by_sum(c[0], c[1], c[2]), 1e-8);
    }
    /* 1 / sqrt(2 pi) at the best with sd 1; the gain itself without doubt */
    ck_assert_double_eq_tol(elbo_expected_improvement(0, 1, 0),
                            0.3989422804014327, 1e-15);
    ck_assert_double_eq(elbo_expected_improvement(2.5, 0, 1), 1.5);
    ck_assert_double_eq(elbo_expected_improvement(0.5, 0, 1), 0);
}
END_TEST

/* ---- searches ---- */

/* A function of two numbers with a known maximum. */
typedef struct peak {
    size_t calls;
    double (*f)(const double x[]);
    double top[2];
} peak;

static double bowl(const double x[])
{
    return 3 - pow(x[0] - 1.2, 2) - 2 * pow(x[1] + 0.7, 2)
           - (x[0] - 1.2) * (x[1] + 0.7);
}

/* Two hills; the start stands at the lower one. */
static double hills(const double x[])
{
    return exp(-2 * (pow(x[0] + 1, 2) + pow(x[1] + 1, 2)))
           + 2 * exp(-2 * (pow(x[0] - 1.5, 2) + pow(x[1] - 1, 2)));
}

/* A kink where every coordinate is best. */
static double tent(const double x[])
{
    return -fabs(x[0] - 0.4) - 0.3 * fabs(x[1] + 0.2);
}

static elbo_status value_of(void *self, const double x[], double *value,
                            double grad[])
{
    peak *const p = self;

    ck_assert_ptr_null(grad);
    p->calls++;
    if (x[0] > 2.5) return ELBO_FAIL(ELBO_ENOTFINITE, "beyond the edge");
    *value = p->f(x);
    return ELBO_OK;
}

static elbo_ascent_info look(const elbo_ascender *method, peak *p, double x[],
                             size_t evaluations, elbo_archive *archive)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    const elbo_summit f = {p, 2, 1, value_of};
    const elbo_ascent how = {.method = method,
                             .iterations = evaluations,
                             .tolerance = 1e-9,
                             .box = 3,
                             .seed = 7,
                             .archive = archive};
    elbo_ascent_info info;

    case_ok(elbo_ascend(&how, &f, x, &info, ws));
    elbo_arena_free(ws);
    return info;
}

static const struct {
    const elbo_ascender *method;
    double (*f)(const double x[]);
    double top[2];
    size_t evaluations;
    double tolerance;
} searches[] = {
    {&elbo_ascender_nelder_mead, bowl,  {1.2, -0.7}, 300, 1e-6},
    {&elbo_ascender_nelder_mead, tent,  {0.4, -0.2}, 400, 1e-4},
    {&elbo_ascender_differences, bowl,  {1.2, -0.7}, 300, 1e-6},
    {&elbo_ascender_evolution,   bowl,  {1.2, -0.7}, 500, 1e-6},
    {&elbo_ascender_evolution,   tent,  {0.4, -0.2}, 600, 1e-6},
    {&elbo_ascender_gp,          bowl,  {1.2, -0.7}, 40,  5e-2},
    {&elbo_ascender_gp,          hills, {1.5, 1},    60,  5e-2},
    {&elbo_ascender_gp,          tent,  {0.4, -0.2}, 60,  2e-1},
};

START_TEST(the_maximum_is_found_within_the_budget)
{
    peak p = {.f = searches[_i].f};
    double x[2] = {-1, -1};
    const elbo_ascent_info info =
        look(searches[_i].method, &p, x, searches[_i].evaluations, NULL);

    for (size_t j = 0; j < 2; j++)
        ck_assert_double_eq_tol(x[j], searches[_i].top[j],
                                searches[_i].tolerance);
    ck_assert_uint_le(info.iterations, searches[_i].evaluations);
    /* one more for the start; differences ask for it again */
    ck_assert_uint_le(p.calls, searches[_i].evaluations + 1);
    ck_assert_double_eq(info.after, p.f(x));
}
END_TEST

/* Curvatures from 2 to 2e4. */
static elbo_status valley(void *self, const double x[], double *value,
                          double grad[])
{
    (void)self, (void)grad;
    *value = 0;
    for (size_t j = 0; j < 10; j++)
        *value -= pow(10, 4. * (double)j / 9) * pow(x[j] - 0.1 * (double)j, 2);
    return ELBO_OK;
}

START_TEST(evolution_learns_a_scale_for_each_coordinate)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 14);
    const elbo_summit f = {NULL, 10, 1, valley};
    const elbo_ascent how = {.method = &elbo_ascender_evolution,
                             .iterations = 6000,
                             .tolerance = 1e-9,
                             .seed = (uint64_t)_i};
    double x[10] = {3, -3, 3, -3, 3, -3, 3, -3, 3, -3};
    elbo_ascent_info info;

    case_ok(elbo_ascend(&how, &f, x, &info, ws));
    ck_assert(info.converged);
    ck_assert_double_ge(info.after, -1e-10);
    for (size_t j = 0; j < 10; j++)
        ck_assert_double_eq_tol(x[j], 0.1 * (double)j, 1e-5);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(equal_seeds_give_equal_bits)
{
    peak p = {.f = hills}, q = {.f = hills};
    double x[2] = {-1, -1}, y[2] = {-1, -1};

    look(elbo_searchers[_i], &p, x, 25, NULL);
    look(elbo_searchers[_i], &q, y, 25, NULL);
    ck_assert_mem_eq(x, y, sizeof x);
    ck_assert_uint_eq(p.calls, q.calls);
}
END_TEST

/* 30 evaluations are the same in one call as in three with an archive between,
 * which went through a file. */
START_TEST(an_archive_carries_the_search_on)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 14);
    char path[] = "/tmp/elbo-archive-XXXXXX";
    peak p = {.f = hills}, q = {.f = hills};
    double x[2] = {-1, -1}, y[2] = {-1, -1};
    elbo_archive archive, loaded;
    elbo_writer *const out = elbo_writer_alloc();
    elbo_reader *in;

    close(mkstemp(path));
    look(&elbo_ascender_gp, &p, x, 30, NULL);
    case_ok(elbo_archive_init(&archive, 50, 2, arena));
    case_ok(elbo_archive_init(&loaded, 50, 2, arena));
    look(&elbo_ascender_gp, &q, y, 9, &archive);
    elbo_writer_section(out, "archive");
    elbo_archive_save(&archive, out);
    case_ok(elbo_writer_commit(out, path));
    case_ok(elbo_reader_open(path, &in));
    case_ok(elbo_reader_section(in, "archive"));
    case_ok(elbo_archive_load(&loaded, in));
    look(&elbo_ascender_gp, &q, y, 14, &loaded);
    look(&elbo_ascender_gp, &q, y, 7, &loaded);
    ck_assert_mem_eq(x, y, sizeof x);
    ck_assert_uint_eq(loaded.n, 31);

    /* another function: what was known is forgotten */
    q.f = bowl;
    look(&elbo_ascender_gp, &q, y, 5, &loaded);
    ck_assert_uint_eq(loaded.n, 6);
    elbo_reader_free(in);
    elbo_writer_free(out);
    elbo_arena_free(arena);
    unlink(path);
}
END_TEST

START_TEST(a_full_archive_drops_its_worst_point)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    elbo_archive a;

    case_ok(elbo_archive_init(&a, 3, 1, arena));
    for (int i = 0; i < 3; i++)
        elbo_archive_add(&a, &(double){i}, (double[]){5, 1, 3}[i]);
    elbo_archive_add(&a, &(double){9}, 0.5);
    ck_assert_uint_eq(elbo_archive_find(&a, &(double){9}), 3);
    elbo_archive_add(&a, &(double){7}, 2);
    ck_assert_uint_eq(elbo_archive_find(&a, &(double){7}), 1);
    ck_assert_uint_eq(elbo_archive_best(&a), 0);
    ck_assert_uint_eq(elbo_archive_worst(&a), 1);
    ck_assert_uint_eq(a.n, 3);
    ck_assert_uint_eq(a.count, 5);
    elbo_arena_free(arena);
}
END_TEST

static elbo_status flat(void *self, const double x[], double *value,
                        double grad[])
{
    (void)self;
    (void)x;
    (void)grad;
    *value = 1.5;
    return ELBO_OK;
}

START_TEST(more_than_ten_parameters_are_refused_with_words)
{
    elbo_arena *const ws = elbo_arena_alloc(4096);
    const elbo_summit f = {NULL, 11, 1, flat};
    const elbo_ascent how = {
        .method = &elbo_ascender_gp, .iterations = 5, .box = 1};
    double x[11] = {0};
    elbo_ascent_info info;

    case_fails(elbo_ascend(&how, &f, x, &info, ws), ELBO_EINVAL,
               "10 parameters at most, the model has 11");
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_flat_function_is_no_error)
{
    elbo_arena *const ws = elbo_arena_alloc(4096);
    const elbo_summit f = {NULL, 3, 1, flat};
    const elbo_ascent how = {.method = elbo_searchers[_i],
                             .iterations = 20,
                             .tolerance = 1e-8,
                             .box = 1};
    double x[3] = {0.1, 0.2, 0.3};
    elbo_ascent_info info;

    case_ok(elbo_ascend(&how, &f, x, &info, ws));
    ck_assert_double_eq(info.after, 1.5);
    ck_assert_double_eq(x[1], 0.2);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(every_lost_allocation_is_told)
{
    long budget = 0;
    elbo_status s = ELBO_ENOMEM;

    while (s == ELBO_ENOMEM) {
        peak p = {.f = bowl};
        double x[2] = {0.25, 0};
        elbo_ascent_info info;
        const elbo_summit f = {&p, 2, 1, value_of};
        const elbo_ascent how = {.method = elbo_searchers[_i],
                                 .iterations = 9,
                                 .tolerance = 1e-9,
                                 .box = 3};

        elbo_alloc_budget(budget++);

        elbo_arena *const ws = elbo_arena_alloc(64);

        s = ws ? elbo_ascend(&how, &f, x, &info, ws) : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        if (s == ELBO_ENOMEM) ck_assert_double_eq(x[0], 0.25);
    }
    ck_assert_int_eq(s, ELBO_OK);
    ck_assert_int_gt(budget, 2);
}
END_TEST

Suite *suite_zero_order(void)
{
    enum { SEARCHES = sizeof searches / sizeof *searches };
    Suite *const suite = suite_create("zero_order");
    TCase *const t = tcase_create("zero order");
    int methods = 0;

    while (elbo_searchers[methods]) methods++;
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_posterior_is_the_dense_formula);
    tcase_add_test(t,
                   the_evidence_is_the_gaussian_density_and_its_gradient_fits);
    tcase_add_test(t, the_fit_is_no_worse_than_any_grid_point);
    tcase_add_test(t, expected_improvement_is_its_integral);
    tcase_add_loop_test(t, the_maximum_is_found_within_the_budget, 0, SEARCHES);
    tcase_add_loop_test(t, evolution_learns_a_scale_for_each_coordinate, 0, 5);
    tcase_add_loop_test(t, equal_seeds_give_equal_bits, 0, methods);
    tcase_add_test(t, an_archive_carries_the_search_on);
    tcase_add_test(t, a_full_archive_drops_its_worst_point);
    tcase_add_test(t, more_than_ten_parameters_are_refused_with_words);
    tcase_add_loop_test(t, a_flat_function_is_no_error, 0, methods);
    tcase_add_loop_test(t, every_lost_allocation_is_told, 0, methods);
    suite_add_tcase(suite, t);
    return suite;
}
