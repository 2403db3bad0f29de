/* tests/test_heads.c -- heads of networks against densities of the books, and
 * their gradients against differences. */
#include "inference/networks/heads.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

#include "inference/core/rng.h"
#include "tests/suites.h"

enum { B = 3, N = 2, K = 3, INPUTS = 4, MOST = B * N * K };

/* A head of up to four inputs; what it is in plain arithmetic for row i. */
typedef struct head {
    const char *name;
    size_t cols[INPUTS]; /* of inputs [B x cols] (0: none) */
    double low, high;    /* where the inputs lie */
    elbo_node (*build)(elbo_tape *t, const elbo_node in[]);
    double (*plain)(const double *const in[]);
} head;

static double log_normal(double x, double mean, double logvar)
{
    return log(gsl_ran_gaussian_pdf(x - mean, exp(0.5 * logvar)));
}

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static elbo_node gaussian(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_gaussian(t, in[0], in[1], in[2]);
}

static double plain_gaussian(const double *const in[])
{
    return log_normal(in[0][0], in[1][0], in[2][0])
           + log_normal(in[0][1], in[1][1], in[2][1]);
}

static elbo_node bound(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_bound(t, in[0], in[1], in[2]);
}

static double plain_bound(const double *const in[])
{
    const double top = in[2][0] - softplus(in[2][0] - in[0][0]);

    return in[1][0] + softplus(top - in[1][0]);
}

static elbo_node sample(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_sample(t, in[0], in[1], in[2]);
}

static double plain_sample(const double *const in[])
{
    return in[0][0] + sqrt(exp(in[1][0])) * in[2][0];
}

/* By the change of variables, log(1 - u^2) and all. */
static double plain_squashed_at(const double z[], const double mean[],
                                const double logvar[])
{
    double logp = 0;

    for (size_t j = 0; j < N; j++)
        logp += log_normal(z[j], mean[j], logvar[j])
                - log(1 - tanh(z[j]) * tanh(z[j]));
    return logp;
}

static elbo_node squash_logp(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_squash(t, in[0], in[1], in[2]).logp;
}

static double plain_squash_logp(const double *const in[])
{
    const double z[N] = {in[0][0] + exp(0.5 * in[1][0]) * in[2][0],
                         in[0][1] + exp(0.5 * in[1][1]) * in[2][1]};

    return plain_squashed_at(z, in[0], in[1]);
}

static elbo_node squash_u(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_squash(t, in[0], in[1], in[2]).u;
}

static double plain_squash_u(const double *const in[])
{
    return tanh(plain_sample(in));
}

static elbo_node squashed(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_squashed(t, in[0], in[1], in[2]);
}

static double plain_squashed(const double *const in[])
{
    return plain_squashed_at(in[0], in[1], in[2]);
}

static elbo_node unsquash(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_unsquash(t, elbo_tape_scale(t, in[0], 0.5));
}

static double plain_unsquash(const double *const in[])
{
    return atanh(0.5 * in[0][0]);
}

static elbo_node categorical(elbo_tape *t, const elbo_node in[])
{
    return elbo_tape_columns(t, elbo_head_categorical(t, in[0]), 1, 1);
}

static double plain_categorical(const double *const in[])
{
    const double *x = in[0];

    return log(exp(x[1]) / (exp(x[0]) + exp(x[1]) + exp(x[2])));
}

static elbo_node entropy(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_entropy(t, elbo_head_categorical(t, in[0]));
}

static double plain_entropy(const double *const in[])
{
    const double *x = in[0];
    const double sum = exp(x[0]) + exp(x[1]) + exp(x[2]);
    double H = 0;

    for (size_t k = 0; k < K; k++) H -= exp(x[k]) / sum * log(exp(x[k]) / sum);
    return H;
}

static elbo_node mixture(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_mixture(t, in[0], in[1], in[2], in[3]);
}

