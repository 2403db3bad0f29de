/* inference/task_open.c -- an engine of a control task, part by part. */
#include <math.h>

#include "inference/task_state.h"

enum { EPISODES = 16 }; /* in the model, where nothing is said of real ones */

static const double forgotten = 1e-3; /* of gamma^t: what follows is left out */
static const double most_steps = 1e5; /* of an episode without a limit */

/* T: env.horizon, else the task's own, else where the discount has forgotten.
 */
static elbo_status read_length(elbo_task_run *run, const elbo_setup *setup)
{
    const size_t horizon = elbo_horizon_read(setup);
    const double gamma = run->problem.gamma;

    run->T = horizon > 0 ? horizon : run->world.limit;
    if (run->T > 0) return ELBO_OK;

    const double T = gamma < 1 ? ceil(log(forgotten) / log(gamma)) : HUGE_VAL;

    if (!(T <= most_steps))
        return ELBO_FAIL(
            ELBO_EINVAL,
            "%s has no limit of its own: horizon must be given, or discount "
            "be smaller",
            setup->env->name);
    run->T = T > 1 ? (size_t)T : 1;
    return ELBO_OK;
}

static elbo_status open_world(elbo_engine *e, const elbo_setup *setup,
                              uint64_t seed)
{
    elbo_task_run *const run = e->task;

    ELBO_TRY(elbo_task_open(setup->env, setup->env_own,
                            elbo_text(setup->env_common, "wrappers"), seed,
                            e->arena, &run->world));
    run->problem.gamma = elbo_real(setup->env_common, "discount");
    return read_length(run, setup);
}

static elbo_status open_control(elbo_engine *e, const elbo_setup *setup)
{
    elbo_task_run *const run = e->task;
    const elbo_task_control *const control = run->control;

    if (run->world.choices > 0 ? !control->choices : !control->box)
        return ELBO_FAIL(ELBO_EINVAL, "%s does not serve %s, which %s has",
                         setup->control->name,
                         run->world.choices > 0 ? "a choice of actions"
                                                : "a box of actions",
                         setup->env->name);
    ELBO_TRY(control->open(setup->control_own, &run->problem, e->arena,
                           &run->solver));
    run->memory = control->memory ? control->memory(run->solver) : 0;
    return ELBO_OK;
}

static void read_evaluation(elbo_task_run *run, const elbo_setup *setup)
{
    const elbo_values *const how = setup->evaluation;
    const size_t asked = (size_t)elbo_int(how, "rollouts");

    run->fit_every = (uint64_t)elbo_int(setup->inference, "m_step_every");
    run->judge_every = (uint64_t)elbo_int(how, "every");
    run->episodes = (size_t)elbo_int(how, "episodes");
    run->imagined = run->episodes > 0     ? run->episodes
                    : run->control->plans ? 1
                                          : EPISODES;
    if (asked > 0) run->imagined = asked;
}

elbo_status elbo_task_open_parts(elbo_engine *e, const elbo_setup *setup,
                                 uint64_t seed, const char **section)
{
    elbo_task_run *const run = e->task =
        elbo_arena_take(e->arena, 1, sizeof *run);

    ELBO_TRY(elbo_arena_check(e->arena, "the engine"));
    run->control = setup->control->task;
    run->problem = (elbo_task_problem){
        .world = &run->world,
        .belief = &run->belief,
        .temperature = run->control->soft
                           ? elbo_real(setup->control_common, "temperature")
                           : 0,
        .seed = seed,
    };
    /* a planner has no density: its policy is judged as it acts */
    run->explores = run->control->soft && !run->control->plans &&
                    run->problem.temperature > 0;
    *section = "env";
    ELBO_TRY(open_world(e, setup, seed));
    *section = "model";
    ELBO_TRY(setup->model->task->open(setup->model_own, &run->world, seed,
                                      e->arena, &run->belief));
    *section = "control";
    ELBO_TRY(open_control(e, setup));
    ELBO_TRY(elbo_task_open_rollouts(e, setup));
    *section = "data";
    ELBO_TRY(elbo_task_open_data(e, setup));
    *section = "inference";
    ELBO_TRY(elbo_task_open_expressions(e, setup));
    ELBO_TRY(elbo_task_open_transition(e, setup));
    ELBO_TRY(elbo_task_open_feedback(e));
    read_evaluation(run, setup);
    ELBO_TRY(elbo_task_open_search(e, setup));
    *section = "control";
    ELBO_TRY(elbo_task_open_rewards(e, setup));
    *section = "evaluation";
    ELBO_TRY(elbo_task_open_regimes(e, setup));
    elbo_task_name_columns(e);
    return ELBO_OK;
}
