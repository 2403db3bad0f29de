/* inference/linear_rules.c -- which settings go together in linear-Gaussian
 * worlds, and what they are.
 */
#include <math.h>
#include <string.h>

#include "inference/linear_state.h"

/* The settings that the rules read. */
typedef struct facts {
    const elbo_setup *setup;
    elbo_slots slots;
    elbo_weight weight;
    double kappa;
    bool tilted, adversarial;
} facts;

static elbo_status read(const elbo_setup *setup, elbo_arena *arena, facts *f)
{
    *f = (facts){.setup = setup,
                 .kappa = elbo_real(setup->inference, "feedback")};
    ELBO_TRY(elbo_slots_read(setup, arena, &f->slots));
    ELBO_TRY(elbo_weight_parse(elbo_text(setup->inference, "weight"),
                               &f->weight, NULL, NULL));
    f->tilted = f->slots.tilt.kind == &elbo_transition_tilt;
    f->adversarial = elbo_tilt_adversarial(&f->slots.tilt);
    return ELBO_OK;
}

static bool text_is(const elbo_values *values, const char *name, const char *text)
{
    return strcmp(elbo_text(values, name), text) == 0;
}

static bool no_discount(const facts *f)
{
    return !(f->slots.gamma > 0);
}

static bool forever(const facts *f)
{
    return elbo_horizon_read(f->setup) == 0 && !(f->slots.gamma < 1);
}

static bool linear(const facts *f)
{
    return f->slots.optimality == ELBO_LINEAR;
}

static bool other_weight(const facts *f)
{
    return !f->weight.constant;
}

static bool other_likelihood(const facts *f)
{
    return !text_is(f->setup->inference, "likelihood", "logp");
}

static bool other_transition(const facts *f)
{
    return f->slots.tilt.kind != &elbo_transition_model && !f->tilted;
}

static bool other_gradient(const facts *f)
{
    return !elbo_route_stops(&f->slots.route);
}

static bool feedback_of_model(const facts *f)
{
    return f->kappa != 0 && !f->tilted && !other_transition(f);
}

static bool feedback_of_adversary(const facts *f)
{
    return f->kappa != 0 && f->tilted && f->adversarial;
}

static bool negative_feedback(const facts *f)
{
    return f->kappa < 0 && f->tilted && !f->adversarial;
}

static bool budgeted(const facts *f)
{
    return elbo_budget_read(elbo_text(f->setup->inference, "data_scale")) > 0;
}

static bool bounded(const facts *f)
{
    return !text_is(f->setup->inference, "norm_bound", "none");
}

static bool other_prior(const facts *f)
{
    return !elbo_choice_is(f->setup->control_common, "prior", "uniform");
}

static bool flat_follow(const facts *f)
{
    return isinf(f->slots.alpha)
           && isinf(elbo_real(f->setup->control_common, "prior_variance"));
}

static bool other_reward(const facts *f)
{
    return !text_is(f->setup->control_common, "reward", "r");
}

static bool other_return_weight(const facts *f)
{
    return !text_is(f->setup->control_common, "return_weight", "1");
}

static bool other_value(const facts *f)
{
    return !elbo_choice_is(f->setup->control_common, "value", "model");
}

static bool other_values(const facts *f)
{
    return !text_is(f->setup->control_common, "values", "planner");
}

static bool source_is(const facts *f, const char *what)
{
    return elbo_choice_is(f->setup->data, "source", what);
}

static bool is_online(const facts *f)
{
    return elbo_choice_is(f->setup->data, "mode", "online");
}

static bool random_policy(const facts *f)
{
    return elbo_choice_is(f->setup->data, "policy", "random");
}

static bool current_offline(const facts *f)
{
    return !source_is(f, "file") && !is_online(f)
           && elbo_choice_is(f->setup->data, "policy", "current");
}

static bool expert_share(const facts *f)
{
    return elbo_real(f->setup->data, "expert") > 0;
}

static bool by_rows(const facts *f)
{
    return elbo_choice_is(f->setup->data, "over", "rows");
}

static bool file_missing(const facts *f)
{
    const char *const file = elbo_text(f->setup->data, "file");

    return source_is(f, "file") && (!file || !*file);
}

static bool not_env_online(const facts *f)
{
    return !source_is(f, "env") && is_online(f);
}

static bool expert_discount(const facts *f)
{
    return elbo_real(f->setup->evaluation, "expert_discount") > 0;
}

