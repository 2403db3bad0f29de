/* inference/finite_objective.c -- the data term as an expression, and what it
 * reads of the planner.
 *
 * V, Q and logpi are the last E-step's (inference/plan.h).
 */
#include "inference/finite_facts.h"
#include "inference/plan.h"

elbo_factor_view elbo_engine_view(elbo_engine *engine)
{
    return (elbo_factor_view){
        .world = &engine->world,
        .truth = &engine->truth,
        .belief = &engine->belief,
        .problem = &engine->problem,
        .post = &engine->post,
        .data = &engine->data,
        .known = engine->context.known,
        .epochs = engine->set.online ? (size_t)engine->set.iterations : 1,
        .seed = engine->context.seed,
        .iteration = engine->iteration,
        .upper = {.belief = &engine->belief,
                  .controller = &engine->controller,
                  .truth = &engine->seen_truth,
                  .problem = &engine->seen_problem},
    };
}

/* What stands still, and its factors among the run's. */
elbo_status elbo_engine_join(elbo_engine *e, elbo_objective *objective)
{
    const elbo_factor_view view = elbo_engine_view(e);
    const elbo_standing *const held = &e->standing;
    const double *const V[] = {
        [ELBO_READS_DATA] = held->data, [ELBO_READS_TARGET] = held->target};
    const double *const Q[] = {
        [ELBO_READS_DATA] = held->data_Q, [ELBO_READS_TARGET] = held->target_Q};
    const double *const *values;

    elbo_engine_seen(e);
    elbo_objective_reward(objective,
                          e->belief.reward ? e->belief.reward : e->truth.r,
                          !e->belief.reward);
    elbo_objective_hold(objective, held->target, held->then, V[held->reads],
                        Q[held->reads]);

    ELBO_TRY(elbo_factors_join(e->factors, elbo_objective_expression(objective),
                               &view, &values));
    elbo_objective_factors(objective, values);
    return ELBO_OK;
}

/* A Gaussian model's likelihood, by its statistics. */
static elbo_status open_regression(elbo_engine *e, const char *text)
{
    e->expression.name = text;
    e->expression.regression = &e->regression;
    e->set.likelihood = &e->expression;
    return elbo_regression_init(&e->regression, elbo_regression_find(text),
                                e->world.nS, e->world.nA, e->arena);
}

elbo_status elbo_engine_open_standing(elbo_engine *e, const elbo_setup *setup)
{
    const elbo_values *const control = setup->control_common;
    elbo_standing *const standing = &e->standing;
    const elbo_value_ground ground = {.truth = &e->truth,
                                      .coord = e->world.coord,
                                      .dim = e->world.dim,
                                      .seed = e->context.seed};
    elbo_facts facts;

    ELBO_TRY(elbo_facts_read(setup, e->arena, &facts));
    *standing = (elbo_standing){
        .nS = e->truth.nS,
        .nA = e->truth.nA,
        .horizon = e->truth.horizon,
        .rate = elbo_real(control, "target_rate"),
        .rounds = facts.then ? (size_t)e->set.iterations : 0,
    };
    if (elbo_choice_is(control, "value", "data"))
        standing->reads = ELBO_READS_DATA;
    if (elbo_choice_is(control, "value", "target"))
        standing->reads = ELBO_READS_TARGET;
    ELBO_TRY(elbo_value_set_open(elbo_text(control, "values"), &ground,
                                 e->arena, e->ws, &e->members));
    return elbo_standing_open(standing, e->arena);
}

elbo_status elbo_engine_open_objective(elbo_engine *engine, const char *text)
{
    elbo_likelihood *own = &engine->expression;
    unsigned depends;

    if (engine->belief.model->regress) return open_regression(engine, text);
    if (engine->set.likelihood != &elbo_likelihood_expression) return ELBO_OK;
    *own = elbo_likelihood_expression;
    own->name = text;
    ELBO_TRY(elbo_likelihood_depends(text, &depends));
    /* what stands under a stop is read too */
    engine->planned = depends & (ELBO_ON_PLANNER | ELBO_HAS_STOP);
    engine->set.likelihood = own;
    ELBO_TRY(elbo_objective_open(
        text, &engine->world, &engine->truth, engine->belief.mean.pattern,
        engine->data.capacity, engine->arena, &own->objective));
    if (engine->members)
        ELBO_TRY(elbo_objective_members(own->objective, engine->members,
                                        engine->arena));
    return elbo_engine_join(engine, own->objective);
}

elbo_status elbo_engine_open_weight(elbo_engine *engine, const char *text)
{
    elbo_weight w;

    ELBO_TRY(elbo_weight_parse(text, &w, NULL, NULL));
    if (w.constant) return ELBO_OK;
    engine->weigher_planned = w.depends & (ELBO_ON_PLANNER | ELBO_HAS_STOP);
    ELBO_TRY(elbo_weight_open(text, &engine->world, &engine->truth,
                              engine->belief.mean.pattern,
                              engine->data.capacity, engine->arena,
                              &engine->weigher));
    return elbo_engine_join(engine, engine->weigher);
}

elbo_status elbo_engine_prepare(elbo_engine *engine, uint64_t part)
{
    elbo_objective *const objective = engine->expression.objective;

    if (!objective) return ELBO_OK;
    elbo_objective_draw(objective, &engine->belief.mean, engine->context.seed,
                        4 * engine->iteration + part);
    if (engine->members)
        ELBO_TRY(
            elbo_value_set_fit(engine->members, &engine->data,
                                    engine->iteration, engine->ws));
    if (engine->standing.reads != ELBO_READS_DATA) return ELBO_OK;
    return elbo_data_values(&engine->data, &engine->truth, engine->post.pi,
                            engine->standing.data, engine->standing.data_Q,
                            engine->ws);
}

elbo_status elbo_engine_bind(elbo_engine *engine, elbo_objective *objective)
{
    const elbo_plan plan = {
        .truth = &engine->seen_truth,
        .problem = &engine->seen_problem,
        .model = &engine->belief.mean,
        .post = &engine->post,
        .solved = engine->controller.control->fixed_point,
    };

    elbo_engine_seen(engine);
    return elbo_plan_bind(&plan, objective, engine->ws);
}

elbo_status elbo_engine_plan(elbo_engine *engine)
{
    return engine->expression.objective && engine->planned
               ? elbo_engine_bind(engine, engine->expression.objective)
               : ELBO_OK;
}

elbo_status elbo_engine_plan_weight(elbo_engine *engine)
{
    return engine->weigher && engine->weigher_planned
               ? elbo_engine_bind(engine, engine->weigher)
               : ELBO_OK;
}
