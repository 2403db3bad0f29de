/* tests/test_heads.c -- heads of networks against densities of the books, and
 * their gradients against differences. */
#include "inference/networks/heads.h"

#include <gsl/gsl_integration.h>
#include <math.h>

#include "inference/core/rng.h"
#include "tests/head_truths.h"
#include "tests/suites.h"

/* A head on a tape, its inputs at a drawn point, y a weighted sum of its rows.
 */
typedef struct laid {
    const head_truth *h;
    elbo_tape *t;
    elbo_node in[HEAD_INPUTS], out, y;
    double x[HEAD_INPUTS][HEAD_MOST];
} laid;

static void lay(laid *l, const head_truth *h, elbo_precision precision)
{
    static const double weights[HEAD_ROWS] = {1.385, -0.7385, 0.5};
    elbo_rng rng = elbo_rng_stream(2385, h->name, 0);

    *l = (laid){.h = h, .t = elbo_tape_alloc(precision)};
    for (size_t k = 0; k < HEAD_INPUTS && h->cols[k]; k++) {
        l->in[k] = elbo_tape_input(l->t, HEAD_ROWS, h->cols[k]);
        for (size_t i = 0; i < HEAD_ROWS * h->cols[k]; i++)
            l->x[k][i] = h->low + (h->high - h->low) * elbo_rng_uniform(&rng);
    }

    const elbo_node weight = elbo_tape_constant(l->t, HEAD_ROWS, 1);

    l->out = h->build(l->t, l->in);
    l->y = elbo_tape_sum(l->t, elbo_tape_binary(l->t, ELBO_MUL, weight, l->out),
                         ELBO_ALL);
    ck_assert_int_eq(elbo_tape_finish(l->t), ELBO_OK);
    elbo_tape_set(l->t, weight, weights);
}

static double value(laid *l)
{
    double y;

    for (size_t k = 0; k < HEAD_INPUTS && l->h->cols[k]; k++)
        elbo_tape_set(l->t, l->in[k], l->x[k]);
    elbo_tape_forward(l->t);
    elbo_tape_get(l->t, l->y, &y);
    return y;
}

START_TEST(every_head_is_its_formula)
{
    for (int p = ELBO_F64; p <= ELBO_F32; p++) {
        const double eps =
            p == ELBO_F64 ? 1e-9 : 1e-5; /* of quadrature; float */
        laid l;
        double out[HEAD_ROWS];

        lay(&l, &head_truths[_i], (elbo_precision)p);
        value(&l);
        ck_assert_uint_eq(elbo_tape_rows(l.t, l.out), HEAD_ROWS);
        ck_assert_uint_eq(elbo_tape_cols(l.t, l.out), 1);
        elbo_tape_get(l.t, l.out, out);
        for (size_t i = 0; i < HEAD_ROWS; i++) {
            const double *in[HEAD_INPUTS];

            for (size_t k = 0; k < HEAD_INPUTS; k++)
                in[k] = l.x[k] + i * l.h->cols[k];

            const double want = l.h->plain(in);

            ck_assert_msg(fabs(out[i] - want) <= eps * (1 + fabs(want)),
                          "%s, row %zu: %.12g is %.12g", l.h->name, i, want,
                          out[i]);
        }
        elbo_tape_free(l.t);
    }
}
END_TEST

/* Steps of 1e-5: h^2 of the third derivative, 1e-15 / h of rounding. */
START_TEST(every_gradient_is_the_limit_of_differences)
{
    const double h = 1e-5;
    laid l;

    lay(&l, &head_truths[_i], ELBO_F64);
    for (size_t k = 0; k < HEAD_INPUTS && l.h->cols[k]; k++) {
        double grad[HEAD_MOST];

        value(&l);
        elbo_tape_backward(l.t, l.y);
        elbo_tape_gradient(l.t, l.in[k], grad);
        for (size_t i = 0; i < HEAD_ROWS * l.h->cols[k]; i++) {
            const double x = l.x[k][i];

            l.x[k][i] = x + h;
            const double above = value(&l);
            l.x[k][i] = x - h;
            const double below = value(&l);
            l.x[k][i] = x;
            const double slope = (above - below) / (2 * h);

            ck_assert_msg(fabs(slope - grad[i]) <= 1e-8 * (1 + fabs(slope)),
                          "%s, input %zu[%zu]: %.12g, differences give %.12g",
                          l.h->name, k, i, grad[i], slope);
        }
    }
    elbo_tape_free(l.t);
}
END_TEST

