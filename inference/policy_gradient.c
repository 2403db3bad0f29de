#include "inference/policy_gradient.h"

#include <math.h>
#include <string.h>

#include "inference/transition.h"

/* A policy in a process: its visits and values. All [stages x nS x nA] but V. */
typedef struct evaluation {
    size_t rows, stages, width; /* width: of a block of V */
    double *rho, *Q, *V;
} evaluation;

/* The block of values that follows stage t. */
static const double *after(const evaluation *x, const elbo_chain *chain,
                           const double V[], size_t t)
{
    return V + (chain->mdp->horizon ? t + 1 : 0) * x->width;
}

static elbo_kernel kernel_at(const elbo_chain *chain, size_t t)
{
    return (elbo_kernel){.pattern = chain->q.pattern,
                         .prob = chain->q.prob + t * chain->q_stride};
}

static elbo_status evaluate(const elbo_chain *chain, const double r[],
                            evaluation *x, elbo_arena *ws)
{
    const elbo_tilt mean = {.gamma = chain->mdp->gamma};

    x->stages = elbo_stages(chain->mdp);
    x->rows = chain->mdp->nS * chain->mdp->nA;
    x->width = chain->mdp->nS + 1;
    x->rho = elbo_arena_doubles(ws, x->stages * x->rows);
    x->Q = elbo_arena_doubles(ws, x->stages * x->rows);
    x->V = elbo_arena_doubles(ws, (x->stages + 1) * x->width);
    ELBO_TRY(elbo_arena_check(ws, "a policy gradient"));
    for (size_t i = 0; i < x->stages * x->rows; i++) x->Q[i] = r[i % x->rows];
    ELBO_TRY(elbo_occupancy(chain, x->rho, ws));
    ELBO_TRY(elbo_evaluate(chain, x->Q, x->V, ws));
    for (size_t t = 0; t < x->stages; t++) {
        const elbo_kernel q = kernel_at(chain, t);
        double *const Q = x->Q + t * x->rows;

        elbo_transition_model.expect(&mean, &q, after(x, chain, x->V, t), 0,
                                     x->rows, Q);
        for (size_t row = 0; row < x->rows; row++) Q[row] += r[row];
    }
    return ELBO_OK;
}

/* out = v - E_pi v, state by state. */
static void centre(const elbo_chain *chain, const evaluation *x, const double v[],
                   double out[])
{
    const size_t nA = chain->mdp->nA;

    for (size_t i = 0; i < x->stages * x->rows; i += nA) {
        double mean = 0;

        for (size_t a = i; a < i + nA; a++) mean += chain->pi[a] * v[a];
        for (size_t a = i; a < i + nA; a++) out[a] = v[a] - mean;
    }
}

static elbo_status gradient(const elbo_chain *chain, const double r[], double g[],
                            elbo_arena *ws)
{
    evaluation x;

    ELBO_TRY(evaluate(chain, r, &x, ws));
    centre(chain, &x, x.Q, g);
    for (size_t i = 0; i < x.stages * x.rows; i++) g[i] *= x.rho[i];
    return ELBO_OK;
}

/* next [nS] += gamma visits' p; what ends is gone. */
static void push(const elbo_chain *chain, size_t t, const double visits[],
                 double next[])
{
    const elbo_kernel q = kernel_at(chain, t);
    const size_t nS = chain->mdp->nS, rows = nS * chain->mdp->nA;

    for (size_t row = 0; row < rows; row++) {
        const size_t end = elbo_row_end(q.pattern, row);

        for (size_t i = elbo_row_begin(q.pattern, row); i < end; i++) {
            const size_t s = elbo_successor(q.pattern, row, i);

            if (s < nS) next[s] += chain->mdp->gamma * visits[row] * q.prob[i];
        }
    }
}

