/* control/sac.c -- soft actor-critic: the E-step with the dynamics clamped to
 * the model.
 *
 * Each update, on a batch of transitions (o, u, r, o'):
 *     y     = r + gamma E_{u' ~ pi} [ min_k Q'_k(o', u') - alpha log pi/pi0 ]
 * no end Q_k  <- Q_k - rate grad E (Q_k(o, u) - y)^2 / 2 pi   <- pi - rate grad
 * E [ alpha log pi/pi0 - min_k Q_k(o, u) ]    u reparameterised alpha <- alpha
 * - rate grad alpha (entropy - target)                       if tuned Q'_k <-
 * Q'_k + tau (Q_k - Q'_k) With one critic and a fixed temperature its fixed
 * point is that of soft policy iteration: V = alpha log E_{pi0} exp(Q / alpha).
 * The least of two critics, targets' delay and a tuned temperature are no part
 * of the bound; each can be switched off.
 *
 * Reference: Haarnoja, Zhou, Abbeel, Levine, ICML 2018; Haarnoja et al. (2018),
 * Algorithms and Applications; discrete: Christodoulou (2019).
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/network_options.h"
#include "control/registry.h"
#include "control/sac_state.h"

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
    {.name = "critics",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = ELBO_CRITICS,
     .fallback = "2",
     .doc = "of which the least counts"},
    {.name = "tau",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0.005",
     .doc = "share of the way that the target critics go to the critics"},
    {.name = "interval",
     .type = ELBO_INT,
     .unit = "updates",
     .low = 1,
     .high = 1e9,
     .fallback = "1",
     .doc = "from one such step to the next"},
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
    {.name = "value_samples",
     .type = ELBO_INT,
     .unit = "draws",
     .low = 1,
     .high = ELBO_SOFT_SAMPLES,
     .fallback = "8",
     .doc = "of the policy that make V of an observation, the same everywhere"},
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

static elbo_status open_networks(sac *s, const elbo_values *values,
                                 elbo_arena *arena)
{
    static const char *const names[] = {"critic 1", "critic 2"};
    const elbo_adam_config slow = elbo_network_adam(values, "rate");
    const elbo_adam_config fast = elbo_network_adam(values, "critic_rate");
    elbo_rng rng = elbo_rng_stream(s->seed, "control network", 0);

    ELBO_TRY(elbo_learner_init(&s->actor, "policy", &s->shape.actor,
                               s->batch.blocks, false, &slow, &rng, arena));
    for (size_t k = 0; k < s->shape.critics; k++) {
        rng = elbo_rng_stream(s->seed, "control network", k + 1);
        ELBO_TRY(elbo_learner_init(&s->critic[k], names[k], &s->shape.critic,
                                   s->batch.blocks, true, &fast, &rng, arena));
    }
    return ELBO_OK;
}

/* The temperature it starts from, and what it is tuned to. */
static elbo_status open_temperature(sac *s, const elbo_values *values,
                                    double alpha)
{
    const double rate = elbo_real(values, "temperature_rate");

    s->tune = elbo_flag(values, "tune");
    s->target_entropy = target_entropy(values, &s->shape);
    s->temperature_rate = rate > 0 ? rate : elbo_real(values, "rate");
    s->log_alpha = log(alpha);
    s->alpha = (float)alpha;
    if (!isfinite(alpha) || (s->tune && !(alpha > 0)))
        return ELBO_FAIL(ELBO_EINVAL,
                         "sac needs a finite temperature%s, not %g",
                         s->tune ? " above 0 to tune it" : "", alpha);
    return ELBO_OK;
}

