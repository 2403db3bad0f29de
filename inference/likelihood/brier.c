/* inference/likelihood/brier.c -- the squared error of the whole row:
 * l(x) = -1/2 sum_j (p_j - [s' = j])^2.
 *
 *   value = sum_rows -1/2 (n p'p - 2 C'p + n)      G = C - n p      n = sum_j C_j
 */
#include "inference/core/parallel.h"
#include "inference/likelihood.h"

typedef struct pass {
    const elbo_kernel *p;
    const double *C; /* [nnz] */
    double *G;       /* [nnz], or NULL */
} pass;

static double sum_rows(void *arg, size_t first, size_t last)
{
    const pass *const x = arg;
    double sum = 0;

    for (size_t row = first; row < last; row++) {
        const size_t begin = elbo_row_begin(x->p->pattern, row);
        const size_t length = elbo_row_end(x->p->pattern, row) - begin;
        const double *const p = x->p->prob + begin, *const C = x->C + begin;
        const double n = elbo_sum(C, length);

        sum += elbo_dot(C, p, length) - 0.5 * n * (elbo_dot(p, p, length) + 1);
    }
    return sum;
}

static void add_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        const size_t begin = elbo_row_begin(x->p->pattern, row);
        const size_t end = elbo_row_end(x->p->pattern, row);
        const double n = elbo_sum(x->C + begin, end - begin);

        for (size_t i = begin; i < end; i++)
            x->G[i] += x->C[i] - n * x->p->prob[i];
    }
}

static elbo_status value_of(const elbo_kernel *p, const double C[],
                            double *value, double G[])
{
    const size_t rows = p->pattern->nS * p->pattern->nA;
    pass x = {p, C, G};

    *value = elbo_parallel_sum(rows, p->pattern->nnz * 6, &x, sum_rows);
    if (G) elbo_parallel(rows, p->pattern->nnz * 4, &x, add_rows);
    return ELBO_OK;
}

const elbo_likelihood elbo_likelihood_brier = {
    .name = "brier",
    .source = "Brier 1950; as a model loss Yang and Wang 2020",
    .formula = "-0.5*sum_j (p(j|s,a) - [s' = j])^2",
    .doc = "squared error of the row, one number a successor",
    .term = true,
    .value = value_of,
};
