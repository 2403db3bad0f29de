/* inference/networks/mlp_forward.c -- outputs of a perceptron without a tape.
 *
 * Rows go in blocks of a fixed number, so that no thread count shows in the
 * bits. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "inference/core/explog_f32.h"
#include "inference/core/product.h"
#include "inference/networks/mlp.h"

/* Below so many multiplications a team of threads costs more than it saves. */
enum { BLOCK = 256, WORK_THAT_PAYS = 400000 };

typedef struct pass {
    const elbo_mlp *mlp;
    const float *theta, *x;
    float *out;
    size_t n, rows, widest; /* rows: of a block */
} pass;

/* As the tape's dense node has it, to the same bits. */
static void activate(elbo_activation f, size_t n, float x[])
{
    float slope;

    switch (f) {
    case ELBO_ACT_NONE:
        return;
    case ELBO_ACT_RELU:
        for (size_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0 : x[i];
        return;
    case ELBO_ACT_LEAKY_RELU:
        for (size_t i = 0; i < n; i++) x[i] = x[i] < 0 ? 0.01F * x[i] : x[i];
        return;
    case ELBO_ACT_TANH:
        for (size_t i = 0; i < n; i++) x[i] = elbo_tanh_f32(x[i]);
        return;
    case ELBO_ACT_SILU:
        for (size_t i = 0; i < n; i++) x[i] = elbo_silu_f32(x[i], &slope);
        return;
    }
}

/* out [rows x outputs] = f(x W + b); theta holds W, then b. */
static void layer(size_t rows, size_t inputs, size_t outputs,
                  const float theta[], elbo_activation f, const float x[],
                  float out[])
{
    const elbo_product_f32 p = {.rows = rows,
                                .cols = outputs,
                                .inner = inputs,
                                .A = x,
                                .B = theta,
                                .start = theta + inputs * outputs,
                                .C = out};

    elbo_product_run_f32(&p);
    activate(f, rows * outputs, out);
}

size_t elbo_mlp_widest(const elbo_mlp *mlp)
{
    size_t widest = 0;

    for (size_t l = 1; l < mlp->layers; l++)
        if (mlp->width[l] > widest) widest = mlp->width[l];
    return widest;
}

void elbo_mlp_rows(const elbo_mlp *mlp, const float theta[], size_t n,
                   const float x[], float out[], float room[])
{
    const size_t each = n * elbo_mlp_widest(mlp);

    for (size_t l = 0; l < mlp->layers; l++) {
        const bool last = l + 1 == mlp->layers;
        const size_t inputs = mlp->width[l], outputs = mlp->width[l + 1];
        float *const to = last ? out : room + (l % 2) * each;

        layer(n, inputs, outputs, theta, last ? ELBO_ACT_NONE : mlp->activation,
              x, to);
        theta += (inputs + 1) * outputs;
        x = to;
    }
}

/* room: two layers of a block. */
static void block(const pass *p, size_t first, float room[])
{
    const size_t left = p->n - first, rows = left < p->rows ? left : p->rows;

    elbo_mlp_rows(p->mlp, p->theta, rows, p->x + first * p->mlp->width[0],
                  p->out + first * p->mlp->width[p->mlp->layers], room);
}

static void all_blocks(const pass *p, size_t threads, float room[])
{
    const size_t each = 2 * p->rows * p->widest;

    if (threads == 1) {
        for (size_t i = 0; i < p->n; i += p->rows) block(p, i, room);
        return;
    }
#pragma omp parallel for schedule(dynamic) num_threads((int)threads)
    for (size_t i = 0; i < p->n; i += p->rows)
        block(p, i, room + (size_t)omp_get_thread_num() * each);
}

static size_t threads_for(const elbo_mlp *mlp, size_t n)
{
    const bool pays = n > BLOCK && n * elbo_mlp_size(mlp) > WORK_THAT_PAYS;

    return pays && !omp_in_parallel() ? (size_t)omp_get_max_threads() : 1;
}

elbo_status elbo_mlp_forward(const elbo_mlp *mlp, const float theta[], size_t n,
                             const float x[], float out[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const size_t threads = threads_for(mlp, n);
    pass p = {.mlp = mlp, .theta = theta, .x = x, .out = out, .n = n};

    p.rows = n < BLOCK ? n : BLOCK;
    if (n == 0) return ELBO_OK;

    p.widest = elbo_mlp_widest(mlp);

    float *const room =
        elbo_arena_take(ws, threads * 2 * p.rows * p.widest, sizeof *room);
    const elbo_status status = elbo_arena_check(ws, "perceptron");

    if (room) all_blocks(&p, threads, room);
    elbo_arena_release(ws, mark);
    return status;
}
