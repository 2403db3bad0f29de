/* inference/task_engine.c -- the steps of EM in control tasks, and their
 * family. */
#include <math.h>
#include <stdio.h>

#include "inference/task_state.h"

static elbo_status open_parts(elbo_engine *e, const elbo_setup *setup,
                              uint64_t seed, const char **section)
{
    return elbo_task_open_parts(e, setup, seed, section);
}

static void close_parts(elbo_engine *e)
{
    elbo_task_close_expressions(e);
}

/* ---- the steps ---- */

static elbo_status fit(elbo_engine *e, const elbo_task_mstep *mstep)
{
    elbo_task_run *const run = e->task;

    ELBO_TRY(elbo_task_plan(e));
    ELBO_TRY(run->belief.model->fit(&run->belief, mstep, &run->fit, e->ws));
    if (run->feedback) ELBO_TRY(elbo_task_feedback_made(run->feedback));
    if (run->objective) {
        run->unsolved =
            (double)elbo_task_objective_solved(run->objective).unconverged;
        ELBO_TRY(elbo_task_objective_made(run->objective));
    }
    return run->search && e->iteration + 1 >= run->search->from
               ? elbo_task_search(e, mstep->scale)
               : ELBO_OK;
}

static elbo_task_mstep what_to_fit(const elbo_engine *e)
{
    const elbo_task_run *const run = e->task;
    const double n = (double)run->data.n;
    const double scale = e->set.lambda_each ? e->set.lambda : e->set.lambda / n;

    return (elbo_task_mstep){
        .data = &run->data,
        .weight = run->weight,
        .likelihood = run->objective
                          ? elbo_task_objective_likelihood(run->objective)
                          : NULL,
        .addend = run->feedback ? elbo_task_feedback_plan(run->feedback, scale * n)
                                : NULL,
        .scale = scale,
        .seed = run->problem.seed,
        .round = e->iteration,
    };
}

static elbo_status m_step(elbo_engine *e, elbo_row *row)
{
    elbo_task_run *const run = e->task;
    const elbo_task_mstep mstep = what_to_fit(e);

    (void)row;
    if (run->data.n == 0) return ELBO_OK;
    ELBO_TRY(elbo_task_weigh(e));
    if (!run->belief.model->fit || e->iteration % run->fit_every != 0)
        return ELBO_OK;

    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = fit(e, &mstep);

    elbo_arena_release(e->ws, mark);
    if (s == ELBO_OK && !isfinite(run->fit.train + run->fit.holdout))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "M-step: the objective a row is %g, held out %g",
                         run->fit.train, run->fit.holdout);
    return s;
}

