#include "tests/hmm_cases.h"

#include <math.h>
#include <string.h>

void draw_simplex(elbo_rng *rng, double p[], size_t n, double sum, double zeros)
{
    const size_t kept = elbo_rng_below(rng, n);
    double total = 0;

    for (size_t i = 0; i < n; i++) {
        const bool zero = elbo_rng_uniform(rng) < zeros && i != kept;

        p[i] = zero ? 0 : -log(1 - elbo_rng_uniform(rng)) + 1e-3;
        total += p[i];
    }
    for (size_t i = 0; i < n; i++) p[i] *= sum / total;
}

drawn_chain draw_chain(elbo_rng *rng, size_t K, size_t T, double sum,
                       double zeros, double spread, elbo_arena *ws)
{
    drawn_chain c = {.start = elbo_arena_doubles(ws, K),
                     .transition = elbo_arena_doubles(ws, K * K),
                     .log_emission = elbo_arena_doubles(ws, T * K),
                     .T = T};

    draw_simplex(rng, c.start, K, sum, zeros);
    for (size_t i = 0; i < K; i++)
        draw_simplex(rng, c.transition + i * K, K, sum, zeros);
    for (size_t i = 0; i < T * K; i++) {
        double x[2];

        elbo_rng_normals(rng, x, 2);
        c.log_emission[i] = -spread * x[0] * x[0];
    }
    c.hmm = (elbo_hmm){K, c.start, c.transition};
    return c;
}

static double path_logp(const elbo_hmm *hmm, const double b[], size_t T,
                        const size_t path[])
{
    double sum = log(hmm->start[path[0]]) + b[path[0]];

    for (size_t t = 1; t < T; t++)
        sum += log(hmm->transition[path[t - 1] * hmm->K + path[t]])
               + b[t * hmm->K + path[t]];
    return sum;
}

enum { LONGEST = 16 };

void every_path(const elbo_hmm *hmm, const double log_emission[], size_t T,
                void *arg,
                void (*visit)(void *arg, const size_t path[], double logp))
{
    size_t path[LONGEST] = {0}, t = 0;

    while (t < T) {
        const double logp = path_logp(hmm, log_emission, T, path);

        if (logp > -HUGE_VAL) visit(arg, path, logp);
        for (t = 0; t < T && ++path[t] == hmm->K; t++) path[t] = 0;
    }
}

typedef struct sums {
    const elbo_hmm *hmm;
    size_t T;
    double most, total;
    elbo_hmm_posterior *out;
    size_t *best;
} sums;

static void find_best(void *arg, const size_t path[], double logp)
{
    sums *const s = arg;

    if (logp <= s->most) return;
    s->most = logp;
    memcpy(s->best, path, s->T * sizeof *path);
}

static void add(void *arg, const size_t path[], double logp)
{
    sums *const s = arg;
    const size_t K = s->hmm->K;
    const double p = exp(logp - s->most);

    s->total += p;
    for (size_t t = 0; t < s->T; t++) {
        s->out->occupancy[t * K + path[t]] += p;
        if (t) s->out->transitions[path[t - 1] * K + path[t]] += p;
    }
}

void enumerate(const elbo_hmm *hmm, const double log_emission[], size_t T,
               elbo_hmm_posterior *out, size_t best[], double *logp)
{
    const size_t K = hmm->K;
    sums s = {.hmm = hmm, .T = T, .most = -HUGE_VAL, .out = out, .best = best};

    memset(out->occupancy, 0, T * K * sizeof(double));
    memset(out->transitions, 0, K * K * sizeof(double));
    every_path(hmm, log_emission, T, &s, find_best);
    every_path(hmm, log_emission, T, &s, add);
    for (size_t i = 0; i < T * K; i++) out->occupancy[i] /= s.total;
    for (size_t i = 0; i < K * K; i++) out->transitions[i] /= s.total;
    out->loglik = s.most + log(s.total);
    *logp = s.most;
}
