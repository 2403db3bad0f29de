/* control/reps_value.c -- REPS's V = w'phi + c on a tape.
 *
 *   fourier    w0 + z w1 + cos(z W + b) w2,   z = (o - mean) / std
 *   quadratic  w0 + z w1 + sum over columns of z * (z U),   U upper triangular
 *   network    w0 + z w1 + tanh(network(z)) w2
 *
 * The dual leaves a constant of V free; c puts E_mu V at E_q r / (1 - gamma), the
 * return that q promises.
 */
#include <math.h>
#include <string.h>

#include "control/reps_state.h"

/* Parts of `plain`, in this order. */
typedef struct layout {
    size_t mean, scale, w0, w1, W, b, w2, all;
} layout;

static layout layout_of(const elbo_reps_features *f)
{
    const size_t no = f->no, n = f->kind == ELBO_REPS_QUADRATIC ? no : f->n;
    layout l = {.mean = 0, .scale = no, .w0 = 2 * no, .w1 = 2 * no + 1};

    l.W = l.w1 + no;
    l.b = l.W + (f->kind == ELBO_REPS_NETWORK ? 0 : no * n);
    l.w2 = l.b + (f->kind == ELBO_REPS_FOURIER ? n : 0);
    l.all = l.w2 + (f->kind == ELBO_REPS_QUADRATIC ? 0 : n);
    return l;
}

elbo_status elbo_reps_value_open(elbo_reps *reps, elbo_arena *arena)
{
    const size_t all = layout_of(&reps->features).all;

    reps->plain = elbo_arena_take(arena, all, sizeof *reps->plain);
    reps->plain_f32 = elbo_arena_take(arena, all, sizeof *reps->plain_f32);
    reps->wide = elbo_arena_doubles(arena, reps->features.theta
                                               ? elbo_mlp_size(&reps->features.mlp)
                                               : 0);
    ELBO_TRY(elbo_arena_check(arena, "control reps"));
    elbo_reps_value_fill(reps);
    return ELBO_OK;
}

void elbo_reps_value_fill(elbo_reps *reps)
{
    const elbo_reps_features *const f = &reps->features;
    const layout l = layout_of(f);
    const double *const own = reps->w + 1 + f->no;
    double *const x = reps->plain;
    size_t next = 0;

    for (size_t j = 0; j < f->no; j++) {
        x[l.mean + j] = f->mean[j];
        x[l.scale + j] = 1 / f->std[j];
        x[l.w1 + j] = reps->w[1 + j];
    }
    x[l.w0] = reps->w[0] + reps->offset;
    if (f->kind == ELBO_REPS_QUADRATIC)
        for (size_t i = 0; i < f->no; i++)
            for (size_t k = i; k < f->no; k++) x[l.W + i * f->no + k] = own[next++];
    if (f->kind != ELBO_REPS_QUADRATIC) memcpy(x + l.w2, own, f->n * sizeof *x);
    for (size_t j = 0; f->kind == ELBO_REPS_FOURIER && j < f->n; j++) {
        x[l.b + j] = f->b[j];
        x[l.w2 + j] *= sqrt(2 / (double)f->n);
        for (size_t k = 0; k < f->no; k++) x[l.W + k * f->n + j] = f->w[j * f->no + k];
    }
    for (size_t k = 0; k < l.all; k++) reps->plain_f32[k] = (float)x[k];
}

/* A constant leaf that is a part of `plain`. */
static elbo_node part(const elbo_reps *reps, elbo_tape *tape, size_t at, size_t rows,
                      size_t cols)
{
    const elbo_node leaf = elbo_tape_constant(tape, rows, cols);

    if (elbo_tape_precision(tape) == ELBO_F32)
        elbo_tape_point_f32(tape, leaf, reps->plain_f32 + at);
    else
        elbo_tape_point(tape, leaf, reps->plain + at);
    return leaf;
}

/* What the kind's own features add, [B x 1]. */
static elbo_node own_part(elbo_reps *reps, elbo_tape *tape, elbo_node z)
{
    const elbo_reps_features *const f = &reps->features;
    const layout l = layout_of(f);

    if (f->kind == ELBO_REPS_NETWORK) {
        const elbo_mlp_leaves leaves =
            elbo_mlp_own(&f->mlp, tape, f->theta, reps->wide);
        const elbo_node h =
            elbo_tape_unary(tape, ELBO_TANH, elbo_mlp_node(&f->mlp, &leaves, tape, z));

        return elbo_tape_matmul(tape, h, false, part(reps, tape, l.w2, f->n, 1), false);
    }

    const size_t n = f->kind == ELBO_REPS_QUADRATIC ? f->no : f->n;
    const elbo_node zW =
        elbo_tape_matmul(tape, z, false, part(reps, tape, l.W, f->no, n), false);

    if (f->kind == ELBO_REPS_QUADRATIC)
        return elbo_tape_sum(tape, elbo_tape_binary(tape, ELBO_MUL, z, zW), ELBO_ROWS);

    const elbo_node phase =
        elbo_tape_binary(tape, ELBO_ADD, zW, part(reps, tape, l.b, 1, n));

    return elbo_tape_matmul(tape, elbo_tape_unary(tape, ELBO_COS, phase), false,
                            part(reps, tape, l.w2, n, 1), false);
}

elbo_status elbo_reps_value_node(void *self, elbo_tape *tape, elbo_node o, elbo_node *V)
{
    elbo_reps *const reps = self;
    const layout l = layout_of(&reps->features);
    const size_t no = reps->features.no;
    const elbo_node gap =
        elbo_tape_binary(tape, ELBO_SUB, o, part(reps, tape, l.mean, 1, no));
    const elbo_node z =
        elbo_tape_binary(tape, ELBO_MUL, gap, part(reps, tape, l.scale, 1, no));
    const elbo_node line =
        elbo_tape_matmul(tape, z, false, part(reps, tape, l.w1, no, 1), false);
    const elbo_node own =
        elbo_tape_binary(tape, ELBO_ADD, line, own_part(reps, tape, z));

    *V = elbo_tape_binary(tape, ELBO_ADD, own, part(reps, tape, l.w0, 1, 1));
    return ELBO_OK;
}

elbo_status elbo_reps_value(void *self, size_t n, const float o[], float V[],
                            float gradient[], elbo_arena *ws)
{
    const elbo_reps *const reps = self;

    return elbo_task_value_by_node(elbo_reps_value_node, self, reps->features.no, n, o,
                                   V, gradient, ws);
}
