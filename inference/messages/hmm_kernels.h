/* inference/messages/hmm_kernels.h -- the loops that forward and backward
 * passes spend their time in; for hmm.c alone.
 *
 * Rows are padded with zeros to a multiple of four, so that no loop has a
 * remainder. Inlined with a constant `n`, they unroll.
 */
#ifndef ELBO_HMM_KERNELS_H
#define ELBO_HMM_KERNELS_H

#include "inference/core/explog.h"

enum { ELBO_HMM_LANES = 4 };

/* out = x' M, M [n x n]: four rows at a time */
static inline void elbo_hmm_times(size_t n, const double x[restrict],
                                  const double M[restrict],
                                  double out[restrict])
{
    for (size_t k = 0; k < n; k++) out[k] = 0;
    for (size_t j = 0; j < n; j += ELBO_HMM_LANES) {
        const double a = x[j], b = x[j + 1], c = x[j + 2], d = x[j + 3];
        const double *const A = M + j * n, *const B = A + n, *const C = B + n,
                            *const D = C + n;

        for (size_t k = 0; k < n; k++)
            out[k] = elbo_madd(
                d, D[k],
                elbo_madd(c, C[k],
                          elbo_madd(b, B[k], elbo_madd(a, A[k], out[k]))));
    }
}

/* b [rows x n] = exp(in - largest), in [rows x K], b = 0 past the K-th; the
 * largest of a row by lanes. A row with NaN or inf, or of -inf, gives NaN. */
static inline void elbo_hmm_emit(size_t K, size_t n, size_t rows,
                                 const double in[restrict],
                                 double largest[restrict], double b[restrict])
{
    for (size_t t = 0; t < rows; t++) {
        double *const row = b + t * n, most[ELBO_HMM_LANES];

        for (size_t k = 0; k < n; k++)
            row[k] = k < K ? in[t * K + k] : -HUGE_VAL;
        for (size_t l = 0; l < ELBO_HMM_LANES; l++) most[l] = row[l];
        for (size_t k = ELBO_HMM_LANES; k < n; k += ELBO_HMM_LANES)
            for (size_t l = 0; l < ELBO_HMM_LANES; l++)
                most[l] = row[k + l] > most[l] ? row[k + l] : most[l];

        const double x = most[0] > most[1] ? most[0] : most[1];
        const double y = most[2] > most[3] ? most[2] : most[3];

        largest[t] = x > y ? x : y;
        for (size_t k = 0; k < n; k++) row[k] -= largest[t];
    }
    for (size_t i = 0; i < rows * n; i++) {
        double unused;

        b[i] = elbo_exp(b[i], &unused);
    }
}

/* u = p * b s; returns its sum in four lanes; *low: an entry is under its floor
 */
static inline double elbo_hmm_meet(size_t n, const double p[restrict],
                                   const double b[restrict], double s,
                                   const double floor[restrict],
                                   double u[restrict], uint64_t *low)
{
    double sum[ELBO_HMM_LANES] = {0};
    uint64_t under[ELBO_HMM_LANES] = {0};

    for (size_t k = 0; k < n; k += ELBO_HMM_LANES)
        for (size_t l = 0; l < ELBO_HMM_LANES; l++) {
            u[k + l] = p[k + l] * (b[k + l] * s);
            sum[l] += u[k + l];
            under[l] |= u[k + l] < floor[k + l] ? UINT64_C(1) : 0;
        }
    *low = under[0] | under[1] | under[2] | under[3];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* out = s x */
static inline void elbo_hmm_scale(size_t n, double s, const double x[restrict],
                                  double out[restrict])
{
    for (size_t k = 0; k < n; k++) out[k] = s * x[k];
}

/* w = (w s) * x, in the order that lets x come last */
static inline void elbo_hmm_weigh(size_t n, double s, const double x[restrict],
                                  double w[restrict])
{
    for (size_t k = 0; k < n; k++) w[k] = w[k] * s * x[k];
}

/* S += a' w over four steps: a, w [4 x n], S [n x n] */
static inline void elbo_hmm_outer(size_t n, const double a[restrict],
                                  const double w[restrict], double S[restrict])
{
    for (size_t i = 0; i < n; i++) {
        const double p = a[i], q = a[n + i], r = a[2 * n + i], s = a[3 * n + i];
        double *const row = S + i * n;

        for (size_t j = 0; j < n; j++)
            row[j] = elbo_madd(
                s, w[3 * n + j],
                elbo_madd(r, w[2 * n + j],
                          elbo_madd(q, w[n + j], elbo_madd(p, w[j], row[j]))));
    }
}

#endif
