/* tests/test_kalman.c -- filter and smoother against dense Gaussian
 * conditioning. */
#include "inference/messages/kalman.h"

#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/kalman_cases.h"
#include "tests/suites.h"

static const struct {
    size_t nx, ny, nu, T;
} sizes[] = {
    {1,  1,  0, 1  },
    {1,  1,  0, 2  },
    {2,  1,  1, 30 },
    {4,  2,  2, 50 },
    {3,  5,  1, 40 },
    {5,  7,  0, 33 },
    {10, 5,  2, 200},
    {26, 21, 1, 9  },
};
enum { SIZES = sizeof sizes / sizeof *sizes };

static elbo_kalman *open_kalman(const kalman_case *c, double steady)
{
    const elbo_kalman_config config = {.steady = steady};
    elbo_kalman *k;

    kalman_ok(elbo_kalman_init(&config, c->sys.nx, c->sys.ny, c->sys.nu, c->T,
                               c->arena, &k));
    kalman_ok(elbo_kalman_model(k, &c->sys));
    return k;
}

static void near(double a, double b, double tolerance, const char *what,
                 size_t t)
{
    ck_assert_msg(fabs(a - b) <= tolerance * fmax(1, fabs(b)),
                  "%s, row %zu: %.17g and %.17g", what, t, a, b);
}

static void near_block(const gsl_matrix *A, const gsl_matrix *P, size_t row,
                       size_t column, double tolerance, const char *what,
                       size_t t)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            near(gsl_matrix_get(A, i, j),
                 gsl_matrix_get(P, row + i, column + j), tolerance, what, t);
}

/* Means, covariances and lag-one covariances of every row. */
static void check_smoothed(const kalman_case *c, elbo_kalman *k,
                           const dense_posterior *p, double tolerance)
{
    const size_t nx = c->sys.nx;
    gsl_matrix *lag = elbo_arena_mat(c->arena, nx, nx);

    for (size_t t = 0; t < c->T; t++) {
        const gsl_matrix P = elbo_kalman_covariance(k, t);

        for (size_t i = 0; i < nx; i++)
            near(gsl_matrix_get(elbo_kalman_means(k), t, i),
                 gsl_vector_get(p->mean, dense_x(p, t) + i), tolerance, "mean",
                 t);
        near_block(&P, p->P, dense_x(p, t), dense_x(p, t), tolerance,
                   "covariance", t);
        for (size_t i = 0; i < nx; i++)
            for (size_t j = 0; j < i; j++)
                ck_assert(gsl_matrix_get(&P, i, j) == gsl_matrix_get(&P, j, i));
        if (t + 1 == c->T) continue;
        elbo_kalman_lag_one(k, t, lag);
        near_block(lag, p->P, dense_x(p, t + 1), dense_x(p, t), tolerance,
                   "lag-one", t);
    }
}

static void smooth_and_check(kalman_case *c, double tolerance)
{
    elbo_kalman *k = open_kalman(c, 0);
    const dense_posterior p = dense_condition(c, c->arena);
    elbo_kalman_info info;

    kalman_ok(elbo_kalman_smooth(k, &c->x, &info));
    near(info.loglik, p.loglik, tolerance, "log-likelihood", c->T);
    check_smoothed(c, k, &p, tolerance);
    ck_assert_uint_eq(info.values + info.missing, c->T * c->sys.ny);
    ck_assert_uint_eq(info.steady, c->T);
}

START_TEST(smoother_is_dense_conditioning)
{
    kalman_case c;
    const size_t i = (size_t)_i / HOLES;

    kalman_case_open(&c, sizes[i].nx, sizes[i].ny, sizes[i].nu, sizes[i].T,
                     false, (uint64_t)_i);
    kalman_case_punch(&c, (holes)(_i % HOLES), 7);
    smooth_and_check(&c, 1e-10);
    kalman_case_close(&c);
}
END_TEST

START_TEST(varying_models_are_smoothed_as_well)
{
    kalman_case c;

    kalman_case_open(&c, 3, 2, 2, 25, true, 11);
    kalman_case_punch(&c, (holes)_i, 8);
    smooth_and_check(&c, 1e-10);
    kalman_case_close(&c);
}
END_TEST

