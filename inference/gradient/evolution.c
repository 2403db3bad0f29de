/* inference/gradient/evolution.c -- maxima by values alone: an evolution
 * strategy.
 *
 *   x_k = m + sigma d * z_k,  z_k ~ N(0, I)      k = 1 .. lambda, best first
 *   m      += sigma sum_k w_k d * z_k
 *   p_s     = (1 - c_s) p_s + sqrt(c_s (2 - c_s) M) sum_k w_k z_k
 *   p_c     = (1 - c_c) p_c + h sqrt(c_c (2 - c_c) M) sum_k w_k d * z_k
 *   d^2     = (1 - c_1 - c_M) d^2 + c_1 (p_c^2 + (1 - h) c_c (2 - c_c) d^2)
 *             + c_M sum_k w_k (d * z_k)^2
 *   sigma  *= exp(c_s / e (|p_s| / E|N(0, I)| - 1))
 *
 * with the weights and rates of the CMA-ES (Hansen 2016, table 1, its positive
 * weights) and its covariance a diagonal, which may be learnt (n + 2)/3 times
 * as fast (Ros and Hansen 2008). Only ranks count: flat stretches and points
 * that fail, which come last, do no harm. It ends where the longest step sigma
 * d is at most tolerance times the first, or after so many evaluations.
 */
#include <math.h>
#include <string.h>

#include "inference/ascent.h"
#include "inference/core/rng.h"

static const double own_step = 0.5;

typedef struct rates {
    double mass;            /* M = 1 / sum w^2 */
    double s, c, one, M;    /* c_s, c_c, c_1, c_M */
    double damping, length; /* e, E|N(0, I)| */
} rates;

typedef struct strategy {
    elbo_climb *climb;
    size_t n, lambda, mu;
    rates rate;
    double *w;             /* [mu] */
    double *m, *d;         /* [n] */
    double *p_s, *p_c;     /* [n] */
    double *z, *value;     /* [lambda x n], [lambda] */
    double *mean, *spread; /* [n] sum w z, sum w z^2 */
    size_t *order;         /* [lambda] best first */
    double sigma;
    size_t generation;
    elbo_rng rng;
} strategy;

static void set_rates(strategy *s)
{
    const double n = (double)s->n;
    double sum = 0, squares = 0, M;
    rates *const r = &s->rate;

    for (size_t k = 0; k < s->mu; k++) {
        s->w[k] = log((double)(s->lambda + 1) / 2) - log((double)(k + 1));
        sum += s->w[k];
    }
    for (size_t k = 0; k < s->mu; k++) {
        s->w[k] /= sum;
        squares += s->w[k] * s->w[k];
    }
    r->mass = M = 1 / squares;
    r->s = (M + 2) / (n + M + 5);
    r->c = (4 + M / n) / (n + 4 + 2 * M / n);
    r->one = 2 / ((n + 1.3) * (n + 1.3) + M);
    r->M = 2 * (M - 2 + 1 / M) / ((n + 2) * (n + 2) + M);
    r->one = fmin(1, r->one * (n + 2) / 3);
    r->M = fmin(1 - r->one, r->M * (n + 2) / 3);
    r->damping = 1 + 2 * fmax(0, sqrt((M - 1) / (n + 1)) - 1) + r->s;
    r->length = sqrt(2) * exp(lgamma((n + 1) / 2) - lgamma(n / 2));
}

static elbo_status take(strategy *s, elbo_arena *ws)
{
    const size_t n = s->n;

    s->lambda = 4 + (size_t)(3 * log((double)n));
    s->mu = s->lambda / 2;
    s->w = elbo_arena_doubles(ws, s->mu);
    s->m = elbo_arena_doubles(ws, n);
    s->d = elbo_arena_doubles(ws, n);
    s->p_s = elbo_arena_doubles(ws, n);
    s->p_c = elbo_arena_doubles(ws, n);
    s->z = elbo_arena_doubles(ws, s->lambda * n);
    s->value = elbo_arena_doubles(ws, s->lambda);
    s->mean = elbo_arena_doubles(ws, n);
    s->spread = elbo_arena_doubles(ws, n);
    s->order = elbo_arena_take(ws, s->lambda, sizeof *s->order);
    ELBO_TRY(elbo_arena_check(ws, "an evolution strategy"));
    memcpy(s->m, s->climb->x, n * sizeof *s->m);
    memset(s->p_s, 0, n * sizeof *s->p_s);
    memset(s->p_c, 0, n * sizeof *s->p_c);
    for (size_t j = 0; j < n; j++) s->d[j] = 1;
    return ELBO_OK;
}

