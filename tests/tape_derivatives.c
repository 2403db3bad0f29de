#include <math.h>
#include <string.h>

#include "tests/tape_cases.h"

enum { RANDOM_GRAPHS = 40 };

static double largest(const double x[], size_t n)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

/* A stopped part is no function of x for the derivatives, but is one for
 * differences: such a graph is asked about elsewhere. */
static bool stops(const graph *g)
{
    return strcmp(g->name, "unary 7") == 0;
}

/* By five points, so that what is left of the step is of its fourth power. */
static double slope_at(const graph *g, double x[], size_t i, double h)
{
    static const double weight[] = {1, -8, 0, 8, -1};
    const double xi = x[i];
    double sum = 0;

    for (int k = 0; k < 5; k++) {
        x[i] = xi + (k - 2) * h;
        if (k != 2) sum += weight[k] * graph_value(g, x);
    }
    x[i] = xi;
    return sum / (12 * h);
}

static void check_gradient(const graph *g)
{
    static const double h = 5e-5;
    const double rounding = 4 * 0x1p-52 / h; /* of values of about 1 */
    const size_t step = g->n > 100 ? 7 : 1;  /* large ones are sampled */
    double x[TAPE_MOST], grad[TAPE_MOST];

    graph_point(g, 7385, x);
    graph_value(g, x);
    graph_gradient(g, grad);

    const double most = largest(grad, g->n);

    for (size_t i = 0; i < g->n; i += step) {
        const double slope = slope_at(g, x, i, h);
        const double tolerance =
            1e-7 * fmax(fabs(grad[i]), 0.01 * most) + rounding;

        ck_assert_msg(fabs(slope - grad[i]) <= tolerance,
                      "%s: d y / d x[%zu] = %.12g, differences give %.12g",
                      g->name, i, grad[i], slope);
    }
}

static double dot(const double x[], const double y[], size_t n, double *scale)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
        *scale += fabs(x[i] * y[i]);
    }
    return sum;
}

/* A point of [-1, 1] for a direction. */
static void direction(const graph *g, uint64_t seed, double v[])
{
    graph_point(g, seed, v);
    for (size_t i = 0; i < g->n; i++)
        v[i] = (2 * v[i] - g->low - g->high) / (g->high - g->low);
}

static void check_product(const graph *g)
{
    static const double h = 1e-5;
    double x[TAPE_MOST], v[TAPE_MOST], Hv[TAPE_MOST], moved[TAPE_MOST];
    double above[TAPE_MOST], below[TAPE_MOST];

    graph_point(g, 7385, x);
    direction(g, 11, v);
    graph_value(g, x);
    graph_gradient(g, above);
    graph_product(g, v, Hv);

    for (size_t i = 0; i < g->n; i++) moved[i] = x[i] + h * v[i];
    graph_value(g, moved);
    graph_gradient(g, above);
    for (size_t i = 0; i < g->n; i++) moved[i] = x[i] - h * v[i];
    graph_value(g, moved);
    graph_gradient(g, below);

    /* Differences of gradients carry their rounding, 1e-16 / h. */
    const double most = largest(Hv, g->n) + 1e-4 * largest(above, g->n);

    for (size_t i = 0; i < g->n; i++) {
        const double slope = (above[i] - below[i]) / (2 * h);

        ck_assert_msg(fabs(slope - Hv[i])
                          <= 1e-6 * fmax(fabs(Hv[i]), 0.1 * most),
                      "%s: (H v)[%zu] = %.12g, differences give %.12g", g->name,
                      i, Hv[i], slope);
    }
}

static void check_symmetry(const graph *g)
{
    double x[TAPE_MOST], v[TAPE_MOST], w[TAPE_MOST];
    double Hv[TAPE_MOST], Hw[TAPE_MOST], scale = 0;

    graph_point(g, 7385, x);
    direction(g, 11, v);
    direction(g, 12, w);
    graph_value(g, x);
    graph_gradient(g, Hv);
    graph_product(g, v, Hv);
    graph_product(g, w, Hw);

    const double vHw = dot(v, Hw, g->n, &scale), wHv = dot(w, Hv, g->n, &scale);

    ck_assert_msg(fabs(vHw - wHv) <= 1e-12 * scale,
                  "%s: v'Hw = %.17g but w'Hv = %.17g", g->name, vHw, wHv);
}

