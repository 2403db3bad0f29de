/* tests/test_lqr.c -- the backup against brute force. */
#include "inference/messages/lqr.h"

#include <check.h>
#include <gsl/gsl_math.h>
#include <math.h>

#include "tests/lqr_cases.h"
#include "tests/suites.h"

static elbo_arena *arena;

static void setup(void)
{
    ck_assert_int_eq(elbo_linalg_start(), ELBO_OK);
    arena = elbo_arena_alloc(1 << 18);
}

static void teardown(void)
{
    elbo_arena_free(arena);
}

/* The regulator of Watson, Abdulsamad and Peters 2019 (sec. 3.1, lqr_compare.py):
 * cost x'Q x + u'R u about x_g, without 1/2. */
static elbo_lqr watson(void)
{
    static const double A[] = {1.1, 0, 0.1, 1.1}, B[] = {0.1, 0};
    /* a = x_g - A x_g */
    static const double a[] = {-1, -2}, Q[] = {20, 0, 0, 0, 20, 0, 0, 0, 2};
    static const double Qx[] = {20, 0, 0, 20}, slope[] = {200, 200, 0};
    elbo_linear_dynamics *p = elbo_arena_take(arena, 1, sizeof *p);
    elbo_quadratic *f = elbo_arena_take(arena, 2, sizeof *f);
    elbo_lqr lqr = elbo_lqr_defaults;

    ck_assert(elbo_arena_ok(arena));
    *p = (elbo_linear_dynamics){.A = matrix_of(2, 2, A, arena),
                                .B = matrix_of(2, 1, B, arena),
                                .W = matrix_zero(2, 2, arena),
                                .c = vector_of(2, a, arena)};
    f[0] = quadratic_of(3, Q, slope, -2000, arena);
    f[1] = quadratic_of(2, Qx, slope, -2000, arena);
    lqr.nx = 2;
    lqr.nu = 1;
    lqr.T = 60;
    lqr.dynamics = p;
    lqr.reward = &f[0];
    lqr.terminal = &f[1];
    lqr.ndynamics = lqr.nreward = 1;
    return lqr;
}

START_TEST(published_regulator_comes_out_to_all_its_digits)
{
    const elbo_lqr lqr = watson();
    const elbo_lqr_solution s = lqr_solved(&lqr, arena);
    const elbo_lqr_stage *first = &s.stages[0], *last = &s.stages[59];
    const double start[] = {5, 5};
    const gsl_vector *x0 = vector_of(2, start, arena);

    ck_assert_double_eq_tol(gsl_matrix_get(first->pi.K, 0, 0), -5.8777869752,
                            5e-11);
    ck_assert_double_eq_tol(gsl_matrix_get(first->pi.K, 0, 1), -8.2253625131,
                            5e-11);
    ck_assert_double_eq_tol(gsl_vector_get(first->pi.k, 0), 141.0314948832, 5e-11);
    /* Their P is of x'P x: half of ours. */
    ck_assert_double_eq_tol(gsl_matrix_get(first->V.P, 0, 0) / 2, 87.3943945073,
                            5e-11);
    ck_assert_double_eq_tol(gsl_matrix_get(first->V.P, 0, 1) / 2, 140.1261155788,
                            5e-11);
    ck_assert_double_eq_tol(gsl_matrix_get(first->V.P, 1, 1) / 2, 556.1184072812,
                            1e-10);
    ck_assert_double_eq_tol(gsl_matrix_get(last->pi.K, 0, 0), -1, 1e-13);
    ck_assert_double_eq_tol(gsl_matrix_get(last->pi.K, 0, 1), 0, 1e-13);
    ck_assert_double_eq_tol(gsl_vector_get(last->pi.k, 0), 10, 1e-12);
    ck_assert_double_eq_tol(-elbo_quadratic_at(&first->V, x0), 23094.12582364921,
                            1e-9);
    ck_assert_double_eq_tol(gsl_matrix_get(s.stages[30].pi.K, 0, 0), -5.8665482698,
                            5e-11);

    /* The trajectory. */
    double x[] = {5, 5};

    for (size_t t = 0; t < 60; t++) {
        const elbo_linear_policy *pi = &s.stages[t].pi;
        const double u = gsl_matrix_get(pi->K, 0, 0) * x[0]
                         + gsl_matrix_get(pi->K, 0, 1) * x[1]
                         + gsl_vector_get(pi->k, 0);
        const double next = 1.1 * x[0] + 0.1 * u - 1;

        if (t == 0) ck_assert_double_eq_tol(u, 70.5157474415931, 1e-11);
        x[1] = 0.1 * x[0] + 1.1 * x[1] - 2;
        x[0] = next;
    }
    ck_assert_double_eq_tol(x[0], 10.0098932541, 1e-9);
    ck_assert_double_eq_tol(x[1], 9.9773435756, 1e-9);
}
END_TEST