static double plain_mixture(const double *const in[])
{
    const double *w = in[1];
    const double sum = exp(w[0]) + exp(w[1]) + exp(w[2]);
    double p = 0;

    for (size_t k = 0; k < K; k++) {
        const double *const of[] = {in[0], in[2] + k * N, in[3] + k * N};

        p += exp(w[k]) / sum * exp(plain_gaussian(of));
    }
    return log(p);
}

static elbo_node bernoulli(elbo_tape *t, const elbo_node in[])
{
    return elbo_head_bernoulli(t, in[0], in[1]);
}

static double plain_bernoulli(const double *const in[])
{
    double logp = 0;

    for (size_t j = 0; j < N; j++) {
        const double p = 1 / (1 + exp(-in[1][j]));

        logp += in[0][j] * log(p) + (1 - in[0][j]) * log(1 - p);
    }
    return logp;
}

static elbo_node kl(elbo_tape *t, const elbo_node in[])
{
    return elbo_tape_binary(t, ELBO_ADD,
                            elbo_head_kl_mean(t, in[0], in[2], in[3]),
                            elbo_head_kl_variance(t, in[1], in[3]));
}

/* The integral itself, one dimension after the other. */
typedef struct two_normals {
    double mean, logvar, to_mean, to_logvar;
} two_normals;

static double integrand(double x, void *arg)
{
    const two_normals *n = arg;
    const double p = log_normal(x, n->mean, n->logvar);

    return exp(p) * (p - log_normal(x, n->to_mean, n->to_logvar));
}

static double plain_kl(const double *const in[])
{
    gsl_integration_workspace *ws = gsl_integration_workspace_alloc(200);
    double sum = 0;

    for (size_t j = 0; j < N; j++) {
        two_normals n = {in[0][j], in[1][j], in[2][j], in[3][j]};
        gsl_function f = {integrand, &n};
        const double width = 12 * exp(0.5 * n.logvar);
        double part, error;

        gsl_integration_qag(&f, n.mean - width, n.mean + width, 1e-12, 1e-10,
                            200, GSL_INTEG_GAUSS61, ws, &part, &error);
        sum += part;
    }
    gsl_integration_workspace_free(ws);
    return sum;
}

static const head heads[] = {
    {"gaussian",        {N, N, N},          -1.385, 1.7385, gaussian,    plain_gaussian   },
    {"bound",           {1, 1, 1},          -1.385, 1.7385, bound,       plain_bound      },
    {"sample",          {1, 1, 1},          -1.385, 1.7385, sample,      plain_sample     },
    {"squash",          {N, N, N},          -1.385, 0.7385, squash_logp, plain_squash_logp},
    {"squash's action", {1, 1, 1},          -1.385, 0.7385, squash_u,    plain_squash_u   },
    {"squashed",        {N, N, N},          -1.385, 1.7385, squashed,    plain_squashed   },
    {"unsquash",        {1},                -1.385, 1.7385, unsquash,    plain_unsquash   },
    {"categorical",     {K},                -1.385, 1.7385, categorical, plain_categorical},
    {"entropy",         {K},                -1.385, 1.7385, entropy,     plain_entropy    },
    {"mixture",         {N, K, K *N, K *N}, -1.385, 1.7385, mixture,     plain_mixture    },
    {"bernoulli",       {N, N},             0.1385, 1.7385, bernoulli,   plain_bernoulli  },
    {"KL",              {N, N, N, N},       -1.385, 1.7385, kl,          plain_kl         },
};
enum { HEADS = sizeof heads / sizeof *heads };

/* A head on a tape, its inputs at a drawn point, y a weighted sum of its rows.
 */
typedef struct laid {
    const head *h;
    elbo_tape *t;
    elbo_node in[INPUTS], out, y;
    double x[INPUTS][MOST];
} laid;