/* out += sign times the visits from the part of `start` that has that sign. */
static elbo_status add_visits(const elbo_chain *chain, const double start[],
                              double sign, double out[], elbo_arena *ws)
{
    const size_t nS = chain->mdp->nS, rows = nS * chain->mdp->nA;
    elbo_mdp mdp = *chain->mdp;
    elbo_chain from = *chain;
    double *const mu = elbo_arena_doubles(ws, nS);
    double *const rho = elbo_arena_doubles(ws, rows);

    ELBO_TRY(elbo_arena_check(ws, "a policy gradient's visits"));
    for (size_t s = 0; s < nS; s++) mu[s] = fmax(sign * start[s], 0);
    mdp.mu = mu;
    from.mdp = &mdp;
    ELBO_TRY(elbo_occupancy(&from, rho, ws));
    for (size_t row = 0; row < rows; row++) out[row] += sign * rho[row];
    return ELBO_OK;
}

/* rho. [stages x rows]; `moved` holds v - E_pi v. */
static elbo_status move_visits(const elbo_chain *chain, const evaluation *x,
                               const double moved[], double out[], elbo_arena *ws)
{
    const size_t nS = chain->mdp->nS, nA = chain->mdp->nA;
    double *const from = elbo_arena_doubles(ws, nS);

    ELBO_TRY(elbo_arena_check(ws, "a policy gradient's visits"));
    for (size_t i = 0; i < x->stages * x->rows; i++) out[i] = x->rho[i] * moved[i];
    memset(from, 0, nS * sizeof *from);
    if (!chain->mdp->horizon) {
        push(chain, 0, out, from);
        ELBO_TRY(add_visits(chain, from, 1, out, ws));
        return add_visits(chain, from, -1, out, ws);
    }
    for (size_t t = 0; t < x->stages; t++) {
        double *const visits = out + t * x->rows;
        const double *const pi = chain->pi + t * x->rows;

        for (size_t row = 0; row < x->rows; row++)
            visits[row] += pi[row] * from[row / nA];
        memset(from, 0, nS * sizeof *from);
        push(chain, t, visits, from);
    }
    return ELBO_OK;
}

static elbo_status pull(const elbo_chain *chain, const double r[], const double v[],
                        double scale, double dp[], elbo_arena *ws)
{
    const elbo_pattern *const pattern = chain->q.pattern;
    evaluation x;

    ELBO_TRY(evaluate(chain, r, &x, ws));

    double *const moved = elbo_arena_doubles(ws, x.stages * x.rows);
    double *const visits = elbo_arena_doubles(ws, x.stages * x.rows);
    double *const W = elbo_arena_doubles(ws, (x.stages + 1) * x.width);

    ELBO_TRY(elbo_arena_check(ws, "a policy gradient's slopes"));
    centre(chain, &x, v, moved);
    ELBO_TRY(move_visits(chain, &x, moved, visits, ws));
    for (size_t i = 0; i < x.stages * x.rows; i++) moved[i] *= x.Q[i];
    ELBO_TRY(elbo_evaluate(chain, moved, W, ws));
    for (size_t n = 0; n < x.stages * x.rows; n++) {
        const double *const V = after(&x, chain, x.V, n / x.rows);
        const double *const V_moved = after(&x, chain, W, n / x.rows);
        const size_t row = n % x.rows, end = elbo_row_end(pattern, row);

        for (size_t i = elbo_row_begin(pattern, row); i < end; i++) {
            const size_t s = elbo_successor(pattern, row, i);

            dp[i] += scale * chain->mdp->gamma
                     * (visits[n] * V[s] + x.rho[n] * V_moved[s]);
        }
    }
    return ELBO_OK;
}

elbo_status elbo_policy_gradient(const elbo_chain *chain, const double r[],
                                 double g[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = gradient(chain, r, g, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_policy_gradient_pull(const elbo_chain *chain, const double r[],
                                      const double v[], double scale, double dp[],
                                      elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = pull(chain, r, v, scale, dp, ws);

    elbo_arena_release(ws, mark);
    return s;
}
