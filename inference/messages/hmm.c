#include "inference/messages/hmm.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "inference/messages/hmm_kernels.h"
#include "inference/messages/hmm_wide.h"

/* Messages and transitions are 0 or at least this: their products are normal
 * numbers. */
static const double least = 1e-150;
/* Share of the posterior that may rest on raised entries. */
static const double tolerated = 1e-15;

/* Padded states up to which whole matrices are unrolled, and those up to which
 * expected transitions are summed here and not by the BLAS; rows between two
 * such sums, which the caches hold. */
enum { SMALL = 16, OWN_OUTER = 128, ROWS = 32 };

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

/* b = exp(log b - largest) in rows first .. last - 1: NaN in a row that
 * elbo_hmm_check_row refuses. */
static inline void emissions(passes *s, size_t n, size_t first, size_t last)
{
    const double *const in = s->log_emission + first * s->K;
    double *const b = s->b + first * n;

    if (n <= SMALL)
        elbo_hmm_emit(s->K, n, last - first, in, s->largest + first, b);
    else
        elbo_hmm_wide_emit(s->K, n, last - first, in, s->largest + first, b);
}

/* What is wrong with row t, whose emissions or their sum are not positive. */
static elbo_status refuse(const passes *s, size_t t)
{
    double largest;

    ELBO_TRY(elbo_hmm_check_row(s->log_emission + t * s->K, s->K, t, &largest));
    return ELBO_FAIL(ELBO_EDATA,
                     "row %zu: no state that can be reached can emit it", t);
}

/* A row with entries below the floor, u = p b / c of the last row: those that
 * are possible are raised to it, and b with them; b of those that cannot be
 * reached is 0. */
static double mend(passes *s, size_t t, const double p[], double inverse,
                   double u[])
{
    const double *const in = s->log_emission + t * s->K;
    double *const b = s->b + t * s->n, sum = 0;

    for (size_t k = 0; k < s->K; k++) {
        if (p[k] == 0) {
            b[k] = 0;
        } else if (u[k] < least && in[k] > -HUGE_VAL) {
            u[k] = least;
            b[k] = least / (p[k] * inverse);
            s->low[t] = 1;
        }
        sum += u[k];
    }
    return sum;
}

/* out = x' M */
static inline void times(const passes *s, size_t n, const double x[],
                         const double M[], double out[])
{
    if (n <= SMALL)
        elbo_hmm_times(n, x, M, out);
    else
        elbo_hmm_wide_times(s->K, n, x, M, out);
}

/* u = (u A / c of the last row) b_t, alpha_t = u / c_t: the product with A need
 * not wait for c. */
static inline elbo_status forward(passes *s, size_t n, double p[], double u[])
{
    double inverse = 1;

    memcpy(p, s->start, n * sizeof *p);
    for (size_t t = 0; t < s->T; t++) {
        const double *const b = s->b + t * n;
        uint64_t low;

        if (t % ROWS == 0)
            emissions(s, n, t, s->T - t < ROWS ? s->T : t + ROWS);
        if (t) times(s, n, u, s->A, p);

        double c =
            n <= SMALL
                ? elbo_hmm_meet(n, p, b, inverse, s->floor, u, &low)
                : elbo_hmm_wide_meet(n, p, b, inverse, s->floor, u, &low);

        if (low) c = mend(s, t, p, inverse, u);
        if (!(c > 0)) return refuse(s, t);
        s->c[t] = c;
        s->inverse[t] = inverse = 1 / c;
        elbo_hmm_scale(n, inverse, u, s->alpha + t * n);
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

/* S += sum of alpha_t-1' w_t over rows first .. last - 1 */
static inline void outer(const passes *s, size_t n, size_t first, size_t last,
                         double S[])
{
    const double *const alpha = s->alpha + (first - 1) * n;
    const double *const w = s->b + first * n;
    const size_t steps = last - first, whole = steps - steps % ELBO_HMM_LANES;

    if (n > SMALL) {
        elbo_hmm_wide_outer(s->K, n, steps, alpha, w, S);
        return;
    }
    for (size_t t = 0; t < whole; t += ELBO_HMM_LANES)
        elbo_hmm_outer(n, alpha + t * n, w + t * n, S);
    for (size_t t = whole; t < steps; t++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                S[i * n + j] += alpha[t * n + i] * w[t * n + j];
}

/* beta_t-1 = A w_t with w = b beta / c, which replaces b; and S, unless NULL,
 * the sum of alpha_t-1' w_t */
static inline void backward(passes *s, size_t n, double beta[],
                            double occupancy[], double S[])
{
    size_t last = s->T;

    for (size_t k = 0; k < n; k++) beta[k] = 1;
    for (size_t t = s->T; t-- > 0;) {
        double *const w = s->b + t * n;

        occupy(s, n, t, beta, occupancy);
        if (t == 0) break;
        elbo_hmm_weigh(n, s->inverse[t], beta, w);
        times(s, n, w, s->At, beta);
        if (S && (last - t == ROWS || t == 1)) {
            outer(s, n, t, last, S);
            last = t;
        }
    }
    for (size_t k = 0; k < s->K; k++)
        if (s->hmm->start[k] != s->start[k]) s->raised += s->alpha[k] * beta[k];
}

static inline elbo_status sweep(passes *s, size_t n, double scratch[],
                                double occupancy[], double S[])
{
    ELBO_TRY(forward(s, n, scratch, scratch + n));
    backward(s, n, scratch, occupancy, S);
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
    double *const scratch = elbo_arena_doubles(ws, 2 * s->n);
    double *const S = elbo_arena_take(ws, s->n * s->n, sizeof *S);

    ELBO_TRY(take(s, ws));
    ELBO_TRY(elbo_arena_check(ws, "expected transitions"));

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
    const size_t K = hmm->K;
    const size_t lanes = K <= SMALL ? ELBO_HMM_LANES : ELBO_HMM_WIDE;
    passes s = {.hmm = hmm,
                .log_emission = log_emission,
                .K = K,
                .n = (K + lanes - 1) / lanes * lanes,
                .T = T};

    assert(K > 0 && T > 0);

    const elbo_status status = scaled(&s, out, ws);

    elbo_arena_release(ws, mark);
    out->logs = status == ELBO_OK && !(s.raised <= tolerated);
    if (out->logs)
        return elbo_hmm_forward_backward_logs(hmm, log_emission, T, out, ws);
    return status;
}
