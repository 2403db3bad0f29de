/* tests/robust_oracles.c -- robust(radius, ball) against what knows only the
 * ball: searches along rays, and the vertices of a linear programme.
 */
#include "tests/robust_cases.h"

#include <math.h>
#include <string.h>

const double robust_discount = 0.91;

static const double pi = 3.14159265358979323846;

elbo_tilt robust_ball(elbo_ball ball, double radius)
{
    return (elbo_tilt){.kind = &elbo_transition_robust,
                       .beta = HUGE_VAL,
                       .gamma = robust_discount,
                       .radius = radius,
                       .ball = ball};
}

double robust_column(const elbo_tilt *tilt, size_t i, const elbo_kernel *q,
                     const elbo_kernel *p, const double V[], size_t row)
{
    return tilt->kind->columns[i].of(tilt, q, p, V, row);
}

void robust_row_open(robust_row *r, size_t n, elbo_rng *rng)
{
    double sum = 0;

    *r = (robust_row){.n = n};
    for (size_t i = 0; i < n; i++) {
        r->next[i] = (uint32_t)i;
        r->V[i] = 6 * elbo_rng_uniform(rng) - 3;
        sum += r->p[i] = elbo_rng_uniform(rng) + 0.03;
    }
    for (size_t i = 0; i < n; i++) r->p[i] /= sum;
    r->pattern = (elbo_pattern){
        .nS = ROBUST_MOST, .nA = 1, .width = n, .next = r->next, .nnz = n};
    r->P = (elbo_kernel){.pattern = &r->pattern, .prob = r->p};
    r->Q = (elbo_kernel){.pattern = &r->pattern, .prob = r->q};
}

void robust_row_solve(robust_row *r, const elbo_tilt *tilt)
{
    tilt->kind->expect(tilt, &r->P, r->V, 0, 1, &r->ce);
    tilt->kind->posterior(tilt, &r->P, r->V, 0, 1, r->q);
}

/* ---- oracles that know only the ball ---- */

static double kl_along(const robust_row *r, const double d[], double t)
{
    double kl = 0;

    for (size_t i = 0; i < r->n; i++) {
        const double q = r->p[i] + t * d[i];

        if (q < 0) return HUGE_VAL;
        if (q > 0) kl += q * log(q / r->p[i]);
    }
    return kl;
}

/* gamma E_q V where the ray p + t d leaves the ball. */
static double at_border(const robust_row *r, double radius, const double d[])
{
    double in = 0, out = 1, V = 0;

    while (kl_along(r, d, out) <= radius) out *= 2;
    for (size_t k = 0; k < 70; k++) {
        const double t = (in + out) / 2;

        *(kl_along(r, d, t) <= radius ? &in : &out) = t;
    }
    for (size_t i = 0; i < r->n; i++) V += (r->p[i] + in * d[i]) * r->V[i];
    return robust_discount * V;
}

static void direction(double angle, double d[3])
{
    for (size_t i = 0; i < 3; i++)
        d[i] = cos(angle + 2 * pi / 3 * (double)i); /* sums to 0 */
}

/* The least over a grid of directions, which then closes in. */
static double searched_plane(const robust_row *r, double radius)
{
    double centre = pi, width = pi, best = HUGE_VAL;

    for (size_t zoom = 0; zoom < 8; zoom++, width /= 20) {
        double at = centre;

        for (int k = -60; k <= 60; k++) {
            double d[3];

            direction(centre + width * k / 60, d);

            const double v = at_border(r, radius, d);

            if (v < best) best = v, at = centre + width * k / 60;
        }
        centre = at;
    }
    return best;
}

/* The same in more dimensions: random steps of a direction, kept where they
 * lead down; their size follows the success. */
static double searched_space(const robust_row *r, double radius, elbo_rng *rng)
{
    double d[ROBUST_MOST] = {0}, best = HUGE_VAL, size = 1;

    for (size_t k = 0; k < 9000; k++) {
        double trial[ROBUST_MOST], mean = 0, norm = 0;

        for (size_t i = 0; i < r->n; i++)
            mean += trial[i] = d[i] + size * (2 * elbo_rng_uniform(rng) - 1);
        for (size_t i = 0; i < r->n; i++) {
            trial[i] -= mean / (double)r->n;
            norm += trial[i] * trial[i];
        }
        for (size_t i = 0; i < r->n; i++) trial[i] /= sqrt(norm);

        const double v = at_border(r, radius, trial);

        size *= v < best ? 1.2 : 0.96;
        size = fmin(size, 1);
        if (v < best) best = v, memcpy(d, trial, sizeof d);
    }
    return best;
}

START_TEST(the_kl_ball_agrees_with_a_grid_over_the_simplex)
{
    static const double radii[] = {0.002, 0.11, 0.7, 2.385};
    elbo_rng rng = elbo_rng_stream(1, "robust plane", 0);

    for (size_t k = 0; k < 40; k++) {
        const elbo_tilt tilt = robust_ball(ELBO_BALL_KL, radii[k % 4]);
        robust_row r;

        robust_row_open(&r, 3, &rng);
        robust_row_solve(&r, &tilt);
        ck_assert_double_eq_tol(r.ce, searched_plane(&r, radii[k % 4]), 1e-8);
    }
}
END_TEST

