/* tests/test_moments.c -- what M-steps ask of the smoother, against the dense
 * way; gains that converged, and sequences after one another.
 */
#include <math.h>

#include "inference/core/alloc.h"
#include "inference/messages/kalman.h"
#include "tests/kalman_cases.h"
#include "tests/suites.h"

static const struct {
    size_t nx, ny, nu, T;
} sizes[] = {
    {1,  1,  0, 1 },
    {1,  1,  0, 2 },
    {2,  1,  1, 30},
    {4,  2,  2, 50},
    {3,  5,  1, 40},
    {5,  7,  0, 33},
    {10, 5,  2, 50},
    {26, 21, 1, 9 },
};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* E [a; b][a; b]' of two blocks of the dense posterior, with z = [x; u; 1]. */
static double expected(const dense_posterior *p, size_t i, size_t j)
{
    return gsl_matrix_get(p->P, i, j)
           + gsl_vector_get(p->mean, i) * gsl_vector_get(p->mean, j);
}

/* E z_i (place of x_t, or the constant value), and E z_i z_j. */
typedef struct channel {
    bool random;
    size_t place;
    double value;
} channel;

static channel channel_of(const kalman_case *c, const dense_posterior *p,
                          size_t t, size_t i)
{
    const size_t nx = c->sys.nx, nu = c->sys.nu;

    if (i < nx) return (channel){.random = true, .place = dense_x(p, t) + i};
    if (i < nx + nu)
        return (channel){.value = gsl_matrix_get(c->x.U, t, i - nx)};
    return (channel){.value = 1};
}

static double product(const dense_posterior *p, channel a, channel b)
{
    if (a.random && b.random) return expected(p, a.place, b.place);
    return (a.random ? gsl_vector_get(p->mean, a.place) : a.value)
           * (b.random ? gsl_vector_get(p->mean, b.place) : b.value);
}

static void add_expected(const kalman_case *c, const dense_posterior *p,
                         size_t t, size_t y_place, elbo_moments *S)
{
    const size_t nz = S->Szz->size1, ny = S->Syy->size1;

    for (size_t i = 0; i < nz; i++)
        for (size_t j = 0; j < nz; j++)
            gsl_matrix_set(S->Szz, i, j,
                           gsl_matrix_get(S->Szz, i, j)
                               + product(p, channel_of(c, p, t, i),
                                         channel_of(c, p, t, j)));
    for (size_t i = 0; i < ny; i++) {
        const channel y = {.random = true, .place = y_place + i};

        for (size_t j = 0; j < nz; j++)
            gsl_matrix_set(S->Syz, i, j,
                           gsl_matrix_get(S->Syz, i, j)
                               + product(p, y, channel_of(c, p, t, j)));
        for (size_t j = 0; j < ny; j++) {
            const channel other = {.random = true, .place = y_place + j};

            gsl_matrix_set(S->Syy, i, j,
                           gsl_matrix_get(S->Syy, i, j) + product(p, y, other));
        }
    }
    S->n++;
}

static void near_moments(const elbo_moments *a, const elbo_moments *b,
                         double tolerance)
{
    kalman_near_block(a->Szz, b->Szz, 0, 0, tolerance, "Szz", 0);
    kalman_near_block(a->Syz, b->Syz, 0, 0, tolerance, "Syz", 0);
    kalman_near_block(a->Syy, b->Syy, 0, 0, tolerance, "Syy", 0);
    kalman_near(a->n, b->n, 0, "n", 0);
}

typedef struct all_moments {
    elbo_moments start, transition, emission;
} all_moments;

static all_moments no_moments(const kalman_case *c)
{
    const size_t nx = c->sys.nx, nz = nx + c->sys.nu + 1;
    all_moments m;

    kalman_ok(elbo_moments_init(&m.start, nx, 1, c->arena));
    kalman_ok(elbo_moments_init(&m.transition, nx, nz, c->arena));
    kalman_ok(elbo_moments_init(&m.emission, c->sys.ny, nz, c->arena));
    return m;
}

static all_moments dense_moments(const kalman_case *c, const dense_posterior *p)
{
    all_moments m = no_moments(c);

    for (size_t t = 0; t < c->T; t++) {
        bool seen = false;

        if (t + 1 < c->T)
            add_expected(c, p, t, dense_x(p, t + 1), &m.transition);
        for (size_t i = 0; i < c->sys.ny; i++)
            seen = seen || !isnan(gsl_matrix_get(c->x.Y, t, i));
        if (seen) add_expected(c, p, t, dense_y(p, t), &m.emission);
    }
    for (size_t i = 0; i < c->sys.nx; i++) {
        gsl_matrix_set(m.start.Syz, i, 0, gsl_vector_get(p->mean, i));
        for (size_t j = 0; j < c->sys.nx; j++)
            gsl_matrix_set(m.start.Syy, i, j, expected(p, i, j));
    }
    gsl_matrix_set(m.start.Szz, 0, 0, 1);
    m.start.n = 1;
    return m;
}

static void check_moments(const kalman_case *c, elbo_kalman *k,
                          const dense_posterior *p, double tolerance)
{
    const all_moments by_hand = dense_moments(c, p);
    all_moments m = no_moments(c);
    elbo_kalman_info info;

    kalman_ok(elbo_kalman_smooth(k, &c->x, &info));
    kalman_ok(elbo_kalman_moments(k, &m.start, &m.transition, &m.emission));
    near_moments(&m.start, &by_hand.start, tolerance);
    near_moments(&m.transition, &by_hand.transition, tolerance);
    near_moments(&m.emission, &by_hand.emission, tolerance);
}

