/* control/sequence_draw.c -- q over action sequences: its start, draws and
 * density. */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

#include "control/sequence.h"

static const double cut = 2; /* deviations at which PETS cuts its normals */
static const double least =
    1e-9; /* deviation, where the mean is on the bound */
static const double pi = 3.14159265358979323846;

elbo_sequence_q elbo_sequence_q_of(const elbo_sequence_config *c,
                                   const elbo_task_world *world,
                                   elbo_arena *arena)
{
    const size_t M = c->components, size = c->horizon * world->nu;

    return (elbo_sequence_q){
        .M = M,
        .H = c->horizon,
        .nu = world->nu,
        .choices = world->choices > 0,
        .weight = elbo_arena_doubles(arena, M),
        .mean = elbo_arena_doubles(arena, M * size),
        .var = elbo_arena_doubles(arena, M * size),
    };
}

/* Of a mixture over choices: flat on the simplex. */
static void start_choices(elbo_rng *rng, const elbo_sequence_q *q, double p[])
{
    for (size_t t = 0; t < q->H; t++, p += q->nu) {
        double sum = 0;

        for (size_t j = 0; j < q->nu; j++) {
            p[j] = q->M > 1 ? -log1p(-elbo_rng_uniform(rng)) : 1;
            sum += p[j];
        }
        for (size_t j = 0; j < q->nu; j++) p[j] /= sum;
    }
}

void elbo_sequence_start(const elbo_sequence_config *c, elbo_rng *rng,
                         elbo_sequence_q *q)
{
    const size_t size = q->H * q->nu;

    for (size_t m = 0; m < q->M; m++) {
        double *const mean = q->mean + m * size;

        q->weight[m] = 1 / (double)q->M;
        for (size_t i = 0; i < size; i++)
            q->var[m * size + i] = c->initial_std * c->initial_std;
        if (q->choices) {
            start_choices(rng, q, mean);
            continue;
        }
        memset(mean, 0, size * sizeof *mean);
        if (q->M == 1) continue;
        elbo_rng_normals(rng, mean, size);
        for (size_t i = 0; i < size; i++)
            mean[i] = fmax(-1, fmin(1, c->initial_std * mean[i]));
    }
}

/* Frequency k / H of the real Fourier basis over H steps: a cosine, and a sine
 * where 0 < k < H / 2. Powers are added up to one variance, the same at every
 * step since cos^2 + sin^2 = 1 (and the cosines of k = 0 and H / 2 have squares
 * of 1). */
void elbo_sequence_basis(double colour, size_t H, double B[])
{
    double variance = 0;

    for (size_t k = 0, column = 0; column < H; k++) {
        const bool alone = k == 0 || 2 * k == H;
        const double scale = pow((double)(k ? k : 1) / (double)H, -colour / 2)
                             * (alone ? 1 : sqrt(2));

        for (size_t t = 0; t < H; t++) {
            const double angle = 2 * pi * (double)((k * t) % H) / (double)H;

            B[t * H + column] = scale * cos(angle);
            if (!alone) B[t * H + column + 1] = scale * sin(angle);
        }
        variance += scale * scale;
        column += alone ? 1 : 2;
    }
    for (size_t i = 0; i < H * H; i++) B[i] /= sqrt(variance);
}

/* Of the draws: of truncated ones two deviations fit into the box. */
static double deviation(const elbo_sequence_config *c, double mean, double var)
{
    const double room = fmin(mean + 1, 1 - mean) / cut, std = sqrt(var);

    return fmax(c->truncated && room < std ? room : std, least);
}

/* z [H x d], d columns of noise in time; B NULL: white. `row` [H] is scratch.
 */
static void noise(const double B[], size_t H, size_t d, elbo_rng *rng,
                  double row[], double z[])
{
    if (!B) {
        elbo_rng_normals(rng, z, H * d);
        return;
    }
    for (size_t j = 0; j < d; j++) {
        elbo_rng_normals(rng, row, H);
        for (size_t t = 0; t < H; t++) {
            double sum = 0;

            for (size_t i = 0; i < H; i++) sum += B[t * H + i] * row[i];
            z[t * d + j] = sum;
        }
    }
}

/* The choice at which p's distribution function passes Phi(z). */
static void choose(const double p[], size_t nu, double z, float a[])
{
    const double u = gsl_cdf_ugaussian_P(z);
    double sum = p[0];
    size_t j = 0;

    while (j + 1 < nu && u >= sum) sum += p[++j];
    for (size_t i = 0; i < nu; i++) a[i] = i == j;
}

void elbo_sequence_draw(const elbo_sequence_config *c, const elbo_sequence_q *q,
                        const double B[], elbo_rng *rng, double z[], float a[])
{
    const size_t H = q->H, nu = q->nu, size = H * nu;
    const size_t m = q->M > 1 ? elbo_rng_categorical(rng, q->weight, q->M) : 0;
    const double *const mean = q->mean + m * size, *const var =
                                                       q->var + m * size;
    const double low = gsl_cdf_ugaussian_P(-cut),
                 high = gsl_cdf_ugaussian_P(cut);

    if (q->choices) {
        noise(B, H, 1, rng, z + H, z);
        for (size_t t = 0; t < H; t++)
            choose(mean + t * nu, nu, z[t], a + t * nu);
        return;
    }
    if (c->truncated)
        for (size_t i = 0; i < size; i++)
            z[i] = gsl_cdf_ugaussian_Pinv(
                low + elbo_rng_uniform(rng) * (high - low));
    else
        noise(B, H, nu, rng, z + size, z);
    for (size_t i = 0; i < size; i++) {
        const double x = mean[i] + deviation(c, mean[i], var[i]) * z[i];

        a[i] = (float)fmax(-1, fmin(1, x));
    }
}

static double log_component(const elbo_sequence_config *c,
                            const elbo_sequence_q *q, size_t m, const float a[])
{
    const size_t size = q->H * q->nu;
    const double *const mean = q->mean + m * size, *const var =
                                                       q->var + m * size;
    double sum = log(q->weight[m]);

    for (size_t i = 0; i < size; i++) {
        if (q->choices) {
            if (a[i] > 0) sum += log(mean[i]);
            continue;
        }
        const double std = deviation(c, mean[i], var[i]);
        const double e = ((double)a[i] - mean[i]) / std;

        sum -= log(std) + e * e / 2;
    }
    return sum;
}

double elbo_sequence_log(const elbo_sequence_config *c,
                         const elbo_sequence_q *q, const float a[],
                         double term[])
{
    double most = -HUGE_VAL, sum = 0;

    for (size_t m = 0; m < q->M; m++) {
        term[m] = log_component(c, q, m, a);
        most = fmax(most, term[m]);
    }
    if (!isfinite(most)) return most; /* a choice of probability 0 */
    for (size_t m = 0; m < q->M; m++) sum += exp(term[m] - most);
    return most + log(sum);
}
