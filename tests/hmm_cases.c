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

hmm_source draw_source(elbo_rng *rng, size_t K, size_t M, size_t ny,
                       double apart, elbo_arena *ws)
{
    hmm_source s = {.K = K,
                    .M = M,
                    .ny = ny,
                    .apart = apart,
                    .chain = draw_chain(rng, K, 1, 1, 0, 0, ws),
                    .emission = elbo_arena_doubles(ws, K * (ny ? ny : M))};

    if (ny) elbo_rng_normals(rng, s.emission, K * ny);
    for (size_t k = 0; !ny && k < K; k++)
        draw_simplex(rng, s.emission + k * M, M, 1, 0);
    return s;
}

static void emit(const hmm_source *s, size_t k, elbo_rng *rng, double y[])
{
    if (elbo_rng_uniform(rng) < s->holes) {
        for (size_t i = 0; i < (s->ny ? s->ny : 1); i++) y[i] = nan("");
        return;
    }
    if (!s->ny) {
        y[0] = (double)elbo_rng_categorical(rng, s->emission + k * s->M, s->M);
        return;
    }
    elbo_rng_normals(rng, y, s->ny);
    for (size_t i = 0; i < s->ny; i++)
        y[i] += s->apart * s->emission[k * s->ny + i];
}

elbo_hmm_sequence draw_sequence(const hmm_source *s, size_t T, elbo_rng *rng,
                                elbo_arena *ws)
{
    const size_t width = s->ny ? s->ny : 1;
    double *const y = elbo_arena_doubles(ws, T * width);
    size_t k = elbo_rng_categorical(rng, s->chain.start, s->K);

    for (size_t t = 0; t < T; t++) {
        if (t)
            k = elbo_rng_categorical(rng, s->chain.transition + k * s->K, s->K);
        emit(s, k, rng, y + t * width);
    }
    return (elbo_hmm_sequence){T, y};
}

elbo_hmm_config source_config(const hmm_source *s, size_t K, bool variational)
{
    elbo_hmm_config c = elbo_hmm_defaults;

    c.K = K;
    c.variational = variational;
    c.emission = s->ny ? &elbo_emission_gaussian : &elbo_emission_categorical;
    c.emission_config.symbols = s->M;
    c.emission_config.ny = s->ny ? s->ny : 1;
    c.emission_config.floor = 1e-3;
    c.tolerance = 1e-6;
    return c;
}