static void each_case(void (*check)(const graph *g))
{
    for (size_t i = 0; i < tape_cases(); i++) {
        graph g;

        tape_case(&g, i, ELBO_F64);
        if (!stops(&g)) check(&g);
        graph_free(&g);
    }
}

static void each_random(void (*check)(const graph *g))
{
    for (uint64_t seed = 0; seed < RANDOM_GRAPHS; seed++) {
        graph g;

        tape_random(&g, seed, ELBO_F64);
        check(&g);
        graph_free(&g);
    }
}

START_TEST(every_gradient_is_the_limit_of_differences)
{
    each_case(check_gradient);
}
END_TEST

START_TEST(every_product_is_the_limit_of_differences_of_gradients)
{
    each_case(check_product);
}
END_TEST

START_TEST(every_hessian_is_symmetric)
{
    each_case(check_symmetry);
}
END_TEST

START_TEST(gradients_of_random_graphs_are_limits_of_differences)
{
    each_random(check_gradient);
}
END_TEST

START_TEST(products_of_random_graphs_are_limits_of_differences)
{
    each_random(check_product);
}
END_TEST

START_TEST(hessians_of_random_graphs_are_symmetric)
{
    each_random(check_symmetry);
}
END_TEST

/* Against the same graph in double, at a point that both can hold. */
static void check_float(const graph *f32, const graph *f64)
{
    double x[TAPE_MOST], v[TAPE_MOST], a[TAPE_MOST], b[TAPE_MOST];
    const double eps = 0x1p-23;
    const size_t n = f32->n;

    graph_point(f64, 7385, x);
    direction(f64, 11, v);
    for (size_t i = 0; i < n; i++)
        x[i] = (double)(float)x[i], v[i] = (double)(float)v[i];

    const double ya = graph_value(f32, x), yb = graph_value(f64, x);

    ck_assert_msg(fabs(ya - yb) <= 32 * eps * (1 + fabs(yb)), "%s: %g is %g",
                  f32->name, yb, ya);
    graph_gradient(f32, a);
    graph_gradient(f64, b);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(a[i] - b[i]) <= 64 * eps * (1 + largest(b, n)),
                      "%s: gradient %zu: %g is %g", f32->name, i, b[i], a[i]);
    graph_product(f32, v, a);
    graph_product(f64, v, b);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(a[i] - b[i]) <= 256 * eps * (1 + largest(b, n)),
                      "%s: product %zu: %g is %g", f32->name, i, b[i], a[i]);
}

START_TEST(a_graph_in_float_is_the_one_in_double_up_to_rounding)
{
    for (size_t i = 0; i < tape_cases() + RANDOM_GRAPHS; i++) {
        graph f32, f64;

        if (i < tape_cases()) {
            tape_case(&f32, i, ELBO_F32);
            tape_case(&f64, i, ELBO_F64);
        } else {
            tape_random(&f32, i - tape_cases(), ELBO_F32);
            tape_random(&f64, i - tape_cases(), ELBO_F64);
        }
        check_float(&f32, &f64);
        graph_free(&f32);
        graph_free(&f64);
    }
}
END_TEST

TCase *tape_derivatives(void)
{
    TCase *t = tcase_create("derivatives");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_gradient_is_the_limit_of_differences);
    tcase_add_test(t, every_product_is_the_limit_of_differences_of_gradients);
    tcase_add_test(t, every_hessian_is_symmetric);
    tcase_add_test(t, gradients_of_random_graphs_are_limits_of_differences);
    tcase_add_test(t, products_of_random_graphs_are_limits_of_differences);
    tcase_add_test(t, hessians_of_random_graphs_are_symmetric);
    tcase_add_test(t, a_graph_in_float_is_the_one_in_double_up_to_rounding);
    return t;
}
