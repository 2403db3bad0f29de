#include "control/learner.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

elbo_status elbo_learner_init(elbo_learner *learner, const char *name,
                              const elbo_mlp *mlp, size_t blocks, bool target,
                              const elbo_adam_config *adam, elbo_rng *rng,
                              elbo_arena *arena)
{
    const size_t n = elbo_mlp_size(mlp);

    *learner = (elbo_learner){
        .name = name,
        .mlp = *mlp,
        .n = n,
        .blocks = blocks,
        .theta = elbo_arena_take(arena, n, sizeof(float)),
        .target = target ? elbo_arena_take(arena, n, sizeof(float)) : NULL,
        .grad = elbo_arena_take(arena, blocks * n, sizeof(float)),
        .loss = (double)NAN,
    };
    elbo_adam_init(&learner->adam, adam, n, arena);
    ELBO_TRY(elbo_arena_check(arena, name));
    elbo_mlp_draw(mlp, ELBO_START_UNIFORM, rng, learner->theta);
    if (target) memcpy(learner->target, learner->theta, n * sizeof(float));
    return ELBO_OK;
}

static void add(size_t n, const float x[restrict], float to[restrict])
{
    for (size_t i = 0; i < n; i++) to[i] += x[i];
}

const char *elbo_loss_before(double last, char text[ELBO_LOSS_TEXT])
{
    if (isfinite(last))
        snprintf(text, ELBO_LOSS_TEXT, "the last finite loss was %g", last);
    else
        snprintf(text, ELBO_LOSS_TEXT, "no loss was finite before");
    return text;
}

/* What is not finite, where, and what was the last that was. */
static elbo_status failed(const elbo_learner *learner, const char *control,
                          uint64_t update, double loss)
{
    const size_t broken = elbo_mlp_not_finite(&learner->mlp, learner->theta);
    const size_t steep = elbo_mlp_not_finite(&learner->mlp, learner->grad);
    const size_t layer = broken ? broken : steep;
    char before[ELBO_LOSS_TEXT];

    return ELBO_FAIL(
        ELBO_ENOTFINITE,
        "%s: %s: the loss is %g at update %" PRIu64 ", with %s that are "
        "not finite from layer %zu of %zu on; %s",
        control, learner->name, loss, update,
        broken ? "parameters" : "derivatives", layer, learner->mlp.layers,
        elbo_loss_before(learner->loss, before));
}

elbo_status elbo_learner_step(elbo_learner *learner, const char *control,
                              uint64_t update, double loss)
{
    for (size_t b = 1; b < learner->blocks; b++)
        add(learner->n, learner->grad + b * learner->n, learner->grad);
    if (!isfinite(loss)
        || !isfinite(elbo_adam_step(&learner->adam, learner->theta,
                                    learner->grad, NULL)))
        return failed(learner, control, update, loss);
    learner->loss = loss;
    return ELBO_OK;
}

static void follow(size_t n, float tau, const float theta[restrict],
                   float target[restrict])
{
    for (size_t i = 0; i < n; i++) target[i] += tau * (theta[i] - target[i]);
}

void elbo_learner_follow(elbo_learner *learner, double tau)
{
    follow(learner->n, (float)tau, learner->theta, learner->target);
}

void elbo_learner_save(const elbo_learner *learner, elbo_writer *out)
{
    elbo_put_u64(out, learner->n);
    elbo_put_bytes(out, learner->theta, learner->n * sizeof(float));
    if (learner->target)
        elbo_put_bytes(out, learner->target, learner->n * sizeof(float));
    elbo_put_f64(out, learner->loss);
    elbo_adam_save(&learner->adam, out);
}

elbo_status elbo_learner_load(elbo_learner *learner, elbo_reader *in)
{
    const size_t bytes = learner->n * sizeof(float);
    uint64_t n;

    ELBO_TRY(elbo_get_u64(in, &n));
    if (n != learner->n)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s: %" PRIu64 " parameters were saved, not %zu",
                         learner->name, n, learner->n);
    ELBO_TRY(elbo_get_bytes(in, learner->theta, bytes));
    if (learner->target) ELBO_TRY(elbo_get_bytes(in, learner->target, bytes));
    ELBO_TRY(elbo_get_f64(in, &learner->loss));
    return elbo_adam_load(&learner->adam, in);
}
