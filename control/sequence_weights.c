/* control/sequence_weights.c -- from returns to the weights of sequences: f,
 * its place beside the mean over particles, the entropy's exponent, the
 * temperature. */
#include <math.h>
#include <stdlib.h>

#include "control/sequence.h"

/* The returns that f is applied to, and what becomes of them. */
typedef struct weighing {
    const elbo_sequence_config *config;
    size_t n, P;         /* sequences, returns of each: 1 where f is outside */
    const double *R;     /* [n x P] */
    const double *value; /* [n] -inf: has no weight */
    const double *logq;  /* [n] or NULL */
    double *logw;        /* [n] scratch */
    double *w;           /* [n] */
} weighing;

static int largest_first(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

/* w = exp(logw) over its sum; the ESS. */
static double normalise(const weighing *g)
{
    double most = -HUGE_VAL, sum = 0, squares = 0;

    for (size_t k = 0; k < g->n; k++) most = fmax(most, g->logw[k]);
    for (size_t k = 0; k < g->n; k++) {
        g->w[k] = exp(g->logw[k] - most);
        sum += g->w[k];
    }
    for (size_t k = 0; k < g->n; k++) {
        g->w[k] /= sum;
        squares += g->w[k] * g->w[k];
    }
    return 1 / squares;
}

static void divide_by_q(const weighing *g)
{
    if (!g->logq) return;
    for (size_t k = 0; k < g->n; k++)
        if (isfinite(g->logw[k])) g->logw[k] -= g->config->entropy * g->logq[k];
}

/* f: 1 at and above the return of the last of the `elites` best (of particles:
 * of the elites P best), so that equals are equal: where all sequences earn the
 * same q stays where it is. */
static elbo_status weigh_elite(const weighing *g, size_t elites, double *ess,
                               elbo_arena *ws)
{
    double *const order = elbo_arena_doubles(ws, g->n * g->P);
    size_t n = 0;

    ELBO_TRY(elbo_arena_check(ws, "a planner's elite"));
    for (size_t i = 0; i < g->n * g->P; i++)
        if (isfinite(g->value[i / g->P])) order[n++] = g->R[i];
    qsort(order, n, sizeof *order, largest_first);

    const double threshold = order[(elites * g->P < n ? elites * g->P : n) - 1];

    for (size_t k = 0; k < g->n; k++) {
        double above = 0;

        for (size_t p = 0; p < g->P && isfinite(g->value[k]); p++)
            above += g->R[k * g->P + p] >= threshold;
        g->logw[k] = log(above);
    }
    divide_by_q(g);
    *ess = normalise(g);
    return ELBO_OK;
}

/* f: exp(R / lambda); returns the ESS. lambda = 0 leaves the best value alone.
 */
static double weigh_exp(const weighing *g, double lambda, size_t best)
{
    for (size_t k = 0; k < g->n; k++) {
        const double *const R = g->R + k * g->P;
        double most = -HUGE_VAL, sum = 0;

        g->logw[k] = -HUGE_VAL;
        if (!isfinite(g->value[k])) continue;
        if (!(lambda > 0)) {
            g->logw[k] = k == best ? 0 : -HUGE_VAL;
            continue;
        }
        for (size_t p = 0; p < g->P; p++) most = fmax(most, R[p] / lambda);
        for (size_t p = 0; p < g->P; p++) sum += exp(R[p] / lambda - most);
        g->logw[k] = most + log(sum / (double)g->P);
    }
    divide_by_q(g);
    return normalise(g);
}

/* The temperature at which the ESS of f alone is as asked, by bisection of its
 * logarithm: it rises with lambda from 1 to n. (With q^-kappa it need not reach
 * what is asked at any lambda.) */
static double weigh_ess(const weighing *whole, size_t best, double *lambda)
{
    weighing f = *whole, *const g = &f;
    double scale = 0, low, high, ess = 0;

    for (size_t k = 0; k < g->n; k++)
        if (isfinite(g->value[k]))
            scale = fmax(scale, g->value[best] - g->value[k]);
    g->logq = NULL;
    if (!(scale > 0)) scale = 1; /* all alike: any temperature is as good */
    low = log(scale) - 30, high = log(scale) + 15;
    for (size_t i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;

        ess = weigh_exp(g, exp(middle), best);
        if (fabs(ess - g->config->ess) <= 1e-9 * g->config->ess)
            low = high = middle;
        if (low == high) break;
        *(ess < g->config->ess ? &low : &high) = middle;
    }
    *lambda = exp((low + high) / 2);
    return weigh_exp(whole, *lambda, best);
}

/* Means over particles; the best, and how many are not finite. */
static void means(size_t n, size_t P, const double R[], double value[],
                  elbo_sequence_info *info)
{
    for (size_t k = 0; k < n; k++) {
        double sum = 0;

        for (size_t p = 0; p < P; p++) sum += R[k * P + p];
        value[k] = isfinite(sum) ? sum / (double)P : -HUGE_VAL;
        if (!isfinite(sum)) info->refused++;
        if (value[k] > value[info->best]) info->best = k;
    }
}

static elbo_status weigh(const elbo_sequence_config *c, size_t n, size_t elites,
                         const double R[], const double logq[], double w[],
                         double value[], elbo_sequence_info *info,
                         elbo_arena *ws)
{
    const size_t P = elbo_sequence_particles(c);
    const weighing g = {
        .config = c,
        .n = n,
        .P = c->inside ? P : 1,
        .R = c->inside ? R : value,
        .value = value,
        .logq = logq,
        .logw = elbo_arena_doubles(ws, n),
        .w = w,
    };

    ELBO_TRY(elbo_arena_check(ws, "a planner's weights"));
    *info = (elbo_sequence_info){.temperature = c->temperature};
    means(n, P, R, value, info);
    if (info->refused == n)
        return ELBO_FAIL(
            ELBO_ENOTFINITE,
            "none of %zu action sequences has a finite return in the "
            "model",
            n);
    if (!c->exponential)
        ELBO_TRY(weigh_elite(&g, elites, &info->ess, ws));
    else if (c->ess > 0)
        info->ess = weigh_ess(&g, info->best, &info->temperature);
    else
        info->ess = weigh_exp(&g, c->temperature, info->best);
    for (size_t k = 0; k < n; k++)
        if (w[k] > 0) info->expected += w[k] * value[k];
    return ELBO_OK;
}

elbo_status elbo_sequence_weights(const elbo_sequence_config *c, size_t n,
                                  size_t elites, const double R[],
                                  const double logq[], double w[],
                                  double value[], elbo_sequence_info *info,
                                  elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = weigh(c, n, elites, R, logq, w, value, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}
