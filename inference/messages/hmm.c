#include "inference/messages/hmm.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/messages/hmm_kernels.h"

/* Messages and transitions are 0 or at least this: their products are normal
 * numbers. */
static const double least = 1e-150;
/* Share of the posterior that may rest on raised entries. */
static const double tolerated = 1e-15;

enum { OWN_OUTER = 32 }; /* up to so many states; BLAS above */

typedef struct passes {
    const elbo_hmm *hmm;
    const double *log_emission;
    size_t K, n, T;                /* n: K padded */
    double *A, *At;                /* [n x n] transition, raised; transposed */
    double *start;                 /* [n] */
    double *floor;                 /* [n] least, or -1 in the padding */
    double *b;                     /* [T x n] emissions; then w = b beta / c */
    double *alpha;                 /* [T x n] filtered */
    double *largest, *c, *inverse; /* [T] of log emissions; scales; 1 / c */
    uint8_t *low;                  /* [T]: an entry of the row was raised */
    double raised; /* share of the posterior on raised entries */
} passes;

elbo_status elbo_hmm_check_row(const double log_emission[], size_t K, size_t t,
                               double *largest)
{
    double most = -HUGE_VAL;
    bool wrong = false;

    for (size_t k = 0; k < K; k++) {
        const double x = log_emission[k];

        most = x > most ? x : most;
        wrong |= !(x < HUGE_VAL);
    }
    *largest = most;
    if (wrong)
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "row %zu: a log emission is NaN or infinite", t);
    if (most == -HUGE_VAL)
        return ELBO_FAIL(ELBO_EDATA, "row %zu: no state can emit it", t);
    return ELBO_OK;
}

static double raise(double p)
{
    return p > 0 && p < least ? least : p;
}

static elbo_status take(passes *s, elbo_arena *ws)
{
    const size_t n = s->n, K = s->K;

    s->A = elbo_arena_take(ws, n * n, sizeof *s->A);
    s->At = elbo_arena_take(ws, n * n, sizeof *s->At);
    s->start = elbo_arena_take(ws, n, sizeof *s->start);
    s->floor = elbo_arena_doubles(ws, n);
    s->b = elbo_arena_doubles(ws, s->T * n);
    s->alpha = elbo_arena_doubles(ws, s->T * n);
    s->largest = elbo_arena_doubles(ws, s->T);
    s->c = elbo_arena_doubles(ws, s->T);
    s->inverse = elbo_arena_doubles(ws, s->T);
    s->low = elbo_arena_take(ws, s->T, 1);
    ELBO_TRY(elbo_arena_check(ws, "forward and backward passes"));
    for (size_t i = 0; i < K; i++) {
        s->start[i] = raise(s->hmm->start[i]);
        for (size_t j = 0; j < K; j++) {
            const double p = raise(s->hmm->transition[i * K + j]);

            s->A[i * n + j] = p;
            s->At[j * n + i] = p;
        }
    }
    for (size_t k = 0; k < n; k++) s->floor[k] = k < K ? least : -1;
    return ELBO_OK;
}

/* b = exp(log b - largest) */
static elbo_status emissions(passes *s)
{
    const size_t n = s->n, K = s->K;

    for (size_t t = 0; t < s->T; t++) {
        const double *const in = s->log_emission + t * K;
        double *const b = s->b + t * n;

        ELBO_TRY(elbo_hmm_check_row(in, K, t, &s->largest[t]));
        for (size_t k = 0; k < K; k++) b[k] = in[k] - s->largest[t];
        for (size_t k = K; k < n; k++) b[k] = -HUGE_VAL;
    }
    for (size_t i = 0; i < s->T * n; i++) {
        double unused;

        s->b[i] = elbo_exp(s->b[i], &unused);
    }
    return ELBO_OK;
}

/* A row with entries below the floor: those that are possible are raised to it,
 * and b with them; b of those that cannot be reached is 0. */
static double mend(passes *s, size_t t, const double p[], double u[])
{
    const double *const in = s->log_emission + t * s->K;
    double *const b = s->b + t * s->n, sum = 0;

    for (size_t k = 0; k < s->K; k++) {
        if (p[k] == 0) {
            b[k] = 0;
        } else if (u[k] < least && in[k] > -HUGE_VAL) {
            u[k] = least;
            b[k] = least / p[k];
            s->low[t] = 1;
        }
        sum += u[k];
    }
    return sum;
}

/* alpha_t = (alpha_t-1 A) b_t / c_t */
static inline elbo_status forward(passes *s, size_t n, double p[])
{
    memcpy(p, s->start, n * sizeof *p);
    for (size_t t = 0; t < s->T; t++) {
        double *const u = s->alpha + t * n;
        uint64_t low;

        if (t) elbo_hmm_times(n, u - n, s->A, p);

        double c = elbo_hmm_meet(n, p, s->b + t * n, s->floor, u, &low);

        if (low) c = mend(s, t, p, u);
        if (!(c > 0))
            return ELBO_FAIL(
                ELBO_EDATA, "row %zu: no state that can be reached can emit it",
                t);
        s->c[t] = c;
        s->inverse[t] = 1 / c;
        elbo_hmm_scale(n, s->inverse[t], u);
    }
    return ELBO_OK;
}

/* gamma = alpha beta, to `out` unless NULL, and what raised entries have of it
 */
