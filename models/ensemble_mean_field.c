/* models/ensemble_mean_field.c -- independent Gaussian weights, by
 * reparameterisation:
 *
 *   theta = mu + sigma e,  sigma = log(1 + exp rho),  e ~ N(0, I)
 *   d/d mu = g,  d/d sigma = g e,      g the objective's gradient at theta
 *   KL(q || N(0, 1/tau)) = sum 1/2 (tau (mu^2 + sigma^2) - 1 - log(tau
 * sigma^2))
 *
 * Blundell, Cornebise, Kavukcuoglu, Wierstra 2015, 3.2; the KL is exact, not
 * sampled.
 */
#include <math.h>
#include <string.h>

#include "models/ensemble.h"

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

void elbo_mean_field_start(elbo_ensemble *e)
{
    const double rho = log(expm1(e->config.start));

    memcpy(e->q, elbo_ensemble_theta(e, 0), e->size * sizeof *e->q);
    for (size_t i = 0; i < e->size; i++) e->q[e->size + i] = (float)rho;
}

void elbo_mean_field_draw(elbo_ensemble *e, size_t member, elbo_rng *rng,
                          float noise[])
{
    const size_t n = elbo_mlp_size(&e->mlp);
    const float *const rho = e->q + e->size;
    float *const theta = elbo_ensemble_theta(e, member);
    double pair[2] = {0, 0};

    for (size_t i = 0; i < n; i++) {
        if (i % 2 == 0) elbo_rng_normals(rng, pair, 2);
        theta[i] =
            (float)((double)e->q[i] + softplus((double)rho[i]) * pair[i % 2]);
        if (noise) noise[i] = (float)pair[i % 2];
    }
    memcpy(theta + n, e->q + n, (e->size - n) * sizeof *theta);
}

/* tau of each of a layer's weights and biases. */
typedef void each_layer(const elbo_ensemble *e, double tau, size_t first,
                        size_t last, void *arg);

static void over_layers(const elbo_ensemble *e, each_layer *body, void *arg)
{
    double tau[ELBO_MLP_LAYERS];
    size_t first = 0;

    elbo_ensemble_precision(e, e->rows, tau);
    for (size_t l = 0; l < e->mlp.layers; l++) {
        const size_t last = first + (e->mlp.width[l] + 1) * e->mlp.width[l + 1];

        body(e, tau[l], first, last, arg);
        first = last;
    }
}

static void slope_of(const elbo_ensemble *e, double tau, size_t first,
                     size_t last, void *arg)
{
    const elbo_ensemble_task *const t = arg;

    for (size_t i = first; i < last; i++) {
        const double rho = (double)e->q[e->size + i], sigma = softplus(rho);
        const double along = 1 / (1 + exp(-rho)); /* d sigma / d rho */
        const double g = (double)t->grad[i];

        t->slope[i] = (float)(g + tau * (double)e->q[i] / e->rows);
        t->slope[e->size + i] = (float)((g * (double)t->noise[i]
                                         + (tau * sigma - 1 / sigma) / e->rows)
                                        * along);
    }
}

/* Bounds are points, and their deviations are not there: both slopes are 0. */
void elbo_mean_field_slope(elbo_ensemble_task *t)
{
    const elbo_ensemble *const e = t->belief->self;
    const size_t n = elbo_mlp_size(&e->mlp);

    over_layers(e, slope_of, t);
    memcpy(t->slope + n, t->grad + n, (e->size - n) * sizeof *t->slope);
    memset(t->slope + e->size + n, 0, (e->size - n) * sizeof *t->slope);
}

static void kl_of(const elbo_ensemble *e, double tau, size_t first, size_t last,
                  void *arg)
{
    double *const sum = arg;

    for (size_t i = first; i < last; i++) {
        const double mu = (double)e->q[i];
        const double sigma = softplus((double)e->q[e->size + i]);
        const double x = tau * sigma * sigma;

        *sum += 0.5 * (tau * mu * mu + x - 1 - log(x));
    }
}

double elbo_mean_field_kl(const elbo_ensemble *e)
{
    double sum = 0;

    over_layers(e, kl_of, &sum);
    return sum;
}
