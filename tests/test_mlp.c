/* tests/test_mlp.c -- perceptrons: outputs, gradients, starts. */
#include "inference/networks/mlp.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "tests/suites.h"

enum { MOST = 512, ROWS = 7, ACTIVATIONS = ELBO_ACT_SILU + 1 };

static double activated(elbo_activation f, double x)
{
    switch (f) {
    case ELBO_ACT_NONE:
        return x;
    case ELBO_ACT_RELU:
        return fmax(x, 0);
    case ELBO_ACT_LEAKY_RELU:
        return x < 0 ? 0.01 * x : x;
    case ELBO_ACT_TANH:
        return tanh(x);
    case ELBO_ACT_SILU:
        return x / (1 + exp(-x));
    }
    return (double)NAN;
}

/* One row by the header's formula; widths below 32. */
static void plain(const elbo_mlp *mlp, const double theta[], const double x[],
                  double out[])
{
    double h[32], next[32];

    memcpy(h, x, mlp->width[0] * sizeof *h);
    for (size_t l = 0; l < mlp->layers; l++) {
        const size_t n = mlp->width[l], m = mlp->width[l + 1];

        for (size_t j = 0; j < m; j++) {
            double sum = theta[n * m + j];

            for (size_t i = 0; i < n; i++) sum += h[i] * theta[i * m + j];
            next[j] =
                l + 1 < mlp->layers ? activated(mlp->activation, sum) : sum;
        }
        memcpy(h, next, m * sizeof *h);
        theta += (n + 1) * m;
    }
    memcpy(out, h, mlp->width[mlp->layers] * sizeof *h);
}

static void uniform(elbo_rng *rng, double low, double high, size_t n,
                    double out[])
{
    for (size_t i = 0; i < n; i++)
        out[i] = low + (high - low) * elbo_rng_uniform(rng);
}

/* y = sum of tanh of the outputs, times weights, of a network on ROWS rows. */
typedef struct net {
    elbo_mlp mlp;
    elbo_mlp_leaves leaves;
    elbo_tape *tape;
    elbo_node x, weight, out, y;
    size_t n;
    double theta[MOST], input[ROWS * 8], weights[ROWS * 8];
} net;

static void build(net *t, elbo_activation f, elbo_precision precision)
{
    elbo_rng rng = elbo_rng_stream(2385, "net", 0);

    ck_assert_int_eq(elbo_mlp_shape(&t->mlp, 3, 2, 9, 4, f), ELBO_OK);
    t->n = elbo_mlp_size(&t->mlp);
    ck_assert_uint_eq(t->n, 3 * 9 + 9 + 9 * 9 + 9 + 9 * 4 + 4);
    t->tape = elbo_tape_alloc(precision);
    t->leaves = elbo_mlp_leaf(&t->mlp, t->tape, true);
    t->x = elbo_tape_input(t->tape, ROWS, 3);
    t->weight = elbo_tape_constant(t->tape, ROWS, 4);
    t->out = elbo_mlp_node(&t->mlp, &t->leaves, t->tape, t->x);
    t->y = elbo_tape_sum(
        t->tape,
        elbo_tape_binary(t->tape, ELBO_MUL, t->weight,
                         elbo_tape_unary(t->tape, ELBO_TANH, t->out)),
        ELBO_ALL);
    ck_assert_int_eq(elbo_tape_finish(t->tape), ELBO_OK);
    uniform(&rng, -0.9, 0.9, t->n, t->theta);
    uniform(&rng, -1.385, 1.385, ROWS * 3, t->input);
    uniform(&rng, -1, 1, ROWS * 4, t->weights);
    elbo_tape_set(t->tape, t->weight, t->weights);
}

static double value(net *t)
{
    double y;

    elbo_mlp_set(&t->mlp, &t->leaves, t->tape, t->theta);
    elbo_tape_set(t->tape, t->x, t->input);
    elbo_tape_forward(t->tape);
    elbo_tape_get(t->tape, t->y, &y);
    return y;
}

/* Laid out as theta. */
static void gradient(const net *t, double out[])
{
    elbo_tape_backward(t->tape, t->y);
    for (size_t l = 0; l < t->mlp.layers; l++) {
        elbo_tape_gradient(t->tape, t->leaves.W[l], out);
        out += t->mlp.width[l] * t->mlp.width[l + 1];
        elbo_tape_gradient(t->tape, t->leaves.b[l], out);
        out += t->mlp.width[l + 1];
    }
}

