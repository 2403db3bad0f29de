/* control/sequence_refit.c -- q = argmax sum_k w_k log q(a_k); of a mixture one
 * step of EM. */
#include <math.h>
#include <string.h>

#include "control/sequence.h"

/* share[k x M] = w_k times the responsibility of component m for a_k. */
static void responsibilities(const elbo_sequence_config *c, size_t n,
                             const float a[], const double w[],
                             const elbo_sequence_q *q, double term[],
                             double share[])
{
    const size_t size = q->H * q->nu;

    for (size_t k = 0; k < n; k++) {
        double *const s = share + k * q->M;

        memset(s, 0, q->M * sizeof *s);
        if (!(w[k] > 0)) continue;
        if (q->M == 1) {
            s[0] = w[k];
            continue;
        }

        const double total = elbo_sequence_log(c, q, a + k * size, term);

        for (size_t m = 0; m < q->M; m++)
            s[m] = isfinite(total) ? w[k] * exp(term[m] - total) : 0;
    }
}

/* Component m from its shares: means, then variances around them. */
static void moments(size_t n, const float a[], const double share[], double N,
                    const elbo_sequence_q *q, size_t m, double mean[],
                    double var[])
{
    const size_t size = q->H * q->nu;

    memset(mean, 0, size * sizeof *mean);
    memset(var, 0, size * sizeof *var);
    for (size_t k = 0; k < n; k++) {
        const double s = share[k * q->M + m] / N;

        if (!(s > 0)) continue;
        for (size_t i = 0; i < size; i++)
            mean[i] += s * (double)a[k * size + i];
    }
    if (q->choices) return;
    for (size_t k = 0; k < n; k++) {
        const double s = share[k * q->M + m] / N;

        if (!(s > 0)) continue;
        for (size_t i = 0; i < size; i++) {
            const double e = (double)a[k * size + i] - mean[i];

            var[i] += s * e * e;
        }
    }
}

/* Component m moves to its new moments, smoothed and with a floor. */
static void move(const elbo_sequence_config *c, elbo_sequence_q *q, size_t m,
                 const double mean[], const double var[])
{
    const size_t size = q->H * q->nu;
    const double old = c->smoothing, least = c->std_floor * c->std_floor;

    for (size_t i = 0; i < size; i++) {
        double *const x = q->mean + m * size + i, *const v =
                                                      q->var + m * size + i;

        *x = old * *x + (1 - old) * mean[i];
        if (q->choices)
            *x = (1 - c->std_floor) * *x + c->std_floor / (double)q->nu;
        else if (c->refit_std)
            *v = fmax(old * *v + (1 - old) * var[i], least);
    }
}

static elbo_status refit(const elbo_sequence_config *c, size_t n,
                         const float a[], const double w[], elbo_sequence_q *q,
                         elbo_arena *ws)
{
    static const double none = 1e-12; /* of the weight: nothing to fit to */
    const size_t size = q->H * q->nu;
    double *const share = elbo_arena_doubles(ws, n * q->M);
    double *const term = elbo_arena_doubles(ws, q->M);
    double *const mean = elbo_arena_doubles(ws, size);
    double *const var = elbo_arena_doubles(ws, size);

    ELBO_TRY(elbo_arena_check(ws, "a planner's refit"));
    responsibilities(c, n, a, w, q, term, share);
    for (size_t m = 0; m < q->M; m++) {
        double N = 0;

        for (size_t k = 0; k < n; k++) N += share[k * q->M + m];
        q->weight[m] = fmax(N, none);
        if (!(N > none)) continue;
        moments(n, a, share, N, q, m, mean, var);
        move(c, q, m, mean, var);
    }
    return ELBO_OK;
}

elbo_status elbo_sequence_refit(const elbo_sequence_config *c, size_t n,
                                const float a[], const double w[],
                                elbo_sequence_q *q, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = refit(c, n, a, w, q, ws);

    elbo_arena_release(ws, mark);
    return s;
}
