/* inference/finite_data.c -- the data D and its weights, from settings to
 * counts.
 */
#include <gsl/gsl_randist.h>
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/parallel.h"
#include "inference/core/textfile.h"
#include "inference/finite_facts.h"
#include "inference/evaluate.h"
#include "inference/optimal.h"
#include "inference/population.h"

/* ---- opening ---- */

/* Rows from the flat Dirichlet distribution, from a stream of their own. */
static void draw_policy(double policy[], size_t nS, size_t nA, uint64_t seed)
{
    elbo_rng rng = elbo_rng_stream(seed, "policy", 0);
    elbo_gsl_rng adaptor;
    gsl_rng *draw = elbo_rng_gsl(&adaptor, &rng);

    for (size_t s = 0; s < nS; s++) {
        double sum = 0;

        for (size_t a = 0; a < nA; a++)
            sum += policy[s * nA + a] = gsl_ran_exponential(draw, 1);
        for (size_t a = 0; a < nA; a++) policy[s * nA + a] /= sum;
    }
}

/* The best policy of the true world. */
static elbo_status solve_world(elbo_engine *e, const double **policy,
                               size_t *stages)
{
    elbo_posterior post;

    ELBO_TRY(elbo_optimal_policy(&e->truth, &e->problem, e->arena, &post));
    *policy = post.pi;
    *stages = post.stages;
    return ELBO_OK;
}

/* The control's own policy in the true world. */
static elbo_status imitate(elbo_engine *e, const double **policy,
                           size_t *stages)
{
    elbo_posterior post;

    ELBO_TRY(elbo_expert_policy(&e->truth, &e->problem, e->arena, &post));
    *policy = post.pi;
    *stages = post.stages;
    return ELBO_OK;
}

static elbo_status open_behaviour(elbo_engine *e, const elbo_values *data,
                                  uint64_t seed)
{
    const size_t nS = e->truth.nS, nA = e->truth.nA;

    e->behaviour = (elbo_behaviour){
        .policy = e->post.pi,
        .stages = e->post.stages,
        .expert_share = elbo_real(data, "expert"),
        .epsilon = elbo_real(data, "epsilon"),
        .episode_steps = (size_t)elbo_int(data, "episode_steps"),
    };
    if (e->behaviour.episode_steps == 0)
        e->behaviour.episode_steps = e->truth.horizon;
    if (e->behaviour.expert_share > 0)
        ELBO_TRY(
            solve_world(e, &e->behaviour.expert, &e->behaviour.expert_stages));
    if (e->set.current) return ELBO_OK;
    if (elbo_choice_is(data, "policy", "optimal"))
        return solve_world(e, &e->behaviour.policy, &e->behaviour.stages);
    if (elbo_choice_is(data, "policy", "expert"))
        return imitate(e, &e->behaviour.policy, &e->behaviour.stages);

    double *policy = elbo_arena_doubles(e->arena, nS * nA);

    ELBO_TRY(elbo_arena_check(e->arena, "the behaviour policy"));
    if (elbo_choice_is(data, "policy", "random"))
        draw_policy(policy, nS, nA, seed);
    else
        for (size_t i = 0; i < nS * nA; i++) policy[i] = 1 / (double)nA;
    e->behaviour.policy = policy;
    e->behaviour.stages = 1;
    return ELBO_OK;
}

elbo_status elbo_engine_open_data(elbo_engine *e, const elbo_setup *setup,
                                  uint64_t seed)
{
    const size_t rounds = e->set.online ? (size_t)e->set.iterations : 1;
    size_t each = e->set.steps, capacity;

    elbo_collector_init(&e->collector, seed);
    if (elbo_choice_is(setup->data, "source", "file")) {
        const char *path = elbo_textfile_path(
            setup->folder, elbo_text(setup->data, "file"), e->arena);

        ELBO_TRY(elbo_arena_check(e->arena, "the data's path"));
        return elbo_data_read(&e->data, path, &e->world, e->context.known, 0,
                              e->arena);
    }
    if (e->set.population) {
        elbo_facts facts;

        ELBO_TRY(elbo_facts_read(setup, e->ws, &facts));
        e->set.stages = facts.stages ? e->truth.horizon : 1;
        ELBO_TRY(elbo_population_count(&e->world, e->ws, &each));
        if (!elbo_size_mul(each, e->set.stages, &each))
            return ELBO_FAIL(ELBO_ESIZE, "data: a population of %zu stages",
                             e->set.stages);
    }
    if (!elbo_size_mul(each, rounds, &capacity))
        return ELBO_FAIL(ELBO_ESIZE,
                         "data: %zu iterations of %zu steps are too many",
                         rounds, each);
    ELBO_TRY(elbo_data_init(&e->data, capacity, e->arena));
    e->data.by_start = elbo_choice_is(setup->data, "pool", "start");
    return open_behaviour(e, setup->data, seed);
}

