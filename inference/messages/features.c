#include "inference/messages/features.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>
#include <string.h>

/* x of a map that has no scratch of its own. */
enum { MOST_NX = 64 };

static void draw_fourier(elbo_features *f, const gsl_matrix *X, elbo_rng *rng)
{
    (void)X;
    for (size_t j = 0; j < f->n; j++) {
        for (size_t i = 0; i < f->nx; i++) {
            double pair[2];

            elbo_rng_normals(rng, pair, 2);
            f->w[j * f->nx + i] = pair[0];
        }
        f->b[j] = 2 * M_PI * elbo_rng_uniform(rng);
    }
}

static double fourier(const elbo_features *f, size_t j, const double v[],
                      double *slope)
{
    const double scale = sqrt(2 / (double)f->n);
    double r = f->b[j];

    for (size_t i = 0; i < f->nx; i++) r += f->w[j * f->nx + i] * v[i];
    *slope = -scale * sin(r);
    return scale * cos(r);
}

/* Rows of X, by selection sampling: each as often as any other, give or take
 * one. */
static void draw_rbf(elbo_features *f, const gsl_matrix *X, elbo_rng *rng)
{
    const size_t rows = X->size1;

    for (size_t j = 0; j < f->n;) {
        size_t needed = f->n - j < rows ? f->n - j : rows;

        for (size_t r = 0; needed; r++) {
            if (elbo_rng_below(rng, rows - r) >= needed) continue;
            for (size_t i = 0; i < f->nx; i++)
                f->w[j * f->nx + i] = gsl_matrix_get(X, r, i) * f->inverse[i];
            needed--;
            j++;
        }
    }
}

static double rbf(const elbo_features *f, size_t j, const double v[],
                  double *slope)
{
    double r = 0;

    for (size_t i = 0; i < f->nx; i++) {
        const double d = v[i] - f->w[j * f->nx + i];

        r += 0.5 * d * d;
    }
    *slope = -exp(-r);
    return -*slope;
}

const elbo_feature_kind elbo_feature_fourier = {
    .name = "fourier",
    .source = "Rahimi and Recht 2007",
    .doc = "random cosines: a squared-exponential kernel in the mean",
    .draw = draw_fourier,
    .value = fourier,
    .ridge = true,
};
const elbo_feature_kind elbo_feature_rbf = {
    .name = "rbf",
    .source = "Bishop 2006, 3.1",
    .doc = "bells about rows of the data",
    .draw = draw_rbf,
    .value = rbf,
};

const elbo_feature_kind *const elbo_feature_kinds[] = {
    &elbo_feature_fourier,
    &elbo_feature_rbf,
    NULL,
};

const elbo_feature_kind *elbo_feature_find(const char *name)
{
    for (size_t i = 0; elbo_feature_kinds[i]; i++)
        if (strcmp(elbo_feature_kinds[i]->name, name) == 0)
            return elbo_feature_kinds[i];
    return NULL;
}

/* Of column i; 1 when it is constant to rounding. */
static double deviation(const gsl_matrix *X, size_t i)
{
    double mean = 0, square = 0;

    for (size_t r = 0; r < X->size1; r++)
        mean += gsl_matrix_get(X, r, i) / (double)X->size1;
    for (size_t r = 0; r < X->size1; r++) {
        const double d = gsl_matrix_get(X, r, i) - mean;

        square += d * d / (double)X->size1;
    }
    return square > 1e-24 * mean * mean && square > 0 ? sqrt(square) : 1;
}

static elbo_status check_rows(const gsl_matrix *X)
{
    for (size_t r = 0; r < X->size1; r++)
        for (size_t i = 0; i < X->size2; i++)
            if (!isfinite(gsl_matrix_get(X, r, i)))
                return ELBO_FAIL(ELBO_ENOTFINITE,
                                 "features: row %zu, column %zu is %g", r, i,
                                 gsl_matrix_get(X, r, i));
    return ELBO_OK;
}

elbo_status elbo_features_open(const elbo_feature_kind *kind, size_t n,
                               const gsl_matrix *X, const double scale[],
                               uint64_t seed, elbo_arena *arena,
                               elbo_features *out)
{
    const size_t nx = X->size2;
    elbo_rng rng = elbo_rng_stream(seed, "features", 0);

    assert(nx >= 1 && nx <= MOST_NX && X->size1 >= 1);
    *out = (elbo_features){.kind = kind,
                           .nx = nx,
                           .n = n,
                           .m = 1 + nx + n,
                           .inverse = elbo_arena_doubles(arena, nx),
                           .w = elbo_arena_doubles(arena, n * nx),
                           .b = elbo_arena_take(arena, n, sizeof(double))};
    ELBO_TRY(elbo_arena_check(arena, "features"));
    ELBO_TRY(check_rows(X));
    for (size_t i = 0; i < nx; i++) {
        const double l = scale ? scale[i] : deviation(X, i);

        if (!(l > 0) || !isfinite(l))
            return ELBO_FAIL(ELBO_EINVAL, "features: scale %zu is %g", i, l);
        out->inverse[i] = 1 / l;
    }
    kind->draw(out, X, &rng);
    return ELBO_OK;
}

