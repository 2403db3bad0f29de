#include "inference/norm_bound.h"

#include <math.h>
#include <string.h>

static const elbo_option options[] = {
    {"radius", ELBO_REAL, "", 0, 1e12, NULL, NULL, "the largest norm", NULL},
    {"scale",      ELBO_REAL, "", 1e-12, 1e12, NULL, "1",
     "temperature of the logits, whose norm is that of logits / scale", NULL},
    {0   },
};

static bool is_reward(const elbo_belief *belief, size_t j)
{
    return belief->n_reward > 0 && j >= belief->n_kernel;
}

static void joint(const elbo_norm_bound *bound, const elbo_belief *belief,
                  size_t j, uint8_t *ball, double *weight)
{
    *ball = 0;
    *weight = is_reward(belief, j) ? 1 : 1 / bound->scale;
}

static void leaves(const elbo_norm_bound *bound, const elbo_belief *belief,
                   size_t j, uint8_t *ball, double *weight)
{
    joint(bound, belief, j, ball, weight);
    *ball = is_reward(belief, j);
}

/* The first slice of [nA x nS x nS] logits is action 0, of [nS x nA] rewards
 * state 0. */
static void notebook(const elbo_norm_bound *bound, const elbo_belief *belief,
                     size_t j, uint8_t *ball, double *weight)
{
    const size_t nA = belief->mean.pattern->nA;

    *ball = is_reward(belief, j);

    const bool first = *ball ? j - belief->n_kernel < nA
                             : belief->model->action(belief, j) == 0;

    *weight = first ? 1 / bound->scale : 1;
}

static const elbo_norm_rule rule_joint = {
    .name = "joint",
    .source = "Nikishin et al. 2022, arXiv 2106.03273, section 4.2",
    .formula = "|(logits / scale, rewards)| <= radius",
    .doc = "one ball for all parameters",
    .options = options,
    .assign = joint,
    .n_balls = 1,
};

static const elbo_norm_rule rule_leaves = {
    .name = "leaves",
    .source = "one ball an array",
    .formula = "|logits / scale| <= radius, |rewards| <= radius",
    .doc = "a ball for the logits and one for learned rewards",
    .options = options,
    .assign = leaves,
    .n_balls = 2,
};

static const elbo_norm_rule rule_notebook = {
    .name = "notebook",
    .source = "evgenii-nikishin/omd, tabular.ipynb, padam",
    .formula =
        "as leaves, but the scale divides only action 0 of the logits and "
        "state 0 of the rewards",
    .doc = "what OMD's released code bounds: its optimiser unpacks each array",
    .options = options,
    .actions = true,
    .assign = notebook,
    .n_balls = 2,
};

const elbo_norm_rule *const elbo_norm_rules[] = {&rule_joint, &rule_leaves,
                                                 &rule_notebook, NULL};

enum { RULES = sizeof elbo_norm_rules / sizeof *elbo_norm_rules - 1 };

static const elbo_norm_rule *find(const char *name)
{
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(elbo_norm_rules[i]->name, name) == 0)
            return elbo_norm_rules[i];
    return NULL;
}

static const elbo_option *lookup(const char *name, bool *known,
                                 const char **nearest)
{
    const elbo_norm_rule *const rule = find(name);
    const char *names[RULES];

    for (size_t i = 0; i < RULES; i++) names[i] = elbo_norm_rules[i]->name;
    *known = rule != NULL;
    if (!rule) *nearest = elbo_name_nearest(name, names, RULES);
    return rule ? rule->options : NULL;
}

elbo_status elbo_norm_bound_parse(const char *text, elbo_arena *arena,
                                  elbo_norm_bound *out, size_t *column,
                                  const char **nearest)
{
    const char *name;
    elbo_values values;

    *out = (elbo_norm_bound){0};
    if (strcmp(text, "none") == 0) return ELBO_OK;
    ELBO_TRY(
        elbo_call_parse(text, lookup, arena, &name, &values, column, nearest));
    out->rule = find(name);
    out->radius = elbo_real(&values, "radius");
    out->scale = elbo_real(&values, "scale");
    return ELBO_OK;
}

/* The same word in memory that stays. */
static const char *lasting(const char *word)
{
    static const char *const words[] = {"joint", "leaves", "notebook", "radius",
                                        "scale"};

    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0) return words[i];
    return NULL;
}

elbo_status elbo_norm_bound_check(const char *text, size_t *column,
                                  const char **nearest)
{
    elbo_arena *const arena = elbo_arena_alloc(1024);
    const char *word = NULL;
    elbo_norm_bound bound;

    if (!arena) return ELBO_FAIL(ELBO_ENOMEM, "norm_bound: no arena");

    const elbo_status s =
        elbo_norm_bound_parse(text, arena, &bound, column, &word);

    if (nearest) *nearest = lasting(word);
    elbo_arena_free(arena);
    return s;
}

static elbo_status check(const elbo_norm_bound *bound, const elbo_model *model)
{
    if (!model->pullback)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "norm_bound: model %s follows no gradient that a bound "
            "could stop",
            model->name);
    if (bound->rule->actions && !model->action)
        return ELBO_FAIL(
            ELBO_EINVAL,
            "norm_bound: model %s has no parameters of one action, "
            "which %s needs",
            model->name, bound->rule->name);
    return ELBO_OK;
}

elbo_status elbo_norm_bound_balls(const elbo_norm_bound *bound,
                                  const elbo_belief *belief, elbo_arena *arena,
                                  const elbo_balls **out)
{
    *out = NULL;
    if (!bound->rule) return ELBO_OK;
    ELBO_TRY(check(bound, belief->model));

    elbo_balls *const balls = elbo_arena_take(arena, 1, sizeof *balls);
    uint8_t *const ball = elbo_arena_take(arena, belief->n, sizeof *ball);
    double *const weight = elbo_arena_doubles(arena, belief->n);

    ELBO_TRY(elbo_arena_check(arena, "the bound on theta"));
    for (size_t j = 0; j < belief->n; j++)
        bound->rule->assign(bound, belief, j, &ball[j], &weight[j]);
    *balls = (elbo_balls){.n_balls = bound->rule->n_balls,
                          .n = belief->n,
                          .ball = ball,
                          .weight = weight,
                          .radius = bound->radius};
    *out = balls;
    return ELBO_OK;
}