static elbo_status open_sac(const elbo_values *values,
                            const elbo_task_problem *problem, elbo_arena *arena,
                            void **self)
{
    const elbo_task_world *const world = problem->world;
    sac *const s = elbo_arena_take(arena, 1, sizeof *s);
    elbo_mlp hidden;

    ELBO_TRY(elbo_arena_check(arena, "sac"));
    *s = (sac){
        .gamma = problem->gamma,
        .seed = problem->seed,
        .tau = elbo_real(values, "tau"),
        .interval = (size_t)elbo_int(values, "interval"),
        .value_samples =
            world->choices ? 1 : (size_t)elbo_int(values, "value_samples"),
    };
    ELBO_TRY(elbo_network_hidden(values, &hidden));
    ELBO_TRY(elbo_soft_shape_init(
        &s->shape, world->no, world->nu, world->choices > 0,
        (size_t)elbo_int(values, "critics"), &hidden));
    ELBO_TRY(open_temperature(s, values, problem->temperature));
    ELBO_TRY(elbo_minibatch_init(&s->batch, world,
                                 (size_t)elbo_int(values, "batch"), arena));

    const size_t rows = s->batch.rows;

    s->noise = elbo_arena_take(arena, rows * world->nu, sizeof(float));
    s->noise_next = elbo_arena_take(arena, rows * world->nu, sizeof(float));
    s->y = elbo_arena_take(arena, rows, sizeof(float));
    ELBO_TRY(elbo_arena_check(arena, "sac"));
    ELBO_TRY(open_networks(s, values, arena));
    ELBO_TRY(elbo_sac_graphs(s, arena));
    ELBO_TRY(elbo_sac_value_open(s, arena));
    *self = s;
    return ELBO_OK;
}

static double temperature(const void *self)
{
    const sac *const s = self;

    return (double)s->alpha;
}

/* q_bound: no |Q| of this policy can be larger if no reward is larger than
 * those seen; a critic whose q_largest stays above it diverges. */
static const char *const column_names[] = {
    "critic_loss", "batch_kl", "alpha", "q_mean", "q_largest", "q_bound", NULL};

static void columns(const void *self, double out[])
{
    const sac *const s = self;
    const sac_tally *const t = &s->tally;
    const double n = fmax(t->updates, 1);

    out[0] = t->critic_loss / n;
    out[1] = t->kl / n;
    out[2] = (double)s->alpha;
    out[3] = t->q / n;
    out[4] = t->largest_q;
    out[5] =
        (s->batch.largest_reward + s->gamma * (double)s->alpha * s->largest_kl)
        / (1 - s->gamma);
}

static void save(const void *self, elbo_writer *out)
{
    const sac *const s = self;
    const double state[] = {s->log_alpha,
                            (double)s->alpha,
                            s->temperature_m,
                            s->temperature_v,
                            s->tally.updates,
                            s->tally.critic_loss,
                            s->tally.kl,
                            s->tally.q,
                            s->tally.largest_q,
                            s->largest_kl,
                            s->batch.largest_reward};

    elbo_put_u64(out, s->updates);
    elbo_put_doubles(out, state, sizeof state / sizeof *state);
    elbo_learner_save(&s->actor, out);
    for (size_t k = 0; k < s->shape.critics; k++)
        elbo_learner_save(&s->critic[k], out);
}

static elbo_status load(void *self, elbo_reader *in)
{
    sac *const s = self;
    double state[11];

    ELBO_TRY(elbo_get_u64(in, &s->updates));
    ELBO_TRY(elbo_get_doubles(in, state, sizeof state / sizeof *state));
    s->log_alpha = state[0];
    s->alpha = (float)state[1];
    s->temperature_m = state[2];
    s->temperature_v = state[3];
    s->tally = (sac_tally){state[4], state[5], state[6], state[7], state[8]};
    s->largest_kl = state[9];
    s->batch.largest_reward = state[10];
    ELBO_TRY(elbo_learner_load(&s->actor, in));
    for (size_t k = 0; k < s->shape.critics; k++)
        ELBO_TRY(elbo_learner_load(&s->critic[k], in));
    elbo_sac_value_refresh(s);
    return ELBO_OK;
}

static const elbo_task_control task = {
    .kind = "F of the policy in the model, its actions' KL from the uniform "
            "prior charged "
            "at the temperature as it acts",
    .box = true,
    .choices = true,
    .soft = true,
    .open = open_sac,
    .improve = elbo_sac_improve,
    .act = elbo_sac_act,
    .value = elbo_sac_value,
    .value_node = elbo_sac_value_node,
    .temperature = temperature,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
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
