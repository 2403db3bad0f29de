#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/lqr.h"

/* What the parts of one stage weigh. */
typedef struct temperatures {
    double alpha, b; /* 0: not charged */
} temperatures;

static temperatures charged(const elbo_lqr *lqr)
{
    const double b = elbo_lqr_charge(lqr);

    return (temperatures){.alpha = isinf(lqr->alpha) ? 0 : lqr->alpha,
                          .b = isinf(b) ? 0 : b};
}

static elbo_status add_stage(const elbo_lqr *lqr, size_t t,
                             const elbo_linear_chain *chain,
                             const elbo_linear_moments *m, elbo_lqr_parts *out,
                             elbo_arena *ws)
{
    static const elbo_linear_prior flat = {0};
    const temperatures weight = charged(lqr);
    elbo_quadratic kl = elbo_quadratic_take(ws, lqr->nx);
    elbo_quadratic klz = elbo_quadratic_take(ws, lqr->nx + lqr->nu);

    ELBO_TRY(elbo_arena_check(ws, "the parts of F"));
    out->reward += elbo_linear_moments_mean(
        m, &lqr->reward[elbo_lqr_stage_of(lqr->nreward, t)]);
    if (weight.alpha != 0) {
        const elbo_linear_prior *prior =
            lqr->nprior ? &lqr->prior[elbo_lqr_stage_of(lqr->nprior, t)] : &flat;

        ELBO_TRY(elbo_linear_policy_kl(
            &chain->policy[elbo_lqr_stage_of(chain->npolicy, t)], prior, &kl,
            ws));
        out->policy_kl += weight.alpha * elbo_linear_moments_mean(m, &kl);
    }
    if (weight.b != 0) {
        ELBO_TRY(elbo_linear_dynamics_kl(
            &chain->dynamics[elbo_lqr_stage_of(chain->ndynamics, t)],
            &lqr->dynamics[elbo_lqr_stage_of(lqr->ndynamics, t)], &klz, ws));
        out->transition_kl += weight.b * elbo_linear_moments_mean(m, &klz);
    }
    return ELBO_OK;
}

/* gamma^T E terminal(x_T), x_T = y of the last stage. */
static double at_the_end(const elbo_lqr *lqr, const elbo_linear_moments *last)
{
    const elbo_linear_moments end = {.mass = last->mass, .z = last->y,
                                     .zz = last->yy};

    return lqr->gamma * elbo_linear_moments_mean(&end, lqr->terminal);
}

static elbo_status parts(const elbo_lqr *lqr, const elbo_linear_chain *chain,
                         const gsl_vector *m0, const gsl_matrix *P0,
                         elbo_lqr_parts *out, elbo_arena *ws)
{
    const size_t n = lqr->T ? lqr->T : 1;
    elbo_linear_moments *moments = elbo_arena_take(ws, n, sizeof *moments);

    *out = (elbo_lqr_parts){0};
    ELBO_TRY(elbo_arena_check(ws, "the parts of F"));
    for (size_t t = 0; t < n; t++)
        moments[t] = elbo_linear_moments_take(ws, lqr->nx, lqr->nu);
    ELBO_TRY(elbo_arena_check(ws, "the parts of F"));
    ELBO_TRY(elbo_linear_occupancy(chain, m0, P0, moments, ws));
    for (size_t t = 0; t < n; t++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s = add_stage(lqr, t, chain, &moments[t], out, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return lqr->T ? elbo_fail_prefix("stage %zu", t) : s;
    }
    if (lqr->T && lqr->terminal)
        out->reward += at_the_end(lqr, &moments[n - 1]);
    return ELBO_OK;
}

elbo_status elbo_lqr_parts_at(const elbo_lqr *lqr, const elbo_linear_chain *chain,
                              const gsl_vector *m0, const gsl_matrix *P0,
                              elbo_lqr_parts *out, elbo_arena *ws)
{
    assert(chain->nx == lqr->nx && chain->nu == lqr->nu && chain->T == lqr->T
           && chain->gamma == lqr->gamma);

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = parts(lqr, chain, m0, P0, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}
