/* tests/test_density.c -- estimators of a density ratio: closed forms, published
 * numbers, and the same thing another way.
 */
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/weight/density.h"
#include "tests/engine_cases.h"
#include "tests/gridwalk.h"
#include "tests/suites.h"

/* ---- GridWalk, discount 0.995 ---- */

START_TEST(gridwalk_has_its_published_values)
{
    static const double alpha[] = {0, 0.33, 0.66, 1};
    static const double value[] = {0.721941, 0.858214, 0.925279, 0.963859};
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    gridwalk w;

    for (size_t k = 0; k < 4; k++) {
        gridwalk_init(&w, 0.995, alpha[k], arena);
        ck_assert_double_eq_tol(gridwalk_mean(w.d_behaviour, w.r), value[k],
                                1e-6);
    }
    ck_assert_double_eq_tol(gridwalk_mean(w.d_target, w.r), 0.9638591329574,
                            1e-12);

    double most = 0, least = HUGE_VAL;

    gridwalk_init(&w, 0.995, 0, arena);
    for (size_t s = 0; s < WALK_S; s++) {
        double nu = 0, de = 0;

        for (size_t a = 0; a < WALK_A; a++) {
            nu += w.d_target[s * WALK_A + a];
            de += w.d_behaviour[s * WALK_A + a];
        }
        most = fmax(most, nu / de);
        least = fmin(least, nu / de);
    }
    ck_assert_double_eq_tol(most, 2.8773427801613836, 1e-9);
    ck_assert_double_eq_tol(least, 0.023882536813513697, 1e-9);
    elbo_arena_free(arena);
}
END_TEST

/* States alone, under the target's actions. */
typedef struct by_state {
    double nu[WALK_S], de[WALK_S], r[WALK_S], start[WALK_S];
    gsl_matrix *P;
} by_state;

static void join_actions(const gridwalk *w, by_state *x, elbo_arena *arena)
{
    memset(x, 0, sizeof *x);
    x->P = elbo_arena_mat(arena, WALK_S, WALK_S);
    gsl_matrix_set_zero(x->P);
    for (size_t i = 0; i < WALK_ROWS; i++) {
        const size_t s = i / WALK_A;

        x->nu[s] += w->d_target[i];
        x->de[s] += w->d_behaviour[i];
        x->r[s] += w->target[i] * w->r[i];
        x->start[s] += w->start[i];
        *gsl_matrix_ptr(x->P, s, w->next[i]) += w->target[i];
    }
}

/* sum_s de(s) ratio(s) r(s), and the same over sum de ratio. */
static double value_by(const by_state *x, const double ratio[], bool normalised)
{
    double sum = 0, all = 0;

    for (size_t s = 0; s < WALK_S; s++) {
        sum += x->de[s] * ratio[s] * x->r[s];
        all += x->de[s] * ratio[s];
    }
    return normalised ? sum / all : sum;
}

START_TEST(dualdice_without_a_ridge_is_exact)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    gridwalk w;
    by_state x;
    double r[WALK_ROWS], worst = 0;

    gridwalk_init(&w, 0.995, 0, arena);
    case_ok(elbo_density_dualdice(w.P, w.start, w.d_behaviour, 0.995, 0, r,
                                  arena));
    for (size_t i = 0; i < WALK_ROWS; i++)
        worst = fmax(worst, fabs(r[i] - w.d_target[i] / w.d_behaviour[i]));
    ck_assert_msg(worst < 1e-10, "%g", worst);
    join_actions(&w, &x, arena);
    case_ok(elbo_density_dualdice(x.P, x.start, x.de, 0.995, 0, r, arena));
    for (size_t s = 0; s < WALK_S; s++)
        ck_assert_double_eq_tol(r[s], x.nu[s] / x.de[s], 1e-10);
    elbo_arena_free(arena);
}
END_TEST

/* The same ridge is far more where masses sum to 1 than where they count. */
START_TEST(a_ridge_is_in_the_unit_of_the_masses)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    gridwalk w;
    by_state x;
    double r[WALK_S], count[WALK_S];

    gridwalk_init(&w, 0.995, 0, arena);
    join_actions(&w, &x, arena);
    case_ok(elbo_density_dualdice(x.P, x.start, x.de, 0.995, 1e-8, r, arena));
    ck_assert_double_eq_tol(value_by(&x, r, false), 0.8727, 5e-5);
    for (size_t s = 0; s < WALK_S; s++) count[s] = 8e4 * x.de[s];
    case_ok(elbo_density_dualdice(x.P, x.start, count, 0.995, 1e-8, r, arena));
    ck_assert_double_eq_tol(value_by(&x, r, false), 0.9638578742908268, 1e-9);
    elbo_arena_free(arena);
}
END_TEST

