#include "inference/messages/hmm_learn.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/messages/dirichlet.h"

const elbo_hmm_config elbo_hmm_defaults = {
    .K = 2,
    .variational = true,
    .start_prior = 1,
    .transition_prior = 1,
    .emission = &elbo_emission_categorical,
    .emission_config = {.symbols = 2,
                        .missing = (double)NAN,
                        .prior = 1,
                        .ny = 1,
                        .strength = 1e-2,
                        .scale = 1,
                        .floor = 1e-8},
    .iterations = 1000,
    .tolerance = 1e-10,
};

/* Dirichlet parameters, or probabilities under maximum likelihood; and what the
 * passes run with. */
typedef struct chain {
    double *a;      /* [(K + 1) x K]: start, then the rows */
    double *weight; /* exp E log a */
} chain;

struct elbo_hmm_learner {
    elbo_hmm_config config;
    size_t K, iteration;
    chain chain;
    void *emission;
    size_t counts; /* doubles of statistics: (K + 1) K, then the emissions' */
    double *count; /* [counts] of the last E-step */
};

/* Sums over sequences, a slice a chunk. */
typedef struct tally {
    const elbo_hmm_learner *learner;
    const elbo_hmm_sequence *data;
    bool predictive;
    elbo_hmm hmm;
    double *counts; /* [chunks x counts], or NULL */
    double loglik[ELBO_CHUNKS];
    size_t logs[ELBO_CHUNKS];
    elbo_status status[ELBO_CHUNKS];
    elbo_error *error; /* [chunks] */
} tally;

static size_t chain_size(const elbo_hmm_learner *w)
{
    return (w->K + 1) * w->K;
}

static elbo_status check_config(const elbo_hmm_config *c)
{
    if (c->K == 0 || !(c->start_prior > 0) || !(c->transition_prior > 0)
        || !isfinite(c->start_prior + c->transition_prior)
        || !(c->tolerance >= 0))
        return ELBO_FAIL(
            ELBO_EINVAL,
            "hmm: %zu states, start prior %g, transition prior %g, "
            "tolerance %g",
            c->K, c->start_prior, c->transition_prior, c->tolerance);
    return ELBO_OK;
}

static elbo_status check_data(const elbo_hmm_learner *w,
                              const elbo_hmm_sequence data[], size_t n)
{
    assert(n > 0);
    for (size_t i = 0; i < n; i++) {
        assert(data[i].T > 0);
        if (w->config.emission->check(w->emission, &data[i]) != ELBO_OK)
            return elbo_fail_prefix("sequence %zu", i);
    }
    return ELBO_OK;
}

/* weight = exp E log a, row by row */
static void tabulate(elbo_hmm_learner *w)
{
    const size_t K = w->K;

    for (size_t i = 0; i <= K; i++) {
        const double *const a = w->chain.a + i * K;
        double *const out = w->chain.weight + i * K;

        if (!w->config.variational) {
            memcpy(out, a, K * sizeof *a);
            continue;
        }
        elbo_dirichlet_log_mean(a, K, out);
        for (size_t j = 0; j < K; j++) out[j] = exp(out[j]);
    }
}

static double concentration(const elbo_hmm_learner *w, size_t row)
{
    return row ? w->config.transition_prior : w->config.start_prior;
}

/* The M-step from statistics; rows without any keep their parameters (ML). */
static elbo_status update(elbo_hmm_learner *w, const double counts[],
                          size_t *floored, elbo_arena *ws)
{
    const size_t K = w->K;

    for (size_t i = 0; i <= K; i++) {
        const double *const c = counts + i * K;
        double *const a = w->chain.a + i * K, total = 0;

        for (size_t j = 0; j < K; j++) total += c[j];
        for (size_t j = 0; j < K; j++)
            if (w->config.variational)
                a[j] = concentration(w, i) + c[j];
            else if (total > 0)
                a[j] = c[j] / total;
    }
    tabulate(w);
    return w->config.emission->update(w->emission, counts + chain_size(w),
                                      floored, ws);
}

/* Statistics of the chain to start from: even, up to 50 % either way. */
static void begin_chain(const elbo_hmm_learner *w, const elbo_hmm_sequence data[],
                        size_t n, elbo_rng *rng, double counts[])
{
    const size_t K = w->K;
    double steps = 0;

    for (size_t i = 0; i < n; i++) steps += (double)(data[i].T - 1);
    for (size_t i = 0; i <= K; i++)
        for (size_t j = 0; j < K; j++) {
            const double even =
                i ? fmax(steps, 1) / (double)(K * K) : (double)n / (double)K;

            counts[i * K + j] = even * (0.5 + elbo_rng_uniform(rng));
        }
}

