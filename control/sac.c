/* control/sac.c -- soft actor-critic: the E-step with the dynamics clamped to
 * the model (control/actor_critic.h).
 *
 * With one critic and a fixed temperature its fixed point is that of soft
 * policy iteration, V = alpha log E_{pi0} exp(Q / alpha). The least of two
 * critics, slow targets and a tuned temperature are no part of the bound; each
 * can be switched off.
 *
 * `policy: softmax`, of choices, is soft Q-learning: the policy step in closed
 * form (Haarnoja, Tang, Abbeel, Levine, ICML 2017).
 *
 * Reference: Haarnoja, Zhou, Abbeel, Levine, ICML 2018; Haarnoja et al. (2018),
 * Algorithms and Applications; discrete: Christodoulou (2019).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/actor_critic.h"
#include "control/network_options.h"
#include "control/registry.h"

static elbo_status check_entropy(const char *text, size_t *column,
                                 const char **nearest)
{
    char *end;

    *column = 0;
    *nearest = NULL;
    if (strcmp(text, "auto") == 0) return ELBO_OK;
    if (!isfinite(strtod(text, &end)) || end == text || *end) {
        *nearest = "auto";
        return ELBO_FAIL(ELBO_EINVAL,
                         "target_entropy must be auto or a number, not \"%s\"",
                         text);
    }
    return ELBO_OK;
}

static const elbo_option options[] = {
    {.name = "policy",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "network|softmax",
     .fallback = "network",
     .doc = "a network that learns, or, of choices, the critics' softmax at the "
            "temperature: soft Q-learning"},
    ELBO_SOFT_CRITIC_OPTIONS,
    {.name = "tune",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "false",
     .doc = "tune the temperature to a target entropy, from "
            "control.temperature on"},
    {.name = "target_entropy",
     .type = ELBO_TEXT,
     .unit = "nats",
     .fallback = "auto",
     .doc = "of the policy's density on [-1, 1]^nu, or of its choices; auto: "
            "-nu, or "
            "0.89 log of the choices", .check = check_entropy},
    {.name = "temperature_rate",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "Adam's step for the temperature's logarithm; 0: rate"},
    ELBO_NETWORK_OPTIONS,
    {0},
};

static double target_entropy(const elbo_values *values,
                             const elbo_soft_shape *shape)
{
    static const double share = 0.89; /* of the largest: what CleanRL takes */
    const char *const text = elbo_text(values, "target_entropy");

    if (strcmp(text, "auto") != 0) return strtod(text, NULL);
    return shape->choices ? share * log((double)shape->nu) : -(double)shape->nu;
}

/* The temperature it starts from, and what it is tuned to. */
static elbo_status open_temperature(elbo_actor_critic *s,
                                    const elbo_values *values, double alpha)
{
    const double rate = elbo_real(values, "temperature_rate");

    s->tune = elbo_flag(values, "tune");
    s->rate = rate > 0 ? rate : elbo_real(values, "rate");
    s->log_alpha = log(alpha);
    s->alpha = (float)alpha;
    if (!isfinite(alpha) || (s->tune && !(alpha > 0)))
        return ELBO_FAIL(ELBO_EINVAL,
                         "sac needs a finite temperature%s, not %g",
                         s->tune ? " above 0 to tune it" : "", alpha);
    if (s->shape.softmax && (s->tune || !(alpha > 0)))
        return ELBO_FAIL(ELBO_EINVAL,
                         "policy: softmax needs a temperature above 0 that is "
                         "not tuned");
    return ELBO_OK;
}

static elbo_status open_sac(const elbo_values *values,
                            const elbo_task_problem *problem, elbo_arena *arena,
                            void **self)
{
    elbo_actor_critic *const s = elbo_arena_take(arena, 1, sizeof *s);
    const bool choices = problem->world->choices > 0;

    ELBO_TRY(elbo_arena_check(arena, "sac"));
    *s = (elbo_actor_critic){
        .name = "sac",
        .tau = elbo_real(values, "tau"),
        .interval = (size_t)elbo_int(values, "interval"),
        .delay = 1,
        .value_samples =
            choices ? 1 : (size_t)elbo_int(values, "value_samples"),
    };
    s->shape.softmax = elbo_choice_is(values, "policy", "softmax");
    if (s->shape.softmax && !choices)
        return ELBO_FAIL(ELBO_EINVAL,
                         "policy: softmax is of a choice of actions, not of a box");
    ELBO_TRY(open_temperature(s, values, problem->temperature));
    ELBO_TRY(elbo_actor_critic_open(s, values, problem, false, arena));
    s->target_entropy = target_entropy(values, &s->shape);
    *self = s;
    return ELBO_OK;
}

static double temperature(const void *self)
{
    const elbo_actor_critic *const s = self;

    return (double)s->alpha;
}

static const char *const column_names[] = {
    "critic_loss", "batch_kl", "alpha", "q_mean", "q_largest", "q_bound", NULL};

static void columns(const void *self, double out[])
{
    const elbo_actor_critic *const s = self;
    const elbo_actor_critic_tally *const t = &s->tally;
    const double n = fmax(t->updates, 1);

    out[0] = t->critic_loss / n;
    out[1] = t->kl / n;
    out[2] = (double)s->alpha;
    out[3] = t->q / n;
    out[4] = t->largest_q;
    out[5] = elbo_actor_critic_bound(s);
}

static const elbo_task_control task = {
    .kind = "F of the policy in the model, its actions' KL from the uniform "
            "prior charged at the temperature as it acts",
    .box = true,
    .weighs = true,
    .choices = true,
    .soft = true,
    .open = open_sac,
    ELBO_ACTOR_CRITIC_TASK,
    .equation = &elbo_actor_critic_equation,
    .log_policy = elbo_actor_critic_log_policy,
    .temperature = temperature,
};

const elbo_control elbo_control_sac = {
    .name = "sac",
    .source =
        "Haarnoja, Zhou, Abbeel, Levine, ICML 2018; Haarnoja et al., Soft "
        "Actor-Critic Algorithms and Applications, 2018; Christodoulou 2019",
    .doc = "soft actor-critic by networks, over boxes and choices, in control "
           "tasks",
    .options = options,
    .optimality = ELBO_EXPONENTIAL,
    .task = &task,
};
