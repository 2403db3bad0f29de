#include <math.h>

#include "tests/tape_cases.h"

/* One operation on given numbers: o = f(u, w), and d sum(o) / du, dw. */

typedef struct two {
    elbo_tape *t;
    elbo_node u, w, o;
} two;

static void run(two *x, const double u[], const double w[])
{
    ck_assert_int_eq(elbo_tape_finish(x->t), ELBO_OK);
    elbo_tape_set(x->t, x->u, u);
    if (w) elbo_tape_set(x->t, x->w, w);
    elbo_tape_forward(x->t);
    elbo_tape_backward(x->t, x->o);
}

static void run_unary(two *x, elbo_precision p, elbo_unary op, const double u[],
                      size_t n)
{
    *x = (two){.t = elbo_tape_alloc(p)};
    x->u = elbo_tape_input(x->t, 1, n);
    x->o = elbo_tape_unary(x->t, op, x->u);
    run(x, u, NULL);
}

static void run_binary(two *x, elbo_binary op, const double u[],
                       const double w[], size_t n)
{
    *x = (two){.t = elbo_tape_alloc(ELBO_F64)};
    x->u = elbo_tape_input(x->t, n, 1);
    x->w = elbo_tape_input(x->t, n, 1);
    x->o = elbo_tape_binary(x->t, op, x->u, x->w);
    run(x, u, w);
}

static double plain(elbo_unary op, double x)
{
    switch (op) {
    case ELBO_NEG:
        return -x;
    case ELBO_EXP:
        return exp(x);
    case ELBO_LOG:
        return log(x);
    case ELBO_SQ:
        return x * x;
    case ELBO_SQRT:
        return sqrt(x);
    case ELBO_ABS:
        return fabs(x);
    case ELBO_RELU:
        return fmax(x, 0);
    case ELBO_STOP:
        return x;
    case ELBO_TANH:
        return tanh(x);
    case ELBO_SIGMOID:
        return 1 / (1 + exp(-x));
    case ELBO_SOFTPLUS:
        return log(1 + exp(x));
    case ELBO_SILU:
        return x / (1 + exp(-x));
    case ELBO_LEAKY_RELU:
        return x < 0 ? 0.01 * x : x;
    case ELBO_SIN:
        return sin(x);
    case ELBO_COS:
        return cos(x);
    case ELBO_UNARIES:
        break;
    }
    return (double)NAN;
}

START_TEST(functions_of_one_argument_are_those_of_the_books)
{
    const double u[] = {-2.385, -0.2385, 0.1385, 1.385, 7.385};

    for (int op = 0; op < ELBO_UNARIES; op++)
        for (int p = ELBO_F64; p <= ELBO_F32; p++) {
            const double eps = p == ELBO_F64 ? 1e-14 : 3e-7;
            const size_t skip = op == ELBO_LOG || op == ELBO_SQRT ? 2 : 0;
            double o[5];
            two x;

            run_unary(&x, (elbo_precision)p, (elbo_unary)op, u + skip,
                      5 - skip);
            elbo_tape_get(x.t, x.o, o);
            for (size_t i = 0; i < 5 - skip; i++) {
                const double want = plain((elbo_unary)op, u[i + skip]);

                ck_assert_double_le(fabs(o[i] - want),
                                    eps * fmax(1, fabs(want)));
            }
            elbo_tape_free(x.t);
        }
}
END_TEST

START_TEST(soft_functions_survive_large_arguments)
{
    const double u[] = {-750, 750};
    const elbo_unary ops[] = {ELBO_SIGMOID, ELBO_SOFTPLUS, ELBO_SILU,
                              ELBO_TANH};
    const double value[][2] = {
        {0,  1  },
        {0,  750},
        {0,  750},
        {-1, 1  }
    };
    const double slope[][2] = {
        {0, 0},
        {0, 1},
        {0, 1},
        {0, 0}
    };

    for (size_t k = 0; k < 4; k++)
        for (int p = ELBO_F64; p <= ELBO_F32; p++) {
            double o[2], d[2];
            two x;

            run_unary(&x, (elbo_precision)p, ops[k], u, 2);
            elbo_tape_get(x.t, x.o, o);
            elbo_tape_gradient(x.t, x.u, d);
            for (size_t i = 0; i < 2; i++) {
                ck_assert_double_eq_tol(o[i], value[k][i], 1e-300);
                ck_assert_double_eq_tol(d[i], slope[k][i], 1e-300);
            }
            elbo_tape_free(x.t);
        }
}
END_TEST

