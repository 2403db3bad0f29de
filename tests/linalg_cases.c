#include "tests/linalg_cases.h"

gsl_matrix linalg_window(elbo_arena *ws, size_t n)
{
    gsl_matrix *wide = elbo_arena_mat(ws, n, n + 3);

    return (gsl_matrix){
        .size1 = n, .size2 = n, .tda = wide->tda, .data = wide->data};
}

double linalg_noise(uint32_t *x)
{
    *x = 1664525 * *x + 1013904223;
    return (double)(*x >> 8) * 0x1p-23 - 1;
}

void linalg_fill(gsl_matrix *A, uint32_t seed)
{
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            gsl_matrix_set(A, i, j, linalg_noise(&seed));
}