static void lay(laid *l, const head *h, elbo_precision precision)
{
    static const double weights[B] = {1.385, -0.7385, 0.5};
    elbo_rng rng = elbo_rng_stream(2385, h->name, 0);

    *l = (laid){.h = h, .t = elbo_tape_alloc(precision)};
    for (size_t k = 0; k < INPUTS && h->cols[k]; k++) {
        l->in[k] = elbo_tape_input(l->t, B, h->cols[k]);
        for (size_t i = 0; i < B * h->cols[k]; i++)
            l->x[k][i] = h->low + (h->high - h->low) * elbo_rng_uniform(&rng);
    }

    const elbo_node weight = elbo_tape_constant(l->t, B, 1);

    l->out = h->build(l->t, l->in);
    l->y = elbo_tape_sum(l->t, elbo_tape_binary(l->t, ELBO_MUL, weight, l->out),
                         ELBO_ALL);
    ck_assert_int_eq(elbo_tape_finish(l->t), ELBO_OK);
    elbo_tape_set(l->t, weight, weights);
}

static double value(laid *l)
{
    double y;

    for (size_t k = 0; k < INPUTS && l->h->cols[k]; k++)
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
        double out[B];

        lay(&l, &heads[_i], (elbo_precision)p);
        value(&l);
        ck_assert_uint_eq(elbo_tape_rows(l.t, l.out), B);
        ck_assert_uint_eq(elbo_tape_cols(l.t, l.out), 1);
        elbo_tape_get(l.t, l.out, out);
        for (size_t i = 0; i < B; i++) {
            const double *in[INPUTS];

            for (size_t k = 0; k < INPUTS; k++)
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

    lay(&l, &heads[_i], ELBO_F64);
    for (size_t k = 0; k < INPUTS && l.h->cols[k]; k++) {
        double grad[MOST];

        value(&l);
        elbo_tape_backward(l.t, l.y);
        elbo_tape_gradient(l.t, l.in[k], grad);
        for (size_t i = 0; i < B * l.h->cols[k]; i++) {
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
 * log p = log N(z) + 2 |z| - 2 log 2. */
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
        want += log_normal(z[j], mean[j], logvar[j]) + 2 * fabs(z[j])
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
    double logp[B], u[B * N];

    lay(&l, &heads[3], ELBO_F64);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < B * N; i++) l.x[k][i] = (double)(float)l.x[k][i];
    value(&l);
    elbo_tape_get(l.t, l.out, logp);
    for (size_t i = 0; i < B; i++) {
        float mean[N], logvar[N], out[N];

        for (size_t j = 0; j < N; j++) {
            mean[j] = (float)l.x[0][i * N + j];
            logvar[j] = (float)l.x[1][i * N + j];
            u[j] = tanh((double)mean[j]
                        + exp(0.5 * (double)logvar[j]) * l.x[2][i * N + j]);
        }
        ck_assert_double_le(
            fabs(elbo_squash_row(N, mean, logvar, l.x[2] + i * N, out)
                 - logp[i]),
            1e-12);
        for (size_t j = 0; j < N; j++) ck_assert(out[j] == (float)u[j]);
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

/* Against the sum of plain_kl's integrals: the prior is a Gaussian like
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

        want += plain_kl(in); /* its second dimension adds 0 */
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

    tcase_add_loop_test(t, every_head_is_its_formula, 0, HEADS);
    tcase_add_loop_test(t, every_gradient_is_the_limit_of_differences, 0,
                        HEADS);
    tcase_add_test(t, a_saturated_action_has_the_density_of_its_tail);
    tcase_add_test(t, the_squashed_density_integrates_to_1);
    tcase_add_test(t, a_row_without_a_tape_is_the_row_on_it);
    tcase_add_test(t, bounded_log_variances_stay_within_their_bounds);
    tcase_add_test(t,
                   the_divergence_of_weights_is_the_integral_of_its_definition);
    suite_add_tcase(s, t);
    return s;
}