/* V = B B' over z, or of rank one. */
static const gsl_matrix *draw_penalty(const kalman_case *c, size_t rank,
                                      uint64_t seed)
{
    const size_t nz = c->sys.nx + c->sys.nu + 1;
    elbo_rng rng = elbo_rng_stream(seed, "penalty", 0);
    gsl_matrix *B = elbo_arena_mat(c->arena, nz, rank);
    gsl_matrix *V = elbo_arena_mat(c->arena, nz, nz);

    fill_normal(B, 0.7, &rng);
    gsl_blas_dsyrk(CblasLower, CblasNoTrans, 1, B, 0, V);
    elbo_sym_from_lower(V);
    return V;
}

START_TEST(penalties_are_factors_of_the_dense_posterior)
{
    static const size_t n[] = {3, 22};
    kalman_case c;
    const size_t nx = n[_i / HOLES];

    kalman_case_open(&c, nx, 2, 1, 9, false, 13);
    kalman_case_punch(&c, (holes)(_i % HOLES), 9);
    c.sys.transition_penalty = draw_penalty(&c, nx, 1);
    smooth_and_check(&c, 1e-10);
    c.sys.emission_penalty = draw_penalty(&c, 1, 2);
    smooth_and_check(&c, 1e-10);
    c.sys.transition_penalty = NULL;
    smooth_and_check(&c, 1e-10);
    kalman_case_close(&c);
}
END_TEST

/* A start known but for one direction, a force that moves one direction, a
 * noiseless channel. */
START_TEST(singular_covariances_are_smoothed_on_their_range)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 3, 2, 1, 8, false, 17);

    gsl_matrix *Q = elbo_arena_mat(c.arena, 3, 3);
    gsl_matrix *R = elbo_arena_mat(c.arena, 2, 2);
    gsl_matrix *P0 = elbo_arena_mat(c.arena, 3, 3);
    gsl_matrix *A = elbo_arena_mat(c.arena, 3, 3);

    gsl_matrix_set_all(P0, 0.7); /* along one direction */
    gsl_matrix_set_zero(Q);
    gsl_matrix_set(Q, 2, 2, 0.3);
    gsl_matrix_set(Q, 1, 1, 0.1);
    gsl_matrix_set(Q, 1, 2, sqrt(0.03));
    gsl_matrix_set(Q, 2, 1, sqrt(0.03));
    gsl_matrix_set_identity(A);
    gsl_matrix_set(A, 0, 1, 0.5);
    gsl_matrix_set(A, 1, 2, 0.5);
    gsl_matrix_set_zero(R);
    gsl_matrix_set(R, 0, 0, 0.2);
    c.steps[0].A = A;
    c.steps[0].Q = Q;
    c.steps[0].R = R;
    c.sys.P0 = P0;
    c.x = kalman_case_draw(&c, 8, 17);
    smooth_and_check(&c, 1e-10);

    elbo_kalman *k = open_kalman(&c, 0);

    kalman_ok(elbo_kalman_smooth(k, &c.x, &info));
    ck_assert(info.singular > 0);
    kalman_case_close(&c);
}
END_TEST

START_TEST(filter_is_the_smoother_of_what_was_seen_so_far)
{
    static const size_t lengths[] = {1, 2, 9, 20};
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 3, 2, 1, 20, false, 19);
    kalman_case_punch(&c, CHANNELS, 3);
    c.sys.emission_penalty = draw_penalty(&c, 1, 2);

    elbo_kalman *k = open_kalman(&c, 0);
    const gsl_matrix whole = *c.x.Y;

    for (size_t i = 0; i < 4; i++) {
        const gsl_matrix part =
            gsl_matrix_const_submatrix(&whole, 0, 0, lengths[i], 2).matrix;
        kalman_case shorter = c;

        shorter.x.Y = &part;
        shorter.T = lengths[i];

        const dense_posterior p = dense_condition(&shorter, c.arena);
        const size_t t = lengths[i] - 1;

        kalman_ok(elbo_kalman_filter(k, &c.x, &info)); /* of the whole */

        const gsl_matrix P = elbo_kalman_covariance(k, t);

        near_block(&P, p.P, dense_x(&p, t), dense_x(&p, t), 1e-11, "filter", t);
        for (size_t j = 0; j < 3; j++)
            near(gsl_matrix_get(elbo_kalman_means(k), t, j),
                 gsl_vector_get(p.mean, dense_x(&p, t) + j), 1e-11, "filter",
                 t);
        kalman_ok(elbo_kalman_filter(k, &shorter.x, &info));
        near(info.loglik, p.loglik, 1e-11, "log-likelihood", t);
    }
    kalman_case_close(&c);
}
END_TEST

