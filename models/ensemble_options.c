#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/ensemble.h"

/* Numbers with blanks or commas between; at most one a layer. */
static elbo_status read_layers(const char *text, size_t *column, size_t *n,
                               double out[])
{
    const char *at = text;

    for (*n = 0;; (*n)++) {
        char *end;

        while (isspace((unsigned char)*at) || (*n && *at == ',')) at++;
        *column = (size_t)(at - text);
        if (*at == '\0' && *n) return ELBO_OK;
        if (*n == ELBO_MLP_LAYERS)
            return ELBO_FAIL(ELBO_EINVAL, "must be at most %d numbers",
                             ELBO_MLP_LAYERS);
        out[*n] = strtod(at, &end);
        if (end == at || !(out[*n] >= 0 && out[*n] <= 1e12))
            return ELBO_FAIL(
                ELBO_EINVAL,
                "must be numbers in [0, 1e12], one or one a layer");
        at = end;
    }
}

static elbo_status check_layers(const char *text, size_t *column,
                                const char **nearest)
{
    double out[ELBO_MLP_LAYERS];
    size_t n;

    *nearest = NULL;
    return read_layers(text, column, &n, out);
}

const elbo_option elbo_ensemble_options[] = {
    {"members",            ELBO_INT, "", 1, 64, NULL, "5", "networks", NULL},
    {"layers",                  ELBO_INT, "", 0, ELBO_MLP_LAYERS - 1, NULL, "3",
     "hidden layers; 0: an affine map", NULL},
    {"width",                  ELBO_INT, "", 1, 4096, NULL, "200", "units of a hidden layer",
     NULL},
    {"activation",                 ELBO_CHOICE, "", 0, 0, ELBO_ACTIVATIONS, "silu",
     "of the hidden layers", NULL},
    {"head",                ELBO_CHOICE, "", 0, 0, "gaussian|deterministic|mixture",
     "gaussian", "the law of the change of the observation", NULL},
    {"predicts",           ELBO_CHOICE, "", 0, 0, "change|next", "change",
     "what the networks' outputs are: the change of the observation, or the next one", NULL},
    {"components",             ELBO_INT, "", 1, 32, NULL, "5",
     "of head: mixture, which rollouts draw from; expressions, feedback and pathwise have "
     "the Gaussian of its mean and deviation for y",
     NULL},
    {"noise",                  ELBO_REAL, "", 1e-6, 1e6, NULL, "1",
     "of head: deterministic: the deviation that its density has, in "
     "normalised "
     "targets", NULL},
    {"bounds", ELBO_CHOICE, "", 0, 0, "learnt|fixed", "learnt",
     "of the log-variance", NULL},
    {"highest",                 ELBO_REAL, "", -60, 60, NULL, "0.5",
     "the log-variance's upper bound, where it starts, in normalised targets", NULL},
    {"lowest",                ELBO_REAL, "", -60, 60, NULL, "-10", "its lower bound", NULL},
    {"bound_penalty",              ELBO_REAL, "nats a row", 0, 1e6, NULL, "0.01",
     "times the distance of the learnt bounds", NULL},
    {"reward",                  ELBO_CHOICE, "", 0, 0, "told|learnt", "told",
     "by the task, or a target of the networks", NULL},
    {"terminal",                ELBO_CHOICE, "", 0, 0, "told|learnt|never", "told",
     "by the task, by a Bernoulli head, or no episode ends", NULL},
    {"normalise",               ELBO_CHOICE, "", 0, 0, "both|inputs|none", "both",
     "inputs and targets by their mean and deviation in the data", NULL},
    {"floor",                 ELBO_REAL, "", 0, 1, NULL, "1e-6",
     "a deviation under so many times max(1, |mean|) counts as 1", NULL},
    {"decay",         ELBO_TEXT, "a row", 0, 0, NULL, "0",
     "weight decay of the mean objective: one number, or one a layer", check_layers},
    {"precision",                  ELBO_TEXT, "", 0, 0, NULL, "0",
     "of the weights' Gaussian prior, whatever the data: one number, or one a "
     "layer", check_layers},
    {"bootstrap",                   ELBO_CHOICE, "", 0, 0, "none|indices", "none",
     "indices: each member draws its own rows, once", NULL},
    {"elites",              ELBO_INT, "", 0, 64, NULL, "0",
     "members that predict, the best by their holdout objective; 0: all", NULL},
    {"holdout",                ELBO_REAL, "", 0, 0.9, NULL, "0.1",
     "share of the rows kept from training", NULL},
    {"holdout_most",               ELBO_INT, "rows", 1, 1e9, NULL, "5000",
     "rows at most that an objective is judged on", NULL},
    {"epochs",                  ELBO_INT, "", 0, 1e6, NULL, "50", "an M-step at most", NULL},
    {"patience",                   ELBO_INT, "epochs", 1, 1e6, NULL, "5",
     "without a better holdout objective before a member stops", NULL},
    {"improvement",           ELBO_REAL, "", 0, 1, NULL, "0.01",
     "by so much of its modulus an objective must rise to be better", NULL},
    {"batch",                ELBO_INT, "rows", 1, 65536, NULL, "64", "rows of a step", NULL},
    {"steps",                ELBO_INT, "", 0, 1e9, NULL, "0",
     "an M-step is so many steps, each on rows drawn anew, and no epochs; 0: epochs", NULL},
    {"rate",         ELBO_REAL, "", 0, 10, NULL, "1e-3", "Adam's", NULL},
    {"clip",                  ELBO_REAL, "", 0, HUGE_VAL, NULL, "inf", "of the gradient's norm",
     NULL},
    {"posterior",                  ELBO_CHOICE, "", 0, 0, "point|mean_field", "point",
     "a point a member, or one Gaussian of independent weights that members "
     "are "
     "drawn from", NULL},
    {"start",                 ELBO_REAL, "", 1e-6, 10, NULL, "0.02",
     "of posterior: mean_field: the weights' first deviation", NULL},
    {"restart",                ELBO_BOOL, "", 0, 0, NULL, "false",
     "each M-step starts from weights drawn anew", NULL},
    {0             },
};