START_TEST(outputs_are_those_of_the_formula)
{
    static net t;

    build(&t, (elbo_activation)_i, ELBO_F64);
    value(&t);

    double got[ROWS * 4], want[4];

    elbo_tape_get(t.tape, t.out, got);
    for (size_t i = 0; i < ROWS; i++) {
        plain(&t.mlp, t.theta, t.input + 3 * i, want);
        for (size_t j = 0; j < 4; j++)
            ck_assert_double_le(fabs(got[4 * i + j] - want[j]), 1e-13);
    }
    elbo_tape_free(t.tape);
}
END_TEST

/* Central differences over a step of 1e-6 carry the rounding of y, 1e-15 /
 * 1e-6, and their own error, h^2; a kink between the points would show as more.
 */
static void check_slope(net *t, double *at, double slope, const char *what)
{
    const double h = 1e-6, x = *at;

    *at = x + h;
    const double above = value(t);
    *at = x - h;
    const double below = value(t);
    *at = x;
    ck_assert_msg(
        fabs((above - below) / (2 * h) - slope) <= 2e-8 + 1e-7 * fabs(slope),
        "activation %d, %s: %.12g, differences give %.12g",
        (int)t->mlp.activation, what, slope, (above - below) / (2 * h));
}

START_TEST(gradients_are_the_limits_of_differences)
{
    static net t;
    double grad[MOST], inputs[ROWS * 3];

    build(&t, (elbo_activation)_i, ELBO_F64);
    value(&t);
    gradient(&t, grad);
    elbo_tape_gradient(t.tape, t.x, inputs);
    for (size_t i = 0; i < t.n; i++)
        check_slope(&t, &t.theta[i], grad[i], "theta");
    for (size_t i = 0; i < ROWS * 3; i++)
        check_slope(&t, &t.input[i], inputs[i], "input");
    elbo_tape_free(t.tape);
}
END_TEST

/* H v by differences of gradients along v; their rounding is 1e-15 / 1e-5. */
START_TEST(hessian_products_are_the_limits_of_differences)
{
    static net t;
    double base[MOST], v[MOST], above[MOST], below[MOST], product[MOST];
    elbo_rng rng = elbo_rng_stream(7, "direction", 0);
    const double h = 1e-5;

    build(&t, (elbo_activation)_i, ELBO_F64);
    uniform(&rng, -1, 1, t.n, v);
    value(&t);
    gradient(&t, base);
    for (size_t l = 0, at = 0; l < t.mlp.layers; l++) {
        elbo_tape_direction(t.tape, t.leaves.W[l], v + at);
        at += t.mlp.width[l] * t.mlp.width[l + 1];
        elbo_tape_direction(t.tape, t.leaves.b[l], v + at);
        at += t.mlp.width[l + 1];
    }
    elbo_tape_hessian(t.tape, t.y);
    for (size_t l = 0, at = 0; l < t.mlp.layers; l++) {
        elbo_tape_product(t.tape, t.leaves.W[l], product + at);
        at += t.mlp.width[l] * t.mlp.width[l + 1];
        elbo_tape_product(t.tape, t.leaves.b[l], product + at);
        at += t.mlp.width[l + 1];
    }
    memcpy(base, t.theta, sizeof base);
    for (size_t i = 0; i < t.n; i++) t.theta[i] = base[i] + h * v[i];
    value(&t);
    gradient(&t, above);
    for (size_t i = 0; i < t.n; i++) t.theta[i] = base[i] - h * v[i];
    value(&t);
    gradient(&t, below);
    for (size_t i = 0; i < t.n; i++)
        ck_assert_double_le(fabs((above[i] - below[i]) / (2 * h) - product[i]),
                            1e-7 * (1 + fabs(product[i])));
    elbo_tape_free(t.tape);
}
END_TEST

/* In float, with theta and the gradient where they are: the values of the tape
 * in double to rounding (sums of at most 9 terms, three layers deep). */