/* Where 1 - tanh^2 z is 0 even in double, the density is still its tail:
 * log p = log HEAD_COLS(z) + 2 |z| - 2 log 2. */
START_TEST(a_saturated_action_has_the_density_of_its_tail)
{
    const double z[] = {40, -40}, mean[] = {38.385, -39}, logvar[] = {1, 0.5};
    elbo_tape *t = elbo_tape_alloc(ELBO_F64);
    const elbo_node in = elbo_tape_input(t, 1, 2);
    const elbo_node m = elbo_tape_constant(t, 1, 2);
    const elbo_node v = elbo_tape_constant(t, 1, 2);
    const elbo_node out = elbo_head_squashed(t, in, m, v);
    double logp, slope[2], want = 0;

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_set(t, in, z);
    elbo_tape_set(t, m, mean);
    elbo_tape_set(t, v, logvar);
    elbo_tape_forward(t);
    elbo_tape_backward(t, out);
    elbo_tape_get(t, out, &logp);
    elbo_tape_gradient(t, in, slope);
    for (size_t j = 0; j < 2; j++) {
        want += head_log_normal(z[j], mean[j], logvar[j]) + 2 * fabs(z[j])
                - 2 * log(2.0);
        ck_assert_double_le(
            fabs(slope[j]
                 - ((mean[j] - z[j]) * exp(-logvar[j]) + (z[j] > 0 ? 2 : -2))),
            1e-12);
    }
    ck_assert_double_le(fabs(logp - want), 1e-12 * fabs(want));
    elbo_tape_free(t);
}
END_TEST

/* The density over actions integrates to 1: over u, by way of the row without a
 * tape, so noise is what u asks for. */
static double density_of_action(double u, void *arg)
{
    const float mean = 0.385F, logvar = -0.7385F;
    const double noise = (atanh(u) - (double)mean) / exp(0.5 * (double)logvar);
    float out;

    (void)arg;
    return exp(elbo_squash_row(1, &mean, &logvar, &noise, &out));
}

START_TEST(the_squashed_density_integrates_to_1)
{
    gsl_integration_workspace *ws = gsl_integration_workspace_alloc(500);
    gsl_function f = {density_of_action, NULL};
    double sum, error;

    gsl_integration_qag(&f, -1, 1, 1e-10, 1e-9, 500, GSL_INTEG_GAUSS61, ws,
                        &sum, &error);
    gsl_integration_workspace_free(ws);
    ck_assert_double_le(fabs(sum - 1), 1e-8);
}
END_TEST

START_TEST(a_row_without_a_tape_is_the_row_on_it)
{
    laid l;
    double logp[HEAD_ROWS], u[HEAD_ROWS * HEAD_COLS];

    lay(&l, &head_truths[3], ELBO_F64);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < HEAD_ROWS * HEAD_COLS; i++)
            l.x[k][i] = (double)(float)l.x[k][i];
    value(&l);
    elbo_tape_get(l.t, l.out, logp);
    for (size_t i = 0; i < HEAD_ROWS; i++) {
        float mean[HEAD_COLS], logvar[HEAD_COLS], out[HEAD_COLS];

        for (size_t j = 0; j < HEAD_COLS; j++) {
            mean[j] = (float)l.x[0][i * HEAD_COLS + j];
            logvar[j] = (float)l.x[1][i * HEAD_COLS + j];
            u[j] = tanh((double)mean[j]
                        + exp(0.5 * (double)logvar[j])
                              * l.x[2][i * HEAD_COLS + j]);
        }
        ck_assert_double_le(fabs(elbo_squash_row(HEAD_COLS, mean, logvar,
                                                 l.x[2] + i * HEAD_COLS, out)
                                 - logp[i]),
                            1e-12);
        for (size_t j = 0; j < HEAD_COLS; j++) ck_assert(out[j] == (float)u[j]);
    }
    elbo_tape_free(l.t);
}
END_TEST