START_TEST(abs_and_relu_have_slope_zero_at_zero)
{
    const double u[] = {-2.385, 0, 2.385};
    const double want[][3] = {
        {-1, 0, 1},
        {0,  0, 1}
    };

    for (size_t k = 0; k < 2; k++) {
        double d[3];
        two x;

        run_unary(&x, ELBO_F64, k ? ELBO_RELU : ELBO_ABS, u, 3);
        elbo_tape_gradient(x.t, x.u, d);
        for (size_t i = 0; i < 3; i++) ck_assert(d[i] == want[k][i]);
        elbo_tape_free(x.t);
    }
}
END_TEST

START_TEST(ties_give_the_derivative_to_the_first_argument)
{
    const double u[] = {2.385, 1, -3}, w[] = {2.385, 2, -4};
    const double first[][3] = {
        {1, 1, 0},
        {1, 0, 1}
    };

    for (size_t k = 0; k < 2; k++) {
        double du[3], dw[3];
        two x;

        run_binary(&x, k ? ELBO_MAX : ELBO_MIN, u, w, 3);
        elbo_tape_gradient(x.t, x.u, du);
        elbo_tape_gradient(x.t, x.w, dw);
        for (size_t i = 0; i < 3; i++) {
            ck_assert(du[i] == first[k][i]);
            ck_assert(dw[i] == 1 - first[k][i]);
        }
        elbo_tape_free(x.t);
    }
}
END_TEST

START_TEST(clip_has_slope_one_on_its_bounds_and_zero_outside)
{
    const double u[] = {-3, -1.5, 0.385, 2.5, 2.75};
    const double value[] = {-1.5, -1.5, 0.385, 2.5, 2.5};
    const double slope[] = {0, 1, 1, 1, 0};
    two x = {.t = elbo_tape_alloc(ELBO_F64)};
    double o[5], d[5];

    x.u = elbo_tape_input(x.t, 5, 1);
    x.o = elbo_tape_clip(x.t, x.u, -1.5, 2.5);
    run(&x, u, NULL);
    elbo_tape_get(x.t, x.o, o);
    elbo_tape_gradient(x.t, x.u, d);
    for (size_t i = 0; i < 5; i++)
        ck_assert(o[i] == value[i] && d[i] == slope[i]);
    elbo_tape_free(x.t);
}
END_TEST

START_TEST(not_a_number_passes_through_every_kink)
{
    const double nan[] = {(double)NAN, 1.385, (double)NAN};
    const double other[] = {1.385, (double)NAN, (double)NAN};
    double o[3];
    two x;

    for (int op = 0; op < ELBO_BINARIES; op++) {
        run_binary(&x, (elbo_binary)op, nan, other, 3);
        elbo_tape_get(x.t, x.o, o);
        for (size_t i = 0; i < 3; i++) ck_assert(isnan(o[i]));
        elbo_tape_free(x.t);
    }
    for (int op = 0; op < ELBO_UNARIES; op++) {
        run_unary(&x, ELBO_F32, (elbo_unary)op, nan, 1);
        elbo_tape_get(x.t, x.o, o);
        ck_assert(isnan(o[0]));
        elbo_tape_free(x.t);
    }
    for (int k = 0; k < 3; k++) {
        x = (two){.t = elbo_tape_alloc(ELBO_F64)};
        x.u = elbo_tape_input(x.t, 1, 3);
        x.o = k == 0   ? elbo_tape_rowmax(x.t, x.u)
              : k == 1 ? elbo_tape_logsumexp(x.t, x.u)
                       : elbo_tape_clip(x.t, x.u, -1, 1);
        run(&x, nan, NULL);
        elbo_tape_get(x.t, x.o, o);
        ck_assert(isnan(o[0]));
        elbo_tape_free(x.t);
    }
}
END_TEST

static double entry(const double a[], const size_t s[2], size_t i, size_t j)
{
    return a[(s[0] == 1 ? 0 : i) * s[1] + (s[1] == 1 ? 0 : j)];
}

static double plain_binary(int op, double u, double w)
{
    const double by_op[] = {u + w,      u - w,      u * w,      u / w,
                            fmin(u, w), fmax(u, w), atan2(u, w)};

    return by_op[op];
}

