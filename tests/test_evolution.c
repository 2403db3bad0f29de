/* tests/test_evolution.c -- the evolution strategy, point by point, against the
 * recurrences of its source written out again.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/ascent.h"
#include "inference/core/rng.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { N = 7, LAMBDA = 9, MU = 4, MOST = 6000 };

/* Where f was asked, in order: the start first. */
typedef struct trail {
    size_t n;
    double x[MOST][N];
} trail;

static double bowl(const double x[])
{
    double sum = 0;

    for (size_t j = 0; j < N; j++)
        sum -= (double)(j + 1) * pow(x[j] - (double)j, 2);
    return sum;
}

static elbo_status follow(void *self, const double x[], double *value,
                          double grad[])
{
    trail *const t = self;

    ck_assert_ptr_null(grad);
    ck_assert_uint_lt(t->n, MOST);
    memcpy(t->x[t->n++], x, sizeof t->x[0]);
    *value = bowl(x);
    return ELBO_OK;
}

/* Hansen 2016: m, C = diag(c), the paths and the step, after g generations. */
typedef struct strategy {
    double m[N], c[N], p_sigma[N], p_c[N], sigma;
    size_t g, stalled; /* generations in which p_c took no step */
} strategy;

/* Recombination weights and 1 / their sum of squares. */
static double weights(double w[MU])
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < MU; i++) {
        w[i] = log((LAMBDA + 1) / 2.) - log((double)i + 1);
        sum += w[i];
    }
    for (size_t i = 0; i < MU; i++) {
        w[i] /= sum;
        squares += w[i] * w[i];
    }
    return 1 / squares;
}

/* The k-th best of the generation's points, k < MU. */
static void rank(double x[LAMBDA][N], size_t best[MU])
{
    bool used[LAMBDA] = {false};

    for (size_t k = 0; k < MU; k++) {
        best[k] = LAMBDA;
        for (size_t i = 0; i < LAMBDA; i++)
            if (!used[i]
                && (best[k] == LAMBDA || bowl(x[i]) > bowl(x[best[k]])))
                best[k] = i;
        used[best[k]] = true;
    }
}

/* Table 1 of the source, and learning rates of the covariance times (n + 2) / 3. */
static void adapt(strategy *s, double x[LAMBDA][N])
{
    const double n = N;
    double w[MU], y[MU][N], mean[N] = {0}, square = 0;
    size_t best[MU];
    const double M = weights(w);
    const double c_sigma = (M + 2) / (n + M + 5);
    const double d_sigma = 1 + 2 * fmax(0, sqrt((M - 1) / (n + 1)) - 1) + c_sigma;
    const double c_c = (4 + M / n) / (n + 4 + 2 * M / n);
    const double faster = (n + 2) / 3;
    const double c_1 = faster * 2 / (pow(n + 1.3, 2) + M);
    const double c_mu = fmin(
        1 - c_1, faster * 2 * (M - 2 + 1 / M) / (pow(n + 2, 2) + 2 * M / 2));
    const double length = sqrt(2) * tgamma((n + 1) / 2) / tgamma(n / 2);

    rank(x, best);
    for (size_t i = 0; i < MU; i++)
        for (size_t j = 0; j < N; j++) {
            y[i][j] = (x[best[i]][j] - s->m[j]) / s->sigma;
            mean[j] += w[i] * y[i][j];
        }
    s->g++;
    for (size_t j = 0; j < N; j++) {
        s->p_sigma[j] = (1 - c_sigma) * s->p_sigma[j]
                        + sqrt(c_sigma * (2 - c_sigma) * M) * mean[j] / sqrt(s->c[j]);
        square += pow(s->p_sigma[j], 2);
    }

    const double young = 1 - pow(1 - c_sigma, 2 * (double)s->g);
    const bool far = sqrt(square / young) >= (1.4 + 2 / (n + 1)) * length;

    s->stalled += far;
    for (size_t j = 0; j < N; j++) {
        double rank_mu = 0;

        for (size_t i = 0; i < MU; i++) rank_mu += w[i] * y[i][j] * y[i][j];
        s->p_c[j] *= 1 - c_c;
        if (!far) s->p_c[j] += sqrt(c_c * (2 - c_c) * M) * mean[j];
        s->c[j] = (1 - c_1 - c_mu + (far ? c_1 * c_c * (2 - c_c) : 0)) * s->c[j]
                  + c_1 * s->p_c[j] * s->p_c[j] + c_mu * rank_mu;
        s->m[j] += s->sigma * mean[j];
    }
    s->sigma *= exp(c_sigma / d_sigma * (sqrt(square) / length - 1));
}

/* A generation of points, drawn as the search does. */
static void draw(const strategy *s, elbo_rng *rng, double x[LAMBDA][N])
{
    for (size_t k = 0; k < LAMBDA; k++) {
        double z[N];

        elbo_rng_normals(rng, z, N);
        for (size_t j = 0; j < N; j++)
            x[k][j] = s->m[j] + s->sigma * sqrt(s->c[j]) * z[j];
    }
}

static double longest(const strategy *s)
{
    double most = 0;

    for (size_t j = 0; j < N; j++) most = fmax(most, s->sigma * sqrt(s->c[j]));
    return most;
}

/* From a first step that is far too short, where the path is long and p_c waits, and
 * from one that is too long. */
static const struct {
    double step, tolerance;
    bool stalls;
} cases[] = {
    {0.02, 0.05, true },
    {3,    1e-3, false},
};

START_TEST(each_point_is_where_the_source_puts_it)
{
    static trail t;
    elbo_arena *const ws = elbo_arena_alloc(1 << 14);
    const elbo_summit f = {&t, N, 1, follow};
    const elbo_ascent how = {.method = &elbo_ascender_evolution,
                             .iterations = MOST - 1,
                             .tolerance = cases[_i].tolerance,
                             .step = cases[_i].step,
                             .seed = 40};
    elbo_rng rng = elbo_rng_stream(40, "evolution", 0);
    strategy s = {.sigma = cases[_i].step};
    double x[N] = {0}, points[LAMBDA][N];
    elbo_ascent_info info;
    size_t at = 1;

    for (size_t j = 0; j < N; j++) s.c[j] = 1;
    t.n = 0;
    case_ok(elbo_ascend(&how, &f, x, &info, ws));
    ck_assert(info.converged);
    do {
        draw(&s, &rng, points);
        for (size_t k = 0; k < LAMBDA; k++, at++) {
            ck_assert_uint_lt(at, t.n);
            for (size_t j = 0; j < N; j++)
                ck_assert_double_eq_tol(t.x[at][j], points[k][j], 1e-8);
        }
        adapt(&s, points);
    } while (longest(&s) > how.tolerance * how.step);
    ck_assert_uint_eq(at, t.n);
    ck_assert_uint_eq(info.iterations, t.n - 1);
    ck_assert_uint_ge(s.g, 20);
    ck_assert(s.stalled > 0 || !cases[_i].stalls);
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_evolution(void)
{
    Suite *const s = suite_create("evolution");
    TCase *const t = tcase_create("evolution");

    tcase_add_loop_test(t, each_point_is_where_the_source_puts_it, 0,
                        sizeof cases / sizeof *cases);
    suite_add_tcase(s, t);
    return s;
}
