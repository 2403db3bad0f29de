/* tests/linalg_cases.h -- matrices to factor. */
#ifndef ELBO_TEST_LINALG_CASES_H
#define ELBO_TEST_LINALG_CASES_H

#include <gsl/gsl_matrix.h>
#include <stdint.h>

#include "inference/core/arena.h"

/* [n x n], a window of a wider matrix, so that tda != size2. */
gsl_matrix linalg_window(elbo_arena *ws, size_t n);
/* Uniform in [-1, 1), the next of a congruential generator's. */
double linalg_noise(uint32_t *x);
void linalg_fill(gsl_matrix *A, uint32_t seed);

#endif
