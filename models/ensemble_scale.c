#include <math.h>

#include "models/ensemble.h"

/* Column j of n rows of x, less the same of `from` unless NULL: mean and scale,
 * in two passes. */
static void column(const float x[], const float from[], size_t n, size_t cols,
                   size_t j, double lowest, float *mean, float *scale)
{
    double sum = 0, squares = 0;

    for (size_t i = 0; i < n; i++) {
        const size_t at = i * cols + j;

        sum += (double)x[at] - (from ? (double)from[at] : 0);
    }

    const double m = sum / (double)n;

    for (size_t i = 0; i < n; i++) {
        const size_t at = i * cols + j;
        const double d = (double)x[at] - (from ? (double)from[at] : 0) - m;

        squares += d * d;
    }

    const double s = sqrt(squares / (double)n);

    *mean = (float)m;
    *scale = s < lowest * fmax(1, fabs(m)) || s == 0 ? 1 : (float)s;
}

void elbo_ensemble_scale(elbo_ensemble *e, const elbo_replay *data)
{
    const size_t no = data->no, nu = data->nu, n = data->n;
    const double lowest = e->config.floor;
    const float *const from = e->config.absolute ? NULL : data->o;

    for (size_t j = 0; e->config.normalise_inputs && j < no; j++)
        column(data->o, NULL, n, no, j, lowest, &e->in_mean[j],
               &e->in_scale[j]);
    for (size_t j = 0; e->config.normalise_inputs && j < nu; j++)
        column(data->u, NULL, n, nu, j, lowest, &e->in_mean[no + j],
               &e->in_scale[no + j]);
    for (size_t j = 0; e->config.normalise_targets && j < no; j++)
        column(data->next, from, n, no, j, lowest, &e->out_mean[j],
               &e->out_scale[j]);
    if (e->config.normalise_targets && e->D > no)
        column(data->reward, NULL, n, 1, 0, lowest, &e->out_mean[no],
               &e->out_scale[no]);
}
