/* tests/test_task_implicit.c -- derivatives of a data term through the equation that
 * critics solve, as the implicit function theorem has them.
 */
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <string.h>

#include "tests/engine_cases.h"
#include "tests/equation_lab.h"
#include "tests/suites.h"

static const double step = 1e-5;

/* -g' d2L / dw dtheta by differences of L's slope, and l_theta by those of l.
 */
START_TEST(identity_is_minus_the_slope_times_the_mixed_derivative)
{
    const size_t which = (size_t)_i % EQUATION_CRITICS,
                 text = (size_t)_i / EQUATION_CRITICS % 2;
    const bool noisy = (size_t)_i / EQUATION_CRITICS == 2;
    equation_bench b;
    double direct[EQUATION_MOST], pulled[EQUATION_MOST], g[EQUATION_MOST],
        up[EQUATION_MOST], down[EQUATION_MOST];

    equation_set_up(&b, which, "implicit(identity)",
                    noisy ? equation_noisy : equation_model,
                    equation_texts[text]);
    equation_derive(&b, ELBO_F64, direct, pulled);

    equation_lab l = equation_open(&b, text);
    const double scale = equation_largest(b.n, pulled),
                 level = equation_largest(b.n, direct);

    equation_slope(&l, b.theta, l.outer, g);
    ck_assert_double_ge(scale, 1e-4);
    if (!noisy) ck_assert_int_eq(level > 0, text == 1);
    for (size_t j = 0; j < b.n; j++) {
        const double kept = b.theta[j];
        double want = 0;

        b.theta[j] = kept + step;

        const double above = equation_run(&l, b.theta, l.outer);

        equation_slope(&l, b.theta, l.loss, up);
        b.theta[j] = kept - step;

        const double below = equation_run(&l, b.theta, l.outer);

        equation_slope(&l, b.theta, l.loss, down);
        b.theta[j] = kept;
        for (size_t i = 0; i < l.n_w; i++)
            want -= g[i] * (up[i] - down[i]) / (2 * step);
        ck_assert_double_eq_tol(pulled[j], want, 1e-6 * scale);
        if (noisy) continue; /* its bounds are held back as well */
        ck_assert_double_eq_tol(direct[j], (above - below) / (2 * step),
                                1e-6 * (1e-3 + level));
    }
    elbo_tape_free(l.tape);
    equation_tear_down(&b);
}
END_TEST

/* x <- (H + mu I)^-1 x, H the curvature of L by products. */
static void newton(const equation_lab *l, double mu, double x[])
{
    const size_t n = l->n_w;
    gsl_matrix *const H = elbo_arena_mat(ensemble_ws, n, n);
    gsl_permutation *const p = gsl_permutation_alloc(n);
    gsl_vector_view view = gsl_vector_view_array(x, n);
    double unit[EQUATION_MOST], column[EQUATION_MOST];
    int sign;

    for (size_t j = 0; j < n; j++) {
        const double *at = unit;

        memset(unit, 0, sizeof unit);
        unit[j] = 1;
        for (size_t i = 0; i < l->w.n; i++) {
            elbo_tape_direction(l->tape, l->w.leaf[i], at);
            at += elbo_tape_rows(l->tape, l->w.leaf[i])
                  * elbo_tape_cols(l->tape, l->w.leaf[i]);
        }
        elbo_tape_hessian(l->tape, l->loss);
        equation_read(l->tape, l->w.n, l->w.leaf, elbo_tape_product, column);
        for (size_t i = 0; i < n; i++) gsl_matrix_set(H, i, j, column[i]);
        gsl_matrix_set(H, j, j, column[j] + mu);
    }
    gsl_linalg_LU_decomp(H, p, &sign);
    gsl_linalg_LU_svx(H, p, &view.vector);
    gsl_permutation_free(p);
}

/* One step; whether it did not raise the loss, without which it is taken back.
 */
static bool descend(const equation_lab *l, const double theta[], double mu,
                    bool anyway)
{
    double *const w = l->b->critic->value.now.critic[0]; /* one critic */
    const elbo_mark mark = elbo_arena_mark(ensemble_ws);
    const double before = equation_run(l, theta, l->loss);
    double kept[EQUATION_MOST], x[EQUATION_MOST];

    equation_slope(l, theta, l->loss, x);
    newton(l, mu, x);
    elbo_arena_release(ensemble_ws, mark);
    memcpy(kept, w, l->n_w * sizeof *w);
    for (size_t i = 0; i < l->n_w; i++) w[i] -= x[i];
    if (anyway || equation_run(l, theta, l->loss) <= before) return true;
    memcpy(w, kept, l->n_w * sizeof *w);
    return false;
}

/* w that solves the equation at theta: damped Newton steps from where it is
 * while it is far, then plain ones. */