/* ---- distributions ---- */

/* A policy that visits the world, random actions mixed in. */
typedef struct visitor {
    const double *policy; /* [stages x nS x nA] */
    size_t stages;
    double epsilon;
    const elbo_mdp *world; /* and where it starts */
} visitor;

/* d [kept x nS x nA] += share times its discounted visits; kept 1: all stages
 * together. */
static elbo_status visit(elbo_engine *e, visitor who, double share, size_t kept,
                         double d[])
{
    const size_t nA = e->post.nA, rows = e->post.nS * nA;
    const size_t n = e->post.stages * rows;
    double *pi = elbo_arena_doubles(e->ws, n);
    double *rho = elbo_arena_doubles(e->ws, n);
    const elbo_chain chain = {
        .mdp = who.world, .pi = pi, .q = e->truth.P};

    ELBO_TRY(elbo_arena_check(e->ws, "visits in the world"));
    for (size_t i = 0; i < n; i++)
        pi[i] = (1 - who.epsilon)
                    * who.policy[i / rows % who.stages * rows + i % rows]
                + who.epsilon / (double)nA;
    ELBO_TRY(elbo_occupancy(&chain, rho, e->ws));
    for (size_t i = 0; i < n; i++) d[i % (kept * rows)] += share * rho[i];
    return ELBO_OK;
}

/* d +=: those of who collects D. */
static elbo_status visit_as_collected(elbo_engine *e, size_t kept, double d[])
{
    const elbo_behaviour *how = &e->behaviour;
    const double share = how->expert_share;
    const elbo_mdp *const world = &e->seen_truth;
    const visitor own = {how->policy, how->stages, how->epsilon, world};
    const visitor expert = {how->expert, how->expert_stages, how->epsilon,
                            world};

    ELBO_TRY(visit(e, own, 1 - share, kept, d));
    return how->expert ? visit(e, expert, share, kept, d) : ELBO_OK;
}

elbo_status elbo_engine_visits(elbo_engine *e, elbo_judged whose, size_t kept,
                               double d[])
{
    const size_t rows = kept * e->post.nS * e->post.nA;
    const bool alike = whose == ELBO_JUDGED_DATA && e->set.by_rows;
    const visitor current = {e->post.pi, e->post.stages, 0, &e->truth};

    for (size_t i = 0; i < rows; i++) d[i] = alike;
    if (whose == ELBO_JUDGED_CURRENT)
        ELBO_TRY(visit(e, current, 1, kept, d));
    else if (!alike)
        ELBO_TRY(visit_as_collected(e, kept, d));

    const double all = elbo_sum(d, rows);

    for (size_t i = 0; i < rows; i++) d[i] /= all;
    return ELBO_OK;
}

static elbo_status populate(elbo_engine *e)
{
    const size_t kept = e->set.stages;
    double *d = elbo_arena_doubles(e->ws, kept * e->post.nS * e->post.nA);

    ELBO_TRY(elbo_arena_check(e->ws, "the population"));
    ELBO_TRY(elbo_engine_visits(e, ELBO_JUDGED_DATA, kept, d));
    return elbo_population_append(&e->data, &e->world, d, kept,
                                  (double)e->set.steps, e->ws);
}

/* ---- each iteration ---- */

/* Weights that an expression gives change with each round; a number stays. */
static elbo_status tally(elbo_engine *e)
{
    if (e->weigher) return ELBO_OK;
    return elbo_tally_add(&e->tally, &e->data, e->belief.mean.pattern);
}

