/* tests/test_hypergradient.c -- slopes through an inner optimum, against closed
 * forms.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/hypergradient.h"
#include "tests/engine_cases.h"
#include "tests/suites.h"

enum { N = 3, M = 5 };

/* f = -1/2 sum_i phi_i (a_i'theta - y_i)^2 - ridge/2 |theta|^2 - bend/4 sum
 * theta^4: weighted least squares, bent or not. */
typedef struct squares {
    double a[M][N], y[M], phi[M], ridge, bend;
    size_t calls, fails_at; /* 0: never */
} squares;

static double residual(const squares *f, const double theta[], size_t i)
{
    double e = -f->y[i];

    for (size_t j = 0; j < N; j++) e += f->a[i][j] * theta[j];
    return e;
}

static elbo_status slope(void *self, const double theta[], double out[])
{
    squares *const f = self;

    if (++f->calls == f->fails_at)
        return ELBO_FAIL(ELBO_ENOTFINITE, "the slope's own");
    for (size_t j = 0; j < N; j++)
        out[j] = -f->ridge * theta[j] - f->bend * pow(theta[j], 3);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++)
            out[j] -= f->phi[i] * residual(f, theta, i) * f->a[i][j];
    return ELBO_OK;
}

static elbo_status lever(void *self, const double theta[], double out[])
{
    squares *const f = self;

    if (++f->calls == f->fails_at)
        return ELBO_FAIL(ELBO_ENOTFINITE, "the slope's own");
    for (size_t i = 0; i < M; i++)
        out[i] = -0.5 * pow(residual(f, theta, i), 2);
    return ELBO_OK;
}

static squares draw(double bend)
{
    squares f = {.ridge = 0.4, .bend = bend};
    elbo_rng rng = elbo_rng_stream(5, "test squares", 0);

    for (size_t i = 0; i < M; i++) {
        f.y[i] = 2 * elbo_rng_uniform(&rng) - 1;
        f.phi[i] = 0.3 + elbo_rng_uniform(&rng);
        for (size_t j = 0; j < N; j++)
            f.a[i][j] = 2 * elbo_rng_uniform(&rng) - 1;
    }
    return f;
}

/* x <- H \ x by Cramer's rule, H [3 x 3]. */
static double det(double H[N][N])
{
    return H[0][0] * (H[1][1] * H[2][2] - H[1][2] * H[2][1])
           - H[0][1] * (H[1][0] * H[2][2] - H[1][2] * H[2][0])
           + H[0][2] * (H[1][0] * H[2][1] - H[1][1] * H[2][0]);
}

static void cramer(double H[N][N], double x[N])
{
    double out[N];

    for (size_t j = 0; j < N; j++) {
        double K[N][N];

        memcpy(K, H, sizeof K);
        for (size_t i = 0; i < N; i++) K[i][j] = x[i];
        out[j] = det(K) / det(H);
    }
    memcpy(x, out, sizeof out);
}

/* theta <- the maximiser, by Newton's method. */
static void maximise(squares *f, double theta[N])
{
    for (size_t round = 0; round < 100; round++) {
        double H[N][N] = {{0}}, g[N];

        case_ok(slope(f, theta, g));
        for (size_t j = 0; j < N; j++)
            for (size_t k = 0; k < N; k++) {
                H[j][k] = j == k ? -f->ridge - 3 * f->bend * theta[j] * theta[j]
                                 : 0;
                for (size_t i = 0; i < M; i++)
                    H[j][k] -= f->phi[i] * f->a[i][j] * f->a[i][k];
            }
        cramer(H, g);
        for (size_t j = 0; j < N; j++) theta[j] -= g[j];
    }
}

static const double task[N] = {0.7, -1.3, 0.2};

static double task_of(squares *f, const double from[N])
{
    double theta[N], sum = 0;

    memcpy(theta, from, sizeof theta);
    maximise(f, theta);
    for (size_t j = 0; j < N; j++) sum += task[j] * theta[j];
    return sum;
}

/* _i: least squares, whose second derivatives are exact; bent ones. */
START_TEST(the_slope_is_that_of_the_solved_problem)
{
    squares f = draw(_i == 0 ? 0 : 0.6);
    const elbo_lower lower = {&f, N, M, slope, lever};
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    double theta[N] = {0}, out[M];

    maximise(&f, theta);
    case_ok(elbo_hypergradient(&lower, theta, task, out, ws));
    for (size_t i = 0; i < M; i++) {
        const double at = f.phi[i], h = 1e-3;
        double d = 0;
        static const double share[] = {1, -8, 0, 8, -1};

        for (int k = -2; k <= 2; k++) {
            f.phi[i] = at + k * h;
            d += share[k + 2] * task_of(&f, theta) / (12 * h);
        }
        f.phi[i] = at;
        ck_assert_double_eq_tol(out[i], d, 1e-9);
        ck_assert_double_gt(fabs(d), 1e-4);
    }
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_task_that_nothing_moves_has_no_slope)
{
    static const double none[N] = {0};
    squares f = draw(0);
    const elbo_lower lower = {&f, N, M, slope, lever};
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    double theta[N] = {0}, out[M];

    maximise(&f, theta);
    case_ok(elbo_hypergradient(&lower, theta, none, out, ws));
    for (size_t i = 0; i < M; i++) ck_assert_double_eq(out[i], 0);
    elbo_arena_free(ws);
}
END_TEST

START_TEST(a_flat_direction_is_an_error)
{
    squares f = draw(0);
    const elbo_lower lower = {&f, N, M, slope, lever};
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    double theta[N] = {0}, out[M];

    f.ridge = 0;
    for (size_t i = 0; i < M; i++) f.a[i][2] = 0;
    case_fails(elbo_hypergradient(&lower, theta, task, out, ws),
               ELBO_ESINGULAR, "pivot");
    elbo_arena_free(ws);
}
END_TEST

START_TEST(what_the_slopes_say_passes_through)
{
    elbo_arena *const ws = elbo_arena_alloc(1 << 12);
    size_t n = 1;

    for (bool fails = true; fails; n++) {
        squares f = draw(0.6);
        const elbo_lower lower = {&f, N, M, slope, lever};
        double theta[N] = {0.1, 0.2, 0.3}, out[M];

        f.fails_at = n;
        fails = elbo_hypergradient(&lower, theta, task, out, ws) != ELBO_OK;
        if (fails) ck_assert_str_eq(elbo_last_error()->text, "the slope's own");
    }
    ck_assert_uint_eq(n, 4 * N + 4 + 2); /* quotients of four points */
    elbo_arena_free(ws);
}
END_TEST

Suite *suite_hypergradient(void)
{
    Suite *suite = suite_create("hypergradient");
    TCase *t = tcase_create("hypergradient");

    tcase_add_loop_test(t, the_slope_is_that_of_the_solved_problem, 0, 2);
    tcase_add_test(t, a_task_that_nothing_moves_has_no_slope);
    tcase_add_test(t, a_flat_direction_is_an_error);
    tcase_add_test(t, what_the_slopes_say_passes_through);
    suite_add_tcase(suite, t);
    return suite;
}
