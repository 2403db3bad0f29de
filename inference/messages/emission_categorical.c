/* inference/messages/emission_categorical.c -- states that emit symbols. */
#include <math.h>
#include <string.h>

#include "inference/messages/dirichlet.h"
#include "inference/messages/emission.h"

typedef struct table {
    size_t K, M;
    bool variational;
    double missing, prior;
    double *a;                   /* [K x M] Dirichlet, or probabilities (ML) */
    double *log_mean, *mean_log; /* [M x K] log E theta, E log theta */
} table;

static elbo_status open_table(const elbo_emission_config *c, size_t K,
                              bool variational, elbo_arena *arena, void **self)
{
    table *const w = elbo_arena_take(arena, 1, sizeof *w);

    if (c->symbols == 0 || !(c->prior > 0) || !isfinite(c->prior))
        return ELBO_FAIL(ELBO_EINVAL, "categorical: %zu symbols, prior %g",
                         c->symbols, c->prior);
    ELBO_TRY(elbo_arena_check(arena, "categorical"));
    *w = (table){.K = K,
                 .M = c->symbols,
                 .variational = variational,
                 .missing = c->missing,
                 .prior = c->prior,
                 .a = elbo_arena_take(arena, K * c->symbols, sizeof(double)),
                 .log_mean = elbo_arena_doubles(arena, K * c->symbols),
                 .mean_log = elbo_arena_doubles(arena, K * c->symbols)};
    *self = w;
    return elbo_arena_check(arena, "categorical");
}

static size_t count_size(const void *self)
{
    const table *const w = self;

    return w->K * w->M;
}

static size_t parameter_size(const void *self)
{
    return ((const table *)self)->M;
}

static size_t width(const void *self)
{
    (void)self;
    return 1;
}

static bool missing(const table *w, double y)
{
    return isnan(y) || y == w->missing;
}

static elbo_status check(const void *self, const elbo_hmm_sequence *seq)
{
    const table *const w = self;

    for (size_t t = 0; t < seq->T; t++) {
        const double y = seq->y[t];

        if (missing(w, y)) continue;
        if (!(y >= 0 && y < (double)w->M) || y != floor(y))
            return ELBO_FAIL(ELBO_EDATA, "row %zu: %g is no symbol 0 .. %zu", t,
                             y, w->M - 1);
    }
    return ELBO_OK;
}

static elbo_status begin(const void *self, const elbo_hmm_sequence seq[], size_t n,
                         elbo_rng *rng, double counts[], elbo_arena *ws)
{
    const table *const w = self;

    (void)ws;
    for (size_t i = 0; i < n; i++)
        for (size_t t = 0; t < seq[i].T; t++)
            if (!missing(w, seq[i].y[t])) counts[(size_t)seq[i].y[t]]++;
    for (size_t k = w->K; k-- > 0;) /* row 0 holds the totals until the end */
        for (size_t m = 0; m < w->M; m++)
            counts[k * w->M + m] =
                counts[m] / (double)w->K * (0.5 + elbo_rng_uniform(rng));
    return ELBO_OK;
}

static elbo_status log_density(const void *self, const elbo_hmm_sequence *seq,
                               bool predictive, double out[], elbo_arena *ws)
{
    const table *const w = self;
    const double *const logs = predictive ? w->log_mean : w->mean_log;

    for (size_t t = 0; t < seq->T; t++) {
        const double y = seq->y[t];
        double *const row = out + t * w->K;

        if (missing(w, y))
            memset(row, 0, w->K * sizeof *row);
        else
            memcpy(row, logs + (size_t)y * w->K, w->K * sizeof *row);
    }
    (void)ws;
    return ELBO_OK;
}

static elbo_status count(const void *self, const elbo_hmm_sequence *seq,
                         const double occupancy[], double counts[],
                         elbo_arena *ws)
{
    const table *const w = self;

    for (size_t t = 0; t < seq->T; t++) {
        if (missing(w, seq->y[t])) continue;
        for (size_t k = 0; k < w->K; k++)
            counts[k * w->M + (size_t)seq->y[t]] += occupancy[t * w->K + k];
    }
    (void)ws;
    return ELBO_OK;
}