/* ---- moments ---- */

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
    near_block(a->Szz, b->Szz, 0, 0, tolerance, "Szz", 0);
    near_block(a->Syz, b->Syz, 0, 0, tolerance, "Syz", 0);
    near_block(a->Syy, b->Syy, 0, 0, tolerance, "Syy", 0);
    near(a->n, b->n, 0, "n", 0);
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

    kalman_case_open(&c, sizes[i].nx, sizes[i].ny, sizes[i].nu,
                     sizes[i].T > 50 ? 50 : sizes[i].T, _i % 2, (uint64_t)_i);
    kalman_case_punch(&c, (holes)(_i / 2 % HOLES), 5);

    const dense_posterior p = dense_condition(&c, c.arena);

    check_moments(&c, open_kalman(&c, 0), &p, 1e-10);
    kalman_case_close(&c);
}
END_TEST

/* ---- convergence, reuse, failures ---- */

START_TEST(converged_covariances_change_nothing_that_is_seen)
{
    static const size_t n[] = {1, 4, 10, 24};
    kalman_case c;
    elbo_kalman_info whole, held;

    kalman_case_open(&c, n[_i], (n[_i] + 1) / 2, 1, 400, false, 23);
    c.sys.emission_penalty = draw_penalty(&c, 1, 2);
    c.sys.transition_penalty = draw_penalty(&c, 1, 3);

    elbo_kalman *slow = open_kalman(&c, 0), *fast = open_kalman(&c, 1e-10);
    all_moments a = no_moments(&c), b = no_moments(&c);

    kalman_ok(elbo_kalman_smooth(slow, &c.x, &whole));
    kalman_ok(elbo_kalman_smooth(fast, &c.x, &held));
    ck_assert_uint_eq(whole.steady, 400);
    ck_assert_uint_lt(held.steady, 100);
    near(held.loglik, whole.loglik, 1e-10, "log-likelihood", 0);
    for (size_t t = 0; t < c.T; t++) {
        const gsl_matrix P = elbo_kalman_covariance(slow, t);
        const gsl_matrix H = elbo_kalman_covariance(fast, t);

        near_block(&H, &P, 0, 0, 1e-8, "covariance", t);
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

    elbo_kalman *k = open_kalman(&c, _i ? 1e-9 : 0);

    for (size_t i = 0; i < N; i++) {
        elbo_kalman *fresh = open_kalman(&c, _i ? 1e-9 : 0);
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

            near_block(&P, &F, 0, 0, 0, "covariance", t);
        }
    }
    kalman_case_close(&c);
}
END_TEST

