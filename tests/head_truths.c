#include "tests/head_truths.h"

#include <gsl/gsl_integration.h>
#include <gsl/gsl_randist.h>
#include <math.h>

#include "inference/networks/heads.h"

enum { N = HEAD_COLS, K = HEAD_CHOICES };

double head_log_normal(double x, double mean, double logvar)
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
    return head_log_normal(in[0][0], in[1][0], in[2][0])
           + head_log_normal(in[0][1], in[1][1], in[2][1]);
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
        logp += head_log_normal(z[j], mean[j], logvar[j])
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

    for (size_t k = 0; k < K; k++)
        H -= exp(x[k]) / sum * log(exp(x[k]) / sum);
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
        const double *const of[] = {in[0], in[2] + k * N,
                                    in[3] + k * N};

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

typedef struct two_normals {
    double mean, logvar, to_mean, to_logvar;
} two_normals;

static double integrand(double x, void *arg)
{
    const two_normals *n = arg;
    const double p = head_log_normal(x, n->mean, n->logvar);

    return exp(p) * (p - head_log_normal(x, n->to_mean, n->to_logvar));
}

double head_plain_kl(const double *const in[])
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

const head_truth head_truths[] = {
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
    {"KL",              {N, N, N, N},       -1.385, 1.7385, kl,          head_plain_kl       },
};
_Static_assert(sizeof head_truths / sizeof *head_truths == HEAD_TRUTHS,
               "head_truths.h counts them");