static elbo_status begin(elbo_hmm_learner *w, const elbo_hmm_sequence data[],
                         size_t n, uint64_t seed, elbo_arena *arena)
{
    const elbo_mark mark = elbo_arena_mark(arena);
    elbo_rng rng = elbo_rng_stream(seed, "hmm", 0);
    double *const counts = elbo_arena_take(arena, w->counts, sizeof *counts);
    size_t floored = 0;

    ELBO_TRY(elbo_arena_check(arena, "hmm: statistics"));
    begin_chain(w, data, n, &rng, counts);
    ELBO_TRY(w->config.emission->begin(w->emission, data, n, &rng,
                                       counts + chain_size(w), arena));
    ELBO_TRY(update(w, counts, &floored, arena));
    elbo_arena_release(arena, mark);
    return ELBO_OK;
}

elbo_status elbo_hmm_open(const elbo_hmm_config *config,
                          const elbo_hmm_sequence data[], size_t n, uint64_t seed,
                          elbo_arena *arena, elbo_hmm_learner **out)
{
    const elbo_emission *const e = config->emission;
    const size_t K = config->K;

    ELBO_TRY(check_config(config));

    elbo_hmm_learner *const w = elbo_arena_take(arena, 1, sizeof *w);
    double *const a = elbo_arena_take(arena, (K + 1) * K, sizeof *a);
    double *const weight = elbo_arena_take(arena, (K + 1) * K, sizeof *a);

    ELBO_TRY(elbo_arena_check(arena, "hmm"));
    *w = (elbo_hmm_learner){
        .config = *config, .K = K, .chain = {a, weight}
    };
    ELBO_TRY(e->open(&config->emission_config, K, config->variational, arena,
                     &w->emission));
    w->counts = chain_size(w) + e->count_size(w->emission);
    w->count = elbo_arena_doubles(arena, w->counts);
    ELBO_TRY(elbo_arena_check(arena, "hmm: statistics"));
    ELBO_TRY(check_data(w, data, n));
    *out = w;
    return begin(w, data, n, seed, arena);
}

/* One sequence: log Z, and its statistics to `counts` unless NULL. */
static elbo_status one(tally *s, size_t chunk, const elbo_hmm_sequence *seq,
                       double counts[], elbo_arena *ws)
{
    const elbo_hmm_learner *const w = s->learner;
    const elbo_emission *const e = w->config.emission;
    const size_t K = w->K;
    double *const logs = elbo_arena_doubles(ws, seq->T * K);
    double *const occupancy =
        counts ? elbo_arena_doubles(ws, seq->T * K) : NULL;
    elbo_hmm_posterior out = {.occupancy = occupancy,
                              .transitions = counts ? counts + K : NULL};

    ELBO_TRY(elbo_arena_check(ws, "hmm: a sequence"));
    ELBO_TRY(e->log_density(w->emission, seq, s->predictive, logs, ws));
    ELBO_TRY(elbo_hmm_forward_backward(&s->hmm, logs, seq->T, &out, ws));
    s->loglik[chunk] += out.loglik;
    s->logs[chunk] += out.logs;
    if (!counts) return ELBO_OK;
    for (size_t k = 0; k < K; k++) counts[k] += occupancy[k];
    return e->count(w->emission, seq, occupancy, counts + chain_size(w), ws);
}

static void chunk_of(void *arg, size_t chunk, size_t first, size_t last)
{
    tally *const s = arg;
    double *const counts =
        s->counts ? s->counts + chunk * s->learner->counts : NULL;

    if (first == last) return;

    elbo_arena *const ws = elbo_arena_alloc(1 << 16);
    elbo_status status =
        ws ? ELBO_OK : ELBO_FAIL(ELBO_ENOMEM, "hmm: memory of a chunk");

    for (size_t i = first; status == ELBO_OK && i < last; i++) {
        const elbo_mark mark = elbo_arena_mark(ws);

        status = one(s, chunk, &s->data[i], counts, ws);
        if (status != ELBO_OK) elbo_fail_prefix("sequence %zu", i);
        elbo_arena_release(ws, mark);
    }
    elbo_arena_free(ws);
    s->status[chunk] = status;
    if (status != ELBO_OK) s->error[chunk] = *elbo_last_error();
}

