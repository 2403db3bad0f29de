/* inference/gradient/score.c -- likelihood ratios along the model's own
 * rollouts.
 *
 *   dJ/dp(s'|s,a) ~ mean over n rollouts of the sum over their visits to
 *                   (s, a, s') of (gamma V(s') - gamma E_p V) / p(s'|s,a)
 * for pi held: V is pi's value in the model, which a rollout survives from step
 * to step with probability gamma. Its expectation is rho gamma (V(s') - E_p V),
 * the exact derivative along any direction that keeps rows summing to 1.
 */
#include "inference/core/rng.h"
#include "inference/gradient/kinds.h"

static const elbo_option options[] = {
    {.name = "n",
     .type = ELBO_INT,
     .unit = "rollouts",
     .low = 1,
     .high = 1e9,
     .doc = "rollouts of the model a gradient"},
    {0},
};

static elbo_status set(const elbo_values *values, elbo_route *out)
{
    out->n = (size_t)elbo_int(values, "n");
    return ELBO_OK;
}

/* What all rollouts share. */
typedef struct rollouts {
    const elbo_mdp *mdp;
    const elbo_kernel *p;
    const double *pi, *V, *mean; /* of each stage; mean: gamma E_p V */
    double weight;               /* the slope over n */
    double *G;
} rollouts;

static void roll(const rollouts *x, elbo_rng *rng)
{
    const elbo_pattern *const pattern = x->p->pattern;
    const size_t nS = x->mdp->nS, nA = x->mdp->nA, rows = nS * nA;
    const size_t horizon = x->mdp->horizon;
    const double *pi = x->pi, *V = x->V, *mean = x->mean;
    size_t s = elbo_rng_categorical(rng, x->mdp->mu, nS);

    for (size_t t = 0; s < nS && (!horizon || t < horizon); t++) {
        const size_t row = s * nA + elbo_rng_categorical(rng, pi + s * nA, nA);
        const size_t begin = elbo_row_begin(pattern, row);
        const size_t k = elbo_rng_categorical(
            rng, x->p->prob + begin, elbo_row_end(pattern, row) - begin);

        s = elbo_successor(pattern, row, begin + k);
        if (horizon) V += nS + 1;
        x->G[begin + k] += x->weight * (x->mdp->gamma * V[s] - mean[row])
                           / x->p->prob[begin + k];
        if (horizon) pi += rows, mean += rows;
        if (!(elbo_rng_uniform(rng) < x->mdp->gamma)) return;
    }
}

static elbo_status pull(const elbo_pull *x, elbo_arena *ws)
{
    const elbo_plan *const plan = x->plan;
    const elbo_mdp *const mdp = &plan->problem->mdp;
    const elbo_chain chain = elbo_plan_chain(plan, mdp, plan->model);
    const size_t rows = mdp->nS * mdp->nA, stages = elbo_stages(mdp);
    const size_t width = mdp->horizon ? mdp->nS + 1 : 0;
    const double slope = x->slopes->Jmodel + x->slopes->Jmodel_held;
    const elbo_tilt expectation = {.gamma = mdp->gamma};
    double *const V = elbo_arena_doubles(ws, (stages + 1) * (mdp->nS + 1));
    double *const mean = elbo_arena_doubles(ws, stages * rows);
    double *const b = elbo_arena_doubles(ws, stages * rows);
    rollouts all = {mdp,      plan->model, plan->post->pi,
                    V,        mean,        slope / (double)x->route->n,
                    x->into.p};

    ELBO_TRY(elbo_arena_check(ws, "rollouts"));
    for (size_t i = 0; i < stages * rows; i++) b[i] = mdp->r[i % rows];
    ELBO_TRY(elbo_evaluate(&chain, b, V, ws));
    for (size_t t = 0; t < stages; t++)
        elbo_transition_model.expect(&expectation, plan->model,
                                     V + (t + 1) * width, 0, rows,
                                     mean + t * rows);
    for (size_t i = 0; i < x->route->n; i++) {
        elbo_rng rng =
            elbo_rng_stream(x->seed, "score", x->index * x->route->n + i);

        roll(&all, &rng);
    }
    return ELBO_OK;
}

const elbo_gradient elbo_gradient_score = {
    .name = "score",
    .source = "Williams 1992; as in RAMBO, Rigter et al., NeurIPS 2022",
    .formula = "E_rollouts sum (gamma V(s') - gamma E_p V) dlog p(s'|s,a)",
    .doc = "the likelihood-ratio gradient of Jmodel, the policy held",
    .options = options,
    .set = set,
    .pull = pull,
    .held = true,
};
