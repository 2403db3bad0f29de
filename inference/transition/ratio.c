#include "inference/ratio.h"

#include <float.h>
#include <math.h>
#include <string.h>

elbo_status elbo_kernel_onto(const elbo_kernel *p, const elbo_pattern *pattern,
                             elbo_arena *arena, elbo_kernel *out)
{
    const size_t rows = pattern->nS * pattern->nA;
    double *prob = elbo_arena_doubles(arena, pattern->nnz);

    *out =
        (elbo_kernel){.pattern = pattern, .prob = prob, .partial = p->partial};
    ELBO_TRY(elbo_arena_check(arena, "a kernel on another pattern"));
    memset(prob, 0, pattern->nnz * sizeof *prob);
    for (size_t row = 0; row < rows; row++)
        for (size_t i = elbo_row_begin(p->pattern, row);
             i < elbo_row_end(p->pattern, row); i++) {
            const size_t next = elbo_successor(p->pattern, row, i);
            const size_t j = elbo_entry(pattern, row, next);

            if (!(p->prob[i] > 0)) continue;
            if (j == (size_t)-1)
                out->partial = true;
            else
                prob[j] += p->prob[i];
        }
    return ELBO_OK;
}

void elbo_ratio_clip(const elbo_kernel *p, const elbo_kernel *q, double c,
                     double out[])
{
    const double low = exp(-c), high = exp(c);

    for (size_t i = 0; i < p->pattern->nnz; i++)
        out[i] = fmax(
            fmin(fmax(p->prob[i], q->prob[i] * low), q->prob[i] * high),
            DBL_MIN);
}

/* m[nnz] += the model's successors of a real transition of this mass. */
static void imagine(const elbo_classifier *how, const elbo_kernel *q,
                    size_t row, double mass, double m[], elbo_rng *rng)
{
    const size_t begin = elbo_row_begin(q->pattern, row);
    const size_t n = elbo_row_end(q->pattern, row) - begin;
    const double share = mass / (double)how->samples;

    for (size_t i = 0; how->samples == 0 && i < n; i++)
        m[begin + i] += mass * q->prob[begin + i];
    for (size_t k = 0; k < how->samples; k++)
        m[begin + elbo_rng_categorical(rng, q->prob + begin, n)] += share;
}

/* argmax n log sigma(L) + m log sigma(-L) - ridge L^2 / 2: its slope falls, so
 * that Newton's steps need a bracket alone. */
static double log_odds(double n, double m, double ridge)
{
    double low = -m / ridge, high = n / ridge, L = 0;

    for (size_t k = 0; k < 200 && high - low > 4 * DBL_EPSILON * fabs(L); k++) {
        const double s = 1 / (1 + exp(-L));
        const double slope = n * (1 - s) - m * s - ridge * L;
        const double next = L + slope / ((n + m) * s * (1 - s) + ridge);

        if (slope > 0)
            low = L;
        else
            high = L;
        if (next == L) break;
        L = next > low && next < high ? next : (low + high) / 2;
    }
    return L;
}

elbo_status elbo_ratio_classify(const elbo_classifier *how,
                                const elbo_data *data, const elbo_kernel *q,
                                double L[], elbo_rng *rng, elbo_arena *ws)
{
    const size_t nnz = q->pattern->nnz, nA = q->pattern->nA;
    const elbo_mark mark = elbo_arena_mark(ws);
    double *m = elbo_arena_doubles(ws, nnz);
    const elbo_status s = elbo_arena_check(ws, "the classifier's counts");

    memset(L, 0, nnz * sizeof *L);
    if (s != ELBO_OK) return s;
    memset(m, 0, nnz * sizeof *m);
    for (size_t i = 0; i < data->n; i++) {
        const size_t row = data->s[i] * nA + data->a[i];
        const size_t next = data->terminal[i] ? q->pattern->nS : data->next[i];
        const size_t entry = elbo_entry(q->pattern, row, next);

        if (entry == (size_t)-1) continue; /* no model sample is there */
        L[entry] += data->mass[i];
        imagine(how, q, row, data->mass[i], m, rng);
    }
    for (size_t i = 0; i < nnz; i++)
        L[i] = L[i] > 0 || m[i] > 0 ? log_odds(L[i], m[i], how->ridge) : 0;
    elbo_arena_release(ws, mark);
    return ELBO_OK;
}
