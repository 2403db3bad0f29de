/* inference/finite_return.c -- what control maximises, brought up to date
 * before each E-step: the problem's rewards and, where returns are weighed, its
 * kernel.
 */
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"

/* Transitions to evaluate an expression at: the first entry of every row, or
 * every entry (padding left out). */
static size_t list_places(const elbo_engine *e, bool rows_only, elbo_data *out)
{
    const elbo_pattern *pattern = e->belief.mean.pattern;
    const size_t nS = e->truth.nS, nA = e->truth.nA;
    size_t n = 0;

    for (size_t row = 0; row < nS * nA; row++) {
        size_t last = (size_t)-1;

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            const size_t next = elbo_successor(pattern, row, i);

            if (next == last || (rows_only && last != (size_t)-1)) continue;
            last = next;
            if (out) {
                out->s[n] = (uint32_t)(row / nA);
                out->a[n] = (uint32_t)(row % nA);
                out->next[n] = next == nS ? 0 : (uint32_t)next;
                out->terminal[n] = next == nS;
                out->r[n] = e->truth.r[row];
                out->w[n] = 1;
            }
            n++;
        }
    }
    return n;
}

static elbo_status give_places(elbo_engine *e, elbo_objective *objective,
                               bool rows_only)
{
    const size_t n = list_places(e, rows_only, NULL);
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_data places;
    elbo_status s = elbo_data_init(&places, n, e->ws);

    if (s == ELBO_OK) {
        places.n = list_places(e, rows_only, &places);
        s = elbo_objective_data(objective, e->belief.mean.pattern, &places, 1,
                                e->ws);
    }
    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status open_one(elbo_engine *e, const char *text, bool rows_only,
                            elbo_objective **out)
{
    const size_t n = list_places(e, rows_only, NULL);

    ELBO_TRY(elbo_objective_open(text, &e->world, &e->truth,
                                 e->belief.mean.pattern, n, e->arena, out));
    ELBO_TRY(elbo_engine_join(e, *out));
    return give_places(e, *out, rows_only);
}

elbo_status elbo_engine_open_returns(elbo_engine *engine, const char *reward,
                                     const char *weight)
{
    elbo_returns *own = &engine->returns;
    const size_t rows = engine->truth.nS * engine->truth.nA;
    const size_t nnz = engine->belief.mean.pattern->nnz;

    ELBO_TRY(elbo_return_read(reward, &own->reward_facts));
    ELBO_TRY(elbo_return_read(weight, &own->weight_facts));
    if (!own->reward_facts.plain) {
        own->r = elbo_arena_doubles(engine->arena, rows);
        own->planned = elbo_arena_doubles(engine->arena, rows);
        ELBO_TRY(elbo_arena_check(engine->arena, "control's rewards"));
        ELBO_TRY(open_one(engine, reward, true, &own->reward));
    }
    if (own->weight_facts.plain) return ELBO_OK;
    own->P = elbo_arena_doubles(engine->arena, nnz);
    own->w = elbo_arena_doubles(engine->arena, nnz);
    ELBO_TRY(elbo_arena_check(engine->arena, "the weights of returns"));
    return open_one(engine, weight, false, &own->weight);
}

void elbo_engine_close_returns(elbo_engine *engine)
{
    elbo_objective_close(engine->returns.reward);
    elbo_objective_close(engine->returns.weight);
}

static elbo_status values_of(elbo_engine *e, elbo_objective *objective,
                             const char *what, double out[])
{
    const elbo_status s = elbo_engine_bind(e, objective);

    if (s == ELBO_OK
        && elbo_objective_values(objective, &e->belief.mean, out) == ELBO_OK)
        return ELBO_OK;
    return elbo_fail_prefix("%s", what);
}

/* From one value an entry without padding to one each; those that no return can
 * follow, of END, count as 1. */
static void spread_weights(const elbo_pattern *pattern, double w[],
                           const double from[])
{
    size_t n = 0;

    for (size_t row = 0; row < pattern->nS * pattern->nA; row++) {
        size_t last = (size_t)-1;

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            const size_t next = elbo_successor(pattern, row, i);

            w[i] = next == last ? 0 : from[n++];
            if (next == pattern->nS) w[i] = 1;
            last = next;
        }
    }
}