enum { NODES = 801 };

/* scale log of the integral of exp(f / scale) over a line, by the trapezoidal rule,
 * which is exact to rounding for analytic functions that die out at both ends. */
static double log_integral(double (*f)(double, const void *), const void *data,
                           double scale, double centre, double width)
{
    const double h = 2 * width / (NODES - 1);
    double top = -INFINITY, sum = 0;

    for (int i = 0; i < NODES; i++)
        top = fmax(top, f(centre - width + i * h, data) / scale);
    for (int i = 0; i < NODES; i++)
        sum += exp(f(centre - width + i * h, data) / scale - top);
    return scale * (top + log(sum * h));
}

/* A problem at one (x, u), as the integrands see it. The noise of x' runs along one
 * direction, of which e is the standardised length. */
typedef struct scene {
    const elbo_lqr *lqr;
    const elbo_quadratic *next;
    const gsl_vector *direction; /* W = d d' */
    gsl_vector *z;               /* (x, u), one action */
    gsl_vector *y;               /* room for a successor */
} scene;

static const elbo_linear_dynamics *map_of(const scene *s)
{
    return &s->lqr->dynamics[0];
}

static double value_at_noise(const scene *s, double e)
{
    const elbo_linear_dynamics *p = map_of(s);
    const size_t nx = s->lqr->nx;

    for (size_t i = 0; i < nx; i++) {
        double m = gsl_vector_get(p->c, i) + e * gsl_vector_get(s->direction, i);

        for (size_t j = 0; j < nx; j++)
            m += gsl_matrix_get(p->A, i, j) * gsl_vector_get(s->z, j);
        m += gsl_matrix_get(p->B, i, 0) * gsl_vector_get(s->z, nx);
        gsl_vector_set(s->y, i, m);
    }
    return elbo_quadratic_at(s->next, s->y);
}

/* b log of p(e) exp(gamma V / b), and what a mean needs */
static double tilted_noise(double e, const void *data)
{
    const scene *s = data;
    const double b = elbo_lqr_charge(s->lqr);

    return s->lqr->gamma * value_at_noise(s, e) - b * (0.5 * e * e + 0.5 * log(2 * M_PI));
}

static double penalty_at(const scene *s)
{
    const elbo_linear_dynamics *p = map_of(s);
    const size_t nz = s->z->size;
    double sum = 0;

    if (!p->G) return 0;
    for (size_t i = 0; i <= nz; i++)
        for (size_t j = 0; j <= nz; j++)
            sum += gsl_matrix_get(p->G, i, j)
                   * (i < nz ? gsl_vector_get(s->z, i) : 1)
                   * (j < nz ? gsl_vector_get(s->z, j) : 1);
    return p->g0 - 0.5 * sum;
}

static double brute_Q(const scene *s)
{
    const double b = elbo_lqr_charge(s->lqr);

    return elbo_quadratic_at(&s->lqr->reward[0], s->z) + b * penalty_at(s)
           + log_integral(tilted_noise, s, b, 0, 40);
}

static double brute_log_prior(const scene *s)
{
    const size_t nx = s->lqr->nx;

    if (s->lqr->nprior == 0) return 0;

    const elbo_linear_prior *prior = &s->lqr->prior[0];
    const double precision = gsl_matrix_get(prior->precision, 0, 0);
    double e = gsl_vector_get(s->z, nx) - gsl_vector_get(prior->k, 0);

    for (size_t i = 0; i < nx; i++)
        e -= gsl_matrix_get(prior->K, 0, i) * gsl_vector_get(s->z, i);
    return 0.5 * log(precision / (2 * M_PI)) - 0.5 * precision * e * e;
}

static double soft_action(double u, const void *data)
{
    const scene *s = data;

    gsl_vector_set(s->z, s->lqr->nx, u);
    return brute_Q(s) + s->lqr->alpha * brute_log_prior(s);
}

