/* models/ensemble_doubts.c -- what members say of their own noise and of each
 * other.
 *
 *   aleatoric     max_i |sigma_i(o, u)|             (Yu et al. 2020, eq. in
 *                                                   section 4.2)
 *   disagreement  max_ij |mu_i(o, u) - mu_j(o, u)|  (Kidambi et al. 2020, sec. 3)
 *
 * over all members, in the world's units.
 */
#include <math.h>
#include <string.h>

#include "models/ensemble.h"

/* Mean and deviation of y under a row of a member's outputs, normalised. */
static void moments(const elbo_ensemble *e, const elbo_ensemble_parts *p,
                    size_t member, const float out[], double mean[],
                    double std[])
{
    const float *const bounds =
        elbo_ensemble_theta(e, member) + elbo_mlp_size(&e->mlp);
    const size_t n = elbo_ensemble_bounds(e);
    double most = -HUGE_VAL, total = 0;

    for (size_t k = 0; k < e->K; k++)
        most = e->K == 1 ? 0 : fmax(most, (double)out[p->pi + k]);
    memset(mean, 0, e->D * sizeof *mean);
    memset(std, 0, e->D * sizeof *std);
    for (size_t k = 0; k < e->K; k++) {
        const double w = e->K == 1 ? 1 : exp((double)out[p->pi + k] - most);

        total += w;
        for (size_t j = 0; j < e->D; j++) {
            const size_t at = k * e->D + j;
            const double mu = (double)out[p->mu + at];
            const double v = n ? exp((double)elbo_ensemble_bounded(
                                 out[p->v + at], bounds[at], bounds[n + at]))
                               : 0;

            mean[j] += w * mu;
            std[j] += w * (v + mu * mu);
        }
    }
    for (size_t j = 0; j < e->D; j++) {
        mean[j] /= total;
        std[j] = sqrt(fmax(std[j] / total - mean[j] * mean[j], 0));
    }
}

/* One member's part of both, at all rows; means [n x no] of those before it. */
typedef struct doubts {
    const elbo_ensemble *e;
    elbo_ensemble_parts parts;
    size_t n;
    float *z, *out;    /* [n x (no + nu)], [n x outputs] */
    double *means;     /* [members x n x no] */
    double *mean, *std; /* [D] */
} doubts;

static double noise_of(const doubts *d)
{
    double sum = 0;

    for (size_t j = 0; j < d->e->D; j++)
        sum += pow((double)d->e->out_scale[j] * d->std[j], 2);
    return sqrt(sum);
}

static double apart(const double x[], const double y[], size_t n)
{
    double sum = 0;

    for (size_t j = 0; j < n; j++) sum += (x[j] - y[j]) * (x[j] - y[j]);
    return sqrt(sum);
}

static void add_member(doubts *d, size_t m, float aleatoric[],
                       float disagreement[])
{
    const size_t no = d->e->world->no;

    for (size_t i = 0; i < d->n; i++) {
        double *const own = d->means + (m * d->n + i) * no;

        moments(d->e, &d->parts, m, d->out + i * d->parts.outputs, d->mean,
                d->std);
        for (size_t j = 0; j < no; j++)
            own[j] = (double)d->e->out_scale[j] * d->mean[j];
        aleatoric[i] = fmaxf(aleatoric[i], (float)noise_of(d));
        for (size_t k = 0; k < m; k++)
            disagreement[i] =
                fmaxf(disagreement[i],
                      (float)apart(own, d->means + (k * d->n + i) * no, no));
    }
}

static elbo_status all_members(doubts *d, const float o[], const float u[],
                               float aleatoric[], float disagreement[],
                               elbo_arena *ws)
{
    const elbo_ensemble *const e = d->e;
    const size_t no = e->world->no, nu = e->world->nu, n = d->n;

    d->z = elbo_arena_take(ws, n * (no + nu), sizeof *d->z);
    d->out = elbo_arena_take(ws, n * d->parts.outputs, sizeof *d->out);
    d->means = elbo_arena_doubles(ws, e->members * n * no);
    d->mean = elbo_arena_doubles(ws, e->D);
    d->std = elbo_arena_doubles(ws, e->D);
    ELBO_TRY(elbo_arena_check(ws, "the members' doubts"));
    for (size_t i = 0; i < n; i++) {
        elbo_ensemble_input(e, o + i * no, u + i * nu, d->z + i * (no + nu));
        aleatoric[i] = disagreement[i] = 0;
    }
    for (size_t m = 0; m < e->members; m++) {
        ELBO_TRY(elbo_mlp_forward(&e->mlp, elbo_ensemble_theta(e, m), n, d->z,
                                  d->out, ws));
        add_member(d, m, aleatoric, disagreement);
    }
    return ELBO_OK;
}

elbo_status elbo_ensemble_doubts(const elbo_task_belief *belief, size_t n,
                                 const float o[], const float u[],
                                 float aleatoric[], float disagreement[],
                                 elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    doubts d = {.e = belief->self, .n = n};
    elbo_status s;

    d.parts = elbo_ensemble_outputs(d.e);
    s = all_members(&d, o, u, aleatoric, disagreement, ws);
    elbo_arena_release(ws, mark);
    return s;
}