/* A generation's points and their ranks; false: the evaluations are used up. */
static bool draw(strategy *s)
{
    elbo_climb *const climb = s->climb;

    for (size_t k = 0; k < s->lambda; k++) {
        double *const z = s->z + k * s->n;
        size_t i = k;

        if (climb->fatal || climb->info->iterations >= climb->how->iterations)
            return false;
        elbo_rng_normals(&s->rng, z, s->n);
        for (size_t j = 0; j < s->n; j++)
            climb->x[j] = s->m[j] + s->sigma * s->d[j] * z[j];
        climb->info->iterations++;
        elbo_climb_try(climb, climb->x, &s->value[k], NULL);
        for (; i > 0 && s->value[k] > s->value[s->order[i - 1]]; i--)
            s->order[i] = s->order[i - 1];
        s->order[i] = k;
    }
    return !climb->fatal;
}

static void recombine(strategy *s)
{
    memset(s->mean, 0, s->n * sizeof *s->mean);
    memset(s->spread, 0, s->n * sizeof *s->spread);
    for (size_t k = 0; k < s->mu; k++) {
        const double *const z = s->z + s->order[k] * s->n;

        for (size_t j = 0; j < s->n; j++) {
            s->mean[j] += s->w[k] * z[j];
            s->spread[j] += s->w[k] * z[j] * z[j];
        }
    }
}

static double norm(const double x[], size_t n)
{
    double sum = 0;

    for (size_t j = 0; j < n; j++) sum += x[j] * x[j];
    return sqrt(sum);
}

static void adapt(strategy *s)
{
    const rates *const r = &s->rate;
    const double n = (double)s->n;
    const double turn = sqrt(r->s * (2 - r->s) * r->mass);
    const double pull = sqrt(r->c * (2 - r->c) * r->mass);

    for (size_t j = 0; j < s->n; j++)
        s->p_s[j] = (1 - r->s) * s->p_s[j] + turn * s->mean[j];
    s->generation++;

    const double length = norm(s->p_s, s->n);
    const double young = 1 - pow(1 - r->s, 2 * (double)s->generation);
    const double h = length / sqrt(young) < (1.4 + 2 / (n + 1)) * r->length;

    for (size_t j = 0; j < s->n; j++) {
        const double step = s->d[j] * s->mean[j], square = s->d[j] * s->d[j];

        s->m[j] += s->sigma * step;
        s->p_c[j] = (1 - r->c) * s->p_c[j] + h * pull * step;
        s->d[j] = sqrt((1 - r->one - r->M) * square
                       + r->one
                             * (s->p_c[j] * s->p_c[j]
                                + (1 - h) * r->c * (2 - r->c) * square)
                       + r->M * square * s->spread[j]);
    }
    s->sigma *= exp(r->s / r->damping * (length / r->length - 1));
}

static bool is_over(const strategy *s, double first)
{
    double longest = 0;

    for (size_t j = 0; j < s->n; j++) longest = fmax(longest, s->d[j]);
    return s->sigma * longest <= s->climb->how->tolerance * first;
}

static elbo_status run(elbo_climb *climb)
{
    const double first = climb->how->step > 0 ? climb->how->step : own_step;
    strategy s = {
        .climb = climb,
        .n = climb->f->n,
        .sigma = first,
        .rng = elbo_rng_stream(climb->how->seed, "evolution", 0),
    };

    ELBO_TRY(take(&s, climb->ws));
    set_rates(&s);
    while (!climb->info->converged && draw(&s)) {
        recombine(&s);
        adapt(&s);
        climb->info->converged = is_over(&s, first);
    }
    return ELBO_OK;
}

const elbo_ascender elbo_ascender_evolution = {
    .name = "evolution",
    .source = "Hansen 2016, arXiv 1604.00772; Ros and Hansen 2008",
    .doc = "the CMA evolution strategy with a diagonal covariance: many "
           "parameters, "
           "ranks alone",
    .run = run,
};