static void solve(const equation_lab *l, const double theta[])
{
    double x[EQUATION_MOST], mu = 1;

    equation_slope(l, theta, l->loss, x);
    for (size_t round = 0; equation_largest(l->n_w, x) > 1e-6 && round < 5000;
         round++) {
        mu = descend(l, theta, mu, false) ? mu / 3 : 4 * mu;
        equation_slope(l, theta, l->loss, x);
    }
    for (size_t round = 0; round < 4; round++) descend(l, theta, 0, true);
    equation_slope(l, theta, l->loss, x);
    ck_assert_double_le(equation_largest(l->n_w, x), 1e-10);
}

/* The inner problem solved again at each theta. */
START_TEST(cg_at_the_solution_is_the_derivative_of_the_solved_problem)
{
    const size_t which = (size_t)_i % EQUATION_SMOOTH,
                 text = (size_t)_i / EQUATION_SMOOTH;
    const double h = 1e-5;
    equation_bench b;
    double direct[EQUATION_MOST], pulled[EQUATION_MOST], total[EQUATION_MOST];

    equation_set_up(&b, which, "implicit(cg(1e-12, 5000))", equation_model,
                    equation_texts[text]);

    equation_lab l = equation_open(&b, text);

    solve(&l, b.theta);
    equation_derive(&b, ELBO_F64, direct, pulled);
    for (size_t j = 0; j < b.n; j++) total[j] = direct[j] + pulled[j];
    ck_assert_uint_eq(elbo_task_objective_solved(b.objective).unconverged, 0);
    ck_assert_double_ge(equation_largest(b.n, pulled), 1e-4);
    for (size_t j = 0; j < b.n; j++) {
        const double kept = b.theta[j];

        b.theta[j] = kept + h;
        solve(&l, b.theta);

        const double above = equation_run(&l, b.theta, l.outer);

        b.theta[j] = kept - h;
        solve(&l, b.theta);

        const double want =
            (above - equation_run(&l, b.theta, l.outer)) / (2 * h);

        b.theta[j] = kept;
        ck_assert_double_eq_tol(total[j], want,
                                1e-5 * equation_largest(b.n, total));
    }
    elbo_tape_free(l.tape);
    equation_tear_down(&b);
}
END_TEST

/* sum_{j <= k} (I - H)^j g, with H's products by differences of L's slope. */
START_TEST(neumann_cuts_the_series_of_the_inverse)
{
    equation_bench b;
    double direct[EQUATION_MOST], pulled[EQUATION_MOST], want[EQUATION_MOST],
        v[EQUATION_MOST], term[EQUATION_MOST], up[EQUATION_MOST],
        down[EQUATION_MOST], kept[EQUATION_MOST];

    equation_set_up(&b, 0, "implicit(neumann(3))", equation_model,
                    equation_texts[0]);
    equation_derive(&b, ELBO_F64, direct, pulled);

    equation_lab l = equation_open(&b, 0);
    double *const w = b.critic->value.now.critic[0];

    equation_slope(&l, b.theta, l.outer, term);
    memcpy(kept, w, l.n_w * sizeof *w);
    memcpy(v, term, sizeof v);
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < l.n_w; i++) w[i] = kept[i] + step * term[i];
        equation_slope(&l, b.theta, l.loss, up);
        for (size_t i = 0; i < l.n_w; i++) w[i] = kept[i] - step * term[i];
        equation_slope(&l, b.theta, l.loss, down);
        for (size_t i = 0; i < l.n_w; i++) {
            term[i] -= (up[i] - down[i]) / (2 * step);
            v[i] += term[i];
        }
    }
    memcpy(w, kept, l.n_w * sizeof *w);
    for (size_t j = 0; j < b.n; j++) {
        const double at = b.theta[j];

        b.theta[j] = at + step;
        equation_slope(&l, b.theta, l.loss, up);
        b.theta[j] = at - step;
        equation_slope(&l, b.theta, l.loss, down);
        b.theta[j] = at;
        want[j] = 0;
        for (size_t i = 0; i < l.n_w; i++)
            want[j] -= v[i] * (up[i] - down[i]) / (2 * step);
    }
    for (size_t j = 0; j < b.n; j++)
        ck_assert_double_eq_tol(pulled[j], want[j],
                                1e-6 * equation_largest(b.n, want));
    elbo_tape_free(l.tape);
    equation_tear_down(&b);
}
END_TEST

Suite *suite_task_implicit(void)
{
    Suite *const s = suite_create("task_implicit");
    TCase *const t = tcase_create("task_implicit");

    tcase_add_checked_fixture(t, ensemble_set_up, ensemble_tear_down);
    tcase_add_loop_test(t,
                        identity_is_minus_the_slope_times_the_mixed_derivative,
                        0, 3 * EQUATION_CRITICS);
    tcase_add_loop_test(
        t, cg_at_the_solution_is_the_derivative_of_the_solved_problem, 0,
        2 * EQUATION_SMOOTH);
    tcase_add_test(t, neumann_cuts_the_series_of_the_inverse);
    suite_add_tcase(s, t);
    return s;
}
