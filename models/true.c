/* models/true.c -- the world's own kernel: nothing is learnt. */
#include "inference/linear.h"
#include "inference/observed.h"
#include "inference/plant_model.h"
#include "models/registry.h"

static const elbo_option options[] = {{0}};

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    (void)values;
    *out = (elbo_belief){
        .model = &elbo_model_true,
        .theta = elbo_arena_doubles(arena, 0),
        .mean = context->mdp->P,
        .geo = context->mdp->P,
    };
    return elbo_arena_check(arena, "the true model");
}

static elbo_status open_linear(const elbo_values *values,
                               const elbo_linear_context *context,
                               elbo_arena *arena, elbo_linear_belief *out)
{
    const size_t stages = context->world->period > 1 ? context->horizon : 1;

    (void)values;
    *out = (elbo_linear_belief){
        .model = elbo_model_true.linear,
        .stages = stages,
        .mean = elbo_arena_take(arena, stages, sizeof *out->mean),
    };
    ELBO_TRY(elbo_arena_check(arena, "the true model"));
    for (size_t t = 0; t < stages; t++)
        out->mean[t] = *elbo_linear_world_map(context->world, t);
    out->geo = out->mean;
    return ELBO_OK;
}

static const elbo_linear_model linear = {
    .open = open_linear,
    .likelihood = elbo_linear_belief_likelihood,
};

/* ---- observed worlds ---- */

static elbo_status open_observed(const elbo_values *values,
                                 const elbo_observed_context *context,
                                 elbo_arena *arena, elbo_observed_belief *out)
{
    const elbo_observed_world *const world = context->world;

    (void)values, (void)arena;
    if (!world->lds && !world->hmm)
        return ELBO_FAIL(ELBO_EINVAL,
                         "the law of this world is not known: must not be true");
    *out = (elbo_observed_belief){
        .model = elbo_model_true.observed,
        .states = world->lds ? world->lds->nx : world->hmm->chain.K,
        .lds = world->lds,
        .hmm = world->hmm};
    return ELBO_OK;
}

static const elbo_observed_model observed = {
    .kind = elbo_observed_fixed_kind,
    .named = elbo_observed_fixed_named,
    .open = open_observed,
    .infer = elbo_observed_infer,
    .predict = elbo_observed_predict,
};

/* ---- continuous worlds ---- */

static elbo_status open_plant(const elbo_values *values, const elbo_plant *plant,
                              uint64_t seed, elbo_arena *arena,
                              elbo_plant_belief *out)
{
    const elbo_dynamics *const d = plant->dynamics;

    (void)values, (void)seed;
    *out = (elbo_plant_belief){
        .model = elbo_model_true.continuous,
        .f = elbo_plant_step(plant),
        .W = elbo_arena_mat(arena, d->nx, d->nx),
    };
    ELBO_TRY(elbo_arena_check(arena, "the true model"));
    gsl_matrix_set_zero(out->W);
    for (size_t i = 0; i < d->nx; i++) gsl_matrix_set(out->W, i, i, d->noise[i]);
    return ELBO_OK;
}

static const elbo_plant_model continuous = {.open = open_plant};

const elbo_model elbo_model_true = {
    .name = "true",
    .source = "a control of every figure",
    .doc = "the world's own kernel",
    .options = options,
    .open = open_model,
    .linear = &linear,
    .observed = &observed,
    .continuous = &continuous,
    .task = &elbo_task_true,
};
