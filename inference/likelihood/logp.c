/* inference/likelihood/logp.c -- maximum likelihood: l(x) = log
 * p_theta(s'|s,a).
 *
 *   value = sum C log p        G = C / p        over the entries with C > 0
 */
#include <math.h>

#include "inference/core/parallel.h"
#include "inference/likelihood.h"

typedef struct pass {
    const double *p, *C; /* [nnz] */
    double *G;           /* [nnz] */
} pass;

static double sum_entries(void *arg, size_t first, size_t last)
{
    const pass *const x = arg;
    double sum = 0;

    for (size_t i = first; i < last; i++)
        if (x->C[i] > 0) sum += x->C[i] * log(x->p[i]);
    return sum;
}

static void add_gradient(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;

    (void)chunk;
    for (size_t i = first; i < last; i++)
        if (x->C[i] > 0) x->G[i] += x->C[i] / x->p[i];
}

/* Names the first entry whose term is not finite. */
static elbo_status complain(const elbo_kernel *p, const double C[])
{
    const elbo_pattern *const pattern = p->pattern;
    const size_t nA = pattern->nA, rows = pattern->nS * nA;

    for (size_t row = 0; row < rows; row++)
        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            const size_t next = elbo_successor(pattern, row, i);

            if (!(C[i] > 0) || isfinite(C[i] * log(p->prob[i]))) continue;
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "logp: state %zu, action %zu, successor %zu%s: "
                             "count %g of probability %g",
                             row / nA, row % nA, next,
                             next == pattern->nS ? " (the end)" : "", C[i],
                             p->prob[i]);
        }
    return ELBO_FAIL(ELBO_ENOTFINITE, "logp: the sum of %zu entries overflows",
                     pattern->nnz);
}

static elbo_status value_of(const elbo_kernel *p, const double C[],
                            double *value, double G[])
{
    const size_t nnz = p->pattern->nnz;
    pass x = {p->prob, C, G};
    const double sum = elbo_parallel_sum(nnz, nnz * 4, &x, sum_entries);

    if (!isfinite(sum)) return complain(p, C);
    *value = sum;
    if (G) elbo_parallel(nnz, nnz, &x, add_gradient);
    return ELBO_OK;
}

const elbo_likelihood elbo_likelihood_logp = {
    .name = "logp",
    .source = "maximum likelihood",
    .formula = "log p(s'|s,a)",
    .doc = "the log probability of the observed successor",
    .conjugate = true,
    .value = value_of,
};