/* All sequences; sums in the order of chunks. counts [counts] NULL ok. */
static elbo_status run(tally *s, size_t n, double counts[], double *loglik,
                       size_t *logs, elbo_arena *ws)
{
    const size_t K = s->learner->K, size = s->learner->counts;
    size_t work = 0;

    s->error = elbo_arena_take(ws, ELBO_CHUNKS, sizeof *s->error);
    if (counts)
        s->counts = elbo_arena_take(ws, ELBO_CHUNKS * size, sizeof(double));
    ELBO_TRY(elbo_arena_check(ws, "hmm: statistics"));
    for (size_t i = 0; i < n; i++) work += s->data[i].T * K * (6 * K + 20);
    elbo_parallel(n, work, s, chunk_of);
    *loglik = 0;
    *logs = 0;
    for (size_t c = 0; c < ELBO_CHUNKS; c++) {
        if (s->status[c] != ELBO_OK) {
            elbo_error_restore(&s->error[c]);
            return s->status[c];
        }
        *loglik += s->loglik[c];
        *logs += s->logs[c];
        for (size_t i = 0; counts && i < size; i++)
            counts[i] += s->counts[c * size + i];
    }
    return ELBO_OK;
}

static elbo_hmm weights(const elbo_hmm_learner *w)
{
    return (elbo_hmm){w->K, w->chain.weight, w->chain.weight + w->K};
}

/* KL of the chain's rows, into info */
static elbo_status divergences(const elbo_hmm_learner *w, elbo_hmm_info *info,
                               elbo_arena *ws)
{
    const size_t K = w->K;
    double *const prior = elbo_arena_doubles(ws, K);

    ELBO_TRY(elbo_arena_check(ws, "hmm: priors"));
    for (size_t i = 0; w->config.variational && i <= K; i++) {
        for (size_t j = 0; j < K; j++) prior[j] = concentration(w, i);

        const double kl = elbo_dirichlet_kl(w->chain.a + i * K, prior, K);

        *(i ? &info->kl_transition : &info->kl_start) += kl;
    }
    return w->config.emission->kl(w->emission, &info->kl_emission, ws);
}

static double divergence(const elbo_hmm_info *info)
{
    return info->kl_start + info->kl_transition + info->kl_emission;
}

static elbo_status infer(elbo_hmm_learner *w, const elbo_hmm_sequence data[],
                         size_t n, elbo_hmm_info *info, elbo_arena *ws)
{
    tally *const s = elbo_arena_take(ws, 1, sizeof *s);

    ELBO_TRY(elbo_arena_check(ws, "hmm: statistics"));
    ELBO_TRY(check_data(w, data, n));
    *s = (tally){.learner = w, .data = data, .hmm = weights(w)};
    memset(w->count, 0, w->counts * sizeof *w->count);
    ELBO_TRY(run(s, n, w->count, &info->likelihood, &info->logs, ws));
    ELBO_TRY(divergences(w, info, ws));
    info->elbo = info->likelihood - divergence(info);
    return ELBO_OK;
}