/* v = x / l */
static void scale_down(const elbo_features *f, const double x[], double v[])
{
    for (size_t i = 0; i < f->nx; i++) v[i] = x[i] * f->inverse[i];
}

static void phi(const void *self, const double x[], double out[])
{
    const elbo_features *const f = self;
    double v[MOST_NX], slope;

    scale_down(f, x, v);
    out[0] = 1;
    memcpy(out + 1, x, f->nx * sizeof *x);
    for (size_t j = 0; j < f->n; j++)
        out[1 + f->nx + j] = f->kind->value(f, j, v, &slope);
}

/* d psi_j / dx_i */
static double derivative(const elbo_features *f, size_t j, size_t i,
                         const double v[], double slope)
{
    const double w = f->w[j * f->nx + i];

    return slope * f->inverse[i] * (f->kind->ridge ? w : v[i] - w);
}

static void phi_jacobian(const void *self, const double x[], double J[])
{
    const elbo_features *const f = self;
    double v[MOST_NX], slope;

    scale_down(f, x, v);
    memset(J, 0, (1 + f->nx) * f->nx * sizeof *J);
    for (size_t i = 0; i < f->nx; i++) J[(1 + i) * f->nx + i] = 1;
    for (size_t j = 0; j < f->n; j++) {
        (void)f->kind->value(f, j, v, &slope);
        for (size_t i = 0; i < f->nx; i++)
            J[(1 + f->nx + j) * f->nx + i] = derivative(f, j, i, v, slope);
    }
}

elbo_map elbo_features_map(const elbo_features *f)
{
    return (elbo_map){f, f->nx, f->m, phi, phi_jacobian};
}

void elbo_features_rows(const elbo_features *f, const gsl_matrix *X,
                        gsl_matrix *Phi)
{
    assert(X->size2 == f->nx && Phi->size2 == f->m && X->size1 == Phi->size1);
    for (size_t r = 0; r < X->size1; r++)
        phi(f, X->data + r * X->tda, Phi->data + r * Phi->tda);
}

static elbo_status fit(const elbo_features *f, const gsl_matrix *X,
                       const gsl_matrix *Y, const elbo_mniw *prior,
                       elbo_mniw *post, elbo_arena *ws)
{
    gsl_matrix *const Phi = elbo_arena_mat(ws, X->size1, f->m);
    elbo_moments S;

    ELBO_TRY(elbo_arena_check(ws, "features: rows"));
    ELBO_TRY(elbo_moments_init(&S, Y->size2, f->m, ws));
    elbo_features_rows(f, X, Phi);
    ELBO_TRY(elbo_moments_rows(&S, Y, Phi, NULL));
    return elbo_mniw_posterior(prior, &S, post, ws);
}