/* The tables that densities read. */
static elbo_status tabulate(table *w, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    double *const logs = elbo_arena_doubles(ws, w->M);

    ELBO_TRY(elbo_arena_check(ws, "categorical"));
    for (size_t k = 0; k < w->K; k++) {
        const double *const a = w->a + k * w->M;
        double total = 0;

        for (size_t m = 0; m < w->M; m++) total += a[m];
        if (w->variational) elbo_dirichlet_log_mean(a, w->M, logs);
        for (size_t m = 0; m < w->M; m++) {
            const double log_mean = log(a[m] / total);

            w->log_mean[m * w->K + k] = log_mean;
            w->mean_log[m * w->K + k] = w->variational ? logs[m] : log_mean;
        }
    }
    elbo_arena_release(ws, mark);
    return ELBO_OK;
}

static elbo_status update(void *self, const double counts[], size_t *floored,
                          elbo_arena *ws)
{
    table *const w = self;

    (void)floored;
    for (size_t k = 0; k < w->K; k++) {
        double total = 0;

        for (size_t m = 0; m < w->M; m++) total += counts[k * w->M + m];
        for (size_t m = 0; m < w->M; m++) {
            const double c = counts[k * w->M + m];

            if (w->variational)
                w->a[k * w->M + m] = w->prior + c;
            else if (total > 0)
                w->a[k * w->M + m] = c / total;
        }
    }
    return tabulate(w, ws);
}

static elbo_status kl(const void *self, double *out, elbo_arena *ws)
{
    const table *const w = self;
    const elbo_mark mark = elbo_arena_mark(ws);
    double *const prior = elbo_arena_doubles(ws, w->M);

    *out = 0;
    ELBO_TRY(elbo_arena_check(ws, "categorical"));
    for (size_t m = 0; m < w->M; m++) prior[m] = w->prior;
    for (size_t k = 0; w->variational && k < w->K; k++)
        *out += elbo_dirichlet_kl(w->a + k * w->M, prior, w->M);
    elbo_arena_release(ws, mark);
    return ELBO_OK;
}

static void parameters(const void *self, size_t k, double out[])
{
    const table *const w = self;

    for (size_t m = 0; m < w->M; m++) out[m] = exp(w->log_mean[m * w->K + k]);
}

static void save(const void *self, elbo_writer *out)
{
    const table *const w = self;

    elbo_put_u64(out, w->M);
    elbo_put_doubles(out, w->a, w->K * w->M);
}

static elbo_status load(void *self, elbo_reader *in, elbo_arena *ws)
{
    table *const w = self;
    uint64_t M;

    ELBO_TRY(elbo_get_u64(in, &M));
    if (M != w->M)
        return ELBO_FAIL(ELBO_EDATA, "checkpoint: %llu symbols, not %zu",
                         (unsigned long long)M, w->M);
    ELBO_TRY(elbo_get_doubles(in, w->a, w->K * w->M));
    for (size_t i = 0; i < w->K * w->M; i++)
        if (!(w->a[i] >= 0) || !isfinite(w->a[i]))
            return ELBO_FAIL(ELBO_EDATA, "checkpoint: an emission is %g",
                             w->a[i]);
    return tabulate(w, ws);
}

const elbo_emission elbo_emission_categorical = {
    .name = "categorical",
    .source = "Baum et al. 1970; Beal 2003, chapter 3",
    .doc = "a symbol of a finite alphabet",
    .open = open_table,
    .count_size = count_size,
    .parameter_size = parameter_size,
    .width = width,
    .check = check,
    .begin = begin,
    .log_density = log_density,
    .count = count,
    .update = update,
    .kl = kl,
    .parameters = parameters,
    .save = save,
    .load = load,
};
