/* models/ensemble.c -- an ensemble of probabilistic networks for control tasks.
 *
 * Chua et al. 2018 (PETS), 3 and appendix A; holdout and elites as Janner et
 * al. 2019 (MBPO), but by the objective of the M-step itself. What is learnt
 * stands in models/ensemble.h.
 */
#include "models/ensemble.h"

#include <math.h>
#include <string.h>

#include "models/registry.h"

elbo_ensemble_parts elbo_ensemble_outputs(const elbo_ensemble *e)
{
    const size_t KD = e->K * e->D;
    elbo_ensemble_parts p = {0};

    p.mu = e->config.head == ELBO_HEAD_MIXTURE ? e->K : 0;
    p.v = p.mu + KD;
    p.end = p.v + elbo_ensemble_bounds(e);
    p.outputs = p.end + (e->config.end == ELBO_LEARNT);
    return p;
}

void elbo_ensemble_start(elbo_ensemble *e, size_t member, uint64_t index)
{
    elbo_rng rng = elbo_rng_stream(e->seed, "model", index);
    float *const theta = elbo_ensemble_theta(e, member);
    const size_t bounds = elbo_ensemble_bounds(e);
    float *const highest = theta + elbo_mlp_size(&e->mlp);
    elbo_adam *const adam = &e->adam[member];

    adam->t = 0;
    memset(adam->m, 0, adam->n * sizeof *adam->m);
    memset(adam->v, 0, adam->n * sizeof *adam->v);
    elbo_mlp_draw(&e->mlp, ELBO_START_TRUNCATED, &rng, theta);
    for (size_t j = 0; j < bounds; j++) {
        highest[j] = (float)e->config.highest;
        highest[bounds + j] = (float)e->config.lowest;
    }
}

/* Numbers that member m's optimiser moves. */
static size_t steps_of(const elbo_ensemble *e, size_t m)
{
    if (!e->config.mean_field) return e->size;
    return m == 0 ? 2 * e->size : 0;
}

static elbo_status take(elbo_ensemble *e, elbo_arena *arena)
{
    const size_t nin = e->world->no + e->world->nu;

    e->size = elbo_mlp_size(&e->mlp) + 2 * elbo_ensemble_bounds(e);
    e->theta = elbo_arena_take(arena, e->members * e->size, sizeof *e->theta);
    e->adam = elbo_arena_take(arena, e->members, sizeof *e->adam);
    e->in_mean = elbo_arena_take(arena, nin, sizeof *e->in_mean);
    e->in_scale = elbo_arena_take(arena, nin, sizeof *e->in_scale);
    e->out_mean = elbo_arena_take(arena, e->D, sizeof *e->out_mean);
    e->out_scale = elbo_arena_take(arena, e->D, sizeof *e->out_scale);
    e->elite = elbo_arena_u32(arena, e->members);
    e->score = elbo_arena_doubles(arena, e->members);
    e->holdout = elbo_arena_doubles(arena, e->members);
    ELBO_TRY(elbo_arena_check(arena, "model ensemble"));
    for (size_t m = 0; m < e->members; m++)
        elbo_adam_init(&e->adam[m], &e->config.adam, steps_of(e, m), arena);
    if (e->config.mean_field)
        e->q = elbo_arena_take(arena, 2 * e->size, sizeof *e->q);
    return elbo_arena_check(arena, "model ensemble");
}

elbo_status elbo_ensemble_open(const elbo_values *options,
                               const elbo_task_world *world, uint64_t seed,
                               elbo_arena *arena, elbo_task_belief *out)
{
    elbo_ensemble *const e = elbo_arena_take(arena, 1, sizeof *e);

    ELBO_TRY(elbo_arena_check(arena, "model ensemble"));
    e->world = world;
    e->seed = seed;
    ELBO_TRY(elbo_ensemble_read(options, e));
    ELBO_TRY(take(e, arena));
    for (size_t j = 0; j < world->no + world->nu; j++) e->in_scale[j] = 1;
    for (size_t j = 0; j < e->D; j++) e->out_scale[j] = 1;
    for (size_t m = 0; m < e->members; m++) {
        elbo_ensemble_start(e, m, m);
        e->elite[m] = (uint32_t)m;
        e->score[m] = e->holdout[m] = NAN;
    }
    if (e->q) elbo_mean_field_start(e);
    *out = (elbo_task_belief){.model = elbo_model_ensemble.task,
                              .self = e,
                              .world = world,
                              .members = e->members,
                              .n = e->members * e->size};
    return ELBO_OK;
}

size_t elbo_ensemble_elites(const elbo_task_belief *belief, uint32_t out[])
{
    const elbo_ensemble *const e = belief->self;

    memcpy(out, e->elite, e->members * sizeof *out);
    return e->config.elites ? e->config.elites : e->members;
}

