#include "control/reps_features.h"

#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

elbo_status elbo_reps_features_open(elbo_reps_features *f, elbo_reps_kind kind,
                                    size_t no, size_t n, uint64_t seed,
                                    elbo_arena *arena)
{
    elbo_rng rng = elbo_rng_stream(seed, "features", 0);

    *f = (elbo_reps_features){.kind = kind, .no = no, .n = n};
    if (kind == ELBO_REPS_QUADRATIC) f->n = no * (no + 1) / 2;
    f->m = 1 + no + f->n;
    f->mean = elbo_arena_doubles(arena, no);
    f->std = elbo_arena_doubles(arena, no);
    f->w = elbo_arena_doubles(arena, kind == ELBO_REPS_FOURIER ? n * no : 0);
    f->b = elbo_arena_doubles(arena, kind == ELBO_REPS_FOURIER ? n : 0);
    if (kind == ELBO_REPS_NETWORK) {
        ELBO_TRY(elbo_mlp_shape(&f->mlp, no, 1, 2 * n, n, ELBO_ACT_TANH));
        f->theta =
            elbo_arena_take(arena, elbo_mlp_size(&f->mlp), sizeof(float));
    }
    ELBO_TRY(elbo_arena_check(arena, "features"));
    if (kind == ELBO_REPS_FOURIER) {
        elbo_rng_normals(&rng, f->w, n * no);
        for (size_t j = 0; j < n; j++)
            f->b[j] = 2 * M_PI * elbo_rng_uniform(&rng);
    }
    if (kind == ELBO_REPS_NETWORK)
        elbo_mlp_draw(&f->mlp, ELBO_START_UNIFORM, &rng, f->theta);
    for (size_t j = 0; j < no; j++) f->mean[j] = 0, f->std[j] = 1;
    return ELBO_OK;
}

void elbo_reps_features_scale(elbo_reps_features *f, size_t rows,
                              const float o[])
{
    if (f->scaled || rows == 0) return;
    for (size_t j = 0; j < f->no; j++) {
        double mean = 0, square = 0;

        for (size_t i = 0; i < rows; i++)
            mean += (double)o[i * f->no + j] / (double)rows;
        for (size_t i = 0; i < rows; i++) {
            const double gap = (double)o[i * f->no + j] - mean;

            square += gap * gap / (double)rows;
        }
        f->mean[j] = mean;
        f->std[j] = square > 1e-16 ? sqrt(square) : 1;
    }
    f->scaled = true;
}

/* The kind's own features of one standardised observation. */
static void own_features(const elbo_reps_features *f, const double x[],
                         double out[])
{
    if (f->kind == ELBO_REPS_QUADRATIC) {
        for (size_t i = 0; i < f->no; i++)
            for (size_t k = i; k < f->no; k++) *out++ = x[i] * x[k];
        return;
    }
    for (size_t j = 0; j < f->n; j++) {
        double phase = f->b[j];

        for (size_t k = 0; k < f->no; k++) phase += f->w[j * f->no + k] * x[k];
        out[j] = sqrt(2 / (double)f->n) * cos(phase);
    }
}

/* tanh of the network's outputs, which are its last hidden layer. */
static elbo_status network_features(const elbo_reps_features *f, size_t rows,
                                    double phi[], elbo_arena *ws)
{
    float *const x = elbo_arena_take(ws, rows * f->no, sizeof *x);
    float *const h = elbo_arena_take(ws, rows * f->n, sizeof *h);

    ELBO_TRY(elbo_arena_check(ws, "features"));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < f->no; j++)
            x[i * f->no + j] = (float)phi[i * f->m + 1 + j];
    ELBO_TRY(elbo_mlp_forward(&f->mlp, f->theta, rows, x, h, ws));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < f->n; j++)
            phi[i * f->m + 1 + f->no + j] = tanh((double)h[i * f->n + j]);
    return ELBO_OK;
}

elbo_status elbo_reps_features_rows(const elbo_reps_features *f, size_t rows,
                                    const float o[], double phi[],
                                    elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    for (size_t i = 0; i < rows; i++) {
        double *const row = phi + i * f->m;

        row[0] = 1;
        for (size_t j = 0; j < f->no; j++)
            row[1 + j] = ((double)o[i * f->no + j] - f->mean[j]) / f->std[j];
        if (f->kind != ELBO_REPS_NETWORK)
            own_features(f, row + 1, row + 1 + f->no);
    }

    const elbo_status s = f->kind == ELBO_REPS_NETWORK
                              ? network_features(f, rows, phi, ws)
                              : ELBO_OK;

    elbo_arena_release(ws, mark);
    return s;
}

/* What is drawn follows from the seed: the scales alone are state. */
void elbo_reps_features_save(const elbo_reps_features *f, elbo_writer *out)
{
    elbo_put_u64(out, f->scaled);
    elbo_put_doubles(out, f->mean, f->no);
    elbo_put_doubles(out, f->std, f->no);
}

elbo_status elbo_reps_features_load(elbo_reps_features *f, elbo_reader *in)
{
    uint64_t scaled;

    ELBO_TRY(elbo_get_u64(in, &scaled));
    ELBO_TRY(elbo_get_doubles(in, f->mean, f->no));
    ELBO_TRY(elbo_get_doubles(in, f->std, f->no));
    f->scaled = scaled != 0;
    return ELBO_OK;
}