static elbo_known read_known(const elbo_values *values, const char *option)
{
    if (elbo_choice_is(values, option, "told")) return ELBO_TOLD;
    return elbo_choice_is(values, option, "learnt") ? ELBO_LEARNT : ELBO_NEVER;
}

/* One number serves all layers. */
static elbo_status spread(const elbo_values *values, const char *option,
                          size_t layers, double out[])
{
    size_t n, column;

    ELBO_TRY(read_layers(elbo_text(values, option), &column, &n, out));
    if (n != 1 && n != layers)
        return ELBO_FAIL(ELBO_EINVAL, "%s has %zu numbers for %zu layers",
                         option, n, layers);
    for (size_t l = n; l < layers; l++) out[l] = out[0];
    return ELBO_OK;
}

/* What the task does not tell must be learnt. */
static elbo_status check_told(const elbo_ensemble_config *c,
                              const elbo_task_world *world)
{
    if (c->reward == ELBO_TOLD && !world->task->reward)
        return ELBO_FAIL(ELBO_EINVAL,
                         "reward: the task does not tell it from what is "
                         "observed: must be learnt");
    if (c->end == ELBO_TOLD && !world->task->terminal)
        return ELBO_FAIL(ELBO_EINVAL,
                         "terminal: the task does not tell its end from what "
                         "is observed: must be learnt or never");
    if (c->lowest > c->highest)
        return ELBO_FAIL(ELBO_EINVAL, "lowest is %g, above highest = %g",
                         c->lowest, c->highest);
    return ELBO_OK;
}

static elbo_status check_mean_field(const elbo_ensemble *e)
{
    const elbo_ensemble_config *const c = &e->config;

    if (!c->mean_field) return ELBO_OK;
    for (size_t l = 0; l < e->mlp.layers; l++)
        if (!(c->precision[l] > 0))
            return ELBO_FAIL(ELBO_EINVAL,
                             "posterior: mean_field needs a precision "
                             "above 0 in layer %zu",
                             l + 1);
    if (c->elites || c->bootstrap)
        return ELBO_FAIL(ELBO_EINVAL,
                         "posterior: mean_field has draws for members: no "
                         "elites, no bootstrap");
    return ELBO_OK;
}

static elbo_ensemble_config read_config(const elbo_values *values)
{
    const bool gaussian = elbo_choice_is(values, "head", "gaussian");

    return (elbo_ensemble_config){
        .head = gaussian ? ELBO_HEAD_GAUSSIAN
                : elbo_choice_is(values, "head", "mixture")
                    ? ELBO_HEAD_MIXTURE
                    : ELBO_HEAD_DETERMINISTIC,
        .reward = read_known(values, "reward"),
        .end = read_known(values, "terminal"),
        .learn_bounds = elbo_choice_is(values, "bounds", "learnt"),
        .normalise_inputs = !elbo_choice_is(values, "normalise", "none"),
        .normalise_targets = elbo_choice_is(values, "normalise", "both"),
        .absolute = elbo_choice_is(values, "predicts", "next"),
        .bootstrap = elbo_choice_is(values, "bootstrap", "indices"),
        .mean_field = elbo_choice_is(values, "posterior", "mean_field"),
        .start = elbo_real(values, "start"),
        .restart = elbo_flag(values, "restart"),
        .highest = elbo_real(values, "highest"),
        .lowest = elbo_real(values, "lowest"),
        .penalty = elbo_real(values, "bound_penalty"),
        .noise = elbo_real(values, "noise"),
        .floor = elbo_real(values, "floor"),
        .holdout = elbo_real(values, "holdout"),
        .improvement = elbo_real(values, "improvement"),
        .elites = (size_t)elbo_int(values, "elites"),
        .holdout_most = (size_t)elbo_int(values, "holdout_most"),
        .epochs = (size_t)elbo_int(values, "epochs"),
        .patience = (size_t)elbo_int(values, "patience"),
        .batch = (size_t)elbo_int(values, "batch"),
        .steps = (size_t)elbo_int(values, "steps"),
    };
}

elbo_status elbo_ensemble_read(const elbo_values *values, elbo_ensemble *e)
{
    elbo_ensemble_config *const c = &e->config;
    const size_t hidden = (size_t)elbo_int(values, "layers");

    *c = read_config(values);
    c->adam = elbo_adam_defaults;
    c->adam.rate = elbo_real(values, "rate");
    c->adam.clip = elbo_real(values, "clip");
    ELBO_TRY(check_told(c, e->world));
    ELBO_TRY(spread(values, "decay", hidden + 1, c->decay));
    ELBO_TRY(spread(values, "precision", hidden + 1, c->precision));
    e->members = (size_t)elbo_int(values, "members");
    if (c->elites > e->members)
        return ELBO_FAIL(ELBO_EINVAL, "elites is %zu of %zu members", c->elites,
                         e->members);
    e->K = c->head == ELBO_HEAD_MIXTURE ? (size_t)elbo_int(values, "components")
                                        : 1;
    e->D = e->world->no + (c->reward == ELBO_LEARNT);
    ELBO_TRY(elbo_mlp_shape(&e->mlp, e->world->no + e->world->nu, hidden,
                            (size_t)elbo_int(values, "width"),
                            elbo_ensemble_outputs(e).outputs,
                            elbo_activation_named(elbo_text(values, "activation"))));
    return check_mean_field(e);
}
