#include "inference/gradient/gaussian_process.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <string.h>

#include "inference/ascent.h"
#include "inference/core/linalg.h"

/* Normal priors on the logarithms: mean and standard deviation. */
static const double length_mean = -0.7, signal_mean = 0, noise_mean = -4.6;
static const double length_sd = 1, signal_sd = 1, noise_sd = 1.5;

/* Added to the diagonal, in units of s^2: keeps K positive definite. */
static const double jitter = 1e-10;

static double kernel(const double x[], const double y[], const double phi[],
                     size_t d)
{
    double sum = 0;

    for (size_t j = 0; j < d; j++) {
        const double z = (x[j] - y[j]) * exp(-phi[j]);

        sum += z * z;
    }
    return exp(2 * phi[d] - 0.5 * sum);
}

/* L L' = K + (s_e^2 + jitter s^2) I and w = its inverse times y. */
static elbo_status factor(const elbo_gp_data *data, const double phi[],
                          gsl_matrix *L, gsl_vector *w)
{
    const size_t n = data->n, d = data->d;
    const double noise = exp(2 * phi[d + 1]) + jitter * exp(2 * phi[d]);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k <= i; k++)
            gsl_matrix_set(L, i, k,
                           kernel(data->x + i * d, data->x + k * d, phi, d));
        gsl_matrix_set(L, i, i, gsl_matrix_get(L, i, i) + noise);
        gsl_vector_set(w, i, data->y[i]);
    }
    ELBO_TRY(elbo_chol(L));
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, w);
    gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, L, w);
    return ELBO_OK;
}

/* M = K^-1 from its factor, column by column. */
static void invert(const gsl_matrix *L, gsl_matrix *M)
{
    gsl_matrix_set_identity(M);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, M);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasTrans, CblasNonUnit, 1, L, M);
}

/* grad = 1/2 tr((w w' - K^-1) dK/dphi), K with its noise. */
static void evidence_gradient(const elbo_gp_data *data, const double phi[],
                              const gsl_matrix *inverse, const gsl_vector *w,
                              double grad[])
{
    const size_t n = data->n, d = data->d;
    const double noise = exp(2 * phi[d + 1]);

    memset(grad, 0, (d + 2) * sizeof *grad);
    for (size_t i = 0; i < n; i++) {
        const double wi = gsl_vector_get(w, i);
        const double own = wi * wi - gsl_matrix_get(inverse, i, i);

        grad[d] += own * exp(2 * phi[d]) * (1 + jitter);
        grad[d + 1] += own * noise;
        for (size_t k = 0; k < i; k++) {
            const double *const x = data->x + i * d, *const y = data->x + k * d;
            const double A =
                wi * gsl_vector_get(w, k) - gsl_matrix_get(inverse, i, k);
            const double K = kernel(x, y, phi, d);

            grad[d] += 2 * A * K;
            for (size_t j = 0; j < d; j++) {
                const double z = (x[j] - y[j]) * exp(-phi[j]);

                grad[j] += A * K * z * z;
            }
        }
    }
}

static elbo_status evidence(const elbo_gp_data *data, const double phi[],
                            double *value, double grad[], elbo_arena *ws)
{
    const size_t n = data->n;
    gsl_matrix *const L = elbo_arena_mat(ws, n, n);
    gsl_matrix *const M = grad ? elbo_arena_mat(ws, n, n) : NULL;
    gsl_vector *const w = elbo_arena_vec(ws, n);
    double sum = -0.5 * (double)n * log(2 * M_PI);

    ELBO_TRY(elbo_arena_check(ws, "a Gaussian process"));
    ELBO_TRY(factor(data, phi, L, w));
    for (size_t i = 0; i < n; i++)
        sum -= 0.5 * data->y[i] * gsl_vector_get(w, i)
               + log(gsl_matrix_get(L, i, i));
    *value = sum;
    if (!grad) return ELBO_OK;
    invert(L, M);
    evidence_gradient(data, phi, M, w, grad);
    return ELBO_OK;
}

