#include "inference/networks/critic.h"

#include <assert.h>
#include <math.h>
#include <string.h>

elbo_node elbo_critic_node(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                           elbo_tape *tape, elbo_node x, elbo_node pick,
                           elbo_node y, elbo_node weight)
{
    const size_t n = elbo_tape_rows(tape, x);
    elbo_node Q = elbo_mlp_node(mlp, leaves, tape, x);

    if (elbo_tape_cols(tape, Q) > 1)
        Q = elbo_tape_sum(tape, elbo_tape_binary(tape, ELBO_MUL, Q, pick),
                          ELBO_ROWS);

    const elbo_node gap = elbo_tape_binary(tape, ELBO_SUB, Q, y);
    const elbo_node squared = elbo_tape_unary(tape, ELBO_SQ, gap);
    const elbo_node weighed = elbo_tape_binary(tape, ELBO_MUL, squared, weight);

    return elbo_tape_scale(tape, elbo_tape_sum(tape, weighed, ELBO_ALL),
                           0.5 / (double)n);
}

static elbo_status build(elbo_critic *c, elbo_arena *arena)
{
    const size_t B = c->config.batch;

    c->tape = elbo_tape_place(ELBO_F32, arena);
    ELBO_TRY(elbo_arena_check(arena, "critic"));
    c->leaves = elbo_mlp_leaf(&c->mlp, c->tape, true);
    c->x = elbo_tape_constant(c->tape, B, c->inputs);
    c->pick = c->x;
    if (c->config.choices)
        c->pick = elbo_tape_constant(c->tape, B, c->config.nu);
    c->y = elbo_tape_constant(c->tape, B, 1);
    c->weight = elbo_tape_constant(c->tape, B, 1);
    c->loss = elbo_critic_node(&c->mlp, &c->leaves, c->tape, c->x, c->pick,
                               c->y, c->weight);
    return elbo_tape_finish(c->tape);
}

elbo_status elbo_critic_init(elbo_critic *critic,
                             const elbo_critic_config *config, uint64_t seed,
                             elbo_arena *arena)
{
    elbo_adam_config adam = elbo_adam_defaults;
    elbo_critic *const c = critic;

    *c = (elbo_critic){.config = *config};
    c->inputs = config->no + (config->choices ? 0 : config->nu);
    ELBO_TRY(elbo_mlp_shape(&c->mlp, c->inputs, config->hidden, config->width,
                            config->choices ? config->nu : 1,
                            config->activation));
    c->size = elbo_mlp_size(&c->mlp);
    c->theta = elbo_arena_take(arena, config->count * c->size, sizeof(float));
    c->target = elbo_arena_take(arena, config->count * c->size, sizeof(float));
    c->gradient = elbo_arena_take(arena, c->size, sizeof(float));
    c->wide = elbo_arena_doubles(arena, config->count * c->size);
    c->adam = elbo_arena_take(arena, config->count, sizeof *c->adam);
    ELBO_TRY(elbo_arena_check(arena, "critic"));
    adam.rate = config->rate;
    adam.clip = config->clip;
    for (size_t k = 0; k < config->count; k++) {
        elbo_rng rng = elbo_rng_stream(seed, "critic", k);

        elbo_adam_init(&c->adam[k], &adam, c->size, arena);
        elbo_mlp_draw(&c->mlp, ELBO_START_UNIFORM, &rng,
                      c->theta + k * c->size);
    }
    memcpy(c->target, c->theta, config->count * c->size * sizeof(float));
    return build(c, arena);
}

void elbo_critic_rows(const elbo_critic *critic, size_t n, const float o[],
                      const float u[], float x[])
{
    const size_t no = critic->config.no, nu = critic->inputs - no;

    for (size_t i = 0; i < n; i++) {
        memcpy(x + i * (no + nu), o + i * no, no * sizeof *x);
        if (nu) memcpy(x + i * (no + nu) + no, u + i * nu, nu * sizeof *x);
    }
}