START_TEST(broadcasting_repeats_rows_and_columns)
{
    static const size_t s[][2] = {
        {2, 3},
        {1, 3},
        {2, 1},
        {1, 1}
    };
    const double u[] = {2.385, -1, 0.5, 4, 3.25, -2}, w[] = {1, 2, -3, 7, 5, 6};

    for (int op = 0; op < ELBO_BINARIES; op++)
        for (size_t pair = 0; pair < 16; pair++) {
            const size_t *a = s[pair / 4], *b = s[pair % 4];
            two x = {.t = elbo_tape_alloc(ELBO_F64)};
            double o[6];

            x.u = elbo_tape_input(x.t, a[0], a[1]);
            x.w = elbo_tape_input(x.t, b[0], b[1]);
            x.o = elbo_tape_binary(x.t, (elbo_binary)op, x.u, x.w);
            run(&x, u, w);
            elbo_tape_get(x.t, x.o, o);

            const size_t rows = elbo_tape_rows(x.t, x.o);
            const size_t cols = elbo_tape_cols(x.t, x.o);

            ck_assert_uint_eq(rows, a[0] > b[0] ? a[0] : b[0]);
            ck_assert_uint_eq(cols, a[1] > b[1] ? a[1] : b[1]);
            for (size_t i = 0; i < rows; i++)
                for (size_t j = 0; j < cols; j++)
                    ck_assert(o[i * cols + j]
                              == plain_binary(op, entry(u, a, i, j),
                                              entry(w, b, i, j)));
            elbo_tape_free(x.t);
        }
}
END_TEST

START_TEST(products_are_sums_of_products)
{
    double a[6], b[12];

    for (size_t i = 0; i < 12; i++) b[i] = 0.385 * (double)i - 2;
    for (size_t i = 0; i < 6; i++) a[i] = 1 / (1.385 + (double)i);
    for (int k = 0; k < 4; k++) {
        const bool tx = k & 1, ty = k & 2;
        two x = {.t = elbo_tape_alloc(ELBO_F64)};
        double o[8];

        x.u = elbo_tape_input(x.t, tx ? 3 : 2, tx ? 2 : 3);
        x.w = elbo_tape_input(x.t, ty ? 4 : 3, ty ? 3 : 4);
        x.o = elbo_tape_matmul(x.t, x.u, tx, x.w, ty);
        run(&x, a, b);
        elbo_tape_get(x.t, x.o, o);
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 4; j++) {
                double sum = 0;

                for (size_t m = 0; m < 3; m++)
                    sum += a[tx ? m * 2 + i : i * 3 + m]
                           * b[ty ? j * 3 + m : m * 4 + j];
                ck_assert_double_eq_tol(o[i * 4 + j], sum, 1e-14);
            }
        elbo_tape_free(x.t);
    }
}
END_TEST

START_TEST(sums_and_moved_rows_are_those_by_hand)
{
    static const uint32_t index[] = {2, 0, 2};
    static const size_t start[] = {0, 0, 2, 3, 3};
    const double u[] = {1, 2, 4, 8, 16, 32.5};
    const double want[][9] = {
        {63.5 },
        {   3,        12, 48.5},
        {   21,       42.5},
        {      16, 32.5, 1, 2, 16, 32.5},
        {    0,        0, 5, 10, 16, 32.5, 0, 0},
        {1,  2, 4, 8, 16, 32.5},
        { 2,        8, 32.5},
        { 2,        8, 32.5},
        {1,  2,  2, 4, 8, 8, 16, 32.5, 32.5}
    };
    const size_t shape[][2] = {
        {1, 1},
        {3, 1},
        {1, 2},
        {3, 2},
        {4, 2},
        {2, 3},
        {3, 1},
        {3, 1},
        {3, 3}
    };
    elbo_tape *t = elbo_tape_alloc(ELBO_F32);
    const elbo_node x = elbo_tape_input(t, 3, 2);
    const elbo_node o[] = {elbo_tape_sum(t, x, ELBO_ALL),
                           elbo_tape_sum(t, x, ELBO_ROWS),
                           elbo_tape_sum(t, x, ELBO_COLS),
                           elbo_tape_gather(t, x, index, 3),
                           elbo_tape_segments(t, x, start, 4),
                           elbo_tape_reshape(t, x, 2, 3),
                           elbo_tape_rowmax(t, x),
                           elbo_tape_columns(t, x, 1, 1),
                           elbo_tape_join(t, x, elbo_tape_rowmax(t, x))};

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_set(t, x, u);
    elbo_tape_forward(t);
    for (size_t k = 0; k < 9; k++) {
        double got[9];

        ck_assert_uint_eq(elbo_tape_rows(t, o[k]), shape[k][0]);
        ck_assert_uint_eq(elbo_tape_cols(t, o[k]), shape[k][1]);
        elbo_tape_get(t, o[k], got);
        for (size_t i = 0; i < shape[k][0] * shape[k][1]; i++)
            ck_assert(got[i] == want[k][i]);
    }
    elbo_tape_free(t);
}
END_TEST