static elbo_status improve(elbo_engine *e)
{
    elbo_task_run *const run = e->task;
    elbo_task_estep estep = {
        .data = &run->data,
        .rollouts = &run->rollouts,
        .return_weight = run->going,
        .real = run->real_ratio,
        .round = e->iteration,
    };

    run->owed +=
        run->updates * (double)(run->trials > 0 ? run->gathered : e->set.steps);
    estep.updates = (size_t)run->owed;
    run->owed -= (double)estep.updates;
    if (estep.updates == 0) return ELBO_OK;

    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = run->control->improve(run->solver, &estep, e->ws);

    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status e_step(elbo_engine *e, elbo_row *row, double *allowance)
{
    (void)row;
    *allowance = 0;
    if (e->task->data.n == 0) return ELBO_OK;

    const elbo_task_view view = elbo_task_view_of(e);

    ELBO_TRY(elbo_task_transition_learn(&e->task->transition, &view, e->ws));
    if (!e->task->control->improve) return ELBO_OK;
    ELBO_TRY(elbo_task_roll(e));
    return improve(e);
}

static bool restless(const elbo_engine *e, const elbo_row *row)
{
    (void)e, (void)row;
    return true;
}

/* ---- the rest of the family ---- */

static bool serves_model(const elbo_model *model)
{
    return model->task != NULL;
}

static bool serves_control(const elbo_control *control)
{
    return control->task != NULL;
}

static elbo_status judge(elbo_engine *e, double *best, double *present)
{
    (void)e;
    *best = *present = 0;
    return ELBO_FAIL(ELBO_EINVAL, "no best policy is known in this world");
}

static elbo_extent extent(const elbo_engine *e)
{
    const elbo_task_run *const run = e->task;
    const elbo_task_world *const w = &run->world;
    const double row = 4.0 * (double)(2 * w->no + w->nu + 3);
    elbo_extent x = {
        .parameters = run->belief.n,
        .bytes =
            row * ((double)run->data.capacity + (double)run->rollouts.capacity)
            + 16 * (double)run->belief.n,
    };

    if (w->choices > 0)
        snprintf(x.world, sizeof x.world,
                 "%zu observations, %zu actions, %zu steps", w->no, w->choices,
                 run->T);
    else
        snprintf(x.world, sizeof x.world,
                 "%zu observations, %zu inputs, %zu steps", w->no, w->na,
                 run->T);
    return x;
}

static elbo_status check_gradient(elbo_engine *e, elbo_derivative_check *out)
{
    elbo_task_run *const run = e->task;
    elbo_row row = {0};

    if (run->belief.n == 0 || !run->belief.model->fit)
        out->skipped = "the model has no parameters";
    else if (!run->belief.model->check)
        out->skipped = "the model's M-step has no objective in double precision";
    if (out->skipped) return ELBO_OK;
    ELBO_TRY(elbo_task_gather(e, &row));
    ELBO_TRY(elbo_task_weigh(e));
    ELBO_TRY(elbo_task_plan(e));
    if (run->feedback) ELBO_TRY(elbo_task_roll(e));

    const elbo_task_mstep mstep = what_to_fit(e);

    ELBO_TRY(run->belief.model->check(&run->belief, &mstep, out, e->ws));
    if (run->feedback) ELBO_TRY(elbo_task_feedback_made(run->feedback));
    return run->objective ? elbo_task_objective_made(run->objective) : ELBO_OK;
}

static const elbo_absent absent[] = {
    {"inference",         "optimality"},
    {"inference",                   "norm_bound"},
    {"inference", "tolerance"},
    {"inference", "m_step"},
    {"inference",         "m_step_rate"},
    {"inference",                   "m_step_keep"},
    {"inference",           "m_step_iterations"},
    {"inference",         "m_step_tolerance"},
    {"control",                   "prior"},
    {"control","prior_epsilon"},
    {"control",         "prior_variance"},
    {"control",                   "kl"},
    {"control",                   "value"},
    {"control",                 "values"},
    {"control",           "target_rate"},
    {"control",                   "tolerance"},
    {"control","sweeps"},
    {"control",           "plan_rounds"},
    {"data",                   "source"},
    {"data","file"},
    {"data",           "over"},
    {"data","noise"},
    {"data",           "state_limit"},
    {"data",                   "expert"},
    {"data","pool"},
    {"data","episode_steps"},
    {"evaluation",           "regret"},
    {"evaluation",                   "expert_discount"},
    {"evaluation","nll"},
    {"evaluation",              "held_out"},
    {"evaluation",                   "held_out_of"},
    {0                   },
};

const elbo_family elbo_task_family = {
    .noun = "control tasks",
    .unwatched = "nothing is promised across sampled steps: they may lower F",
    .absent = absent,
    .serves_model = serves_model,
    .serves_control = serves_control,
    .check = elbo_task_check,
    .expression = elbo_task_expression,
    .kind = elbo_task_kind,
    .named = elbo_task_named,
    .open = open_parts,
    .close = close_parts,
    .gather = elbo_task_gather,
    .m_step = m_step,
    .e_step = e_step,
    .record = elbo_task_record,
    .restless = restless,
    .judge = judge,
    .save = elbo_task_save,
    .load = elbo_task_load,
    .extent = extent,
    .check_gradient = check_gradient,
};