/* The network's last layer, of which the variances' bounds are no part. */
static size_t numbers(const elbo_task_belief *belief, size_t member, bool output,
                      float **theta)
{
    const elbo_ensemble *const e = belief->self;
    const size_t *const width = e->mlp.width, last = e->mlp.layers - 1;
    const size_t n = (width[last] + 1) * width[last + 1];

    if (e->q) return 0;
    *theta = elbo_ensemble_theta(e, member);
    if (output) *theta += elbo_mlp_size(&e->mlp) - n;
    return output ? n : e->size;
}

/* ---- the prior ---- */

void elbo_ensemble_precision(const elbo_ensemble *e, double rows, double tau[])
{
    for (size_t l = 0; l < e->mlp.layers; l++)
        tau[l] = e->config.precision[l] + rows * e->config.decay[l];
}

/* log N(W; 0, 1 / tau) of n weights. */
static double log_gauss(const float W[], size_t n, double tau)
{
    static const double log_two_pi = 1.8378770664093454836;
    double squares = 0;

    if (!(tau > 0)) return 0;
    for (size_t i = 0; i < n; i++) squares += (double)W[i] * (double)W[i];
    return 0.5 * ((double)n * (log(tau) - log_two_pi) - tau * squares);
}

/* Of the bounds that end a theta. */
static double penalty(const elbo_ensemble *e, const float theta[])
{
    const size_t n = elbo_ensemble_bounds(e);
    const float *const highest = theta + elbo_mlp_size(&e->mlp);
    double sum = 0;

    for (size_t j = 0; e->config.learn_bounds && j < n; j++)
        sum += (double)highest[j] - (double)highest[n + j];
    return e->rows * e->config.penalty * sum;
}

static double log_prior_of(const elbo_ensemble *e, const float theta[],
                           const double tau[])
{
    double sum = -penalty(e, theta);

    for (size_t l = 0; l < e->mlp.layers; l++) {
        const size_t n = e->mlp.width[l] * e->mlp.width[l + 1];

        sum += log_gauss(theta, n, tau[l]);
        theta += n + e->mlp.width[l + 1];
    }
    return sum;
}

double elbo_ensemble_log_prior(const elbo_task_belief *belief)
{
    const elbo_ensemble *const e = belief->self;
    double tau[ELBO_MLP_LAYERS], sum = 0;

    if (e->q) return -elbo_mean_field_kl(e) - penalty(e, e->q);
    elbo_ensemble_precision(e, e->rows, tau);
    for (size_t m = 0; m < e->members; m++)
        sum += log_prior_of(e, elbo_ensemble_theta(e, m), tau);
    return sum;
}

/* ---- the record ---- */

static const char *const column_names[] = {"model_holdout", "model_epochs",
                                           "model_spread", NULL};

/* The elites' mean holdout objective, the M-step's epochs of all members, and
 * how far the elites' objectives are apart; 0 before the first. */
static void columns(const elbo_task_belief *belief, double out[])
{
    const elbo_ensemble *const e = belief->self;
    const size_t n = e->config.elites ? e->config.elites : e->members;
    double sum = 0;

    out[0] = out[1] = out[2] = 0;
    if (!(e->rows > 0)) return;
    for (size_t i = 0; i < n; i++) {
        const size_t m = e->elite[i];

        /* where none is held out, those it learnt from */
        sum += isnan(e->holdout[m]) ? e->score[m] : e->holdout[m];
    }
    out[0] = sum / (double)n;
    out[1] = (double)e->epochs;
    out[2] = e->score[e->elite[0]] - e->score[e->elite[n - 1]];
}

static const elbo_task_model task = {
    .open = elbo_ensemble_open,
    .fit = elbo_ensemble_fit,
    .check = elbo_ensemble_check,
    .draw = elbo_ensemble_draw,
    .elites = elbo_ensemble_elites,
    .log_density = elbo_ensemble_log_density,
    .doubts = elbo_ensemble_doubts,
    .step = elbo_ensemble_step,
    .node = elbo_ensemble_node,
    .numbers = numbers,
    .log_prior = elbo_ensemble_log_prior,
    .column_names = column_names,
    .columns = columns,
    .save = elbo_ensemble_save,
    .load = elbo_ensemble_load,
};

const elbo_model elbo_model_ensemble = {
    .name = "ensemble",
    .source = "Chua, Calandra, McAllister, Levine 2018",
    .doc =
        "probabilistic networks that predict the change of the observation, in "
        "control tasks",
    .options = elbo_ensemble_options,
    .task = &task,
};
