#include "inference/networks/heads.h"

#include <assert.h>
#include <math.h>

static const double log_2 = 0.693147180559945309417;
static const double log_2_pi = 1.837877066409345483561;

static elbo_node add(elbo_tape *t, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(t, ELBO_ADD, x, y);
}

static elbo_node sub(elbo_tape *t, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(t, ELBO_SUB, x, y);
}

static elbo_node mul(elbo_tape *t, elbo_node x, elbo_node y)
{
    return elbo_tape_binary(t, ELBO_MUL, x, y);
}

/* x + k */
static elbo_node shift(elbo_tape *t, elbo_node x, double k)
{
    return add(t, x, elbo_tape_number(t, k));
}

static elbo_node exp_of(elbo_tape *t, elbo_node x)
{
    return elbo_tape_unary(t, ELBO_EXP, x);
}

static elbo_node softplus(elbo_tape *t, elbo_node x)
{
    return elbo_tape_unary(t, ELBO_SOFTPLUS, x);
}

static elbo_node sum_rows(elbo_tape *t, elbo_node x)
{
    return elbo_tape_sum(t, x, ELBO_ROWS);
}

/* (x - mean)^2 / exp(logvar) */
static elbo_node distance(elbo_tape *t, elbo_node x, elbo_node mean,
                          elbo_node logvar)
{
    const elbo_node square = elbo_tape_unary(t, ELBO_SQ, sub(t, x, mean));

    return mul(t, square, exp_of(t, elbo_tape_scale(t, logvar, -1)));
}

elbo_node elbo_head_gaussian(elbo_tape *tape, elbo_node x, elbo_node mean,
                             elbo_node logvar)
{
    const elbo_node each = add(tape, distance(tape, x, mean, logvar), logvar);
    const double n = (double)elbo_tape_cols(tape, each);

    return elbo_tape_scale(
        tape, shift(tape, sum_rows(tape, each), n * log_2_pi), -0.5);
}

elbo_node elbo_head_bound(elbo_tape *tape, elbo_node logvar, elbo_node low,
                          elbo_node high)
{
    const elbo_node below =
        sub(tape, high, softplus(tape, sub(tape, high, logvar)));

    return add(tape, low, softplus(tape, sub(tape, below, low)));
}

elbo_node elbo_head_sample(elbo_tape *tape, elbo_node mean, elbo_node logvar,
                           elbo_node noise)
{
    const elbo_node std = exp_of(tape, elbo_tape_scale(tape, logvar, 0.5));

    return add(tape, mean, mul(tape, std, noise));
}

/* sum over the row of log d tanh z / dz */
static elbo_node log_slope(elbo_tape *t, elbo_node z)
{
    const elbo_node tail = softplus(t, elbo_tape_scale(t, z, -2));

    return elbo_tape_scale(t, sum_rows(t, shift(t, add(t, z, tail), -log_2)),
                           -2);
}

elbo_squashed elbo_head_squash(elbo_tape *tape, elbo_node mean,
                               elbo_node logvar, elbo_node noise)
{
    const elbo_node z = elbo_head_sample(tape, mean, logvar, noise);
    const double n = (double)elbo_tape_cols(tape, z);

    /* Along the sample (z - mean)^2 / v is noise^2. */
    const elbo_node each =
        add(tape, elbo_tape_unary(tape, ELBO_SQ, noise), logvar);
    const elbo_node normal = elbo_tape_scale(
        tape, shift(tape, sum_rows(tape, each), n * log_2_pi), -0.5);

    return (elbo_squashed){.u = elbo_tape_unary(tape, ELBO_TANH, z),
                           .z = z,
                           .logp = sub(tape, normal, log_slope(tape, z))};
}

elbo_node elbo_head_squashed(elbo_tape *tape, elbo_node z, elbo_node mean,
                             elbo_node logvar)
{
    return sub(tape, elbo_head_gaussian(tape, z, mean, logvar),
               log_slope(tape, z));
}