/* One feature a state: the regularised ratio is biased both ways. */
START_TEST(ulsif_on_gridwalk_has_its_published_bias)
{
    static const double lambda[] = {0.001, 0.01};
    static const double plain[] = {0.958515, 0.924443};
    static const double normal[] = {0.970442, 0.980673};
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    gridwalk w;
    by_state x;
    double r[WALK_S];

    gridwalk_init(&w, 0.995, 0, arena);
    join_actions(&w, &x, arena);
    for (size_t k = 0; k < 2; k++) {
        const elbo_density states = {WALK_S, x.nu, x.de, NULL};

        case_ok(elbo_density_lsif(&states, 0, lambda[k], r, arena));
        ck_assert_double_eq_tol(value_by(&x, r, false), plain[k], 1e-6);
        ck_assert_double_eq_tol(value_by(&x, r, true), normal[k], 1e-6);
    }
    elbo_arena_free(arena);
}
END_TEST

/* ---- two Gaussians: N(0, 1/8^2) over N(0, 1/2^2) ---- */

enum { CELLS = 20001 };

/* On a fine grid the relative ratio's divergence is that of the densities. */
START_TEST(rulsif_has_the_population_values_of_two_gaussians)
{
    static const struct {
        double a, pe, kl, most;
    } cases[] = {
        {0,   0.9368424162141992,  0.9175443611198906, 4                 },
        {0.1, 0.6750779482667126,  0.7502579114461935, 3.0769230769230766},
        {0.5, 0.20656311363395397, 0.3097820778396601, 1.6               },
    };
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    double *nu = elbo_arena_doubles(arena, CELLS);
    double *de = elbo_arena_doubles(arena, CELLS);
    double *r = elbo_arena_doubles(arena, CELLS), sum[2] = {0};
    const elbo_density x = {CELLS, nu, de, NULL};

    for (size_t i = 0; i < CELLS; i++) {
        const double u = -5 + 1e-3 * (double)i / 2;

        nu[i] = exp(-32 * u * u);
        de[i] = exp(-2 * u * u);
        sum[0] += nu[i];
        sum[1] += de[i];
    }
    for (size_t i = 0; i < CELLS; i++) nu[i] /= sum[0], de[i] /= sum[1];
    for (size_t k = 0; k < 3; k++) {
        const double a = cases[k].a;
        double pe = 0, kl = 0, most = 0;

        case_ok(elbo_density_lsif(&x, a, 0, r, arena));
        for (size_t i = 0; i < CELLS; i++) {
            const double m = a * nu[i] + (1 - a) * de[i];

            pe += m * (r[i] - 1) * (r[i] - 1) / 2;
            if (nu[i] > 0) kl += nu[i] * log(r[i]);
            most = fmax(most, r[i]);
        }
        ck_assert_double_eq_tol(pe, cases[k].pe, 1e-9);
        ck_assert_double_eq_tol(kl, cases[k].kl, 1e-9);
        ck_assert_double_eq_tol(most, cases[k].most, 1e-9);
    }
    elbo_arena_free(arena);
}
END_TEST

/* ---- with features ---- */

enum { POINTS = 40 };

static void line(double x[], double nu[], double de[])
{
    double sum[2] = {0};

    for (size_t i = 0; i < POINTS; i++) {
        x[i] = (double)i / 8;
        nu[i] = exp(-(x[i] - 1.5) * (x[i] - 1.5));
        de[i] = exp(-(x[i] - 2.5) * (x[i] - 2.5) / 3);
        sum[0] += nu[i];
        sum[1] += de[i];
    }
    for (size_t i = 0; i < POINTS; i++) nu[i] /= sum[0], de[i] /= sum[1];
}

static double dot(const double x[], const double y[])
{
    double sum = 0;

    for (size_t i = 0; i < POINTS; i++) sum += x[i] * y[i];
    return sum;
}

/* KLIEP's optimum (EM comes near it slowly): the mean of phi_k / r over nu is at
 * most that of phi_k over de,
 * equal where theta is above 0; and r has mean 1 over de. */
START_TEST(kliep_meets_its_conditions)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    double x[POINTS], nu[POINTS], de[POINTS], r[POINTS];
    gsl_matrix *phi = elbo_arena_mat(arena, POINTS, POINTS);
    const elbo_density points = {POINTS, nu, de, phi};

    line(x, nu, de);
    elbo_density_kernels(x, 1, 0.7, phi);
    case_ok(elbo_density_kliep(&points, r, arena));
    ck_assert_double_eq_tol(dot(de, r), 1, 1e-10);
    for (size_t k = 0; k < POINTS; k++) {
        double up = 0, down = 0;

        for (size_t i = 0; i < POINTS; i++) {
            up += nu[i] * gsl_matrix_get(phi, i, k) / r[i];
            down += de[i] * gsl_matrix_get(phi, i, k);
        }
        ck_assert_msg(up <= down * (1 + 1e-3), "%zu: %g, %g", k, up, down);
    }
    /* one feature a point: the ratio itself */
    const elbo_density each = {POINTS, nu, de, NULL};

    case_ok(elbo_density_kliep(&each, r, arena));
    for (size_t i = 0; i < POINTS; i++)
        ck_assert_double_eq_tol(r[i], nu[i] / de[i], 1e-12 * (1 + r[i]));
    elbo_arena_free(arena);
}
END_TEST

