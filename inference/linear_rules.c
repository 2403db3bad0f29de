/* inference/linear_rules.c -- which settings go together in linear-Gaussian
 * worlds, and what they are.
 */
#include <math.h>
#include <string.h>

#include "inference/finite_facts.h"
#include "inference/linear_state.h"

typedef elbo_facts facts;

static bool forever(const facts *f)
{
    return elbo_horizon_read(f->setup) == 0 && !(f->slots.gamma < 1);
}

static bool is_tilt(const facts *f)
{
    return f->slots.tilt.kind == &elbo_transition_tilt;
}

static bool is_corrected(const facts *f)
{
    return f->slots.tilt.kind == &elbo_transition_corrected;
}

/* Whether the weight, or the likelihood, names the word; of what cannot be read:
 * not. */
static bool reads(const facts *f, const char *slot, const char *word)
{
    elbo_arena *const arena = elbo_arena_alloc(4096);
    elbo_expr *expr;
    bool found = false;

    if (arena
        && elbo_linear_objective_parse(elbo_text(f->setup->inference, slot), arena,
                                       &expr, NULL, NULL)
               == ELBO_OK)
        found = elbo_expr_reads(expr, word);
    elbo_arena_free(arena);
    return found;
}

static bool estimate_is(const facts *f, const char *what)
{
    const elbo_option *const options = f->setup->model->options;

    return options && elbo_option_find(options, "estimate") != (size_t)-1
           && elbo_choice_is(f->setup->model_own, "estimate", what);
}

static bool likelihood_of_closed(const facts *f)
{
    return f->expression
           && (estimate_is(f, "posterior") || estimate_is(f, "maximum_likelihood"));
}

static bool hard_density(const facts *f, const char *slot)
{
    return f->slots.alpha == 0 && reads(f, slot, "logpi");
}

static bool hard_likelihood(const facts *f)
{
    return hard_density(f, "likelihood");
}

static bool endless_gradient(const facts *f)
{
    return elbo_horizon_read(f->setup) == 0 && reads(f, "likelihood", "gradJ_error");
}

static bool followed_gradient(const facts *f)
{
    return !f->stops && reads(f, "likelihood", "gradJ_error");
}

static bool weighing_gradient(const facts *f)
{
    return reads(f, "weight", "gradJ_error");
}

static bool hard_weight(const facts *f)
{
    return hard_density(f, "weight");
}

/* Before the first plan the policy is the prior. */
static bool flat_density(const facts *f)
{
    const bool read = reads(f, "weight", "logpi")
                      || (f->stops && reads(f, "likelihood", "logpi"));

    return read && f->slots.alpha != 0
           && isinf(elbo_real(f->setup->control_common, "prior_variance"));
}

static bool expressed(const facts *f)
{
    return f->expression || !f->weight.constant;
}

static bool other_transition(const facts *f)
{
    return f->slots.tilt.kind != &elbo_transition_model && !is_tilt(f)
           && !is_corrected(f);
}

static bool corrected_forever(const facts *f)
{
    return is_corrected(f) && elbo_horizon_read(f->setup) == 0;
}

static bool corrected_population(const facts *f)
{
    return is_corrected(f) && elbo_choice_is(f->setup->data, "source", "population");
}

static bool corrected_planner(const facts *f)
{
    return is_corrected(f) && !f->stops;
}

static bool other_gradient(const facts *f)
{
    const elbo_route *const route = &f->slots.route;

    if (f->stops || route->search) return false;
    return !route->solver || route->kind->plan || route->solver != elbo_solvers[0]
           || route->reach != ELBO_REACH_ALL || route->noise != 0;
}

static bool feedback_of_model(const facts *f)
{
    return f->kappa != 0 && !is_tilt(f) && !other_transition(f);
}

static bool feedback_of_adversary(const facts *f)
{
    return f->kappa != 0 && is_tilt(f) && f->robust;
}

static bool negative_feedback(const facts *f)
{
    return f->kappa < 0 && is_tilt(f) && !f->robust;
}

static bool budgeted(const facts *f)
{
    return elbo_budget_read(elbo_text(f->setup->inference, "data_scale")) > 0;
}

static bool flat_follow(const facts *f)
{
    return isinf(f->slots.alpha)
           && isinf(elbo_real(f->setup->control_common, "prior_variance"));
}

static bool prior_is(const facts *f, const char *what)
{
    return elbo_choice_is(f->setup->control_common, "prior", what);
}

static bool previous_prior(const facts *f)
{
    return prior_is(f, "previous");
}