typedef struct temperature {
    double alpha, beta;
    bool next, prior, penalty;
} temperature;

static const temperature temperatures[] = {
    {0.7, 2.385, false, false, false}, {0.7, 2.385, true, true, false},
    {2, -4, false, true, false},       {0.3, -6, true, false, false},
    {1.3, 1.3, false, true, true},     {1.3, -5, true, true, true},
};

/* Two states, noise along one direction: a singular W. */
START_TEST(backup_equals_quadrature)
{
    const temperature *k = &temperatures[_i];
    elbo_rng rng = elbo_rng_stream(2385, "quadrature", (uint64_t)_i);
    const lqr_shape shape = {.nx = 2, .nu = 1, .T = 1, .noise = 1, .radius = 1.5,
                             .prior = k->prior, .penalty = k->penalty};
    elbo_lqr lqr = lqr_random(&rng, &shape, arena);
    gsl_vector *d = vector_random(&rng, 2, 0.7, arena);
    gsl_matrix *W = matrix_zero(2, 2, arena);
    elbo_linear_dynamics p = lqr.dynamics[0];
    elbo_lqr_stage stage = elbo_lqr_stage_take(arena, 2, 1);

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            gsl_matrix_set(W, i, j, gsl_vector_get(d, i) * gsl_vector_get(d, j));
    p.W = W;
    lqr.dynamics = &p;
    lqr.gamma = 0.9;
    lqr.alpha = k->alpha;
    lqr.beta = k->beta;
    lqr.kl_next = k->next;
    ck_assert_msg(elbo_lqr_backup(&lqr, 0, lqr.terminal, &stage, arena) == ELBO_OK,
                  "%s", elbo_last_error()->text);

    scene s = {&lqr, lqr.terminal, d, vector_random(&rng, 3, 1, arena),
               elbo_arena_vec(arena, 2)};

    for (int repeat = 0; repeat < 4; repeat++) {
        for (size_t i = 0; i < 3; i++)
            gsl_vector_set(s.z, i, 4 * elbo_rng_uniform(&rng) - 2);
        ck_assert_double_eq_tol(elbo_quadratic_at(&stage.Q, s.z), brute_Q(&s),
                                1e-11);

        const gsl_vector_view x = gsl_vector_subvector(s.z, 0, 2);
        const double V = elbo_quadratic_at(&stage.V, &x.vector);

        if (repeat == 0) {
            ck_assert_double_eq_tol(
                V, log_integral(soft_action, &s, k->alpha, 0, 30), 1e-10);
        }
    }
}
END_TEST

/* q of the backup is p exp(gamma V / b) / Z: the log-ratio of densities at points. */
START_TEST(q_and_pi_are_the_tilted_densities)
{
    const temperature *k = &temperatures[_i];
    elbo_rng rng = elbo_rng_stream(2386, "densities", (uint64_t)_i);
    const lqr_shape shape = {.nx = 1, .nu = 1, .T = 1, .noise = 1, .radius = 1.5,
                             .prior = k->prior, .penalty = k->penalty};
    elbo_lqr lqr = lqr_random(&rng, &shape, arena);
    elbo_lqr_stage stage = elbo_lqr_stage_take(arena, 1, 1);
    const elbo_linear_dynamics *p = lqr.dynamics;

    lqr.gamma = 0.9;
    lqr.alpha = k->alpha;
    lqr.beta = k->beta;
    lqr.kl_next = k->next;
    ck_assert_int_eq(elbo_lqr_backup(&lqr, 0, lqr.terminal, &stage, arena),
                     ELBO_OK);

    const double W = gsl_matrix_get(p->W, 0, 0), b = elbo_lqr_charge(&lqr);
    const double Wq = gsl_matrix_get(stage.q.W, 0, 0);
    const double S = gsl_matrix_get(stage.pi.S, 0, 0);
    scene s = {&lqr, lqr.terminal, NULL, vector_random(&rng, 2, 1, arena), NULL};
    gsl_vector *at = vector_random(&rng, 1, 1, arena);

    for (int repeat = 0; repeat < 8; repeat++) {
        const double x = 4 * elbo_rng_uniform(&rng) - 2;
        const double u = 4 * elbo_rng_uniform(&rng) - 2;
        const double y = 4 * elbo_rng_uniform(&rng) - 2;

        gsl_vector_set(s.z, 0, x);
        gsl_vector_set(s.z, 1, u);
        gsl_vector_set(at, 0, y);

        const double ep = y - gsl_matrix_get(p->A, 0, 0) * x
                          - gsl_matrix_get(p->B, 0, 0) * u
                          - gsl_vector_get(p->c, 0);
        const double eq = y - gsl_matrix_get(stage.q.A, 0, 0) * x
                          - gsl_matrix_get(stage.q.B, 0, 0) * u
                          - gsl_vector_get(stage.q.c, 0);
        const double ratio = 0.5 * (log(W / Wq) + ep * ep / W - eq * eq / Wq)
                             - penalty_at(&s);
        const double Q = elbo_quadratic_at(&stage.Q, s.z);
        const double r = elbo_quadratic_at(&lqr.reward[0], s.z);

        /* log q/p = gamma V(y) / b - (Q - r) / b */
        ck_assert_double_eq_tol(
            ratio, (lqr.gamma * elbo_quadratic_at(lqr.terminal, at) - Q + r) / b,
            1e-12);

        /* log pi/pi0 = (Q - V) / alpha */
        const double eu = u - gsl_matrix_get(stage.pi.K, 0, 0) * x
                          - gsl_vector_get(stage.pi.k, 0);
        const double logpi = -0.5 * (log(2 * M_PI * S) + eu * eu / S);

        gsl_vector_set(at, 0, x);
        ck_assert_double_eq_tol(
            logpi - brute_log_prior(&s),
            (Q - elbo_quadratic_at(&stage.V, at)) / lqr.alpha, 1e-11);
    }
}
END_TEST

