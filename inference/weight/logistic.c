#include "inference/weight/logistic.h"

#include <math.h>
#include <string.h>

const elbo_logistic_config elbo_logistic_defaults = {1, 32, 128, 3e-3, 1e-4};

/* Features that hardly vary keep their scale. */
static const double floor_share = 1e-6;

elbo_node elbo_logistic_node(const elbo_mlp *mlp, const elbo_mlp_leaves *leaves,
                             elbo_tape *tape, elbo_node rows, elbo_node sign)
{
    const elbo_node L = elbo_mlp_node(mlp, leaves, tape, rows);
    const elbo_node wrong = elbo_tape_unary(
        tape, ELBO_NEG, elbo_tape_binary(tape, ELBO_MUL, sign, L));

    return elbo_tape_scale(
        tape,
        elbo_tape_sum(tape, elbo_tape_unary(tape, ELBO_SOFTPLUS, wrong), ELBO_ALL),
        1 / (double)elbo_tape_rows(tape, rows));
}

static elbo_status make_tape(elbo_logistic *c, float sign[], elbo_arena *arena)
{
    const size_t B = c->config.batch;
    elbo_node leaf;
    elbo_mlp_leaves leaves;

    c->tape = elbo_tape_place(ELBO_F32, arena);
    if (!c->tape) return ELBO_FAIL(ELBO_ENOMEM, "a classifier");
    c->rows = elbo_tape_constant(c->tape, B, c->inputs);
    leaf = elbo_tape_constant(c->tape, B, 1);
    leaves = elbo_mlp_leaf(&c->mlp, c->tape, true);
    c->loss = elbo_logistic_node(&c->mlp, &leaves, c->tape, c->rows, leaf);
    elbo_mlp_point_gradient(&c->mlp, &leaves, c->tape, c->grad);
    ELBO_TRY(elbo_tape_finish(c->tape));
    elbo_mlp_point(&c->mlp, &leaves, c->tape, c->theta);
    elbo_tape_point_f32(c->tape, c->rows, c->x);
    elbo_tape_point_f32(c->tape, leaf, sign);
    return ELBO_OK;
}

elbo_status elbo_logistic_open(elbo_logistic *c,
                               const elbo_logistic_config *config,
                               size_t inputs, uint64_t seed,
                               const char *purpose, elbo_arena *arena)
{
    const size_t B = config->batch;
    elbo_adam_config adam = elbo_adam_defaults;
    elbo_rng rng = elbo_rng_stream(seed, purpose, 0);
    float *sign;

    *c = (elbo_logistic){.config = *config, .inputs = inputs, .last = NAN};
    adam.rate = config->rate;
    ELBO_TRY(elbo_mlp_shape(&c->mlp, inputs, config->layers, config->width, 1,
                            ELBO_ACT_SILU));
    c->n = elbo_mlp_size(&c->mlp);
    c->theta = elbo_arena_take(arena, c->n, sizeof *c->theta);
    c->grad = elbo_arena_take(arena, c->n, sizeof *c->grad);
    c->decay = elbo_arena_take(arena, c->n, sizeof *c->decay);
    c->mean = elbo_arena_take(arena, inputs, sizeof *c->mean);
    c->scale = elbo_arena_take(arena, inputs, sizeof *c->scale);
    c->x = elbo_arena_take(arena, B * inputs, sizeof *c->x);
    sign = elbo_arena_take(arena, B, sizeof *sign);
    elbo_adam_init(&c->adam, &adam, c->n, arena);
    ELBO_TRY(elbo_arena_check(arena, "a classifier"));
    elbo_mlp_draw(&c->mlp, ELBO_START_UNIFORM, &rng, c->theta);
    for (size_t i = 0; i < c->n; i++) c->decay[i] = (float)config->decay;
    for (size_t i = 0; i < B; i++) sign[i] = i < B / 2 ? 1 : -1;
    for (size_t k = 0; k < inputs; k++) c->scale[k] = 1;
    return make_tape(c, sign, arena);
}

