/* tests/test_lqr_backup.c -- one backup against quadrature. */
#include "inference/messages/lqr.h"

#include <check.h>
#include <gsl/gsl_math.h>
#include <math.h>

#include "tests/lqr_cases.h"
#include "tests/suites.h"

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
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);
    gsl_vector *d = vector_random(&rng, 2, 0.7, lqr_arena);
    gsl_matrix *W = matrix_zero(2, 2, lqr_arena);
    elbo_linear_dynamics p = lqr.dynamics[0];
    elbo_lqr_stage stage = elbo_lqr_stage_take(lqr_arena, 2, 1);

    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < 2; j++)
            gsl_matrix_set(W, i, j, gsl_vector_get(d, i) * gsl_vector_get(d, j));
    p.W = W;
    lqr.dynamics = &p;
    lqr.gamma = 0.9;
    lqr.alpha = k->alpha;
    lqr.beta = k->beta;
    lqr.kl_next = k->next;
    ck_assert_msg(elbo_lqr_backup(&lqr, 0, lqr.terminal, &stage, lqr_arena) == ELBO_OK,
                  "%s", elbo_last_error()->text);

    scene s = {&lqr, lqr.terminal, d, vector_random(&rng, 3, 1, lqr_arena),
               elbo_arena_vec(lqr_arena, 2)};

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
    elbo_lqr lqr = lqr_random(&rng, &shape, lqr_arena);
    elbo_lqr_stage stage = elbo_lqr_stage_take(lqr_arena, 1, 1);
    const elbo_linear_dynamics *p = lqr.dynamics;

    lqr.gamma = 0.9;
    lqr.alpha = k->alpha;
    lqr.beta = k->beta;
    lqr.kl_next = k->next;
    ck_assert_int_eq(elbo_lqr_backup(&lqr, 0, lqr.terminal, &stage, lqr_arena),
                     ELBO_OK);

    const double W = gsl_matrix_get(p->W, 0, 0), b = elbo_lqr_charge(&lqr);
    const double Wq = gsl_matrix_get(stage.q.W, 0, 0);
    const double S = gsl_matrix_get(stage.pi.S, 0, 0);
    scene s = {&lqr, lqr.terminal, NULL, vector_random(&rng, 2, 1, lqr_arena), NULL};
    gsl_vector *at = vector_random(&rng, 1, 1, lqr_arena);

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

Suite *suite_lqr_backup(void)
{
    Suite *s = suite_create("lqr_backup");
    TCase *t = tcase_create("backup");
    const int n = sizeof temperatures / sizeof *temperatures;

    tcase_add_checked_fixture(t, lqr_set_up, lqr_tear_down);
    tcase_add_loop_test(t, backup_equals_quadrature, 0, n);
    tcase_add_loop_test(t, q_and_pi_are_the_tilted_densities, 0, n);
    suite_add_tcase(s, t);
    return s;
}