/* The joint Gaussian of a whole trajectory, conditioned on optimality, by dense
 * algebra: the posterior policy of u_t given x_t, and the log evidence. */
enum { DENSE_T = 5, DENSE_NX = 2, DENSE_NZ = 3, DENSE = DENSE_T * DENSE_NZ + 2 };

/* Precision of (z_0, ..., z_{T-1}, x_T) given x_0's block: the sum of quadratic
 * forms of every factor. Index of z_t's part i: 3 t + i. */
static void add_form(gsl_matrix *J, gsl_vector *h, const size_t index[], size_t n,
                     const gsl_matrix *P, const gsl_vector *p)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            *gsl_matrix_ptr(J, index[i], index[j]) += gsl_matrix_get(P, i, j);
        *gsl_vector_ptr(h, index[i]) += gsl_vector_get(p, i);
    }
}

/* log N(y; F z + c, W) of stage t as a form in (z_t, x_{t+1}). */
static void add_dynamics(const elbo_linear_dynamics *p, size_t t, gsl_matrix *J,
                         gsl_vector *h)
{
    const size_t index[] = {3 * t, 3 * t + 1, 3 * t + 2, 3 * t + 3, 3 * t + 4};
    gsl_matrix *D = matrix_zero(2, 5, arena), *L = matrix_zero(2, 2, arena);

    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 2; j++)
            gsl_matrix_set(D, i, j, -gsl_matrix_get(p->A, i, j));
        gsl_matrix_set(D, i, 2, -gsl_matrix_get(p->B, i, 0));
        gsl_matrix_set(D, i, 3 + i, 1);
    }
    gsl_matrix_memcpy(L, p->W);
    ck_assert_int_eq(elbo_chol(L), ELBO_OK);
    ck_assert_int_eq(elbo_chol_inverse(L), ELBO_OK);

    const gsl_matrix *DL = times(transposed(D, arena), L, arena);
    const gsl_matrix *form = times(DL, D, arena);
    gsl_matrix *c = matrix_zero(2, 1, arena);

    gsl_matrix_set_col(c, 0, p->c);

    const gsl_matrix *slope = times(DL, c, arena);
    const gsl_vector_const_view column = gsl_matrix_const_column(slope, 0);

    add_form(J, h, index, 5, form, &column.vector);
}

/* alpha = beta = 1.7, prior N(0, 1/precision): the exact posterior of trajectories
 * has pi and q of the backup, as i2c's smoother computes them. */
