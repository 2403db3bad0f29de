#include "inference/model.h"

#include <math.h>

size_t elbo_belief_slopes(const elbo_belief *belief)
{
    const elbo_pattern *const pattern = belief->mean.pattern;

    return pattern->nnz + (belief->reward ? pattern->nS * pattern->nA : 0);
}

void elbo_belief_save(const elbo_belief *belief, elbo_writer *out)
{
    elbo_put_u64(out, belief->n);
    elbo_put_doubles(out, belief->theta, belief->n);
    if (belief->model->save) belief->model->save(belief, out);
}

elbo_status elbo_belief_load(elbo_belief *belief, elbo_reader *in)
{
    uint64_t n = 0;

    ELBO_TRY(elbo_get_u64(in, &n));
    if (n != belief->n)
        return ELBO_FAIL(ELBO_EDATA,
                         "model %s has %zu parameters, the checkpoint %llu",
                         belief->model->name, belief->n, (unsigned long long)n);
    ELBO_TRY(elbo_get_doubles(in, belief->theta, belief->n));
    for (size_t j = 0; j < belief->n; j++)
        if (!isfinite(belief->theta[j]))
            return ELBO_FAIL(ELBO_EDATA, "parameter %zu of model %s is %g", j,
                             belief->model->name, belief->theta[j]);
    if (belief->model->load) ELBO_TRY(belief->model->load(belief, in));
    if (belief->model->update) belief->model->update(belief);
    return ELBO_OK;
}