elbo_status elbo_features_fit(const elbo_features *f, const gsl_matrix *X,
                              const gsl_matrix *Y, const elbo_mniw *prior,
                              elbo_mniw *post, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(prior->M->size2 == f->m && prior->M->size1 == Y->size2);

    const elbo_status s = fit(f, X, Y, prior, post, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* phi'K^-1 phi by the factor of K */
static elbo_status leverage(const elbo_mniw *q, const gsl_vector *p,
                            double *out, elbo_arena *ws)
{
    gsl_matrix *const L = elbo_arena_mat(ws, p->size, p->size);
    gsl_vector *const d = elbo_arena_vec(ws, p->size);

    ELBO_TRY(elbo_arena_check(ws, "features: a prediction"));
    gsl_matrix_memcpy(L, q->K);
    gsl_vector_memcpy(d, p);
    ELBO_TRY(elbo_chol(L));
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, d);
    gsl_blas_ddot(d, d, out);
    return ELBO_OK;
}

static elbo_status predict(const elbo_features *f, const elbo_mniw *q,
                           const double x[], double mean[], gsl_matrix *scale,
                           double *degrees, elbo_arena *ws)
{
    const size_t ny = q->M->size1;
    gsl_vector *const p = elbo_arena_vec(ws, f->m);
    gsl_vector_view out = gsl_vector_view_array(mean, ny);
    double h;

    ELBO_TRY(elbo_arena_check(ws, "features: a prediction"));
    phi(f, x, p->data);
    ELBO_TRY(leverage(q, p, &h, ws));
    gsl_blas_dgemv(CblasNoTrans, 1, q->M, p, 0, &out.vector);
    *degrees = q->nu - (double)ny + 1;
    gsl_matrix_memcpy(scale, q->Psi);
    gsl_matrix_scale(scale, (1 + h) / *degrees);
    return ELBO_OK;
}

elbo_status elbo_features_predict(const elbo_features *f, const elbo_mniw *q,
                                  const double x[], double mean[],
                                  gsl_matrix *scale, double *degrees,
                                  elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = predict(f, q, x, mean, scale, degrees, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* y = M phi(x) (+ x), feature by feature: no scratch for phi */
static void regression(const void *self, const double x[], double y[])
{
    const elbo_feature_model *const g = self;
    const elbo_features *const f = g->features;
    const size_t ny = g->M->size1;
    double v[MOST_NX], slope;

    scale_down(f, x, v);
    for (size_t k = 0; k < ny; k++) {
        y[k] = gsl_matrix_get(g->M, k, 0) + (g->change ? x[k] : 0);
        for (size_t i = 0; i < f->nx; i++)
            y[k] += gsl_matrix_get(g->M, k, 1 + i) * x[i];
    }
    for (size_t j = 0; j < f->n; j++) {
        const double psi = f->kind->value(f, j, v, &slope);

        for (size_t k = 0; k < ny; k++)
            y[k] += gsl_matrix_get(g->M, k, 1 + f->nx + j) * psi;
    }
}

static void regression_jacobian(const void *self, const double x[], double J[])
{
    const elbo_feature_model *const g = self;
    const elbo_features *const f = g->features;
    const size_t ny = g->M->size1, nx = f->nx;
    double v[MOST_NX], slope;

    scale_down(f, x, v);
    for (size_t k = 0; k < ny; k++)
        for (size_t i = 0; i < nx; i++)
            J[k * nx + i] =
                gsl_matrix_get(g->M, k, 1 + i) + (g->change && i == k ? 1 : 0);
    for (size_t j = 0; j < f->n; j++) {
        (void)f->kind->value(f, j, v, &slope);
        for (size_t i = 0; i < nx; i++) {
            const double d = derivative(f, j, i, v, slope);

            for (size_t k = 0; k < ny; k++)
                J[k * nx + i] += gsl_matrix_get(g->M, k, 1 + nx + j) * d;
        }
    }
}

elbo_map elbo_feature_model_map(const elbo_feature_model *g)
{
    assert(g->M->size2 == g->features->m);
    assert(!g->change || g->M->size1 <= g->features->nx);
    return (elbo_map){g, g->features->nx, g->M->size1, regression,
                      regression_jacobian};
}

void elbo_features_save(const elbo_features *f, elbo_writer *out)
{
    elbo_put_u64(out, f->kind->ridge);
    elbo_put_u64(out, f->nx);
    elbo_put_u64(out, f->n);
    elbo_put_doubles(out, f->inverse, f->nx);
    elbo_put_doubles(out, f->w, f->n * f->nx);
    elbo_put_doubles(out, f->b, f->n);
}

elbo_status elbo_features_load(elbo_features *f, elbo_reader *in)
{
    uint64_t ridge, nx, n;

    ELBO_TRY(elbo_get_u64(in, &ridge));
    ELBO_TRY(elbo_get_u64(in, &nx));
    ELBO_TRY(elbo_get_u64(in, &n));
    if (ridge != f->kind->ridge || nx != f->nx || n != f->n)
        return ELBO_FAIL(
            ELBO_EDATA,
            "checkpoint: %llu features of %llu columns, not %zu of "
            "%zu, or of another kind",
            (unsigned long long)n, (unsigned long long)nx, f->n, f->nx);
    ELBO_TRY(elbo_get_doubles(in, f->inverse, f->nx));
    ELBO_TRY(elbo_get_doubles(in, f->w, f->n * f->nx));
    ELBO_TRY(elbo_get_doubles(in, f->b, f->n));
    for (size_t i = 0; i < f->nx; i++)
        if (!(f->inverse[i] > 0) || !isfinite(f->inverse[i]))
            return ELBO_FAIL(ELBO_EDATA, "checkpoint: a feature's scale is %g",
                             f->inverse[i]);
    return ELBO_OK;
}