START_TEST(the_kl_ball_agrees_with_a_search_in_more_dimensions)
{
    static const double radii[] = {0.01, 0.1, 0.3};
    elbo_rng rng = elbo_rng_stream(2, "robust space", 0);

    for (size_t k = 0; k < 9; k++) {
        const elbo_tilt tilt = robust_ball(ELBO_BALL_KL, radii[k % 3]);
        robust_row r;

        robust_row_open(&r, ROBUST_MOST, &rng);
        robust_row_solve(&r, &tilt);

        const double found = searched_space(&r, radii[k % 3], &rng);

        ck_assert_double_ge(found, r.ce - 1e-12); /* no q is worse */
        ck_assert_double_eq_tol(r.ce, found, 1e-8);
    }
}
END_TEST

/* ---- total variation: a linear programme by its vertices ---- */

enum { N = 4, PLANES = N + (1 << N) - 2 };

/* Row k of a' q <= c: q_i >= 0, then q(A) <= p(A) + radius for all subsets A.
 */
static double plane(const robust_row *r, double radius, size_t k, double a[N])
{
    double c = radius;

    for (size_t i = 0; i < N; i++) {
        a[i] = k < N ? -(double)(i == k) : (double)((k - N + 1) >> i & 1);
        c += a[i] * r->p[i];
    }
    return k < N ? 0 : c;
}

/* x of A x = b by elimination with pivots; false when singular. */
static bool solve4(double A[N][N + 1], double x[N])
{
    for (size_t c = 0; c < N; c++) {
        size_t best = c;

        for (size_t i = c; i < N; i++)
            if (fabs(A[i][c]) > fabs(A[best][c])) best = i;
        if (fabs(A[best][c]) < 1e-9) return false;
        for (size_t j = 0; j <= N; j++) {
            const double swap = A[c][j];

            A[c][j] = A[best][j];
            A[best][j] = swap;
        }
        for (size_t i = 0; i < N; i++) {
            const double f = i == c ? 0 : A[i][c] / A[c][c];

            for (size_t j = 0; j <= N; j++) A[i][j] -= f * A[c][j];
        }
    }
    for (size_t i = 0; i < N; i++) x[i] = A[i][N] / A[i][i];
    return true;
}

static bool feasible(const robust_row *r, double radius, const double q[N])
{
    for (size_t k = 0; k < PLANES; k++) {
        double a[N], sum = -plane(r, radius, k, a);

        for (size_t i = 0; i < N; i++) sum += a[i] * q[i];
        if (sum > 1e-11) return false;
    }
    return true;
}

static double least_vertex(const robust_row *r, double radius)
{
    double best = HUGE_VAL;

    for (size_t i = 0; i < PLANES; i++)
        for (size_t j = 0; j < i; j++)
            for (size_t k = 0; k < j; k++) {
                double A[N][N + 1] =
                    {
                        {1, 1, 1, 1, 1}
                },
                                q[N], V = 0;

                A[1][N] = plane(r, radius, i, A[1]);
                A[2][N] = plane(r, radius, j, A[2]);
                A[3][N] = plane(r, radius, k, A[3]);
                if (!solve4(A, q) || !feasible(r, radius, q)) continue;
                for (size_t s = 0; s < N; s++) V += q[s] * r->V[s];
                best = fmin(best, robust_discount * V);
            }
    return best;
}

static double total_variation(const robust_row *r)
{
    double sum = 0;

    for (size_t i = 0; i < r->n; i++) sum += fabs(r->q[i] - r->p[i]) / 2;
    return sum;
}

START_TEST(the_tv_ball_agrees_with_the_vertices_of_its_linear_programme)
{
    static const double radii[] = {0.03, 0.2385, 0.55, 0.9, 1.3};
    elbo_rng rng = elbo_rng_stream(3, "robust tv", 0);

    for (size_t k = 0; k < 60; k++) {
        const double radius = radii[k % 5];
        const elbo_tilt tilt = robust_ball(ELBO_BALL_TV, radius);
        robust_row r;

        robust_row_open(&r, N, &rng);
        if (k % 3 == 0) r.V[1] = r.V[3]; /* ties */
        if (k % 4 == 0) r.V[0] = r.V[2];
        robust_row_solve(&r, &tilt);
        ck_assert_double_eq_tol(r.ce, least_vertex(&r, radius), 1e-12);
        ck_assert_double_le(total_variation(&r), radius + 1e-15);
    }
}
END_TEST

TCase *tcase_robust_oracles(void)
{
    TCase *t = tcase_create("robust_oracles");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_kl_ball_agrees_with_a_grid_over_the_simplex);
    tcase_add_test(t, the_kl_ball_agrees_with_a_search_in_more_dimensions);
    tcase_add_test(
        t, the_tv_ball_agrees_with_the_vertices_of_its_linear_programme);
    return t;
}
