/* inference/finite_budget.c -- data_scale: budget(xi): the data term as one
 * constraint over all of D.
 *
 *   theta <- argmax kappa F_control + log p(theta)
 *            where  E_D[w l_theta] >= E_D[w l] of the best fit - xi
 * by its multiplier lambda: kappa F_control + lambda E_D[w l] + log p(theta) is
 * maximised for one lambda after the other, until the shortfall is xi. With l =
 * logp and a model of free rows the shortfall is E_D KL(p_MLE || p_theta), the
 * ball of RAMBO (Rigter et al. 2022, there in squared total variation).
 */
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"

/* lambda is sought between its powers; the shortfall ends within `near` of xi,
 * or, where it jumps as another local maximum takes over, below the jump, whose
 * place is then known to the share `apart`. */
static const double least = 1e-9, most = 1e12, near = 1e-3, apart = 1e-3;
enum { FITS = 60 };

/* A multiplier, and how far the data's mean falls short at its theta. */
typedef struct point {
    double lambda, shortfall;
} point;

/* theta at lambda; the mean of w l there. */
static elbo_status fit(elbo_engine *e, double kappa, double lambda,
                       elbo_mstep_info *info, double *mean)
{
    elbo_mstep step = elbo_engine_mstep(e);
    elbo_parts parts = {0};

    e->set.lambda = lambda;
    ELBO_TRY(elbo_engine_count(e));
    step.kappa = kappa;
    ELBO_TRY(elbo_mstep_run(&step, &e->belief, info, e->ws));
    ELBO_TRY(elbo_engine_learnt(e, &parts));
    *mean = parts.likelihood / lambda;
    return ELBO_OK;
}

/* The best fit's mean, at lambda = |D|. */
static elbo_status best_fit(elbo_engine *e, double *best)
{
    const double n = fmax(1, elbo_data_size(&e->data));
    elbo_mstep_info info;

    return fit(e, 0, n, &info, best);
}

/* A multiplier between a too small and a too large one: where a line through
 * both in logarithms has xi, well inside. */
static double between(const point *small, const point *large, double xi)
{
    const double low = log(small->lambda), high = log(large->lambda);
    const double fall = log(small->shortfall / fmax(large->shortfall, 1e-300));
    double share = log(small->shortfall / xi) / fall;

    if (!(share > 0.1)) share = 0.1;
    return exp(low + (high - low) * fmin(share, 0.9));
}

static void put_theta(elbo_engine *e, const double theta[])
{
    memcpy(e->belief.theta, theta, e->belief.n * sizeof *theta);
    e->belief.model->update(&e->belief);
}

/* The next multiplier after `now`. */
static double next_lambda(const point *small, const point *large,
                          const point *now, double xi)
{
    if (!(small->lambda > 0)) return now->lambda / 16;
    if (!(large->lambda > 0)) return now->lambda * 16;
    return between(small, large, xi);
}

static bool is_found(const point *small, const point *large, double xi)
{
    if (!(large->lambda > 0)) return false;
    return large->shortfall >= (1 - near) * xi || large->lambda <= least
           || (small->lambda > 0 && large->lambda / small->lambda < 1 + apart);
}

/* Multipliers until the shortfall is in [(1 - near) xi, xi]; theta [n] is
 * scratch: the last one that keeps to the budget. */
static elbo_status search(elbo_engine *e, double best, double theta[],
                          elbo_row *row)
{
    const double xi = e->set.budget;
    point small = {0}, large = {0}, now = {.lambda = 1};

    for (size_t i = 0;
         i < FITS && now.lambda <= most && !is_found(&small, &large, xi); i++) {
        double mean;

        ELBO_TRY(fit(e, e->set.kappa, now.lambda, &row->mstep, &mean));
        now.shortfall = best - mean;
        if (now.shortfall > xi) {
            small = now;
        } else {
            large = now;
            memcpy(theta, e->belief.theta, e->belief.n * sizeof *theta);
        }
        now.lambda = next_lambda(&small, &large, &now, xi);
    }
    if (!(large.lambda > 0))
        return ELBO_FAIL(ELBO_ENOCONV,
                         "data_scale: no multiplier up to %g brings the data's "
                         "mean to within %g of its best",
                         small.lambda, xi);
    put_theta(e, theta);
    e->set.lambda = large.lambda;
    row->shortfall = large.shortfall;
    return elbo_engine_count(e);
}

elbo_status elbo_engine_budgeted(elbo_engine *engine, elbo_row *row)
{
    const size_t n = engine->belief.n;
    const elbo_mark mark = elbo_arena_mark(engine->ws);
    double *theta = elbo_arena_doubles(engine->ws, n);
    double best;
    elbo_status s = elbo_arena_check(engine->ws, "a constrained M-step");

    if (s == ELBO_OK) {
        memcpy(theta, engine->belief.theta, n * sizeof *theta);
        s = best_fit(engine, &best);
    }
    if (s == ELBO_OK && engine->iteration > 0) /* on from where it was */
        put_theta(engine, theta);
    if (s == ELBO_OK) s = search(engine, best, theta, row);
    elbo_arena_release(engine->ws, mark);
    return s;
}