/* P = p w. Without a horizon no row may multiply what follows it. */
static elbo_status weigh(elbo_engine *e)
{
    const elbo_kernel *p = &e->belief.mean;
    const elbo_pattern *pattern = p->pattern;
    const double gamma = e->truth.gamma;
    double *w = e->returns.w;

    for (size_t row = 0; row < e->truth.nS * e->truth.nA; row++) {
        double sum = 0;

        for (size_t i = elbo_row_begin(pattern, row);
             i < elbo_row_end(pattern, row); i++) {
            if (!(w[i] >= 0))
                return ELBO_FAIL(
                    ELBO_ENOTFINITE,
                    "control.return_weight: state %zu, action %zu: "
                    "a weight is %g, below 0",
                    row / e->truth.nA, row % e->truth.nA, w[i]);
            e->returns.P[i] = p->prob[i] > 0 ? p->prob[i] * w[i] : 0;
            if (elbo_successor(pattern, row, i) < pattern->nS)
                sum += e->returns.P[i];
        }
        if (!e->truth.horizon && gamma * sum >= 1)
            return ELBO_FAIL(
                ELBO_ENOTFINITE,
                "control.return_weight: state %zu, action %zu: the "
                "weights' mean is %g, which discount %g does not "
                "bring below 1: values would grow without end; "
                "clip the weights",
                row / e->truth.nA, row % e->truth.nA, sum, gamma);
    }
    e->problem.mdp.P = (elbo_kernel){
        .pattern = pattern, .prob = e->returns.P, .partial = true};
    return ELBO_OK;
}

/* The rewards of the outer plan, at theta as it is: factors and the values that
 * they read stand still, and so do those of F_control. */
static elbo_status find_rewards(void *self)
{
    elbo_engine *const e = self;
    elbo_returns *const own = &e->returns;

    ELBO_TRY(values_of(e, own->reward, "control.reward", own->planned));
    e->seen_problem.mdp.r = own->planned;
    return ELBO_OK;
}

static elbo_status pull_rewards(void *self, const double slope[], double G[],
                                elbo_arena *ws)
{
    elbo_engine *const e = self;

    return elbo_objective_pull(e->returns.reward, &e->belief.mean, slope, G,
                               ws);
}

void elbo_engine_follow_rewards(elbo_engine *engine, elbo_outer *outer)
{
    if (!engine->returns.reward) return;
    outer->self = engine;
    outer->rewards = find_rewards;
    outer->pull_rewards = pull_rewards;
}

static elbo_status refresh(elbo_engine *e)
{
    elbo_returns *own = &e->returns;
    const elbo_factor_view view = elbo_engine_view(e);

    if (own->reward || own->weight)
        ELBO_TRY(elbo_factors_follow(e->factors, &view, e->ws));
    if (own->reward) {
        ELBO_TRY(values_of(e, own->reward, "control.reward", own->r));
        e->problem.mdp.r = own->r;
    }
    if (!own->weight) return ELBO_OK;

    double *w = elbo_arena_doubles(e->ws, e->belief.mean.pattern->nnz);

    ELBO_TRY(elbo_arena_check(e->ws, "the weights of returns"));
    ELBO_TRY(values_of(e, own->weight, "control.return_weight", w));
    spread_weights(e->belief.mean.pattern, own->w, w);
    return weigh(e);
}

elbo_status elbo_engine_returns(elbo_engine *engine)
{
    const elbo_mark mark = elbo_arena_mark(engine->ws);
    const elbo_status s = refresh(engine);

    elbo_arena_release(engine->ws, mark);
    return s;
}