/* Rows: all masked; half masked; far from zero. The middle one's softmax is
 * that of (1, 1 + log 3): a quarter and three. */
START_TEST(masked_rows_have_logsumexp_minus_infinity_and_no_derivative)
{
    const double inf = HUGE_VAL;
    const double u[] = {-inf, -inf, -inf, 1, -inf, 1 + log(3), 1e6, 1e6, -1e6};
    const double slope[] = {0, 0, 0, 0.25, 0, 0.75, 0.5, 0.5, 0};
    const double v[] = {1, 2, 3, 4, 5, 6, 7, 9, 8};
    /* p (v - p'v): 0.25 (4 - 5.5), 0.75 (6 - 5.5); 0.5 (7 - 8), 0.5 (9 - 8). */
    const double second[] = {0, 0, 0, -0.375, 0, 0.375, -0.5, 0.5, 0};
    two x = {.t = elbo_tape_alloc(ELBO_F64)};
    double o[3], d[9], Hv[9];

    x.u = elbo_tape_input(x.t, 3, 3);
    x.o = elbo_tape_logsumexp(x.t, x.u);
    run(&x, u, NULL);
    elbo_tape_direction(x.t, x.u, v);
    elbo_tape_hessian(x.t, x.o);
    elbo_tape_get(x.t, x.o, o);
    elbo_tape_gradient(x.t, x.u, d);
    elbo_tape_product(x.t, x.u, Hv);
    ck_assert(o[0] == -inf);
    ck_assert_double_eq_tol(o[1], 1 + log(4), 1e-14);
    ck_assert_double_eq_tol(o[2], 1e6 + log(2), 1e-9);
    for (size_t i = 0; i < 9; i++) {
        ck_assert_double_eq_tol(d[i], slope[i], 1e-9);
        ck_assert_double_eq_tol(Hv[i], second[i], 1e-9);
    }
    elbo_tape_free(x.t);
}
END_TEST

START_TEST(the_largest_of_a_masked_or_tied_row_is_its_first)
{
    const double inf = HUGE_VAL;
    const double u[] = {-inf, -inf, 2.385, 2.385, 1, 3};
    const double slope[] = {1, 0, 1, 0, 0, 1};
    two x = {.t = elbo_tape_alloc(ELBO_F64)};
    double o[3], d[6];

    x.u = elbo_tape_input(x.t, 3, 2);
    x.o = elbo_tape_rowmax(x.t, x.u);
    run(&x, u, NULL);
    elbo_tape_get(x.t, x.o, o);
    elbo_tape_gradient(x.t, x.u, d);
    ck_assert(o[0] == -inf && o[1] == 2.385 && o[2] == 3);
    for (size_t i = 0; i < 6; i++) ck_assert(d[i] == slope[i]);
    elbo_tape_free(x.t);
}
END_TEST

TCase *tape_values(void)
{
    TCase *t = tcase_create("values");

    tcase_add_test(t, functions_of_one_argument_are_those_of_the_books);
    tcase_add_test(t, soft_functions_survive_large_arguments);
    tcase_add_test(t, abs_and_relu_have_slope_zero_at_zero);
    tcase_add_test(t, ties_give_the_derivative_to_the_first_argument);
    tcase_add_test(t, clip_has_slope_one_on_its_bounds_and_zero_outside);
    tcase_add_test(t, not_a_number_passes_through_every_kink);
    tcase_add_test(t, broadcasting_repeats_rows_and_columns);
    tcase_add_test(t, products_are_sums_of_products);
    tcase_add_test(t, sums_and_moved_rows_are_those_by_hand);
    tcase_add_test(t,
                   masked_rows_have_logsumexp_minus_infinity_and_no_derivative);
    tcase_add_test(t, the_largest_of_a_masked_or_tied_row_is_its_first);
    return t;
}