elbo_status elbo_hmm_infer(elbo_hmm_learner *learner,
                           const elbo_hmm_sequence data[], size_t n,
                           elbo_hmm_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    *info = (elbo_hmm_info){0};

    const elbo_status s = infer(learner, data, n, info, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_hmm_learn(elbo_hmm_learner *learner, elbo_hmm_info *info,
                           elbo_arena *ws)
{
    ELBO_TRY(update(learner, learner->count, &info->floored, ws));
    info->iteration = ++learner->iteration;
    return ELBO_OK;
}

elbo_status elbo_hmm_iterate(elbo_hmm_learner *learner,
                             const elbo_hmm_sequence data[], size_t n,
                             elbo_hmm_info *info, elbo_arena *ws)
{
    ELBO_TRY(elbo_hmm_infer(learner, data, n, info, ws));
    return elbo_hmm_learn(learner, info, ws);
}

elbo_status elbo_hmm_kl(const elbo_hmm_learner *learner, double *kl, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_hmm_info info = {0};
    const elbo_status s = divergences(learner, &info, ws);

    elbo_arena_release(ws, mark);
    *kl = divergence(&info);
    return s;
}

elbo_status elbo_hmm_solve(elbo_hmm_learner *learner,
                           const elbo_hmm_sequence data[], size_t n,
                           elbo_hmm_info *info, elbo_arena *ws)
{
    const elbo_hmm_config *const c = &learner->config;
    double last = -HUGE_VAL;

    *info = (elbo_hmm_info){0};
    for (size_t k = 0; k < c->iterations && !info->converged; k++) {
        ELBO_TRY(elbo_hmm_iterate(learner, data, n, info, ws));
        info->converged =
            info->elbo - last <= c->tolerance * (1 + fabs(info->elbo));
        last = info->elbo;
    }
    return ELBO_OK;
}

void elbo_hmm_mean(const elbo_hmm_learner *learner, double start[],
                   double transition[])
{
    const size_t K = learner->K;

    for (size_t i = 0; i <= K; i++) {
        const double *const a = learner->chain.a + i * K;
        double *const out = i ? transition : start;
        double total = 0;

        if (!out) continue;
        for (size_t j = 0; j < K; j++) total += a[j];
        for (size_t j = 0; j < K; j++)
            out[(i ? (i - 1) * K : 0) + j] = a[j] / total;
    }
}

size_t elbo_hmm_emission(const elbo_hmm_learner *learner, size_t k,
                         double out[])
{
    const elbo_emission *const e = learner->config.emission;

    assert(k < learner->K);
    if (out) e->parameters(learner->emission, k, out);
    return e->parameter_size(learner->emission);
}

static elbo_status predict(const elbo_hmm_learner *w,
                           const elbo_hmm_sequence data[], size_t n,
                           elbo_hmm_prediction *out, elbo_arena *ws)
{
    const size_t K = w->K;
    double *const start = elbo_arena_doubles(ws, K);
    double *const transition = elbo_arena_doubles(ws, K * K);
    tally *const s = elbo_arena_take(ws, 1, sizeof *s);
    size_t logs;

    ELBO_TRY(elbo_arena_check(ws, "hmm: a prediction"));
    ELBO_TRY(check_data(w, data, n));
    *s = (tally){.learner = w, .data = data, .hmm = weights(w)};
    ELBO_TRY(run(s, n, NULL, &out->lower, &logs, ws));
    elbo_hmm_mean(w, start, transition);
    *s = (tally){
        .learner = w,
        .data = data,
        .predictive = true,
        .hmm = {K, start, transition}
    };
    return run(s, n, NULL, &out->plug_in, &logs, ws);
}

elbo_status elbo_hmm_predict(const elbo_hmm_learner *learner,
                             const elbo_hmm_sequence data[], size_t n,
                             elbo_hmm_prediction *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = predict(learner, data, n, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}

static elbo_status decode(const elbo_hmm_learner *w, const elbo_hmm_sequence *seq,
                          size_t path[], double *logp, elbo_arena *ws)
{
    const elbo_hmm hmm = weights(w);
    double *const logs = elbo_arena_doubles(ws, seq->T * w->K);

    ELBO_TRY(elbo_arena_check(ws, "hmm: a path"));
    ELBO_TRY(check_data(w, seq, 1));
    ELBO_TRY(w->config.emission->log_density(w->emission, seq, false, logs, ws));
    return elbo_hmm_viterbi(&hmm, logs, seq->T, path, logp, ws);
}

elbo_status elbo_hmm_decode(const elbo_hmm_learner *learner,
                            const elbo_hmm_sequence *seq, size_t path[],
                            double *logp, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = decode(learner, seq, path, logp, ws);

    elbo_arena_release(ws, mark);
    return s;
}

void elbo_hmm_save(const elbo_hmm_learner *learner, elbo_writer *out)
{
    elbo_put_u64(out, learner->K);
    elbo_put_u64(out, learner->config.variational);
    elbo_put_u64(out, learner->iteration);
    elbo_put_doubles(out, learner->chain.a, chain_size(learner));
    learner->config.emission->save(learner->emission, out);
}

elbo_status elbo_hmm_load(elbo_hmm_learner *learner, elbo_reader *in,
                          elbo_arena *ws)
{
    uint64_t K, variational, iteration;

    ELBO_TRY(elbo_get_u64(in, &K));
    ELBO_TRY(elbo_get_u64(in, &variational));
    ELBO_TRY(elbo_get_u64(in, &iteration));
    if (K != learner->K || variational != learner->config.variational)
        return ELBO_FAIL(
            ELBO_EDATA, "checkpoint: an HMM of %llu states (%s), not %zu (%s)",
            (unsigned long long)K, variational ? "variational" : "likelihood",
            learner->K,
            learner->config.variational ? "variational" : "likelihood");
    ELBO_TRY(elbo_get_doubles(in, learner->chain.a, chain_size(learner)));
    for (size_t i = 0; i < chain_size(learner); i++)
        if (!(learner->chain.a[i] >= 0) || !isfinite(learner->chain.a[i])
            || (variational && learner->chain.a[i] <= 0))
            return ELBO_FAIL(ELBO_EDATA, "checkpoint: the HMM's chain has %g",
                             learner->chain.a[i]);
    ELBO_TRY(learner->config.emission->load(learner->emission, in, ws));
    learner->iteration = (size_t)iteration;
    tabulate(learner);
    return ELBO_OK;
}