/* The normal equations, by the gradient of the squared loss; and LU. */
START_TEST(lsif_meets_its_normal_equations)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    double x[POINTS], nu[POINTS], de[POINTS], r[POINTS];
    gsl_matrix *phi = elbo_arena_mat(arena, POINTS, POINTS);
    gsl_matrix *A = elbo_arena_mat(arena, POINTS, POINTS);
    gsl_vector *b = elbo_arena_vec(arena, POINTS);
    const elbo_density points = {POINTS, nu, de, phi};
    const double a = 0.1, lambda = 0.02;
    elbo_lu lu;

    line(x, nu, de);
    elbo_density_kernels(x, 1, 0.7, phi);
    case_ok(elbo_density_lsif(&points, a, lambda, r, arena));
    for (size_t k = 0; k < POINTS; k++) {
        double h = 0;

        for (size_t l = 0; l < POINTS; l++) {
            double H = k == l ? lambda : 0;

            for (size_t i = 0; i < POINTS; i++)
                H += (a * nu[i] + (1 - a) * de[i]) * gsl_matrix_get(phi, i, k)
                     * gsl_matrix_get(phi, i, l);
            gsl_matrix_set(A, k, l, H);
        }
        for (size_t i = 0; i < POINTS; i++)
            h += nu[i] * gsl_matrix_get(phi, i, k);
        gsl_vector_set(b, k, h);
    }
    case_ok(elbo_lu_factor(A, arena, &lu));
    case_ok(elbo_lu_solve(&lu, b));
    for (size_t i = 0; i < POINTS; i++) {
        double want = 0;

        for (size_t k = 0; k < POINTS; k++)
            want += gsl_matrix_get(phi, i, k) * fmax(gsl_vector_get(b, k), 0);
        ck_assert_double_eq_tol(r[i], want, 1e-10);
        ck_assert(r[i] >= 0);
    }
    elbo_arena_free(arena);
}
END_TEST

/* The loss's gradient by differences is 0 at the fit; without features and ridge
 * the fit is the ratio. */
START_TEST(logistic_is_a_fixed_point_and_exact_without_a_ridge)
{
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    double x[POINTS], nu[POINTS], de[POINTS], r[POINTS];
    gsl_matrix *phi = elbo_arena_mat(arena, POINTS, 3);
    const elbo_density points = {POINTS, nu, de, phi};
    const elbo_density each = {POINTS, nu, de, NULL};

    line(x, nu, de);
    for (size_t i = 0; i < POINTS; i++)
        for (size_t k = 0; k < 3; k++)
            gsl_matrix_set(phi, i, k, pow(x[i], (double)k));
    /* both are Gaussians: a quadratic log ratio is the truth */
    case_ok(elbo_density_logistic(&points, 0, r, arena));
    for (size_t i = 0; i < POINTS; i++)
        ck_assert_double_eq_tol(r[i], nu[i] / de[i], 1e-7 * (1 + r[i]));
    case_ok(elbo_density_logistic(&each, 0, r, arena));
    for (size_t i = 0; i < POINTS; i++)
        ck_assert_double_eq_tol(r[i], nu[i] / de[i], 1e-6 * (1 + r[i]));
    case_ok(elbo_density_logistic(&points, 0.01, r, arena));

    double g[3] = {0}, theta[3];
    const double f0 = log(r[0]), f8 = log(r[8]), f16 = log(r[16]);

    /* log r is a quadratic at x = 0, 1, 2 */
    theta[0] = f0;
    theta[2] = (f16 - 2 * f8 + f0) / 2;
    theta[1] = f8 - f0 - theta[2];
    for (size_t i = 0; i < POINTS; i++)
        for (size_t k = 0; k < 3; k++)
            g[k] += (nu[i] / (1 + r[i]) - de[i] * r[i] / (1 + r[i]))
                    * pow(x[i], (double)k);
    for (size_t k = 0; k < 3; k++)
        ck_assert_double_eq_tol(g[k], 0.01 * theta[k], 1e-9);
    elbo_arena_free(arena);
}
END_TEST

Suite *suite_density(void)
{
    Suite *s = suite_create("density");
    TCase *t = tcase_create("density");

    tcase_add_test(t, gridwalk_has_its_published_values);
    tcase_add_test(t, dualdice_without_a_ridge_is_exact);
    tcase_add_test(t, a_ridge_is_in_the_unit_of_the_masses);
    tcase_add_test(t, ulsif_on_gridwalk_has_its_published_bias);
    tcase_add_test(t, rulsif_has_the_population_values_of_two_gaussians);
    tcase_add_test(t, kliep_meets_its_conditions);
    tcase_add_test(t, lsif_meets_its_normal_equations);
    tcase_add_test(t, logistic_is_a_fixed_point_and_exact_without_a_ridge);
    suite_add_tcase(s, t);
    return s;
}
