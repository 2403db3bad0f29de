/* inference/finite_free.c -- transition: free: the model is q, the environment
 * p.
 *
 * The engine keeps the environment's kernel on the model's pattern, what the
 * log ratio says of it (the problem's P: p, or q exp(L) for a clipped or
 * estimated L at the q that it was measured at), and, in a restricted class,
 * the member and what its rows cost.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "inference/engine_state.h"
#include "inference/ratio.h"

static bool is_free(const elbo_engine *e)
{
    return e->problem.tilt.kind->free;
}

bool elbo_engine_idle(const elbo_engine *engine)
{
    return is_free(engine)
           && (engine->problem.tilt.kind->estep
               || engine->belief.model->free_rows);
}

static bool is_estimated(const elbo_engine *e)
{
    return is_free(e) && !e->problem.tilt.kind->estep
           && e->problem.tilt.ratio != ELBO_RATIO_EXACT;
}

static elbo_status copy_kernel(const elbo_kernel *from, elbo_arena *arena,
                               elbo_kernel *out)
{
    const size_t nnz = from->pattern->nnz;
    double *prob = elbo_arena_doubles(arena, nnz);

    ELBO_TRY(elbo_arena_check(arena, "a kernel"));
    memcpy(prob, from->prob, nnz * sizeof *prob);
    *out = *from;
    out->prob = prob;
    return ELBO_OK;
}

/* P = q exp(L), each row to sum 1 again: E_q p / q is 1, which an estimate need
 * not know; what it is short of that, or above, would be charged as KL. Never 0,
 * as in elbo_ratio_clip. */
static void believe_ratio(const elbo_kernel *q, double P[])
{
    const elbo_pattern *pattern = q->pattern;

    for (size_t row = 0; row < pattern->nS * pattern->nA; row++) {
        const size_t begin = elbo_row_begin(pattern, row);
        const size_t end = elbo_row_end(pattern, row);
        double sum = 0;

        for (size_t i = begin; i < end; i++)
            sum += P[i] = fmax(q->prob[i] * exp(P[i]), DBL_MIN);
        for (size_t i = begin; sum > 0 && i < end; i++) P[i] /= sum;
    }
}

/* q at its start: of all members the nearest to p, where that has a closed form
 * and p may be looked at. */
static elbo_status start_near(elbo_engine *e)
{
    const elbo_model *model = e->belief.model;
    elbo_kernel q;

    if (!model->project || e->problem.tilt.ratio == ELBO_RATIO_CLASSIFIER)
        return ELBO_OK;
    ELBO_TRY(copy_kernel(&e->problem.mdp.P, e->arena, &q));
    model->project(&e->belief, q.prob);
    return ELBO_OK;
}

/* The class: its member, its rows' costs, and what is nearest to p in it. */
static elbo_status open_class(elbo_engine *e)
{
    const size_t rows = e->truth.nS * e->truth.nA;
    const bool notebook = e->problem.tilt.kind->estep != NULL;
    const elbo_model *model = e->belief.model;

    e->held = (elbo_class){
        .belief = &e->belief,
        .q = notebook ? e->problem.mdp.P : e->belief.mean,
        .cost = elbo_arena_doubles(e->arena, rows),
    };
    ELBO_TRY(elbo_arena_check(e->arena, "the charge of q"));
    memset(e->held.cost, 0, rows * sizeof *e->held.cost);
    e->problem.tilt.held = &e->held;
    if (!notebook) return start_near(e);
    ELBO_TRY(copy_kernel(&e->problem.mdp.P, e->arena, &e->held.base));
    if (model->project) model->project(&e->belief, e->held.base.prob);
    return ELBO_OK;
}

elbo_status elbo_engine_prepare_free(elbo_engine *engine)
{
    elbo_kernel *P = &engine->problem.mdp.P;

    if (!is_free(engine)) return ELBO_OK;
    engine->set.kappa = 1;
    ELBO_TRY(elbo_kernel_onto(&engine->truth.P, engine->belief.mean.pattern,
                              engine->arena, P));
    engine->environment = P->prob;
    if (is_estimated(engine)) {
        const bool blind = engine->problem.tilt.ratio == ELBO_RATIO_CLASSIFIER;

        /* who learns p from data alone begins with the model's own */
        ELBO_TRY(copy_kernel(blind ? &engine->belief.mean : P, engine->arena, P));
        P->partial = true;
    }
    if (engine->belief.model->free_rows && !engine->problem.tilt.kind->estep)
        return ELBO_OK;
    return open_class(engine);
}

elbo_status elbo_engine_start_free(elbo_engine *engine)
{
    if (engine->problem.tilt.kind->estep) engine->held.q.prob = engine->post.q;
    return ELBO_OK;
}

elbo_status elbo_engine_see(elbo_engine *engine)
{
    const elbo_tilt *tilt = &engine->problem.tilt;
    const elbo_kernel q =
        engine->problem.tilt.held
            ? engine->held.q
            : elbo_posterior_kernel(&engine->post, &engine->problem, 0);
    const elbo_kernel world = {.pattern = q.pattern,
                               .prob = engine->environment};
    double *P = engine->problem.mdp.P.prob;

    if (!is_estimated(engine)) return ELBO_OK;
    if (tilt->ratio == ELBO_RATIO_CLIP) {
        elbo_ratio_clip(&world, &q, tilt->clip, P);
        return ELBO_OK;
    }

    const elbo_classifier how = {tilt->ridge, tilt->samples};
    elbo_rng rng =
        elbo_rng_stream(engine->context.seed, "logratio", engine->iteration);

    ELBO_TRY(elbo_ratio_classify(&how, &engine->data, &q, P, &rng, engine->ws));
    believe_ratio(&q, P);
    return ELBO_OK;
}

elbo_status elbo_engine_hold(elbo_engine *engine)
{
    const elbo_problem *problem = &engine->problem;

    if (!problem->tilt.held) return ELBO_OK;
    elbo_posterior_tilt(problem, &engine->post);
    return elbo_class_charge(&problem->tilt, &problem->mdp.P, &engine->held);
}