/* Any log-variance ends within the bounds, and one in the middle of bounds far
 * away is left as it is. */
START_TEST(bounded_log_variances_stay_within_their_bounds)
{
    const double x[] = {-1000, -20, 0.385, 20, 1000}, low = -10, high = 12;
    elbo_tape *t = elbo_tape_alloc(ELBO_F64);
    const elbo_node in = elbo_tape_constant(t, 1, 5);
    const elbo_node out = elbo_head_bound(t, in, elbo_tape_number(t, low),
                                          elbo_tape_number(t, high));
    double bounded[5];

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_set(t, in, x);
    elbo_tape_forward(t);
    elbo_tape_get(t, out, bounded);
    /* The second softplus lifts the top by exp(low - high). */
    for (size_t i = 0; i < 5; i++)
        ck_assert(bounded[i] >= low
                  && bounded[i] <= high + exp(low - high) + 1e-14);
    ck_assert_double_le(fabs(bounded[2] - 0.385), 1e-4);
    elbo_tape_free(t);
}
END_TEST

/* Against the sum of head_plain_kl's integrals: the prior is a Gaussian like
 * another. */
START_TEST(the_divergence_of_weights_is_the_integral_of_its_definition)
{
    enum { W = 5 };
    const double prior = 0.7385, h = 1e-5;
    const double logprior[] = {2 * log(prior), 2 * log(prior)}, zero[] = {0, 0};
    double mean[W] = {-1.385, 0, 0.385, 1, 2}, std[W] = {0.1, 0.5, 1, 1.5, 2};
    elbo_tape *t = elbo_tape_alloc(ELBO_F64);
    const elbo_node m = elbo_tape_input(t, 1, W), s = elbo_tape_input(t, 1, W);
    const elbo_node out = elbo_head_kl_weights(t, m, s, prior);
    double kl_value, grad[2][W], want = 0;

    ck_assert_int_eq(elbo_tape_finish(t), ELBO_OK);
    elbo_tape_set(t, m, mean);
    elbo_tape_set(t, s, std);
    elbo_tape_forward(t);
    elbo_tape_backward(t, out);
    elbo_tape_get(t, out, &kl_value);
    elbo_tape_gradient(t, m, grad[0]);
    elbo_tape_gradient(t, s, grad[1]);
    for (size_t i = 0; i < W; i++) {
        const double m2[] = {mean[i], 0}, v2[] = {2 * log(std[i]), logprior[0]};
        const double *const in[] = {m2, v2, zero, logprior};

        want += head_plain_kl(in); /* its second dimension adds 0 */
    }
    ck_assert_double_le(fabs(kl_value - want), 1e-8 * want);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < W; i++) {
            double *const at = k ? &std[i] : &mean[i], x = *at, y[2];

            for (int side = 0; side < 2; side++) {
                *at = side ? x + h : x - h;
                elbo_tape_set(t, m, mean);
                elbo_tape_set(t, s, std);
                elbo_tape_forward(t);
                elbo_tape_get(t, out, &y[side]);
            }
            *at = x;
            ck_assert_double_le(fabs((y[1] - y[0]) / (2 * h) - grad[k][i]),
                                1e-7 * (1 + fabs(grad[k][i])));
        }
    elbo_tape_free(t);
}
END_TEST

Suite *suite_heads(void)
{
    Suite *s = suite_create("heads");
    TCase *t = tcase_create("densities");

    tcase_add_loop_test(t, every_head_is_its_formula, 0, HEAD_TRUTHS);
    tcase_add_loop_test(t, every_gradient_is_the_limit_of_differences, 0,
                        HEAD_TRUTHS);
    tcase_add_test(t, a_saturated_action_has_the_density_of_its_tail);
    tcase_add_test(t, the_squashed_density_integrates_to_1);
    tcase_add_test(t, a_row_without_a_tape_is_the_row_on_it);
    tcase_add_test(t, bounded_log_variances_stay_within_their_bounds);
    tcase_add_test(t,
                   the_divergence_of_weights_is_the_integral_of_its_definition);
    suite_add_tcase(s, t);
    return s;
}