START_TEST(equal_temperatures_are_exact_conditioning)
{
    const double alpha = 1.7;
    elbo_rng rng = elbo_rng_stream(2387, "conditioning", (uint64_t)_i);
    const lqr_shape shape = {.nx = 2, .nu = 1, .T = DENSE_T, .noise = 2,
                             .varying = true, .prior = true, .radius = 1.5};
    elbo_lqr lqr = lqr_random(&rng, &shape, arena);

    lqr.alpha = lqr.beta = alpha;

    const elbo_lqr_solution s = lqr_solved(&lqr, arena);
    gsl_matrix *J = matrix_zero(DENSE, DENSE, arena);
    gsl_matrix *row = matrix_zero(1, 3, arena);
    gsl_vector *h = elbo_arena_vec(arena, DENSE);

    gsl_vector_set_zero(h);
    for (size_t t = 0; t < DENSE_T; t++) {
        const size_t index[] = {3 * t, 3 * t + 1, 3 * t + 2};
        const elbo_linear_prior *prior = &lqr.prior[t];
        gsl_matrix *P = matrix_zero(3, 3, arena);
        gsl_vector *p = elbo_arena_vec(arena, 3);
        const double precision = gsl_matrix_get(prior->precision, 0, 0);

        gsl_matrix_memcpy(P, lqr.reward[t].P);
        gsl_vector_memcpy(p, lqr.reward[t].p);
        gsl_matrix_scale(P, 1 / alpha);
        gsl_vector_scale(p, 1 / alpha);
        for (size_t i = 0; i < 2; i++)
            gsl_matrix_set(row, 0, i, -gsl_matrix_get(prior->K, 0, i));
        gsl_matrix_set(row, 0, 2, 1);
        add_form(J, h, index, 3, P, p);
        for (size_t i = 0; i < 3; i++) {
            const double a = precision * gsl_matrix_get(row, 0, i);

            for (size_t j = 0; j < 3; j++)
                gsl_matrix_set(P, i, j, a * gsl_matrix_get(row, 0, j));
            gsl_vector_set(p, i, a * gsl_vector_get(prior->k, 0));
        }
        add_form(J, h, index, 3, P, p);
        add_dynamics(&lqr.dynamics[t], t, J, h);
    }

    const size_t end[] = {DENSE - 2, DENSE - 1};
    gsl_matrix *P = matrix_zero(2, 2, arena);
    gsl_vector *p = elbo_arena_vec(arena, 2);

    gsl_matrix_memcpy(P, lqr.terminal->P);
    gsl_vector_memcpy(p, lqr.terminal->p);
    gsl_matrix_scale(P, 1 / alpha);
    gsl_vector_scale(p, 1 / alpha);
    add_form(J, h, end, 2, P, p);

    /* Condition on x_t: of what lies after it, eliminate all but u_t. */
    for (size_t t = 0; t < DENSE_T; t++) {
        const size_t u = 3 * t + 2, n = DENSE - u;
        gsl_matrix_view tail = gsl_matrix_submatrix(J, u, u, n, n);
        gsl_matrix *C = matrix_zero(n, n, arena);
        gsl_vector *mean = elbo_arena_vec(arena, n);
        elbo_lu lu;

        gsl_matrix_memcpy(C, &tail.matrix);
        ck_assert_int_eq(elbo_lu_factor(C, arena, &lu), ELBO_OK);
        for (size_t i = 0; i < 3; i++) { /* k, then K's two columns */
            for (size_t j = 0; j < n; j++)
                gsl_vector_set(mean, j, i == 0 ? gsl_vector_get(h, u + j)
                                               : -gsl_matrix_get(J, u + j, u - 3 + i));
            ck_assert_int_eq(elbo_lu_solve(&lu, mean), ELBO_OK);
            ck_assert_double_eq_tol(gsl_vector_get(mean, 0),
                                    i == 0 ? gsl_vector_get(s.stages[t].pi.k, 0)
                                           : gsl_matrix_get(s.stages[t].pi.K, 0, i - 1),
                                    1e-11);
        }
        for (size_t j = 0; j < n; j++) gsl_vector_set(mean, j, j == 0);
        ck_assert_int_eq(elbo_lu_solve(&lu, mean), ELBO_OK);
        ck_assert_double_eq_tol(gsl_vector_get(mean, 0),
                                gsl_matrix_get(s.stages[t].pi.S, 0, 0), 1e-12);
    }
}
END_TEST

/* Watson et al.'s identity: the gains are Riccati's with R' = R + alpha precision
 * and P~ = (P^-1 + W / alpha)^-1. Here by inverses, as it is stated. */