START_TEST(a_float_tape_reads_theta_and_writes_gradients_in_place)
{
    static net f, d;
    float theta[MOST], grad[MOST], copied[MOST], x[ROWS * 3], out[ROWS * 4];
    double want[MOST], outputs[ROWS * 4];

    build(&f, (elbo_activation)_i, ELBO_F32);
    build(&d, (elbo_activation)_i, ELBO_F64);
    for (size_t i = 0; i < d.n; i++)
        d.theta[i] = (double)(theta[i] = (float)d.theta[i]);
    for (size_t i = 0; i < ROWS * 3; i++)
        d.input[i] = (double)(x[i] = (float)d.input[i]);
    value(&d);
    gradient(&d, want);
    elbo_tape_get(d.tape, d.out, outputs);

    elbo_mlp_point(&f.mlp, &f.leaves, f.tape, theta);
    elbo_mlp_point_gradient(&f.mlp, &f.leaves, f.tape, grad);
    elbo_tape_point_f32(f.tape, f.x, x);
    for (int run = 0; run < 2; run++) {
        elbo_tape_forward(f.tape);
        elbo_tape_backward(f.tape, f.y);
    }
    elbo_tape_get_f32(f.tape, f.out, out);
    elbo_mlp_gradient(&f.mlp, &f.leaves, f.tape, copied);
    ck_assert_mem_eq(copied, grad, f.n * sizeof *grad);
    ck_assert_mem_eq(elbo_tape_value_f32(f.tape, f.out), out, sizeof out);
    for (size_t i = 0; i < ROWS * 4; i++)
        ck_assert_double_le(fabs((double)out[i] - outputs[i]), 64 * 0x1p-24);
    for (size_t i = 0; i < f.n; i++)
        ck_assert_double_le(fabs((double)grad[i] - want[i]),
                            128 * 0x1p-24 * (1 + fabs(want[i])));

    /* The pass without a tape. */
    elbo_arena *ws = elbo_arena_alloc(1024);

    ck_assert_int_eq(elbo_mlp_forward(&f.mlp, theta, ROWS, x, out, ws),
                     ELBO_OK);
    for (size_t i = 0; i < ROWS * 4; i++)
        ck_assert_double_le(fabs((double)out[i] - outputs[i]), 64 * 0x1p-24);
    elbo_arena_free(ws);
    elbo_tape_free(f.tape);
    elbo_tape_free(d.tape);
}
END_TEST

START_TEST(the_pass_without_a_tape_has_the_same_bits_for_any_threads)
{
    enum { N = 3000, WIDTH = 64 };
    elbo_arena *arena = elbo_arena_alloc(1 << 20);
    elbo_rng rng = elbo_rng_stream(2385, "pass", 0);
    elbo_mlp mlp;
    float *out[3];

    ck_assert_int_eq(elbo_mlp_shape(&mlp, 5, 2, WIDTH, 3, ELBO_ACT_SILU),
                     ELBO_OK);

    float *theta = elbo_arena_take(arena, elbo_mlp_size(&mlp), sizeof *theta);
    float *x = elbo_arena_take(arena, N * 5, sizeof *x);

    elbo_mlp_draw(&mlp, ELBO_START_UNIFORM, &rng, theta);
    for (size_t i = 0; i < N * 5; i++) x[i] = (float)elbo_rng_uniform(&rng);
    for (int k = 0; k < 3; k++) {
        omp_set_num_threads(1 << k);
        out[k] = elbo_arena_take(arena, N * 3, sizeof **out);
        ck_assert_int_eq(elbo_mlp_forward(&mlp, theta, N, x, out[k], arena),
                         ELBO_OK);
        ck_assert_mem_eq(out[k], out[0], N * 3 * sizeof **out);
    }
    ck_assert(out[0][N * 3 - 1] != 0);
    ck_assert_int_eq(elbo_mlp_forward(&mlp, theta, 0, x, out[0], arena),
                     ELBO_OK);
    elbo_arena_free(arena);
}
END_TEST

/* Moments over 40 000 weights: the uniform law on [-b, b] has variance b^2 / 3;
 * the normal one cut at two deviations has 0.7737 of its own. Five standard
 * errors. */