static inline void occupy(passes *s, size_t n, size_t t, const double beta[],
                          double out[])
{
    const double *const alpha = s->alpha + t * n;

    if (out)
        for (size_t k = 0; k < s->K; k++)
            out[t * s->K + k] = alpha[k] * beta[k];
    if (!s->low[t]) return;

    const double edge = least * s->inverse[t] * (1 + 1e-9);

    for (size_t k = 0; k < s->K; k++)
        if (alpha[k] <= edge) s->raised += alpha[k] * beta[k];
}

/* beta_t-1 = A w_t with w = b beta / c, which replaces b */
static inline void backward(passes *s, size_t n, double beta[],
                            double occupancy[])
{
    for (size_t k = 0; k < n; k++) beta[k] = 1;
    for (size_t t = s->T; t-- > 0;) {
        double *const w = s->b + t * n;

        occupy(s, n, t, beta, occupancy);
        if (t == 0) break;
        for (size_t k = 0; k < n; k++) w[k] *= beta[k] * s->inverse[t];
        elbo_hmm_times(n, w, s->At, beta);
    }
    for (size_t k = 0; k < s->K; k++)
        if (s->hmm->start[k] != s->start[k]) s->raised += s->alpha[k] * beta[k];
}

/* S = sum_t alpha_t-1' w_t */
static inline void outer(const passes *s, size_t n, double S[])
{
    const size_t steps = s->T - 1, whole = steps - steps % ELBO_HMM_LANES;

    for (size_t t = 0; t < whole; t += ELBO_HMM_LANES)
        elbo_hmm_outer(n, s->alpha + t * n, s->b + (t + 1) * n, S);
    for (size_t t = whole; t < steps; t++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                S[i * n + j] += s->alpha[t * n + i] * s->b[(t + 1) * n + j];
}

static inline elbo_status sweep(passes *s, size_t n, double scratch[],
                                double occupancy[], double S[])
{
    ELBO_TRY(forward(s, n, scratch));
    backward(s, n, scratch, occupancy);
    if (S) outer(s, n, S);
    return ELBO_OK;
}

/* The sizes that pay for code of their own. */
static elbo_status sweep_by_size(passes *s, double scratch[],
                                 double occupancy[], double S[])
{
    switch (s->n) {
    case 4:
        return sweep(s, 4, scratch, occupancy, S);
    case 8:
        return sweep(s, 8, scratch, occupancy, S);
    case 12:
        return sweep(s, 12, scratch, occupancy, S);
    case 16:
        return sweep(s, 16, scratch, occupancy, S);
    default:
        return sweep(s, s->n, scratch, occupancy, S);
    }
}

static void outer_by_blas(const passes *s, double S[])
{
    const gsl_matrix_const_view alpha =
        gsl_matrix_const_view_array(s->alpha, s->T - 1, s->n);
    const gsl_matrix_const_view w =
        gsl_matrix_const_view_array(s->b + s->n, s->T - 1, s->n);
    gsl_matrix_view out = gsl_matrix_view_array(S, s->n, s->n);

    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, &alpha.matrix, &w.matrix, 1,
                   &out.matrix);
}

/* E counts = S * A; what raised entries have of them. */
static void count(passes *s, double S[])
{
    for (size_t i = 0; i < s->K; i++)
        for (size_t j = 0; j < s->K; j++) {
            S[i * s->n + j] *= s->A[i * s->n + j];
            if (s->A[i * s->n + j] != s->hmm->transition[i * s->K + j])
                s->raised += S[i * s->n + j];
        }
}

static double log_scales(const passes *s)
{
    for (size_t t = 0; t < s->T; t++) s->c[t] = elbo_log(s->c[t]);
    return elbo_sum(s->c, s->T) + elbo_sum(s->largest, s->T);
}

static elbo_status scaled(passes *s, elbo_hmm_posterior *out, elbo_arena *ws)
{
    double *const scratch = elbo_arena_doubles(ws, s->n);
    double *const S = elbo_arena_take(ws, s->n * s->n, sizeof *S);

    ELBO_TRY(take(s, ws));
    ELBO_TRY(elbo_arena_check(ws, "expected transitions"));
    ELBO_TRY(emissions(s));

    const bool own = s->n <= OWN_OUTER, any = s->T > 1;

    ELBO_TRY(sweep_by_size(s, scratch, out->occupancy, own && any ? S : NULL));
    if (!own && any) outer_by_blas(s, S);
    if (any) count(s, S);
    if (!(s->raised <= tolerated)) return ELBO_OK;
    out->loglik = log_scales(s);
    for (size_t i = 0; out->transitions && i < s->K; i++)
        for (size_t j = 0; j < s->K; j++)
            out->transitions[i * s->K + j] += S[i * s->n + j];
    return ELBO_OK;
}

elbo_status elbo_hmm_forward_backward(const elbo_hmm *hmm,
                                      const double log_emission[], size_t T,
                                      elbo_hmm_posterior *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    passes s = {.hmm = hmm,
                .log_emission = log_emission,
                .K = hmm->K,
                .n = (hmm->K + ELBO_HMM_LANES - 1) / ELBO_HMM_LANES
                     * ELBO_HMM_LANES,
                .T = T};

    assert(hmm->K > 0 && T > 0);

    const elbo_status status = scaled(&s, out, ws);

    elbo_arena_release(ws, mark);
    out->logs = status == ELBO_OK && !(s.raised <= tolerated);
    if (out->logs)
        return elbo_hmm_forward_backward_logs(hmm, log_emission, T, out, ws);
    return status;
}