elbo_node elbo_head_unsquash(elbo_tape *tape, elbo_node u)
{
    const elbo_node v = elbo_tape_clip(tape, u, -1 + 1e-6, 1 - 1e-6);
    const elbo_node above = shift(tape, v, 1);
    const elbo_node below = shift(tape, elbo_tape_scale(tape, v, -1), 1);
    const elbo_node odds = elbo_tape_binary(tape, ELBO_DIV, above, below);

    return elbo_tape_scale(tape, elbo_tape_unary(tape, ELBO_LOG, odds), 0.5);
}

double elbo_squash_row(size_t n, const float mean[], const float logvar[],
                       const double noise[], float u[])
{
    double logp = 0;

    for (size_t i = 0; i < n; i++) {
        const double v = (double)logvar[i];
        const double z = (double)mean[i] + exp(0.5 * v) * noise[i];
        const double tail = fmax(-2 * z, 0) + log1p(exp(-2 * fabs(z)));

        u[i] = (float)tanh(z);
        logp -= 0.5 * (noise[i] * noise[i] + v + log_2_pi);
        logp -= 2 * (log_2 - z - tail);
    }
    return logp;
}

elbo_node elbo_head_categorical(elbo_tape *tape, elbo_node logits)
{
    return sub(tape, logits, elbo_tape_logsumexp(tape, logits));
}

elbo_node elbo_head_entropy(elbo_tape *tape, elbo_node logp)
{
    return elbo_tape_scale(
        tape, sum_rows(tape, mul(tape, exp_of(tape, logp), logp)), -1);
}

elbo_node elbo_head_mixture(elbo_tape *tape, elbo_node x, elbo_node logits,
                            elbo_node mean, elbo_node logvar)
{
    const size_t n = elbo_tape_cols(tape, x), K = elbo_tape_cols(tape, logits);
    elbo_node each = 0;

    for (size_t k = 0; k < K; k++) {
        const elbo_node one =
            elbo_head_gaussian(tape, x, elbo_tape_columns(tape, mean, k * n, n),
                               elbo_tape_columns(tape, logvar, k * n, n));

        each = k ? elbo_tape_join(tape, each, one) : one;
    }
    return elbo_tape_logsumexp(
        tape, add(tape, elbo_head_categorical(tape, logits), each));
}

elbo_node elbo_head_bernoulli(elbo_tape *tape, elbo_node y, elbo_node logit)
{
    return sum_rows(tape,
                    sub(tape, mul(tape, y, logit), softplus(tape, logit)));
}

elbo_node elbo_head_kl_mean(elbo_tape *tape, elbo_node mean, elbo_node to_mean,
                            elbo_node to_logvar)
{
    return elbo_tape_scale(
        tape, sum_rows(tape, distance(tape, mean, to_mean, to_logvar)), 0.5);
}

elbo_node elbo_head_kl_variance(elbo_tape *tape, elbo_node logvar,
                                elbo_node to_logvar)
{
    const elbo_node d = sub(tape, logvar, to_logvar);
    const elbo_node each = shift(tape, sub(tape, exp_of(tape, d), d), -1);

    return elbo_tape_scale(tape, sum_rows(tape, each), 0.5);
}

/* sum of (std^2 + mean^2) / (2 prior^2) - 1/2 - log(std / prior) */
elbo_node elbo_head_kl_weights(elbo_tape *tape, elbo_node mean, elbo_node std,
                               double prior)
{
    const double n =
        (double)elbo_tape_rows(tape, std) * (double)elbo_tape_cols(tape, std);
    const elbo_node squares = add(tape, elbo_tape_unary(tape, ELBO_SQ, std),
                                  elbo_tape_unary(tape, ELBO_SQ, mean));
    const elbo_node each =
        sub(tape, elbo_tape_scale(tape, squares, 0.5 / (prior * prior)),
            elbo_tape_unary(tape, ELBO_LOG, std));

    assert(prior > 0);
    return shift(tape, elbo_tape_sum(tape, each, ELBO_ALL),
                 n * (log(prior) - 0.5));
}
