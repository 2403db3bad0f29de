#include "inference/heldout.h"

#include <math.h>

#include "inference/core/parallel.h"

typedef struct heldout {
    const elbo_kernel *world, *model;
    const double *d;
} heldout;

/* -log p_theta(s'|s,a) of the world's entry i. */
static double surprise(const heldout *h, size_t row, size_t i)
{
    const elbo_kernel *const model = h->model;
    const size_t next = elbo_successor(h->world->pattern, row, i);
    const size_t entry = elbo_entry(model->pattern, row, next);

    if (entry == (size_t)-1) return INFINITY;
    return -(model->log_prob ? model->log_prob[entry] : log(model->prob[entry]));
}

static double add_rows(void *arg, size_t first, size_t last)
{
    const heldout *h = arg;
    const elbo_kernel *const p = h->world;
    double sum = 0;

    for (size_t row = first; row < last; row++) {
        const size_t end = elbo_row_end(p->pattern, row);

        if (!(h->d[row] > 0)) continue;
        for (size_t i = elbo_row_begin(p->pattern, row); i < end; i++)
            if (p->prob[i] > 0)
                sum += h->d[row] * p->prob[i] * surprise(h, row, i);
    }
    return sum;
}

static elbo_status name_impossible(const heldout *h)
{
    const elbo_pattern *const p = h->world->pattern;

    for (size_t row = 0; row < p->nS * p->nA; row++)
        for (size_t i = elbo_row_begin(p, row); i < elbo_row_end(p, row); i++)
            if (h->d[row] > 0 && h->world->prob[i] > 0
                && !isfinite(surprise(h, row, i)))
                return ELBO_FAIL(ELBO_ENOTFINITE,
                                 "nll: state %zu, action %zu, next %zu: of "
                                 "probability %g, impossible in the model",
                                 row / p->nA, row % p->nA,
                                 elbo_successor(p, row, i), h->world->prob[i]);
    return ELBO_FAIL(ELBO_ENOTFINITE, "nll: the sum overflows");
}

elbo_status elbo_heldout_nll(const elbo_kernel *world, const elbo_kernel *model,
                             const double d[], double *nll)
{
    heldout h = {.world = world, .model = model, .d = d};
    const elbo_pattern *const p = world->pattern;

    *nll = elbo_parallel_sum(p->nS * p->nA, 20 * p->nnz, &h, add_rows);
    return isfinite(*nll) ? ELBO_OK : name_impossible(&h);
}
