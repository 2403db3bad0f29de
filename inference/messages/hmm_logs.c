/* inference/messages/hmm_logs.c -- the passes in logarithms, and Viterbi's. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/messages/hmm.h"

typedef struct logs {
    size_t K, T;
    const double *b;        /* [T x K] log emissions */
    double *start, *A, *At; /* [K], [K x K], and transposed */
    double *alpha, *beta;   /* [T x K], each row normalised */
    double *terms;          /* [K] */
} logs;

static elbo_status take(const elbo_hmm *hmm, logs *s, elbo_arena *ws)
{
    const size_t K = s->K;

    s->start = elbo_arena_doubles(ws, K);
    s->A = elbo_arena_doubles(ws, K * K);
    s->At = elbo_arena_doubles(ws, K * K);
    s->alpha = elbo_arena_doubles(ws, s->T * K);
    s->beta = elbo_arena_doubles(ws, s->T * K);
    s->terms = elbo_arena_doubles(ws, K);
    ELBO_TRY(elbo_arena_check(ws, "passes in logarithms"));
    for (size_t i = 0; i < K; i++) {
        s->start[i] = log(hmm->start[i]);
        for (size_t j = 0; j < K; j++)
            s->A[i * K + j] = s->At[j * K + i] =
                log(hmm->transition[i * K + j]);
    }
    return ELBO_OK;
}

/* log sum exp; -inf for nothing but -inf */
static double log_sum(const double x[], size_t n)
{
    double most = -HUGE_VAL, sum = 0;

    for (size_t i = 0; i < n; i++) most = fmax(most, x[i]);
    if (most == -HUGE_VAL) return most;
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

static double normalise(double x[], size_t n)
{
    const double sum = log_sum(x, n);

    for (size_t i = 0; sum > -HUGE_VAL && i < n; i++) x[i] -= sum;
    return sum;
}

/* out_k = log sum_j exp(x_j + M_kj) */
static void times(const logs *s, const double x[], const double M[],
                  double out[])
{
    for (size_t k = 0; k < s->K; k++) {
        for (size_t j = 0; j < s->K; j++) s->terms[j] = x[j] + M[k * s->K + j];
        out[k] = log_sum(s->terms, s->K);
    }
}

static elbo_status unreachable(size_t t)
{
    return ELBO_FAIL(ELBO_EDATA,
                     "row %zu: no state that can be reached can emit it", t);
}

static elbo_status forward(const logs *s, double *loglik)
{
    *loglik = 0;
    for (size_t t = 0; t < s->T; t++) {
        double *const alpha = s->alpha + t * s->K, largest;

        ELBO_TRY(elbo_hmm_check_row(s->b + t * s->K, s->K, t, &largest));
        if (t)
            times(s, alpha - s->K, s->At, alpha);
        else
            memcpy(alpha, s->start, s->K * sizeof *alpha);
        for (size_t k = 0; k < s->K; k++) alpha[k] += s->b[t * s->K + k];

        const double c = normalise(alpha, s->K);

        if (c == -HUGE_VAL) return unreachable(t);
        *loglik += c;
    }
    return ELBO_OK;
}

/* beta_t-1 = A (b_t beta_t), shifted so that its posterior is a number */
static void backward(const logs *s, double x[])
{
    const size_t K = s->K;

    for (size_t k = 0; k < K; k++) s->beta[(s->T - 1) * K + k] = 0;
    for (size_t t = s->T - 1; t > 0; t--) {
        for (size_t k = 0; k < K; k++)
            x[k] = s->b[t * K + k] + s->beta[t * K + k];
        times(s, x, s->A, s->beta + (t - 1) * K);
        normalise(s->beta + (t - 1) * K, K);
    }
}

/* p(s_t-1 = i, s_t = j | y), added */
static void pairs(const logs *s, size_t t, double transitions[])
{
    const size_t K = s->K;
    const double *const alpha = s->alpha + (t - 1) * K;
    double most = -HUGE_VAL, sum = 0;

    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < K; i++)
            for (size_t j = 0; j < K; j++) {
                const double x = alpha[i] + s->A[i * K + j] + s->b[t * K + j]
                                 + s->beta[t * K + j];

                if (pass == 0) most = fmax(most, x);
                if (pass == 1) sum += exp(x - most);
                if (pass == 2) transitions[i * K + j] += exp(x - most) / sum;
            }
}