void elbo_logistic_scale(elbo_logistic *c, size_t n, const float x[])
{
    const size_t d = c->inputs;

    if (c->scaled) return;
    c->scaled = true;
    for (size_t k = 0; k < d; k++) {
        double mean = 0, square = 0;

        for (size_t i = 0; i < n; i++) mean += (double)x[i * d + k] / (double)n;
        for (size_t i = 0; i < n; i++)
            square += pow((double)x[i * d + k] - mean, 2) / (double)n;
        c->mean[k] = (float)mean;
        c->scale[k] = sqrt(square) > floor_share * fmax(1, fabs(mean))
                          ? (float)sqrt(square)
                          : 1;
    }
}

static void normalise(const elbo_logistic *c, size_t n, const float x[],
                      float out[])
{
    const size_t d = c->inputs;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++)
            out[i * d + k] = (x[i * d + k] - c->mean[k]) / c->scale[k];
}

/* Layer 0: the network is finite, and its rows are not. */
static elbo_status failed(const elbo_logistic *c, const char *what, double x,
                          const float at[])
{
    return ELBO_FAIL(ELBO_ENOTFINITE,
                     "the classifier's %s is %g at step %llu, layer %zu; the last finite "
                     "loss was %g",
                     what, x, (unsigned long long)c->adam.t,
                     elbo_mlp_not_finite(&c->mlp, at), c->last);
}

elbo_status elbo_logistic_step(elbo_logistic *c)
{
    double loss, norm;

    normalise(c, c->config.batch, c->x, c->x);
    elbo_tape_forward(c->tape);
    elbo_tape_get(c->tape, c->loss, &loss);
    if (!isfinite(loss)) return failed(c, "loss", loss, c->theta);
    elbo_tape_backward(c->tape, c->loss);
    norm = elbo_adam_step(&c->adam, c->theta, c->grad, c->decay);
    if (!isfinite(norm)) return failed(c, "gradient's norm", norm, c->grad);
    c->last = loss;
    return ELBO_OK;
}

elbo_status elbo_logistic_ratio(const elbo_logistic *c, size_t n,
                                const float x[], float L[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    float *const z = elbo_arena_take(ws, n * c->inputs, sizeof *z);
    elbo_status s = elbo_arena_check(ws, "log ratios");

    if (s == ELBO_OK) {
        normalise(c, n, x, z);
        s = elbo_mlp_forward(&c->mlp, c->theta, n, z, L, ws);
    }
    elbo_arena_release(ws, mark);
    return s;
}

/* ---- state ---- */

void elbo_logistic_save(const elbo_logistic *c, elbo_writer *out)
{
    elbo_put_u64(out, c->scaled);
    elbo_put_f64(out, c->last);
    elbo_put_bytes(out, c->mean, c->inputs * sizeof *c->mean);
    elbo_put_bytes(out, c->scale, c->inputs * sizeof *c->scale);
    elbo_put_bytes(out, c->theta, c->n * sizeof *c->theta);
    elbo_adam_save(&c->adam, out);
}

elbo_status elbo_logistic_load(elbo_logistic *c, elbo_reader *in)
{
    uint64_t scaled = 0;

    ELBO_TRY(elbo_get_u64(in, &scaled));
    ELBO_TRY(elbo_get_f64(in, &c->last));
    if (scaled > 1)
        return ELBO_FAIL(ELBO_EDATA,
                         "checkpoint: a classifier is scaled %llu times",
                         (unsigned long long)scaled);
    c->scaled = scaled;
    ELBO_TRY(elbo_get_bytes(in, c->mean, c->inputs * sizeof *c->mean));
    ELBO_TRY(elbo_get_bytes(in, c->scale, c->inputs * sizeof *c->scale));
    ELBO_TRY(elbo_get_bytes(in, c->theta, c->n * sizeof *c->theta));
    return elbo_adam_load(&c->adam, in);
}
