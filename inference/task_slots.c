/* inference/task_slots.c -- which weights and likelihoods go with a control
 * task, and what they make of its objective.
 */
#include <string.h>

#include "inference/finite_facts.h"
#include "inference/task_state.h"

typedef elbo_facts facts;

static elbo_status expressed(const facts *f, const char *key)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    const char *nearest;
    size_t column;
    elbo_status s = ELBO_ENOMEM;

    if (arena)
        s = elbo_setup_expression(f->setup, key, arena, &column, &nearest);
    elbo_arena_free(arena);
    return s;
}

static bool wrong_likelihood(const facts *f)
{
    return expressed(f, "likelihood") == ELBO_EINVAL;
}

static bool wrong_weight(const facts *f)
{
    return expressed(f, "weight") == ELBO_EINVAL;
}

static bool wrong_reward(const facts *f)
{
    return expressed(f, "reward") == ELBO_EINVAL;
}

static bool wrong_return_weight(const facts *f)
{
    return expressed(f, "return_weight") == ELBO_EINVAL;
}

static bool scores(const facts *f)
{
    return f->slots.route.kind && f->slots.route.kind->held;
}

/* The data term sees nothing of theta through the control. */
static bool stands(const facts *f)
{
    return f->stops || scores(f);
}

static bool without_theta(const facts *f)
{
    return stands(f) && !(f->depends & ELBO_ON_THETA)
           && !(f->depends & ELBO_ON_PLANNER);
}