static elbo_status in_logs(const elbo_hmm *hmm, logs *s,
                           elbo_hmm_posterior *out, elbo_arena *ws)
{
    const size_t K = s->K;
    double *const x = elbo_arena_doubles(ws, K);

    ELBO_TRY(take(hmm, s, ws));
    ELBO_TRY(forward(s, &out->loglik));
    out->logs = true;
    backward(s, x);
    for (size_t t = 0; out->occupancy && t < s->T; t++) {
        for (size_t k = 0; k < K; k++)
            x[k] = s->alpha[t * K + k] + s->beta[t * K + k];
        normalise(x, K);
        for (size_t k = 0; k < K; k++) out->occupancy[t * K + k] = exp(x[k]);
    }
    for (size_t t = 1; out->transitions && t < s->T; t++)
        pairs(s, t, out->transitions);
    return ELBO_OK;
}

elbo_status elbo_hmm_forward_backward_logs(const elbo_hmm *hmm,
                                           const double log_emission[],
                                           size_t T, elbo_hmm_posterior *out,
                                           elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    logs s = {.K = hmm->K, .T = T, .b = log_emission};

    assert(hmm->K > 0 && T > 0);

    const elbo_status status = in_logs(hmm, &s, out, ws);

    elbo_arena_release(ws, mark);
    return status;
}

/* best_k = max_j (d_j + A_jk), from_k where */
static void maximise(const logs *s, const double d[], double best[],
                     uint32_t from[])
{
    const size_t K = s->K;

    for (size_t k = 0; k < K; k++) {
        best[k] = -HUGE_VAL;
        from[k] = 0;
    }
    for (size_t j = 0; j < K; j++)
        for (size_t k = 0; k < K; k++) {
            const double x = d[j] + s->A[j * K + k];
            const bool better = x > best[k];

            best[k] = better ? x : best[k];
            from[k] = better ? (uint32_t)j : from[k];
        }
}

static elbo_status viterbi(const elbo_hmm *hmm, logs *s, size_t path[],
                           double *logp, elbo_arena *ws)
{
    const size_t K = s->K, T = s->T;
    uint32_t *const from = elbo_arena_u32(ws, T * K);

    ELBO_TRY(take(hmm, s, ws));
    ELBO_TRY(elbo_arena_check(ws, "a path"));
    for (size_t t = 0; t < T; t++) {
        double *const d = s->alpha + t * K, largest;
        bool any = false;

        ELBO_TRY(elbo_hmm_check_row(s->b + t * K, K, t, &largest));
        if (t)
            maximise(s, d - K, d, from + t * K);
        else
            memcpy(d, s->start, K * sizeof *d);
        for (size_t k = 0; k < K; k++) {
            d[k] += s->b[t * K + k];
            any |= d[k] > -HUGE_VAL;
        }
        if (!any) return unreachable(t);
    }

    const double *const last = s->alpha + (T - 1) * K;
    size_t k = 0;

    for (size_t i = 1; i < K; i++)
        if (last[i] > last[k]) k = i;
    *logp = last[k];
    for (size_t t = T; t-- > 0;) {
        path[t] = k;
        k = from[t * K + k];
    }
    return ELBO_OK;
}

elbo_status elbo_hmm_viterbi(const elbo_hmm *hmm, const double log_emission[],
                             size_t T, size_t path[], double *logp,
                             elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    logs s = {.K = hmm->K, .T = T, .b = log_emission};

    assert(hmm->K > 0 && hmm->K <= UINT32_MAX && T > 0);

    const elbo_status status = viterbi(hmm, &s, path, logp, ws);

    elbo_arena_release(ws, mark);
    return status;
}