/* One state, noise of y 14 orders below its prior: P = 1/(1/P0 + 1/R). */
START_TEST(covariances_keep_their_digits_beside_tiny_noise)
{
    const double R = 1e-14, P0 = 3, Q = 1e-13;
    double one = 1, r = R, q = Q, p0 = P0, m0 = 0, y[2] = {0.3, 0.3};
    const gsl_matrix A = gsl_matrix_view_array(&one, 1, 1).matrix;
    const gsl_matrix Qm = gsl_matrix_view_array(&q, 1, 1).matrix;
    const gsl_matrix Rm = gsl_matrix_view_array(&r, 1, 1).matrix;
    const gsl_matrix P0m = gsl_matrix_view_array(&p0, 1, 1).matrix;
    const gsl_vector m0v = gsl_vector_view_array(&m0, 1).vector;
    const gsl_matrix Y = gsl_matrix_view_array(y, 2, 1).matrix;
    const elbo_lgssm_step step = {.A = &A, .Q = &Qm, .C = &A, .R = &Rm};
    const elbo_lgssm sys = {
        .nx = 1, .ny = 1, .steps = &step, .m0 = &m0v, .P0 = &P0m};
    const elbo_sequence x = {.Y = &Y};
    elbo_arena *ws = elbo_arena_alloc(1 << 12);
    elbo_kalman_info info;
    elbo_kalman *k;

    kalman_ok(elbo_kalman_init(&elbo_kalman_defaults, 1, 1, 0, 2, ws, &k));
    kalman_ok(elbo_kalman_model(k, &sys));
    kalman_ok(elbo_kalman_smooth(k, &x, &info));

    const double first = 1 / (1 / P0 + 1 / R + 1 / (Q + R));
    const double last = 1 / (1 / (1 / (1 / P0 + 1 / R) + Q) + 1 / R);
    const gsl_matrix a = elbo_kalman_covariance(k, 0);
    const gsl_matrix b = elbo_kalman_covariance(k, 1);

    ck_assert_double_eq_tol(a.data[0] / first, 1, 1e-10);
    ck_assert_double_eq_tol(b.data[0] / last, 1, 1e-10);
    elbo_arena_free(ws);
}
END_TEST

/* Ten states, noise from 1e-12 to 1e6: no smoothed eigenvalue below 0. */
START_TEST(covariances_stay_positive_in_a_stiff_system)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 10, 5, 0, 300, false, 31);

    gsl_matrix *Q = elbo_arena_mat(c.arena, 10, 10);
    gsl_matrix *R = elbo_arena_mat(c.arena, 5, 5);
    gsl_matrix *P0 = elbo_arena_mat(c.arena, 10, 10);
    gsl_matrix *U = elbo_arena_mat(c.arena, 10, 10);
    gsl_vector *values = elbo_arena_vec(c.arena, 10);

    gsl_matrix_set_identity(Q);
    gsl_matrix_scale(Q, 1e-9);
    gsl_matrix_set_identity(P0);
    gsl_matrix_scale(P0, 1e6);
    gsl_matrix_set_identity(R);
    gsl_matrix_scale(R, 1e-12);
    c.steps[0].Q = Q;
    c.steps[0].R = R;
    c.sys.P0 = P0;

    elbo_kalman *k = open_kalman(&c, 0);

    kalman_ok(elbo_kalman_smooth(k, &c.x, &info));
    ck_assert(isfinite(info.loglik));
    for (size_t t = 0; t < c.T; t++) {
        const gsl_matrix P = elbo_kalman_covariance(k, t);

        gsl_matrix_memcpy(U, &P);
        kalman_ok(elbo_eig_sym(U, values, c.arena));
        ck_assert_msg(gsl_vector_get(values, 0)
                          >= -1e-15 * gsl_vector_get(values, 9),
                      "row %zu: %g of %g", t, gsl_vector_get(values, 0),
                      gsl_vector_get(values, 9));
    }
    kalman_case_close(&c);
}
END_TEST