/* Samples count 1 each, in any order. */
double elbo_engine_size(const elbo_engine *e)
{
    return e->weigher || e->set.population ? elbo_data_size(&e->data)
                                           : e->tally.mass;
}

static elbo_status count(elbo_engine *e, const elbo_pattern *pattern,
                         double scale)
{
    if (e->weigher) return elbo_data_counts(&e->data, pattern, scale, e->C);
    for (size_t i = 0; i < pattern->nnz; i++) e->C[i] = scale * e->tally.C[i];
    return ELBO_OK;
}

elbo_status elbo_engine_count(elbo_engine *e)
{
    ELBO_TRY(tally(e));

    const double size = elbo_engine_size(e);
    const double scale =
        e->set.lambda_each || size == 0 ? e->set.lambda : e->set.lambda / size;
    const elbo_pattern *pattern = e->belief.mean.pattern;

    ELBO_TRY(count(e, pattern, scale));
    e->regression.scale = scale;
    if (!e->expression.objective) return ELBO_OK;
    return elbo_objective_data(e->expression.objective, pattern, &e->data,
                               scale, e->ws);
}

static elbo_status collect(elbo_engine *e)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_status s = ELBO_OK;

    if (e->set.steps > 0)
        s = e->set.population
                ? populate(e)
                : elbo_collect(&e->data, &e->collector, &e->world,
                               &e->behaviour, e->set.steps, e->ws);
    elbo_arena_release(e->ws, mark);
    return s;
}

elbo_status elbo_engine_open_samples(elbo_engine *e)
{
    if (!e->weigher) return ELBO_OK;
    return elbo_objective_data(e->weigher, e->belief.mean.pattern, &e->data, 1,
                               e->ws);
}

/* The samples from `first` on, at the values of their successors that the policy
 * which met them had in mind. */
static void regress(elbo_engine *e, size_t first)
{
    const elbo_data *d = &e->data;
    const size_t nS = e->post.nS, horizon = e->truth.horizon;

    for (size_t i = first; i < d->n; i++) {
        const size_t after = horizon ? d->step[i] % horizon + 1 : 0;

        elbo_regression_add(&e->regression, d->s[i] * e->post.nA + d->a[i],
                            d->terminal[i] ? nS : d->next[i],
                            d->w[i] * d->mass[i],
                            e->post.V + after * (nS + 1));
    }
}

/* *changed: D is not what it was. */
static elbo_status gather(elbo_engine *e, bool *changed)
{
    const size_t before = e->iteration > 0 ? e->data.n : 0;

    *changed = e->iteration == 0 || e->set.online;
    if (!*changed) return ELBO_OK;
    elbo_standing_collect(&e->standing, e->iteration, e->post.V);
    ELBO_TRY(collect(e));
    for (size_t i = before; i < e->data.n; i++) {
        e->data.w[i] = e->set.weight;
        e->data.epoch[i] = (uint32_t)e->iteration;
    }
    if (e->belief.model->regress) regress(e, before);
    return elbo_engine_open_samples(e);
}

/* w at the present theta, (pi, V, Q) and factors. */
static elbo_status weigh(elbo_engine *e)
{
    ELBO_TRY(elbo_engine_plan_weight(e));
    elbo_objective_draw(e->weigher, &e->belief.mean, e->context.seed,
                        4 * e->iteration + 2);
    return elbo_objective_weights(e->weigher, &e->belief.mean, e->data.w,
                                  e->data.n, e->ws);
}

elbo_status elbo_engine_learn_from(elbo_engine *e)
{
    const elbo_mstep step = elbo_engine_mstep(e);
    elbo_factor_view view = elbo_engine_view(e);
    bool changed;

    if (e->iteration > 0) view.upper.step = &step;
    ELBO_TRY(gather(e, &changed));
    ELBO_TRY(elbo_factors_update(e->factors, &view, e->ws));
    if (e->weigher) ELBO_TRY(weigh(e));
    return changed || e->weigher ? elbo_engine_count(e) : ELBO_OK;
}