static bool optimal_prior(const facts *f)
{
    return prior_is(f, "optimal") && !isinf(f->slots.alpha);
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

static bool expert_population(const facts *f)
{
    return elbo_real(f->setup->data, "expert") > 0 && !source_is(f, "env");
}

static bool expressed_population(const facts *f)
{
    return expressed(f) && source_is(f, "population");
}

static bool not_env_online(const facts *f)
{
    return !source_is(f, "env") && is_online(f);
}

static bool judged_by_file(const facts *f)
{
    return elbo_choice_is(f->setup->evaluation, "nll", "data")
           && source_is(f, "file");
}

#define NO_OTHER "these worlds know no other: must be "

/* clang-format off */
static const elbo_clash rules[] = {
    {"env", "discount", forever,
     "without a horizon returns are sums for ever: must be below 1"},
    {"inference", "likelihood", likelihood_of_closed,
     "only logp has a closed M-step: any other follows a gradient (give model "
     "linear_gaussian estimate: point)"},
    {"inference", "likelihood", hard_likelihood,
     "at temperature 0 the policy has no density: no logpi"},
    {"inference", "weight", hard_weight,
     "at temperature 0 the policy has no density: no logpi"},
    {"inference", "likelihood", endless_gradient,
     "gradJ_error is summed over the stages of an episode: it needs env.horizon"},
    {"inference", "gradient", followed_gradient,
     "gradJ_error follows theta at a policy that stands still: must be stop"},
    {"inference", "weight", weighing_gradient, "these worlds read gradJ_error in the "
     "likelihood alone"},
    {"control", "prior_variance", flat_density,
     "logpi is read before the first plan, when the policy is the prior: must be "
     "finite"},
    {"inference", "transition", other_transition, NO_OTHER "model, tilt or corrected"},
    {"inference", "transition", corrected_forever,
     "the correction is of each stage: corrected needs env.horizon"},
    {"inference", "transition", corrected_population,
     "the correction is that of an episode, and a population has none"},
    {"inference", "gradient", corrected_planner,
     "theta is not followed through the corrected plan: must be stop"},
    {"inference", "gradient", other_gradient,
     NO_OTHER "stop, implicit or search(method)"},
    {"inference", "feedback", feedback_of_model,
     "with transition: model no expected transitions are counted (give a tilt)"},
    {"inference", "feedback", feedback_of_adversary,
     "a robust q never enters the M-step: must be 0"},
    {"inference", "feedback", negative_feedback,
     "below 0 a tilt would send negative counts: must be 0 or more"},
    {"inference", "data_scale", budgeted, NO_OTHER "|D| or a number"},
    {"control", "prior_variance", flat_follow,
     "at temperature inf the policy is the prior: must be finite"},
    {"control", "prior", previous_prior, NO_OTHER "uniform or optimal"},
    {"control", "prior", optimal_prior,
     "the world's best policy is judged, not improved: optimal needs temperature inf"},
    {"data", "policy", random_policy, NO_OTHER "uniform, current, optimal or expert"},
    {"data", "expert", expert_population, "a share of episodes needs source: env"},
    {"data", "source", expressed_population,
     "of a population these worlds have moments, and an expression needs samples: "
     "must be env or file"},
    {"data", "mode", not_env_online, "online needs source: env"},
    {"evaluation", "nll", judged_by_file,
     "nobody knows who collected a file: must be current or none"},
};
/* clang-format on */

static elbo_status check(const elbo_setup *setup, size_t skip, elbo_arena *arena,
                         const char **section, const char **key)
{
    facts f;

    ELBO_TRY(elbo_facts_read(setup, arena, &f));
    ELBO_TRY(elbo_clash_check(rules, sizeof rules / sizeof *rules, &f, &skip,
                              section, key));
    return elbo_clash_check(elbo_shared_clashes, elbo_n_shared_clashes, &f, &skip,
                            section, key);
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
    const char *const expressed = elbo_facts_kind(f);

    if (expressed) return expressed;
    if (f->robust)
        return "robust value: max over pi of min over q; no bound on an "
               "evidence";
    if (is_corrected(f))
        return "surrogate: the control part is in the model as the latest episode "
               "corrects it, which bounds no evidence";
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

    const elbo_status s = elbo_facts_read(setup, arena, &f);
    const char *const text = s == ELBO_OK ? kind(&f) : elbo_status_text(s);

    elbo_arena_free(arena);
    return text;
}

const char *elbo_linear_named(const elbo_setup *setup)
{
    elbo_arena *arena = elbo_arena_alloc(4096);
    const char *name = NULL;
    facts f;

    if (arena && elbo_facts_read(setup, arena, &f) == ELBO_OK && f.named)
        name = f.named->name;
    elbo_arena_free(arena);
    return name;
}

/* J is the policy's return in the true world. */
elbo_status elbo_linear_oracles(const elbo_setup *setup, elbo_arena *arena,
                                const char *const **out)
{
    static const char *const slots[] = {"weight", "likelihood"};
    const char **const names = elbo_arena_take(arena, 4, sizeof *names);
    bool J = false, gradient = false;
    size_t n = 0;
    elbo_expr *expr;

    ELBO_TRY(elbo_arena_check(arena, "oracles"));
    *out = (const char *const *)names;
    for (size_t i = 0; i < 2; i++) {
        ELBO_TRY(elbo_linear_objective_parse(elbo_text(setup->inference, slots[i]),
                                             arena, &expr, NULL, NULL));
        J = J || elbo_expr_reads(expr, "J");
        gradient = gradient || elbo_expr_reads(expr, "gradJ_error");
    }
    if (J) names[n++] = "J";
    if (gradient) names[n++] = "gradJ_error";
    if (elbo_choice_is(setup->control_common, "prior", "optimal"))
        names[n++] = "control.prior: optimal";
    return ELBO_OK;
}
