/* inference/weight/value.c -- value(where, discount, policy, epsilon)(s): what a
 * policy earns from s on, in the world or the model, with the world's rewards.
 */
#include <string.h>

#include "inference/evaluate.h"
#include "inference/weight/factors.h"
#include "inference/weight/visits.h"

static const elbo_option options[] = {
    {.name = "where",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "real|model",
     .doc = "whose dynamics"},
    {.name = "discount",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "of the rewards; 0: env.discount"},
    ELBO_POLICY_OPTIONS,
    {0},
};

static bool oracle(const elbo_values *values)
{
    return elbo_choice_is(values, "where", "real") || elbo_target_oracle(values);
}

static elbo_status open(const elbo_values *values, const elbo_factor_view *view,
                        elbo_arena *arena, void **self)
{
    elbo_target *const target = elbo_arena_take(arena, 1, sizeof *target);

    ELBO_TRY(elbo_arena_check(arena, "a value"));
    *self = target;
    return elbo_target_open(values, view, arena, target);
}

/* Of the first stage. */
static elbo_status update(void *self, const elbo_values *values,
                          const elbo_factor_view *view, double out[],
                          elbo_arena *ws)
{
    const bool real = elbo_choice_is(values, "where", "real");
    const double discount = elbo_real(values, "discount");
    const size_t stages = view->post->stages, nS = view->world->nS;
    const size_t rows = nS * view->world->nA;
    double *const pi = elbo_arena_doubles(ws, stages * rows);
    double *const r = elbo_arena_doubles(ws, stages * rows);
    double *const V = elbo_arena_doubles(ws, (stages + 1) * (nS + 1));
    elbo_mdp mdp = *view->truth;
    const elbo_chain chain = {
        .mdp = &mdp, .pi = pi, .q = real ? mdp.P : view->belief->mean};

    ELBO_TRY(elbo_arena_check(ws, "a value"));
    if (discount > 0) mdp.gamma = discount;
    elbo_target_policy(self, values, view, pi);
    for (size_t t = 0; t < stages; t++)
        memcpy(r + t * rows, mdp.r, rows * sizeof *r);
    ELBO_TRY(elbo_evaluate(&chain, r, V, ws));
    memcpy(out, V, (nS + 1) * sizeof *out);
    return ELBO_OK;
}

const elbo_factor elbo_factor_value = {
    .name = "value",
    .source = "exact policy evaluation",
    .doc = "what a policy earns from a state on",
    .shape = ELBO_FACTOR_STATE,
    .options = options,
    .oracle = oracle,
    .open = open,
    .update = update,
};