START_TEST(what_is_wrong_is_named_with_its_row)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 3, 2, 2, 10, false, 37);

    elbo_kalman *k = open_kalman(&c, 0);
    gsl_matrix *Y = elbo_arena_mat(c.arena, 10, 2);
    gsl_matrix *U = elbo_arena_mat(c.arena, 10, 2);
    gsl_matrix *S = elbo_arena_mat(c.arena, 3, 3);
    gsl_matrix *C = elbo_arena_mat(c.arena, 2, 3);
    gsl_matrix *R = elbo_arena_mat(c.arena, 2, 2);
    elbo_sequence bad = {.Y = Y, .U = U};

    gsl_matrix_memcpy(Y, c.x.Y);
    gsl_matrix_memcpy(U, c.x.U);
    gsl_matrix_set(Y, 4, 1, -HUGE_VAL);
    ck_assert_int_eq(elbo_kalman_smooth(k, &bad, &info), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 4: y(1)"));
    gsl_matrix_set(Y, 4, 1, 0);
    gsl_matrix_set(U, 6, 0, (double)NAN);
    ck_assert_int_eq(elbo_kalman_filter(k, &bad, &info), ELBO_ENOTFINITE);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 6: u(0)"));
    gsl_matrix_set(U, 6, 0, 0);
    kalman_ok(elbo_kalman_smooth(k, &bad, &info));

    /* the same row of C twice, and no noise */
    gsl_matrix_set_all(C, 1);
    gsl_matrix_set_zero(R);
    c.steps[0].C = C;
    c.steps[0].R = R;
    kalman_ok(elbo_kalman_model(k, &c.sys));
    ck_assert_int_eq(elbo_kalman_smooth(k, &bad, &info), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "row 0"));

    gsl_matrix_set_identity(S);
    gsl_matrix_set(S, 1, 1, -0.1);
    c.steps[0].Q = S;
    ck_assert_int_eq(elbo_kalman_model(k, &c.sys), ELBO_ENOTPD);
    ck_assert_ptr_nonnull(strstr(elbo_last_error()->text, "Q"));
    gsl_matrix_set(S, 1, 1, (double)NAN);
    ck_assert_int_eq(elbo_kalman_model(k, &c.sys), ELBO_ENOTFINITE);
    kalman_case_close(&c);
}
END_TEST

START_TEST(warm_loop_never_allocates)
{
    kalman_case c;
    elbo_kalman_info info;

    kalman_case_open(&c, 4, 2, 1, 40, false, 41);
    kalman_case_punch(&c, BOTH, 2);

    elbo_kalman *k = open_kalman(&c, 0);
    all_moments m = no_moments(&c);

    elbo_alloc_budget(0);
    kalman_ok(elbo_kalman_model(k, &c.sys));
    kalman_ok(elbo_kalman_smooth(k, &c.x, &info));
    kalman_ok(elbo_kalman_moments(k, &m.start, &m.transition, &m.emission));
    elbo_alloc_budget(-1);
    kalman_case_close(&c);
}
END_TEST

START_TEST(each_allocation_fails_once_and_is_told)
{
    elbo_kalman *k;
    elbo_status s;
    long n = 0;

    do {
        elbo_alloc_budget(n++);

        elbo_arena *ws = elbo_arena_alloc(64);

        s = ws ? elbo_kalman_init(&elbo_kalman_defaults, 3, 2, 1, 20, ws, &k)
               : ELBO_ENOMEM;
        elbo_arena_free(ws);
        elbo_alloc_budget(-1);
        ck_assert(s == ELBO_OK || s == ELBO_ENOMEM);
    } while (s == ELBO_ENOMEM);
    ck_assert(n > 5);
}
END_TEST

Suite *suite_kalman(void)
{
    Suite *s = suite_create("kalman");
    TCase *t = tcase_create("kalman");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, smoother_is_dense_conditioning, 0, SIZES * HOLES);
    tcase_add_loop_test(t, varying_models_are_smoothed_as_well, 0, HOLES);
    tcase_add_loop_test(t, penalties_are_factors_of_the_dense_posterior, 0,
                        2 * HOLES);
    tcase_add_test(t, singular_covariances_are_smoothed_on_their_range);
    tcase_add_test(t, filter_is_the_smoother_of_what_was_seen_so_far);
    tcase_add_loop_test(t, moments_are_the_sums_of_the_dense_posterior, 0,
                        2 * SIZES * HOLES);
    tcase_add_loop_test(t, converged_covariances_change_nothing_that_is_seen, 0,
                        4);
    tcase_add_loop_test(t, sequences_after_one_another_do_not_meet, 0, 2);
    tcase_add_test(t, covariances_keep_their_digits_beside_tiny_noise);
    tcase_add_test(t, covariances_stay_positive_in_a_stiff_system);
    tcase_add_test(t, what_is_wrong_is_named_with_its_row);
    tcase_add_test(t, warm_loop_never_allocates);
    tcase_add_test(t, each_allocation_fails_once_and_is_told);
    suite_add_tcase(s, t);
    return s;
}
