/* inference/messages/hmm_wide.h -- the loops of hmm_kernels.h for chains whose
 * matrices are too large for registers: sums stay in registers instead, a panel
 * of columns at a time, and every entry of the matrix is loaded once.
 *
 * Rows have n entries, a multiple of eight, with zeros past the K-th. Sums
 * are taken in an order that depends on the build, n and K alone.
 */
#ifndef ELBO_HMM_WIDE_H
#define ELBO_HMM_WIDE_H

#include <stddef.h>
#include <stdint.h>

enum { ELBO_HMM_WIDE = 8 };

/* out [n] = x' M over the K rows of M [K x n] */
void elbo_hmm_wide_times(size_t K, size_t n, const double x[], const double M[],
                         double out[]);
/* S [K x n] += a' w over the steps of a, w [steps x n] */
void elbo_hmm_wide_outer(size_t K, size_t n, size_t steps, const double a[],
                         const double w[], double S[]);
/* As elbo_hmm_emit and elbo_hmm_meet. */
void elbo_hmm_wide_emit(size_t K, size_t n, size_t rows, const double in[],
                        double largest[], double b[]);
double elbo_hmm_wide_meet(size_t n, const double p[], const double b[],
                          double s, const double floor[], double u[],
                          uint64_t *low);

#endif
