/* tests/gaussian_lab.h -- random tables and transitions of linear-Gaussian worlds, and
 * expressions of the language written down twice: as text, and as a function of ours
 * whose expectations are Gauss-Hermite sums of four points a dimension, exact for
 * polynomials up to degree 7.
 */
#ifndef ELBO_GAUSSIAN_LAB_H
#define ELBO_GAUSSIAN_LAB_H

#include "inference/language/gaussian.h"

enum { NX = 3, NU = 2, NZ = NX + NU, N = 7, T = 4, EPOCHS = 2, MOST = 128 };

typedef struct lab {
    elbo_gaussian_batch batch;
    double x[N * NX], u[N * NU], y[N * NX], weight[N];
    uint32_t step[N], epoch[N];
    double store[ELBO_GAUSSIAN_TABLES][MOST], slope[ELBO_GAUSSIAN_TABLES][MOST];
    const double *table[ELBO_GAUSSIAN_TABLES];
    double *slopes[ELBO_GAUSSIAN_TABLES];
} lab;

void lab_set_up(lab *l, unsigned seed, size_t model_stages, size_t horizon);
size_t lab_rows(const lab *l, elbo_gaussian_table t);
size_t lab_cols(const lab *l, elbo_gaussian_table t);
/* n of a table whose rows are symmetric [n x n]; 0: they are not. */
size_t lab_square(elbo_gaussian_table t);
/* The table's row of transition i; of values, `later` stages on. */
const double *lab_row(const lab *l, elbo_gaussian_table t, size_t i, size_t later);
/* S^-1 and log |S|, S [n x n]. */
void lab_invert(const double S[], size_t n, double out[], double *logdet);

typedef struct lab_case {
    const char *text;
    double (*want)(const lab *l, size_t i);
    bool timeless; /* only without a horizon */
} lab_case;
extern const lab_case lab_cases[];
enum { LAB_CASES = 26 };

#endif