static bool held_out(const facts *f)
{
    return elbo_real(f->setup->evaluation, "held_out") > 0;
}

#define NOT_YET "linear-Gaussian worlds have no such setting: must be "

/* clang-format off */
static const struct {
    const char *section, *key;
    bool (*broken)(const facts *f);
    const char *text;
} rules[] = {
    {"env", "discount", no_discount, "must be above 0: it is survival"},
    {"env", "discount", forever,
     "without a horizon returns are sums for ever: must be below 1"},
    {"inference", "optimality", linear,
     "rewards here are quadratic and below 0: must be exponential"},
    {"inference", "weight", other_weight, NOT_YET "a number"},
    {"inference", "likelihood", other_likelihood, NOT_YET "logp"},
    {"inference", "transition", other_transition, NOT_YET "model or tilt"},
    {"inference", "gradient", other_gradient, NOT_YET "stop"},
    {"inference", "feedback", feedback_of_model,
     "with transition: model no expected transitions are counted (give a tilt)"},
    {"inference", "feedback", feedback_of_adversary,
     "a robust q never enters the M-step: must be 0"},
    {"inference", "feedback", negative_feedback,
     "below 0 a tilt would send negative counts: must be 0 or more"},
    {"inference", "data_scale", budgeted, NOT_YET "|D| or a number"},
    {"inference", "norm_bound", bounded, "the M-step is closed: must be none"},
    {"control", "prior", other_prior, NOT_YET "uniform"},
    {"control", "prior_variance", flat_follow,
     "at temperature inf the policy is the prior: must be finite"},
    {"control", "reward", other_reward, NOT_YET "r"},
    {"control", "return_weight", other_return_weight, NOT_YET "1"},
    {"control", "value", other_value, NOT_YET "model"},
    {"control", "values", other_values, NOT_YET "planner"},
    {"data", "policy", random_policy, NOT_YET "uniform, current, optimal or expert"},
    {"data", "policy", current_offline,
     "current needs mode: online: offline nothing is learnt before the data"},
    {"data", "expert", expert_share, NOT_YET "0"},
    {"data", "over", by_rows, NOT_YET "occupancy"},
    {"data", "file", file_missing, "needed by source: file"},
    {"data", "mode", not_env_online, "online needs source: env"},
    {"evaluation", "expert_discount", expert_discount, NOT_YET "0"},
    {"evaluation", "held_out", held_out, NOT_YET "0"},
};
/* clang-format on */

static elbo_status check(const elbo_setup *setup, size_t skip, elbo_arena *arena,
                         const char **section, const char **key)
{
    facts f;

    ELBO_TRY(read(setup, arena, &f));
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].broken(&f) || skip-- > 0) continue;
        *section = rules[i].section;
        *key = rules[i].key;
        return ELBO_FAIL(ELBO_ECONFIG, "%s.%s: %s", *section, *key,
                         rules[i].text);
    }
    return ELBO_OK;
}

elbo_status elbo_linear_check(const elbo_setup *setup, size_t skip,
                              const char **section, const char **key)
{
    elbo_arena *arena = elbo_arena_alloc(4096);

    *section = *key = NULL;
    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "checking the settings");

    const elbo_status s = check(setup, skip, arena, section, key);

    elbo_arena_free(arena);
    return s;
}

static const char *kind(const facts *f)
{
    const bool flat =
        isinf(elbo_real(f->setup->control_common, "prior_variance"));

    if (f->adversarial)
        return "robust value: max over pi of min over q; no bound on an "
               "evidence";
    if (f->slots.alpha == 0)
        return "value: at temperature 0 the control part is a return, which "
               "bounds no evidence";
    if (flat)
        return "value: entropy against Lebesgue measure in the place of a prior "
               "policy; F is a bound up to a constant of units";
    if (f->kappa == 0)
        return "bound, cut: F bounds the model's evidence, never the real "
               "return; learning does not see optimality";
    if (f->kappa == 1)
        return "bound: F bounds the joint evidence of data and optimality in "
               "the model; optimistic about theta";
    return "bound, partly closed: learning sees a share of optimality; F itself "
           "need not rise";
}

const char *elbo_linear_kind(const elbo_setup *setup)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    facts f;

    if (!arena) return elbo_status_text(ELBO_ENOMEM);

    const elbo_status s = read(setup, arena, &f);
    const char *const text = s == ELBO_OK ? kind(&f) : elbo_status_text(s);

    elbo_arena_free(arena);
    return text;
}