elbo_status elbo_gp_evidence(const elbo_gp_data *data, const double phi[],
                             double *value, double grad[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = evidence(data, phi, value, grad, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- hyper-parameters ---- */

typedef struct fit {
    const elbo_gp_data *data;
    elbo_arena *ws;
} fit;

static void add_prior(double x, double mean, double sd, double *value,
                      double *grad)
{
    const double z = (x - mean) / sd;

    *value -= 0.5 * z * z;
    if (grad) *grad -= z / sd;
}

static elbo_status posterior(void *self, const double phi[], double *value,
                             double grad[])
{
    const fit *const f = self;
    const size_t d = f->data->d;

    ELBO_TRY(elbo_gp_evidence(f->data, phi, value, grad, f->ws));
    for (size_t j = 0; j < d; j++)
        add_prior(phi[j], length_mean, length_sd, value,
                  grad ? grad + j : NULL);
    add_prior(phi[d], signal_mean, signal_sd, value, grad ? grad + d : NULL);
    add_prior(phi[d + 1], noise_mean, noise_sd, value,
              grad ? grad + d + 1 : NULL);
    return ELBO_OK;
}

/* From short and from long lengths; the better end. */
static elbo_status choose(const elbo_gp_data *data, double phi[],
                          elbo_arena *ws)
{
    static const double starts[] = {-1.7, -0.7, 0.7};
    const size_t d = data->d;
    fit self = {data, ws};
    const elbo_summit f = {&self, d + 2, 1, posterior};
    const elbo_ascent how = {
        .method = &elbo_ascender_bfgs, .iterations = 40, .tolerance = 1e-5};
    double *const x = elbo_arena_doubles(ws, d + 2);
    double best = -HUGE_VAL;

    ELBO_TRY(elbo_arena_check(ws, "hyper-parameters"));
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        elbo_ascent_info info;

        for (size_t j = 0; j < d; j++) x[j] = starts[i];
        x[d] = signal_mean;
        x[d + 1] = noise_mean;
        ELBO_TRY(elbo_ascend(&how, &f, x, &info, ws));
        if (!(info.after > best)) continue;
        best = info.after;
        memcpy(phi, x, (d + 2) * sizeof *x);
    }
    return ELBO_OK;
}

elbo_status elbo_gp_condition(const elbo_gp_data *data, const double phi[],
                              elbo_arena *ws, elbo_gp *out)
{
    const size_t n = data->n, d = data->d;

    *out = (elbo_gp){
        .data = *data,
        .phi = elbo_arena_doubles(ws, d + 2),
        .L = elbo_arena_mat(ws, n, n),
        .w = elbo_arena_vec(ws, n),
        .k = elbo_arena_vec(ws, n),
    };
    ELBO_TRY(elbo_arena_check(ws, "a Gaussian process"));
    memcpy(out->phi, phi, (d + 2) * sizeof *phi);
    return factor(data, phi, out->L, out->w);
}

elbo_status elbo_gp_fit(const elbo_gp_data *data, elbo_arena *ws, elbo_gp *out)
{
    double *const phi = elbo_arena_doubles(ws, data->d + 2);

    ELBO_TRY(elbo_arena_check(ws, "hyper-parameters"));
    ELBO_TRY(choose(data, phi, ws));
    return elbo_gp_condition(data, phi, ws, out);
}

void elbo_gp_predict(const elbo_gp *gp, const double x[], double *mean,
                     double *sd)
{
    const size_t d = gp->data.d;
    double rest = exp(2 * gp->phi[d]), part;

    for (size_t i = 0; i < gp->data.n; i++)
        gsl_vector_set(gp->k, i, kernel(gp->data.x + i * d, x, gp->phi, d));
    gsl_blas_ddot(gp->k, gp->w, mean);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, gp->L, gp->k);
    gsl_blas_ddot(gp->k, gp->k, &part);
    rest -= part;
    *sd = rest > 0 ? sqrt(rest) : 0;
}

double elbo_expected_improvement(double mean, double sd, double best)
{
    const double gain = mean - best;

    if (!(sd > 0)) return gain > 0 ? gain : 0;

    const double z = gain / sd;

    return gain * gsl_cdf_ugaussian_P(z) + sd * gsl_ran_ugaussian_pdf(z);
}