START_TEST(moments_are_the_sums_of_the_dense_posterior)
{
    kalman_case c;
    const size_t i = (size_t)_i / 2 / HOLES;

    kalman_case_open(&c, sizes[i].nx, sizes[i].ny, sizes[i].nu, sizes[i].T,
                     _i % 2, (uint64_t)_i);
    kalman_case_punch(&c, (holes)(_i / 2 % HOLES), 5);

    const dense_posterior p = dense_condition(&c, c.arena);

    check_moments(&c, kalman_case_workspace(&c, 0), &p, 1e-10);
    kalman_case_close(&c);
}
END_TEST

START_TEST(converged_covariances_change_nothing_that_is_seen)
{
    static const size_t n[] = {1, 4, 10, 24};
    kalman_case c;
    elbo_kalman_info whole, held;

    kalman_case_open(&c, n[_i], (n[_i] + 1) / 2, 1, 400, false, 23);
    c.sys.emission_penalty = kalman_case_penalty(&c, 1, 2);
    c.sys.transition_penalty = kalman_case_penalty(&c, 1, 3);

    elbo_kalman *slow = kalman_case_workspace(&c, 0),
                *fast = kalman_case_workspace(&c, 1e-10);
    all_moments a = no_moments(&c), b = no_moments(&c);

    kalman_ok(elbo_kalman_smooth(slow, &c.x, &whole));
    kalman_ok(elbo_kalman_smooth(fast, &c.x, &held));
    ck_assert_uint_eq(whole.steady, 400);
    ck_assert_uint_lt(held.steady, 100);
    kalman_near(held.loglik, whole.loglik, 1e-10, "log-likelihood", 0);
    for (size_t t = 0; t < c.T; t++) {
        const gsl_matrix P = elbo_kalman_covariance(slow, t);
        const gsl_matrix H = elbo_kalman_covariance(fast, t);

        kalman_near_block(&H, &P, 0, 0, 1e-8, "covariance", t);
    }
    kalman_ok(elbo_kalman_moments(slow, &a.start, &a.transition, &a.emission));
    kalman_ok(elbo_kalman_moments(fast, &b.start, &b.transition, &b.emission));
    /* 400 rows, each 1e-10 / (1 - 0.95^2) off at most */
    near_moments(&b.start, &a.start, 4e-7);
    near_moments(&b.transition, &a.transition, 4e-7);
    near_moments(&b.emission, &a.emission, 4e-7);
    kalman_case_close(&c);
}
END_TEST

/* Equal lengths share their covariances: to the bit what a new workspace gives,
 * in any order, with others in between. */
START_TEST(sequences_after_one_another_do_not_meet)
{
    enum { N = 6 };
    static const size_t lengths[N] = {30, 30, 12, 30, 30, 12};
    kalman_case c;
    elbo_kalman_info one, other;

    kalman_case_open(&c, 4, 3, 2, 30, false, 29);

    elbo_kalman *k = kalman_case_workspace(&c, _i ? 1e-9 : 0);

    for (size_t i = 0; i < N; i++) {
        elbo_kalman *fresh = kalman_case_workspace(&c, _i ? 1e-9 : 0);
        kalman_case own = c;
        all_moments a = no_moments(&c), b = no_moments(&c);

        own.T = lengths[i];
        own.x = kalman_case_draw(&c, lengths[i], 100 + i);
        if (i == 3) kalman_case_punch(&own, BOTH, 1);
        if (i == 4) kalman_ok(elbo_kalman_filter(k, &own.x, &one));
        kalman_ok(elbo_kalman_smooth(k, &own.x, &one));
        kalman_ok(elbo_kalman_smooth(fresh, &own.x, &other));
        ck_assert_mem_eq(&one, &other, sizeof one);
        kalman_ok(elbo_kalman_moments(k, &a.start, &a.transition, &a.emission));
        kalman_ok(
            elbo_kalman_moments(fresh, &b.start, &b.transition, &b.emission));
        near_moments(&a.transition, &b.transition, 0);
        near_moments(&a.emission, &b.emission, 0);
        near_moments(&a.start, &b.start, 0);
        for (size_t t = 0; t < own.T; t++) {
            const gsl_matrix P = elbo_kalman_covariance(k, t);
            const gsl_matrix F = elbo_kalman_covariance(fresh, t);

            kalman_near_block(&P, &F, 0, 0, 0, "covariance", t);
        }
    }
    kalman_case_close(&c);
}
END_TEST

START_TEST(warm_loop_never_allocates)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 4, 2, 1, 40, false, 41);
    kalman_case_punch(&c, BOTH, 2);

    elbo_kalman *k = kalman_case_workspace(&c, 0);
    all_moments m = no_moments(&c);

    elbo_alloc_budget(0);
    kalman_ok(elbo_kalman_model(k, &c.sys));
    kalman_ok(elbo_kalman_smooth(k, &c.x, &info));
    kalman_ok(elbo_kalman_moments(k, &m.start, &m.transition, &m.emission));
    elbo_alloc_budget(-1);
    kalman_case_close(&c);
}
END_TEST

Suite *suite_moments(void)
{
    Suite *s = suite_create("moments");
    TCase *t = tcase_create("moments");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, moments_are_the_sums_of_the_dense_posterior, 0,
                        2 * SIZES * HOLES);
    tcase_add_loop_test(t, converged_covariances_change_nothing_that_is_seen, 0,
                        4);
    tcase_add_loop_test(t, sequences_after_one_another_do_not_meet, 0, 2);
    tcase_add_test(t, warm_loop_never_allocates);
    suite_add_tcase(s, t);
    return s;
}
