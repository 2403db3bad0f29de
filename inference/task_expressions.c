/* inference/task_expressions.c -- the weight and the likelihood as expressions
 * in control tasks: what they read, and when.
 */
#include "inference/task_state.h"

elbo_task_sight elbo_task_sight_of(elbo_task_run *run)
{
    return (elbo_task_sight){
        .world = &run->world,
        .belief = &run->belief,
        .control = run->control,
        .solver = run->solver,
        .gamma = run->problem.gamma,
        .seed = run->problem.seed,
        .route = elbo_task_gradient_through(&run->route) ? &run->route : NULL,
    };
}

static elbo_status open_one(elbo_engine *e, const char *slot, const char *text,
                            elbo_task_objective **out)
{
    elbo_task_run *const run = e->task;
    const elbo_task_sight sight = elbo_task_sight_of(run);
    const elbo_task_role role =
        out == &run->weigher ? ELBO_TASK_WEIGHT : ELBO_TASK_LIKELIHOOD;

    ELBO_TRY(elbo_task_objective_open(slot, text, role, &sight,
                                      run->data.capacity, e->arena, out));
    if (!elbo_task_objective_looks_back(*out)) return ELBO_OK;
    return elbo_replay_keep_values(&run->data, e->arena);
}

elbo_task_view elbo_task_view_of(const elbo_engine *e)
{
    const elbo_task_run *const run = e->task;

    return (elbo_task_view){
        .world = &run->world,
        .belief = &run->belief,
        .data = &run->data,
        .rollouts = &run->rollouts,
        .recent = run->gathered,
        .seed = run->problem.seed,
        .round = e->iteration,
    };
}

/* Both expressions, of which either may be none. */
static elbo_status join(elbo_engine *e)
{
    elbo_task_run *const run = e->task;
    const elbo_task_view view = elbo_task_view_of(e);

    if (run->weigher
        && elbo_task_factors_join(run->factors, run->weigher, &view))
        return elbo_fail_prefix("weight");
    if (run->objective
        && elbo_task_factors_join(run->factors, run->objective, &view))
        return elbo_fail_prefix("likelihood");
    return ELBO_OK;
}

elbo_status elbo_task_open_transition(elbo_engine *e, const elbo_setup *setup)
{
    elbo_task_run *const run = e->task;
    const elbo_task_view view = elbo_task_view_of(e);

    run->transition = (elbo_task_transition){
        .particles = (size_t)elbo_int(setup->control_common, "successors"),
        .belief = &run->belief,
        .control = run->control,
        .solver = run->solver,
    };
    ELBO_TRY(elbo_transition_parse(elbo_text(setup->inference, "transition"),
                                   ELBO_KL_STEP, run->problem.gamma, e->arena,
                                   &run->transition.tilt, NULL, NULL));
    return elbo_task_transition_open(&run->transition, &view, e->arena);
}

elbo_status elbo_task_open_expressions(elbo_engine *e, const elbo_setup *setup)
{
    elbo_task_run *const run = e->task;
    const char *const weight = elbo_text(setup->inference, "weight");
    elbo_weight w;

    ELBO_TRY(elbo_gradient_parse(elbo_text(setup->inference, "gradient"),
                                 e->arena, &run->route, NULL, NULL));
    ELBO_TRY(
        elbo_task_factors_open(run->data.capacity, e->arena, &run->factors));
    if (!e->set.likelihood->conjugate)
        ELBO_TRY(open_one(e, "likelihood",
                          elbo_text(setup->inference, "likelihood"),
                          &run->objective));
    ELBO_TRY(elbo_weight_parse(weight, &w, NULL, NULL));
    if (w.constant) return join(e);
    ELBO_TRY(open_one(e, "weight", weight, &run->weigher));
    if (!run->weight)
        run->weight = elbo_arena_doubles(e->arena, run->data.capacity);
    ELBO_TRY(elbo_arena_check(e->arena, "the data's weights"));
    return join(e);
}

elbo_status elbo_task_open_feedback(elbo_engine *e)
{
    elbo_task_run *const run = e->task;
    const elbo_task_feedback_of of = {
        .kappa = e->set.kappa,
        .gamma = run->problem.gamma,
        .draws = run->route.kind && run->route.kind->held ? run->route.n : 0,
        .belief = &run->belief,
        .control = run->control,
        .solver = run->solver,
        .rollouts = &run->rollouts,
    };

    if (of.kappa == 0) return ELBO_OK;
    return elbo_task_feedback_open(&of, e->arena, &run->feedback);
}

void elbo_task_close_expressions(elbo_engine *e)
{
    if (!e->task) return;
    elbo_task_feedback_close(e->task->feedback);
    elbo_task_objective_close(e->task->objective);
    elbo_task_objective_close(e->task->weigher);
    elbo_task_objective_close(e->task->rewarder);
    elbo_task_objective_close(e->task->returner);
}

elbo_status elbo_task_weigh(elbo_engine *e)
{
    elbo_task_run *const run = e->task;
    const elbo_task_view view = elbo_task_view_of(e);

    ELBO_TRY(elbo_task_factors_update(run->factors, &view, e->ws));
    if (!run->weigher) return ELBO_OK;
    ELBO_TRY(elbo_task_objective_plan(run->weigher, &run->data, NULL, e->ws));
    return elbo_task_objective_weights(run->weigher, run->weight, e->ws);
}

elbo_status elbo_task_plan(elbo_engine *e)
{
    elbo_task_run *const run = e->task;

    if (!run->objective) return ELBO_OK;
    if (!elbo_task_gradient_through(&run->route))
        return elbo_task_objective_plan(run->objective, &run->data, run->weight,
                                        e->ws);
    elbo_task_objective_rows(run->objective, &run->data, run->weight);
    return ELBO_OK;
}

elbo_status elbo_task_expressed(elbo_engine *e, double l[])
{
    elbo_task_run *const run = e->task;

    ELBO_TRY(elbo_task_objective_plan(run->objective, &run->data, run->weight,
                                      e->ws));
    return elbo_task_objective_values(run->objective, e->iteration, l, e->ws);
}