START_TEST(gains_are_those_of_a_riccati_equation_with_changed_costs)
{
    static const double grid[][3] = {{1, 100, 0},   {1, 1, 0},     {1, 100, 0.01},
                                     {100, 100, 0.01}, {0.1, 100, 0.01}};
    const double alpha = grid[_i][0], sigma = grid[_i][1], noise = grid[_i][2];
    /* Their likelihood is exp(-cost / (2 alpha)): rewards of -1/2 the cost. */
    elbo_lqr lqr = watson();
    const double one = 1 / sigma;
    const elbo_linear_prior prior = {.precision = matrix_of(1, 1, &one, arena)};
    elbo_linear_dynamics p = lqr.dynamics[0];
    elbo_quadratic r[2] = {lqr.reward[0], *lqr.terminal};
    gsl_matrix *W = matrix_zero(2, 2, arena), *P = matrix_zero(2, 2, arena);

    for (size_t i = 0; i < 2; i++) {
        gsl_matrix_scale(r[i].P, 0.5);
        gsl_vector_scale(r[i].p, 0.5);
        gsl_matrix_set(W, i, i, noise);
    }
    p.W = W;
    lqr.dynamics = &p;
    lqr.reward = &r[0];
    lqr.terminal = &r[1];
    lqr.prior = &prior;
    lqr.nprior = 1;
    lqr.alpha = lqr.beta = alpha;

    const elbo_lqr_solution s = lqr_solved(&lqr, arena);

    gsl_matrix_memcpy(P, r[1].P);
    for (size_t t = 60; t-- > 0;) {
        gsl_matrix *T = matrix_zero(2, 2, arena);

        /* P~ = (P^-1 + W/alpha)^-1, 2 x 2 by the adjugate */
        for (int pass = 0; pass < 2; pass++) {
            const double a = gsl_matrix_get(P, 0, 0), b = gsl_matrix_get(P, 0, 1);
            const double d = gsl_matrix_get(P, 1, 1), det = a * d - b * b;

            gsl_matrix_set(P, 0, 0, d / det + (pass ? 0 : noise / alpha));
            gsl_matrix_set(P, 1, 1, a / det + (pass ? 0 : noise / alpha));
            gsl_matrix_set(P, 0, 1, -b / det);
            gsl_matrix_set(P, 1, 0, -b / det);
        }

        const gsl_matrix *PB = times(P, p.B, arena);
        const gsl_matrix *BPB = times(transposed(p.B, arena), PB, arena);
        const gsl_matrix *BPA = times(transposed(PB, arena), p.A, arena);
        const double M = 1 + alpha / sigma + gsl_matrix_get(BPB, 0, 0);

        for (size_t i = 0; i < 2; i++)
            ck_assert_double_eq_tol(gsl_matrix_get(s.stages[t].pi.K, 0, i),
                                    -gsl_matrix_get(BPA, 0, i) / M, 1e-11);
        gsl_matrix_memcpy(T, times(transposed(p.A, arena), times(P, p.A, arena), arena));
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                gsl_matrix_set(P, i, j,
                               gsl_matrix_get(T, i, j) + (i == j ? 10 : 0)
                                   - gsl_matrix_get(BPA, 0, i)
                                         * gsl_matrix_get(BPA, 0, j) / M);
    }
    if (_i == 2)
        ck_assert_double_eq_tol(gsl_matrix_get(s.stages[30].pi.K, 0, 0),
                                -2.3095539329, 5e-11);
    if (_i == 4)
        ck_assert_double_eq_tol(gsl_matrix_get(s.stages[30].pi.K, 0, 1),
                                -0.0113092858, 5e-11);
}
END_TEST

Suite *suite_lqr(void)
{
    Suite *s = suite_create("lqr");
    TCase *t = tcase_create("backup");
    const int n = sizeof temperatures / sizeof *temperatures;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, published_regulator_comes_out_to_all_its_digits);
    tcase_add_loop_test(t, backup_equals_quadrature, 0, n);
    tcase_add_loop_test(t, q_and_pi_are_the_tilted_densities, 0, n);
    tcase_add_loop_test(t, equal_temperatures_are_exact_conditioning, 0, 5);
    tcase_add_loop_test(
        t, gains_are_those_of_a_riccati_equation_with_changed_costs, 0, 5);
    suite_add_tcase(s, t);
    return s;
}