START_TEST(starts_have_their_bounds_and_moments)
{
    enum { IN = 200, OUT = 200, N = IN * OUT };
    static float theta[(IN + 1) * OUT];
    elbo_mlp mlp;

    ck_assert_int_eq(elbo_mlp_shape(&mlp, IN, 0, 0, OUT, ELBO_ACT_RELU),
                     ELBO_OK);
    for (int how = ELBO_START_UNIFORM; how <= ELBO_START_TRUNCATED; how++) {
        const bool flat = how == ELBO_START_UNIFORM;
        const double bound = 1 / sqrt((double)IN); /* of both */
        const double variance =
            flat ? bound * bound / 3 : bound * bound / 4 * 0.77374;
        elbo_rng rng = elbo_rng_stream(2385, "start", 0);
        double sum = 0, squares = 0, most = 0;

        elbo_mlp_draw(&mlp, (elbo_mlp_start)how, &rng, theta);
        for (size_t i = 0; i < N; i++) {
            const double w = (double)theta[i];

            sum += w;
            squares += w * w;
            most = fmax(most, fabs(w));
        }
        ck_assert_double_le(most, bound * (1 + 1e-6));
        ck_assert_double_ge(most, 0.99 * bound);
        ck_assert_double_le(fabs(sum / N), 5 * sqrt(variance / N));
        ck_assert_double_le(fabs(squares / N / variance - 1),
                            5 * sqrt(1.0 / N)); /* kurtosis below 3 */
        for (size_t j = 0; j < OUT; j++)
            ck_assert(flat ? fabs((double)theta[N + j]) <= bound
                           : theta[N + j] == 0);
    }
}
END_TEST

START_TEST(shapes_that_cannot_be_are_refused)
{
    elbo_mlp mlp;

    ck_assert_int_eq(elbo_mlp_shape(&mlp, 3, 8, 4, 1, ELBO_ACT_RELU),
                     ELBO_EINVAL);
    ck_assert_str_eq(elbo_last_error()->text,
                     "8 hidden layers are more than 7");
    ck_assert_int_eq(elbo_mlp_shape(&mlp, 0, 1, 4, 1, ELBO_ACT_RELU),
                     ELBO_EINVAL);
    ck_assert_int_eq(elbo_mlp_shape(&mlp, 3, 1, 0, 1, ELBO_ACT_RELU),
                     ELBO_EINVAL);
    ck_assert_int_eq(elbo_mlp_shape(&mlp, 3, 1, 4, 0, ELBO_ACT_RELU),
                     ELBO_EINVAL);
    ck_assert_int_eq(elbo_mlp_shape(&mlp, 3, 0, 0, 2, ELBO_ACT_RELU), ELBO_OK);
    ck_assert_uint_eq(elbo_mlp_size(&mlp), 8);
}
END_TEST

START_TEST(the_layer_that_is_not_finite_is_named)
{
    elbo_mlp mlp;
    float theta[MOST] = {0};

    ck_assert_int_eq(elbo_mlp_shape(&mlp, 3, 2, 9, 4, ELBO_ACT_RELU), ELBO_OK);
    ck_assert_uint_eq(elbo_mlp_not_finite(&mlp, theta), 0);
    theta[elbo_mlp_size(&mlp) - 1] = INFINITY;
    ck_assert_uint_eq(elbo_mlp_not_finite(&mlp, theta), 3);
    theta[36] = NAN;
    ck_assert_uint_eq(elbo_mlp_not_finite(&mlp, theta), 2);
    theta[35] = NAN;
    ck_assert_uint_eq(elbo_mlp_not_finite(&mlp, theta), 1);
}
END_TEST

Suite *suite_mlp(void)
{
    Suite *s = suite_create("mlp");
    TCase *t = tcase_create("networks");

    tcase_add_loop_test(t, outputs_are_those_of_the_formula, 0, ACTIVATIONS);
    tcase_add_loop_test(t, gradients_are_the_limits_of_differences, 0,
                        ACTIVATIONS);
    tcase_add_loop_test(t, hessian_products_are_the_limits_of_differences, 0,
                        ACTIVATIONS);
    tcase_add_loop_test(t,
                        a_float_tape_reads_theta_and_writes_gradients_in_place,
                        0, ACTIVATIONS);
    tcase_add_test(t,
                   the_pass_without_a_tape_has_the_same_bits_for_any_threads);
    tcase_add_test(t, starts_have_their_bounds_and_moments);
    tcase_add_test(t, shapes_that_cannot_be_are_refused);
    tcase_add_test(t, the_layer_that_is_not_finite_is_named);
    suite_add_tcase(s, t);
    return s;
}
