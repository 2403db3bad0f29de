/* inference/mstep_members.c -- likelihoods averaged over a posterior, and the
 * closed M-step of one over finitely many kernels.
 */
#include <math.h>

#include "inference/mstep.h"

/* sum_k theta_k l(P_k); what has no weight is not looked at. */
static elbo_status average(const elbo_belief *belief,
                           const elbo_likelihood *likelihood, const double C[],
                           double *value)
{
    double sum = 0, one;

    for (size_t k = 0; k < belief->n; k++) {
        const elbo_kernel P = belief->model->member(belief, k);

        if (!(belief->theta[k] > 0)) continue;
        ELBO_TRY(elbo_likelihood_value(likelihood, &P, C, &one, NULL));
        sum += belief->theta[k] * one;
    }
    *value = sum;
    return ELBO_OK;
}

elbo_status elbo_belief_likelihood(const elbo_belief *belief,
                                   const elbo_likelihood *likelihood,
                                   const double C[], double *value, double G[])
{
    const elbo_model *const model = belief->model;

    if (likelihood->regression) {
        *value = elbo_regression_value(likelihood->regression, &belief->mean);
        return ELBO_OK;
    }
    if (likelihood->conjugate && model->expect_log) {
        *value = model->expect_log(belief, C);
        if (isfinite(*value)) return ELBO_OK;
    }
    if (model->member && !likelihood->conjugate)
        return average(belief, likelihood, C, value);
    return elbo_likelihood_value(likelihood, &belief->geo, C, value, G);
}

elbo_status elbo_mstep_weigh(const elbo_likelihood *likelihood,
                             const double C[], const double counts[],
                             elbo_belief *belief, elbo_arena *ws)
{
    double *const value = elbo_arena_doubles(ws, belief->n), one;

    ELBO_TRY(elbo_arena_check(ws, "the M-step's candidates"));
    for (size_t k = 0; k < belief->n; k++) {
        const elbo_kernel P = belief->model->member(belief, k);

        ELBO_TRY(elbo_likelihood_value(likelihood, &P, C, &value[k], NULL));
        if (!counts) continue;
        ELBO_TRY(elbo_likelihood_value(&elbo_likelihood_logp, &P, counts, &one,
                                       NULL));
        value[k] += one;
    }
    return belief->model->weigh(belief, value);
}
