/* models/true.c -- the world's own kernel: nothing is learnt. */
#include "inference/linear.h"
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
    (void)values;
    *out = (elbo_linear_belief){
        .model = elbo_model_true.linear,
        .stages = 1,
        .mean = elbo_arena_take(arena, 1, sizeof *out->mean),
    };
    ELBO_TRY(elbo_arena_check(arena, "the true model"));
    out->mean[0] = context->world->dynamics;
    out->geo = out->mean;
    return ELBO_OK;
}

static const elbo_linear_model linear = {
    .open = open_linear,
    .likelihood = elbo_linear_belief_likelihood,
};

const elbo_model elbo_model_true = {
    .name = "true",
    .source = "a control of every figure",
    .doc = "the world's own kernel",
    .options = options,
    .open = open_model,
    .linear = &linear,
};
