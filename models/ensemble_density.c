/* models/ensemble_density.c -- the log of the elites' mean density; under
 * posterior: mean_field the mean of the draws' logs, E_q log p, which with the KL
 * to the prior is a bound of the evidence, as the log of a mean is not.
 */
#include <math.h>
#include <string.h>

#include "models/ensemble.h"

static const double log_two_pi = 1.8378770664093454836;

/* log sum exp of x[n]. */
static double log_sum(const double x[], size_t n)
{
    double most = x[0], sum = 0;

    for (size_t i = 1; i < n; i++) most = fmax(most, x[i]);
    if (!isfinite(most)) return most;
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - most);
    return most + log(sum);
}

/* Of y under component k. */
static double gauss(const elbo_ensemble *e, const elbo_ensemble_parts *p,
                    const float bounds[], const float out[], size_t k,
                    const double y[])
{
    const size_t n = elbo_ensemble_bounds(e);
    double sum = 0;

    for (size_t j = 0; j < e->D; j++) {
        const size_t at = k * e->D + j;
        const double v = n ? (double)elbo_ensemble_bounded(
                             out[p->v + at], bounds[at], bounds[n + at])
                           : 2 * log(e->config.noise);
        const double d = y[j] - (double)out[p->mu + at];

        sum -= 0.5 * (d * d * exp(-v) + v + log_two_pi);
    }
    return sum;
}

static double head(const elbo_ensemble *e, const elbo_ensemble_parts *p,
                   size_t member, const float out[], const double y[], bool end)
{
    const float *const bounds =
        elbo_ensemble_theta(e, member) + elbo_mlp_size(&e->mlp);
    double term[32] = {0}, pi[32] = {0}, sum;

    for (size_t k = 0; k < e->K; k++) {
        term[k] = gauss(e, p, bounds, out, k, y);
        pi[k] = (double)out[p->pi + k];
    }
    sum = term[0];
    if (e->config.head == ELBO_HEAD_MIXTURE) {
        const double total = log_sum(pi, e->K);

        for (size_t k = 0; k < e->K; k++) term[k] += pi[k] - total;
        sum = log_sum(term, e->K);
    }
    for (size_t j = 0; j < e->D; j++) sum -= log((double)e->out_scale[j]);
    if (e->config.end == ELBO_LEARNT) {
        const double logit = (double)out[p->end] * (end ? 1 : -1);

        sum -= fmax(-logit, 0) + log1p(exp(-fabs(logit)));
    }
    return sum;
}

static void target(const elbo_ensemble *e, const elbo_replay *data, size_t slot,
                   double y[])
{
    const size_t no = data->no;

    for (size_t j = 0; j < no; j++)
        y[j] = (double)data->next[slot * no + j]
               - (e->config.absolute ? 0 : (double)data->o[slot * no + j]);
    if (e->D > no) y[no] = (double)data->reward[slot];
    for (size_t j = 0; j < e->D; j++)
        y[j] = (y[j] - (double)e->out_mean[j]) / (double)e->out_scale[j];
}

static double together(const elbo_ensemble *e, const double each[], size_t n)
{
    double sum = 0;

    if (!e->q) return log_sum(each, n) - log((double)n);
    for (size_t k = 0; k < n; k++) sum += each[k] / (double)n;
    return sum;
}

static elbo_status density(const elbo_task_belief *belief,
                           const elbo_replay *data, const uint32_t slot[],
                           size_t n, double out[], elbo_arena *ws)
{
    const elbo_ensemble *const e = belief->self;
    const elbo_ensemble_parts p = elbo_ensemble_outputs(e);
    const size_t nin = data->no + data->nu;
    uint32_t *const elite = elbo_arena_u32(ws, e->members);
    float *const z = elbo_arena_take(ws, n * nin, sizeof *z);
    float *const outputs = elbo_arena_take(ws, n * p.outputs, sizeof *outputs);
    double *const y = elbo_arena_doubles(ws, e->D);
    const size_t E = elbo_ensemble_elites(belief, elite);
    double *const each = elbo_arena_doubles(ws, n * E);

    ELBO_TRY(elbo_arena_check(ws, "the model's density"));
    for (size_t i = 0; i < n; i++)
        elbo_ensemble_input(e, data->o + slot[i] * data->no,
                            data->u + slot[i] * data->nu, z + i * nin);
    for (size_t k = 0; k < E; k++) {
        ELBO_TRY(elbo_mlp_forward(&e->mlp, elbo_ensemble_theta(e, elite[k]), n,
                                  z, outputs, ws));
        for (size_t i = 0; i < n; i++) {
            target(e, data, slot[i], y);
            each[i * E + k] = head(e, &p, elite[k], outputs + i * p.outputs, y,
                                   data->end[slot[i]]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        out[i] = together(e, each + i * E, E);
        if (!isfinite(out[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "the density of row %u is exp %g",
                             (unsigned)slot[i], out[i]);
    }
    return ELBO_OK;
}

elbo_status elbo_ensemble_log_density(const elbo_task_belief *belief,
                                      const elbo_replay *data,
                                      const uint32_t slot[], size_t n,
                                      double out[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = density(belief, data, slot, n, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}
