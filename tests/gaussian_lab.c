#include "tests/gaussian_lab.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "inference/core/rng.h"

/* A positive definite [n x n], its inverse and log determinant by Gauss-Jordan. */
static void definite(elbo_rng *rng, size_t n, double S[])
{
    double L[NZ * NZ];

    elbo_rng_normals(rng, L, n * n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            S[i * n + j] = i == j ? 0.4 : 0;
            for (size_t k = 0; k < n; k++)
                S[i * n + j] += 0.3 * L[i * n + k] * L[j * n + k];
        }
}

void lab_invert(const double S[], size_t n, double out[], double *logdet)
{
    double A[NZ * NZ];

    memcpy(A, S, n * n * sizeof *A);
    *logdet = 0;
    for (size_t i = 0; i < n * n; i++) out[i] = i % (n + 1) == 0;
    for (size_t k = 0; k < n; k++) {
        const double pivot = A[k * n + k];

        *logdet += log(pivot);
        for (size_t j = 0; j < n; j++) {
            A[k * n + j] /= pivot;
            out[k * n + j] /= pivot;
        }
        for (size_t i = 0; i < n; i++) {
            const double f = A[i * n + k];

            for (size_t j = 0; i != k && j < n; j++) {
                A[i * n + j] -= f * A[k * n + j];
                out[i * n + j] -= f * out[k * n + j];
            }
        }
    }
}

static void symmetric(elbo_rng *rng, size_t n, double P[])
{
    elbo_rng_normals(rng, P, n * n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) P[i * n + j] = P[j * n + i];
}

size_t lab_rows(const lab *l, elbo_gaussian_table t)
{
    return elbo_gaussian_rows(&l->batch, t);
}

size_t lab_cols(const lab *l, elbo_gaussian_table t)
{
    return elbo_gaussian_cols(&l->batch, t);
}

/* [n x n] as rows of the table; 0: it is no square. */
size_t lab_square(elbo_gaussian_table t)
{
    switch (t) {
    case ELBO_GAUSSIAN_W:
    case ELBO_GAUSSIAN_PRECISION:
    case ELBO_GAUSSIAN_V_P:
    case ELBO_GAUSSIAN_TARGET_P:
    case ELBO_GAUSSIAN_THEN_P: return NX;
    case ELBO_GAUSSIAN_PI_S:
    case ELBO_GAUSSIAN_PI_PRECISION: return NU;
    case ELBO_GAUSSIAN_Q_P:
    case ELBO_GAUSSIAN_R_P: return NZ;
    default: return 0;
    }
}

static void fill(lab *l, elbo_rng *rng, elbo_gaussian_table t)
{
    const size_t n = lab_square(t), width = lab_cols(l, t);

    ck_assert_uint_le(lab_rows(l, t) * width, MOST);
    for (size_t k = 0; k < lab_rows(l, t); k++) {
        double *const row = l->store[t] + k * width;

        if (t == ELBO_GAUSSIAN_W || t == ELBO_GAUSSIAN_PI_S)
            definite(rng, n, row);
        else if (n)
            symmetric(rng, n, row);
        else
            elbo_rng_normals(rng, row, width);
    }
}

void lab_set_up(lab *l, unsigned seed, size_t model_stages, size_t horizon)
{
    elbo_rng rng = elbo_rng_stream(seed, "lab", 0);

    *l = (lab){.batch = {.nx = NX,
                         .nu = NU,
                         .model_stages = model_stages,
                         .horizon = horizon,
                         .n = N,
                         .gamma = 0.9,
                         .epochs = EPOCHS}};
    l->batch.epoch = l->epoch;
    l->batch.x = l->x;
    l->batch.u = l->u;
    l->batch.y = l->y;
    l->batch.weight = l->weight;
    l->batch.step = l->step;
    elbo_rng_normals(&rng, l->x, N * NX);
    elbo_rng_normals(&rng, l->u, N * NU);
    elbo_rng_normals(&rng, l->y, N * NX);
    for (size_t i = 0; i < N; i++) {
        l->weight[i] = 0.5 + 0.25 * (double)i;
        l->step[i] = (uint32_t)((5 * i) % T);
        l->epoch[i] = (uint32_t)(2 * i / N);
    }
    for (size_t t = 0; t < ELBO_GAUSSIAN_TABLES; t++) {
        fill(l, &rng, (elbo_gaussian_table)t);
        l->table[t] = l->store[t];
        l->slopes[t] = l->slope[t];
    }
    for (size_t k = 0; k < lab_rows(l, ELBO_GAUSSIAN_W); k++)
        lab_invert(l->store[ELBO_GAUSSIAN_W] + k * NX * NX, NX,
               l->store[ELBO_GAUSSIAN_PRECISION] + k * NX * NX,
               &l->store[ELBO_GAUSSIAN_LOGDET][k]);
    for (size_t k = 0; k < lab_rows(l, ELBO_GAUSSIAN_PI_S); k++)
        lab_invert(l->store[ELBO_GAUSSIAN_PI_S] + k * NU * NU, NU,
               l->store[ELBO_GAUSSIAN_PI_PRECISION] + k * NU * NU,
               &l->store[ELBO_GAUSSIAN_PI_LOGDET][k]);
}

const double *lab_row(const lab *l, elbo_gaussian_table t, size_t i, size_t later)
{
    const size_t n = lab_rows(l, t);
    const bool model = t <= ELBO_GAUSSIAN_LOGDET;
    const size_t k = n == 1 || t >= ELBO_GAUSSIAN_THEN_P ? 0
                     : model ? l->step[i] % l->batch.model_stages
                             : l->step[i] % l->batch.horizon + later;

    if (t >= ELBO_GAUSSIAN_THEN_P)
        return l->table[t]
               + (l->epoch[i] * (n / EPOCHS)
                  + (l->batch.horizon ? l->step[i] % l->batch.horizon + later : 0))
                     * lab_cols(l, t);
    return l->table[t] + k * lab_cols(l, t);
}
