#include "models/logits.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/core/rng.h"

void elbo_logits_softmax(const double x[], const uint32_t at[], size_t n,
                         double p[])
{
    double top = x[0], sum = 0;

    for (size_t k = 1; k < n; k++) top = x[k] > top ? x[k] : top;
    for (size_t k = 0; k < n; k++) {
        const double e = exp(x[k] - top);

        p[at ? at[k] : k] = e;
        sum += e;
    }
    for (size_t k = 0; k < n; k++) p[at ? at[k] : k] /= sum;
}

void elbo_logits_pullback(const double p[], const double g[],
                          const uint32_t at[], size_t n, double grad[])
{
    double mean = 0;

    for (size_t k = 0; k < n; k++) {
        const size_t i = at ? at[k] : k;

        mean += p[i] * g[i];
    }
    for (size_t k = 0; k < n; k++) {
        const size_t i = at ? at[k] : k;

        grad[k] += p[i] * (g[i] - mean);
    }
}

double elbo_logits_log_prior(const double x[], size_t n, double precision,
                             double grad[])
{
    if (n == 0) return 0;
    if (grad)
        for (size_t k = 0; k < n; k++) grad[k] -= precision * x[k];
    return 0.5 * (double)n * log(precision / (2 * M_PI))
           - 0.5 * precision * elbo_dot(x, x, n);
}

void elbo_logits_init(double x[], size_t n, double scale, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "model", 0);

    if (scale == 0) {
        memset(x, 0, n * sizeof *x);
        return;
    }
    elbo_rng_normals(&rng, x, n);
    for (size_t k = 0; k < n; k++) x[k] *= scale;
}

void elbo_logits_init_uniform(double x[], size_t n, double scale, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "model", 0);

    for (size_t k = 0; k < n; k++) x[k] = scale * elbo_rng_uniform(&rng);
}
