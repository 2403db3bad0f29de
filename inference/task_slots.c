/* inference/task_slots.c -- which weights and likelihoods go with a control
 * task, and what they make of its objective.
 */
#include "inference/finite_facts.h"
#include "inference/task_state.h"

typedef elbo_facts facts;

static bool refused(const facts *f, const char *slot,
                    const elbo_network_words *words)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    elbo_expr *expr;
    elbo_status s = ELBO_ENOMEM;

    if (arena)
        s = elbo_network_parse(elbo_text(f->setup->inference, slot),
                               elbo_task_factor_words, words, arena, &expr,
                               NULL, NULL);
    elbo_arena_free(arena);
    return s == ELBO_EINVAL;
}

static bool wrong(const facts *f, const char *slot)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    elbo_expr *expr;
    elbo_status s = ELBO_ENOMEM;

    if (arena)
        s = elbo_task_objective_parse(elbo_text(f->setup->inference, slot),
                                      arena, &expr, NULL, NULL);
    elbo_arena_free(arena);
    return s == ELBO_EINVAL;
}

static bool wrong_likelihood(const facts *f)
{
    return wrong(f, "likelihood");
}

static bool wrong_weight(const facts *f)
{
    return wrong(f, "weight");
}

static bool weight_of_member(const facts *f)
{
    const elbo_network_words all = elbo_network_all(false);

    return !wrong_weight(f) && refused(f, "weight", &all);
}

/* Right in itself, but this model and control do not tell all it reads. */
static bool untold(const facts *f, const char *slot, bool weight)
{
    const elbo_network_words words =
        elbo_task_words(f->setup->model->task, f->setup->control->task, weight,
                        !weight && f->slots.route.solver);
    const elbo_network_words all = elbo_network_all(!weight);

    return !refused(f, slot, &all) && refused(f, slot, &words);
}

static bool untold_likelihood(const facts *f)
{
    return untold(f, "likelihood", false);
}

static bool untold_weight(const facts *f)
{
    return untold(f, "weight", true);
}

static bool without_theta(const facts *f)
{
    return f->stops && !(f->depends & ELBO_ON_THETA)
           && !(f->depends & ELBO_ON_PLANNER);
}

static bool behind_planner(const facts *f)
{
    return f->stops && !(f->depends & ELBO_ON_THETA)
           && f->depends & ELBO_ON_PLANNER;
}

static bool not_followed(const facts *f)
{
    return f->expression && !f->setup->model->task->node;
}

static bool searches(const facts *f)
{
    return f->slots.route.search != NULL;
}

static bool reads_return(const facts *f)
{
    return f->expression && f->depends & ELBO_ON_PLANNER
           && f->setup->control->task->plans;
}

static bool implicit(const facts *f)
{
    return f->slots.route.solver && elbo_task_gradient_serves(&f->slots.route);
}

static bool other_gradient(const facts *f)
{
    return !f->stops && !searches(f) && !implicit(f);
}

static bool search_of_policy(const facts *f)
{
    return searches(f) && !f->setup->control->task->plans;
}

static bool search_of_fixed(const facts *f)
{
    return searches(f) && !f->setup->model->task->numbers;
}

static bool search_without_planner(const facts *f)
{
    return searches(f) && f->setup->control->task->plans && !reads_return(f);
}

static bool search_without_theta(const facts *f)
{
    return searches(f) && reads_return(f) && !(f->depends & ELBO_ON_THETA);
}

static bool return_unsearched(const facts *f)
{
    return f->stops && reads_return(f) && f->depends & ELBO_ON_THETA;
}

static bool gradient_unused(const facts *f)
{
    return implicit(f) && !(f->depends & ELBO_ON_PLANNER);
}

static bool gradient_of_no_equation(const facts *f)
{
    return implicit(f) && !f->setup->control->task->equation;
}

static bool gradient_of_the_world(const facts *f)
{
    return implicit(f) && f->setup->control->task->equation
           && elbo_real(f->setup->control_common, "real_ratio") != 0;
}

static bool gradient_of_no_rollout(const facts *f)
{
    elbo_task_schedule schedule;

    return implicit(f) && f->setup->control->task->equation
           && elbo_task_schedule_parse(
                  elbo_text(f->setup->control_common, "rollout_length"),
                  &schedule, NULL)
                  == ELBO_OK
           && elbo_task_schedule_most(&schedule) == 0;
}

static bool gradient_of_tilt(const facts *f)
{
    return implicit(f) && f->slots.tilt.kind != &elbo_transition_model;
}

static bool other_transition(const facts *f)
{
    return !elbo_task_transition_serves(&f->slots.tilt);
}

static bool is_plain(const facts *f)
{
    return f->slots.tilt.kind == &elbo_transition_model;
}

static bool transition_without_value(const facts *f)
{
    return !other_transition(f) && !is_plain(f)
           && f->slots.tilt.kind != &elbo_transition_free
           && !f->setup->control->task->value;
}

static bool transition_of_planner(const facts *f)
{
    return !is_plain(f) && f->setup->control->task->plans
           && f->setup->control->task->value;
}