static bool behind_planner(const facts *f)
{
    return stands(f) && !(f->depends & ELBO_ON_THETA)
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

static bool through(const facts *f)
{
    return elbo_task_gradient_through(&f->slots.route);
}

static bool plans(const facts *f)
{
    return f->setup->control->task->plans;
}

static bool has_equation(const facts *f)
{
    return f->setup->control->task->equation != NULL;
}

static bool gradient_of_planner(const facts *f)
{
    return plans(f) && !stands(f) && !searches(f);
}

static bool gradient_of_critics(const facts *f)
{
    return !plans(f) && has_equation(f) && !stands(f) && !through(f);
}

static bool gradient_of_neither(const facts *f)
{
    return !plans(f) && !has_equation(f) && !stands(f);
}

static bool search_of_fixed(const facts *f)
{
    return searches(f) && plans(f) && !f->setup->model->task->numbers;
}

static bool search_without_planner(const facts *f)
{
    return searches(f) && plans(f) && !reads_return(f);
}

static bool search_without_theta(const facts *f)
{
    return searches(f) && reads_return(f) && !(f->depends & ELBO_ON_THETA);
}

static bool return_unsearched(const facts *f)
{
    return stands(f) && reads_return(f) && f->depends & ELBO_ON_THETA;
}

static bool gradient_unused(const facts *f)
{
    return through(f) && has_equation(f) && !(f->depends & ELBO_ON_PLANNER);
}

static bool gradient_of_the_world(const facts *f)
{
    return through(f) && has_equation(f)
           && elbo_real(f->setup->control_common, "real_ratio") != 0;
}

static bool gradient_of_no_rollout(const facts *f)
{
    elbo_task_schedule schedule;

    return through(f) && has_equation(f)
           && elbo_task_schedule_parse(
                  elbo_text(f->setup->control_common, "rollout_length"),
                  &schedule, NULL)
                  == ELBO_OK
           && elbo_task_schedule_most(&schedule) == 0;
}

static bool gradient_of_tilt(const facts *f)
{
    return through(f) && has_equation(f)
           && f->slots.tilt.kind != &elbo_transition_model;
}

static bool past_offline(const facts *f)
{
    return f->then && !elbo_choice_is(f->setup->data, "mode", "online");
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

static bool rolls(const facts *f)
{
    elbo_task_schedule schedule;

    return f->setup->control->task->improve
           && !f->setup->control->task->paths
           && elbo_task_schedule_parse(
                  elbo_text(f->setup->control_common, "rollout_length"),
                  &schedule, NULL)
                  == ELBO_OK
           && elbo_task_schedule_most(&schedule) > 0;
}

static bool reward_of_nobody(const facts *f)
{
    return !f->reward.plain && !rolls(f);
}

static bool weight_of_nobody(const facts *f)
{
    return !f->returned.plain
           && !(rolls(f) && f->setup->control->task->weighs);
}

static bool reward_of_tilt(const facts *f)
{
    return !f->reward.plain && !is_plain(f)
           && f->slots.tilt.kind != &elbo_transition_free;
}

static bool weight_of_tilt(const facts *f)
{
    return !f->returned.plain && !is_plain(f);
}

static bool reward_of_gradient(const facts *f)
{
    return !f->reward.plain && through(f);
}

static bool weight_of_gradient(const facts *f)
{
    return !f->returned.plain && through(f);
}

/* ---- feedback ---- */

static bool feeds(const facts *f)
{
    return f->kappa != 0;
}

static bool feedback_of_nothing(const facts *f)
{
    const elbo_task_control *const control = f->setup->control->task;

    return feeds(f)
           && !(rolls(f) && control->value_node && f->setup->model->task->step);
}

static bool feedback_of_tilt(const facts *f)
{
    return feeds(f) && !is_plain(f);
}

static bool reward_of_feedback(const facts *f)
{
    return feeds(f) && !f->reward.plain;
}

static bool weight_of_feedback(const facts *f)
{
    return feeds(f) && !f->returned.plain;
}

static bool score_of_nothing(const facts *f)
{
    return scores(f) && !feeds(f);
}

static bool score_without_baseline(const facts *f)
{
    return scores(f) && f->slots.route.n < 2;
}

#define NOT_HERE                                                               \
    "it has a word or a form that is not of this family of worlds, or that "   \
    "this model and control do not tell"

/* clang-format off */
static const elbo_clash rules[] = {
    {"inference", "likelihood", wrong_likelihood, NOT_HERE},
    {"inference", "weight", wrong_weight, NOT_HERE},
    {"control", "reward", wrong_reward, NOT_HERE},
    {"control", "return_weight", wrong_return_weight, NOT_HERE},
    {"control", "reward", reward_of_nobody,
     "it is what steps of the model pay, and this control learns from none of its "
     "rollouts: must be r"},
    {"control", "return_weight", weight_of_nobody,
     "this control weighs no returns of rollouts: must be 1"},
    {"control", "reward", reward_of_tilt,
     "successors are chosen by r + gamma V: needs transition: model or free"},
    {"control", "return_weight", weight_of_tilt,
     "weighs returns of the model: needs transition: model"},
    {"control", "reward", reward_of_gradient,
     "where gradient goes through the critics they solve an equation of the model's own "
     "rewards: must be r"},
    {"control", "return_weight", weight_of_gradient,
     "where gradient goes through the critics they solve an equation of unweighed "
     "returns: must be 1"},
    {"inference", "likelihood", without_theta, "nothing in it depends on theta"},
    {"inference", "likelihood", behind_planner,
     "nothing in it depends on theta while gradient is stop: V, Q, logpi and the like "
     "see theta through the planner"},
    {"inference", "gradient", gradient_of_planner,
     "a planner is no equation that derivatives could follow: must be stop or "
     "search(evolution)"},
    {"inference", "gradient", gradient_of_critics,
     "theta is followed through the critics: must be stop, implicit(identity), "
     "implicit(cg), implicit(neumann(k)), unroll(k, rate) with a rate above 0 or, with "
     "feedback, score(n)"},
    {"inference", "gradient", gradient_of_neither,
     "this control plans nothing to search by, and its values solve no equation that "
     "derivatives could follow: must be stop or, with feedback, score(n)"},
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
    {"inference", "gradient", score_of_nothing,
     "it is how the slope of feedback is estimated, and feedback is 0: must be stop"},
    {"inference", "gradient", score_without_baseline,
     "the mean of a step's other draws is its baseline: n must be at least 2"},
    {"inference", "feedback", feedback_of_nothing,
     "F_control's slope is of rollouts of a model that learns, and of the control's V at "
     "their ends: this model and control have none of it (or control.rollout_length is 0): "
     "must be 0"},
    {"inference", "feedback", feedback_of_tilt,
     "it is of the model's own successors: needs transition: model"},
    {"control", "reward", reward_of_feedback,
     "with feedback the model is moved by its own rewards: must be r"},
    {"control", "return_weight", weight_of_feedback,
     "weighed returns do not reach theta: feedback must be 0"},
    {"inference", "gradient", gradient_of_tilt,
     "the critics' equation is of the model's own successors: transition must be model"},
    {"control", "real_ratio", gradient_of_the_world,
     "where gradient goes through the critics they are to solve the model's equation: "
     "must be 0"},
    {"control", "rollout_length", gradient_of_no_rollout,
     "where gradient goes through the critics they are to learn from the model: must be "
     "above 0"},
    {"data", "mode", past_offline,
     "an expression reads V_then, but offline nothing was learnt before the "
     "data came: must be online"},
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

    if (f->kappa < 0)
        return "adversarial: the model is fitted against the policy, on rollouts; no "
               "potential";
    if (f->expression && through(f))
        return elbo_task_gradient_kind(&f->slots.route);
    if (f->kappa > 0 && f->expression)
        return "surrogate, and a share of optimality, on rollouts; F bounds no evidence";
    if (expressed) return expressed;
    if (f->kappa > 0)
        return "F of the policy in the model, and learning sees a share of it, on "
               "rollouts: optimistic about theta";
    if (!f->returned.plain)
        return "not a bound: weighed returns of the model estimate the world's";
    if (q == &elbo_transition_free)
        return "not a bound: the log ratio of environment and model is "
               "estimated by "
               "classifiers";
    if (f->robust)
        return "robust value: max over pi of min over q, by particles of the "
               "model; no "
               "bound on an evidence";
    if (!f->reward.plain)
        return "value: what control maximises in the model is not the world's "
               "reward (control.reward); F is of that, and bounds no one "
               "evidence where it moves";
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

static elbo_task_role role_of(const char *key)
{
    if (strcmp(key, "likelihood") == 0) return ELBO_TASK_LIKELIHOOD;
    return strcmp(key, "weight") == 0 ? ELBO_TASK_WEIGHT : ELBO_TASK_REWARD;
}

/* Whether derivatives go through the control. */
static bool goes_through(const elbo_setup *setup)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    elbo_route route = {0};
    const bool known =
        arena
        && elbo_gradient_parse(elbo_text(setup->inference, "gradient"), arena,
                               &route, NULL, NULL)
               == ELBO_OK
        && elbo_task_gradient_through(&route);

    elbo_arena_free(arena);
    return known;
}

/* In itself, then of what this model and control tell. */
elbo_status elbo_task_expression(const elbo_setup *setup, const char *key,
                                 const char *text, elbo_arena *arena,
                                 size_t *column, const char **nearest)
{
    const elbo_task_role role = role_of(key);
    const elbo_network_words words =
        elbo_task_words(setup->model->task, setup->control->task, role,
                        role == ELBO_TASK_LIKELIHOOD && goes_through(setup));
    elbo_expr *unused;

    ELBO_TRY((role == ELBO_TASK_REWARD ? elbo_task_reward_parse
                                       : elbo_task_objective_parse)(
        text, arena, &unused, column, nearest));
    return elbo_network_parse(text, elbo_task_factor_words, &words, arena,
                              &unused, column, nearest);
}