static elbo_status forward(const elbo_critic *c, bool target, size_t n,
                           const float x[], float out[], elbo_arena *ws)
{
    const float *const theta = target ? c->target : c->theta;
    const size_t m = n * c->mlp.width[c->mlp.layers];
    float *const more =
        elbo_arena_take(ws, c->config.count > 1 ? m : 0, sizeof *more);

    ELBO_TRY(elbo_arena_check(ws, "critic"));
    ELBO_TRY(elbo_mlp_forward(&c->mlp, theta, n, x, out, ws));
    for (size_t k = 1; k < c->config.count; k++) {
        ELBO_TRY(
            elbo_mlp_forward(&c->mlp, theta + k * c->size, n, x, more, ws));
        for (size_t i = 0; i < m; i++)
            out[i] = more[i] < out[i] ? more[i] : out[i];
    }
    return ELBO_OK;
}

elbo_status elbo_critic_forward(const elbo_critic *critic, bool target,
                                size_t n, const float x[], float out[],
                                elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = forward(critic, target, n, x, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* One network: loss, gradient, Adam. */
static elbo_status step_one(elbo_critic *c, size_t k, double *loss)
{
    float *const theta = c->theta + k * c->size;

    elbo_mlp_point(&c->mlp, &c->leaves, c->tape, theta);
    elbo_tape_forward(c->tape);
    elbo_tape_get(c->tape, c->loss, loss);
    if (!isfinite(*loss))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "network %zu of the critic, layer %zu: its loss is %g",
                         k, elbo_mlp_not_finite(&c->mlp, theta), *loss);
    elbo_tape_backward(c->tape, c->loss);
    elbo_mlp_gradient(&c->mlp, &c->leaves, c->tape, c->gradient);

    const double norm = elbo_adam_step(&c->adam[k], theta, c->gradient, NULL);

    if (!isfinite(norm))
        return ELBO_FAIL(
            ELBO_ENOTFINITE,
            "network %zu of the critic, layer %zu: its gradient's norm is "
            "%g at loss %g",
            k, elbo_mlp_not_finite(&c->mlp, c->gradient), norm, *loss);
    return ELBO_OK;
}

elbo_status elbo_critic_step(elbo_critic *critic, const float x[],
                             const float u[], const float y[],
                             const float weight[], double *loss)
{
    double sum = 0;

    elbo_tape_set_f32(critic->tape, critic->x, x);
    if (critic->config.choices)
        elbo_tape_set_f32(critic->tape, critic->pick, u);
    elbo_tape_set_f32(critic->tape, critic->y, y);
    elbo_tape_set_f32(critic->tape, critic->weight, weight);
    for (size_t k = 0; k < critic->config.count; k++) {
        double one;

        ELBO_TRY(step_one(critic, k, &one));
        sum += one;
    }
    *loss = sum / (double)critic->config.count;
    return ELBO_OK;
}

elbo_node elbo_critic_least(elbo_critic *critic, elbo_tape *tape, elbo_node x)
{
    elbo_node Q = 0;

    for (size_t k = 0; k < critic->config.count; k++) {
        const size_t at = k * critic->size;
        const elbo_mlp_leaves leaves = elbo_mlp_own(
            &critic->mlp, tape, critic->theta + at, critic->wide + at);
        const elbo_node one = elbo_mlp_node(&critic->mlp, &leaves, tape, x);

        Q = k ? elbo_tape_binary(tape, ELBO_MIN, Q, one) : one;
    }
    return Q;
}

void elbo_critic_track(elbo_critic *critic, double rate)
{
    const size_t n = critic->config.count * critic->size;

    if (rate == 1) {
        memcpy(critic->target, critic->theta, n * sizeof(float));
        return;
    }
    for (size_t i = 0; i < n; i++)
        critic->target[i] +=
            (float)rate * (critic->theta[i] - critic->target[i]);
}

void elbo_critic_save(const elbo_critic *critic, elbo_writer *out)
{
    const size_t bytes = critic->config.count * critic->size * sizeof(float);

    elbo_put_bytes(out, critic->theta, bytes);
    elbo_put_bytes(out, critic->target, bytes);
    for (size_t k = 0; k < critic->config.count; k++)
        elbo_adam_save(&critic->adam[k], out);
}

elbo_status elbo_critic_load(elbo_critic *critic, elbo_reader *in)
{
    const size_t bytes = critic->config.count * critic->size * sizeof(float);

    ELBO_TRY(elbo_get_bytes(in, critic->theta, bytes));
    ELBO_TRY(elbo_get_bytes(in, critic->target, bytes));
    for (size_t k = 0; k < critic->config.count; k++)
        ELBO_TRY(elbo_adam_load(&critic->adam[k], in));
    return ELBO_OK;
}