/* clang-format off */
static const elbo_clash rules[] = {
    {"inference", "likelihood", wrong_likelihood,
     "it has a word or a form that is not of this family of worlds"},
    {"inference", "weight", wrong_weight,
     "it has a word or a form that is not of this family of worlds"},
    {"inference", "weight", weight_of_member,
     "a weight is read outside of the model's members: no E, Var and rhat"},
    {"inference", "likelihood", untold_likelihood,
     "it reads what this control does not tell: V, gradV, V_target, Q, A, logpi or J; or, "
     "with gradient: implicit, gradV or logpi, which do not move with the critics"},
    {"inference", "weight", untold_weight,
     "it reads what this control or model does not tell: V, gradV, V_target, Q, A, logpi, "
     "logp or J"},
    {"inference", "likelihood", without_theta, "nothing in it depends on theta"},
    {"inference", "likelihood", behind_planner,
     "nothing in it depends on theta while gradient is stop: V, Q, logpi and the like "
     "see theta through the planner"},
    {"inference", "gradient", other_gradient,
     "control tasks know no other: must be stop, implicit(identity), implicit(cg), "
     "implicit(neumann(k)) or search"},
    {"inference", "gradient", search_of_policy,
     "theta is searched by what its planner earns, and this control learns: must be "
     "stop"},
    {"inference", "gradient", search_of_fixed,
     "this model has no numbers to search: must be stop"},
    {"inference", "gradient", search_without_planner,
     "nothing in the likelihood goes through the planner: must be stop"},
    {"inference", "likelihood", search_without_theta,
     "the search goes on from a fit, and nothing in it depends on theta but J: it "
     "must be in it itself, as in logp - 0.01*J"},
    {"inference", "likelihood", return_unsearched,
     "J sees theta through the planner: gradient must be search"},
    {"inference", "gradient", gradient_unused,
     "nothing in the likelihood goes through the critics: must be stop"},
    {"inference", "gradient", gradient_of_no_equation,
     "this control's values solve no equation that derivatives could follow: must be stop"},
    {"inference", "gradient", gradient_of_tilt,
     "the critics' equation is of the model's own successors: transition must be model"},
    {"control", "real_ratio", gradient_of_the_world,
     "with gradient: implicit the critics are to solve the model's equation: must be 0"},
    {"control", "rollout_length", gradient_of_no_rollout,
     "with gradient: implicit the critics are to learn from the model: must be above 0"},
    {"inference", "transition", other_transition,
     "control tasks know no other: must be model, tilt, robust or "
     "free(ratio=classifier)"},
    {"inference", "transition", transition_without_value,
     "it weighs successors by V, and this control tells none: must be model"},
    {"inference", "transition", transition_of_planner,
     "a planner asks the model itself: must be model"},
    {"inference", "likelihood", not_followed,
     "this model follows no derivative of expressions: must be logp"},
};
/* clang-format on */

static elbo_status check(const elbo_setup *setup, size_t *skip,
                         elbo_arena *arena, const char **section,
                         const char **key)
{
    facts f;

    ELBO_TRY(elbo_facts_read(setup, arena, &f));
    return elbo_clash_check(rules, sizeof rules / sizeof *rules, &f, skip, section,
                            key);
}

elbo_status elbo_task_check_slots(const elbo_setup *setup, size_t *skip,
                                  const char **section, const char **key)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    elbo_status s;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "checking the slots");
    s = check(setup, skip, arena, section, key);
    elbo_arena_free(arena);
    return s;
}

/* NULL: the slots add nothing to what the control says. */
static const char *kind(const facts *f)
{
    const elbo_transition *const q = f->slots.tilt.kind;
    const char *const expressed = elbo_facts_kind(f);

    if (f->expression && f->slots.route.solver)
        return "outer objective, by networks: the data term through the critics' "
               "equation, which they nearly solve; F bounds no evidence, never "
               "watched";
    if (expressed) return expressed;
    if (q == &elbo_transition_free)
        return "not a bound: the log ratio of environment and model is "
               "estimated by "
               "classifiers";
    if (f->robust)
        return "robust value: max over pi of min over q, by particles of the "
               "model; no "
               "bound on an evidence";
    if (q == &elbo_transition_tilt)
        return "bound, estimated: q tilts the model's particles to what is "
               "worth more, at "
               "a KL that they estimate from below";
    return NULL;
}

const char *elbo_task_kind(const elbo_setup *setup)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    const char *text = NULL;
    facts f;

    if (arena && elbo_facts_read(setup, arena, &f) == ELBO_OK) text = kind(&f);
    elbo_arena_free(arena);
    return text ? text : setup->control->task->kind;
}

const char *elbo_task_named(const elbo_setup *setup)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    const char *name = NULL;
    facts f;

    if (arena && elbo_facts_read(setup, arena, &f) == ELBO_OK && f.named)
        name = f.named->name;
    elbo_arena_free(arena);
    return name;
}

elbo_status elbo_task_expression(const char *text, elbo_arena *arena,
                                 size_t *column, const char **nearest)
{
    elbo_expr *unused;

    return elbo_task_objective_parse(text, arena, &unused, column, nearest);
}
