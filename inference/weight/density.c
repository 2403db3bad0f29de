#include "inference/weight/density.h"

#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/linalg.h"

enum { KLIEP_ROUNDS = 20000, NEWTON_ROUNDS = 100 };

static size_t features(const elbo_density *x)
{
    return x->phi ? x->phi->size2 : x->n;
}

/* out = phi theta */
static void apply(const elbo_density *x, const gsl_vector *theta, double out[])
{
    if (!x->phi) {
        for (size_t i = 0; i < x->n; i++) out[i] = gsl_vector_get(theta, i);
        return;
    }

    gsl_vector_view y = gsl_vector_view_array(out, x->n);

    gsl_blas_dgemv(CblasNoTrans, 1, x->phi, theta, 0, &y.vector);
}

/* out = phi' m */
static void pull(const elbo_density *x, const double m[], gsl_vector *out)
{
    const gsl_vector_const_view y = gsl_vector_const_view_array(m, x->n);

    if (x->phi)
        gsl_blas_dgemv(CblasTrans, 1, x->phi, &y.vector, 0, out);
    else
        gsl_vector_memcpy(out, &y.vector);
}

/* A = phi' diag(m) phi + lambda I; W [n x k] is scratch. */
static void gram(const elbo_density *x, const double m[], double lambda,
                 gsl_matrix *A, gsl_matrix *W)
{
    gsl_matrix_set_zero(A);
    if (x->phi) {
        for (size_t i = 0; i < x->n; i++)
            for (size_t k = 0; k < x->phi->size2; k++)
                gsl_matrix_set(W, i, k, m[i] * gsl_matrix_get(x->phi, i, k));
        gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, x->phi, W, 0, A);
    }
    for (size_t k = 0; k < A->size1; k++)
        *gsl_matrix_ptr(A, k, k) += lambda + (x->phi ? 0 : m[k]);
}

/* y = A \ y by Cholesky; A is its factor then. */
static elbo_status solve(gsl_matrix *A, gsl_vector *y)
{
    ELBO_TRY(elbo_chol(A));
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, A, y);
    gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, A, y);
    return ELBO_OK;
}

/* Nothing is known where there is no mass. */
static void mask(const elbo_density *x, double r[])
{
    for (size_t i = 0; i < x->n; i++)
        if (!(x->nu[i] + x->de[i] > 0)) r[i] = 0;
}

/* ---- KLIEP ---- */

/* One round of EM on the shares pi_k = theta_k sum_i de_i phi_ik; returns how far
 * they moved. r = phi theta on entry. */
static double reweigh(const elbo_density *x, const double r[],
                      const gsl_vector *c, gsl_vector *theta, double fit[],
                      gsl_vector *pulled)
{
    double moved = 0;

    for (size_t i = 0; i < x->n; i++) fit[i] = r[i] > 0 ? x->nu[i] / r[i] : 0;
    pull(x, fit, pulled);
    for (size_t k = 0; k < theta->size; k++) {
        const double ck = gsl_vector_get(c, k), old = gsl_vector_get(theta, k);
        const double now =
            ck > 0 ? old * gsl_vector_get(pulled, k) / ck : 0;

        moved += fabs(now - old) * ck;
        gsl_vector_set(theta, k, now);
    }
    return moved;
}

static elbo_status kliep(const elbo_density *x, double r[], elbo_arena *ws)
{
    const size_t k = features(x);
    gsl_vector *c = elbo_arena_vec(ws, k), *theta = elbo_arena_vec(ws, k);
    gsl_vector *pulled = elbo_arena_vec(ws, k);
    double *fit = elbo_arena_doubles(ws, x->n), all = 0;

    ELBO_TRY(elbo_arena_check(ws, "KLIEP"));
    pull(x, x->de, c);
    for (size_t i = 0; i < k; i++) all += gsl_vector_get(c, i) > 0;
    for (size_t i = 0; i < k; i++) {
        const double ci = gsl_vector_get(c, i);

        gsl_vector_set(theta, i, ci > 0 ? 1 / (all * ci) : 0);
    }
    for (int round = 0; round < KLIEP_ROUNDS; round++) {
        apply(x, theta, r);
        if (reweigh(x, r, c, theta, fit, pulled) < 1e-14) break;
    }
    apply(x, theta, r);
    return ELBO_OK;
}

elbo_status elbo_density_kliep(const elbo_density *points, double r[],
                               elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = kliep(points, r, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- least squares ---- */

static elbo_status lsif(const elbo_density *x, double a, double lambda,
                        double r[], elbo_arena *ws)
{
    const size_t k = features(x);
    gsl_vector *theta = elbo_arena_vec(ws, k);
    gsl_matrix *A = elbo_arena_mat(ws, x->phi ? k : 1, x->phi ? k : 1);
    gsl_matrix *W = elbo_arena_mat(ws, x->phi ? x->n : 1, k);
    double *m = elbo_arena_doubles(ws, x->n);

    ELBO_TRY(elbo_arena_check(ws, "least squares of a ratio"));
    for (size_t i = 0; i < x->n; i++)
        m[i] = a * x->nu[i] + (1 - a) * x->de[i];
    pull(x, x->nu, theta);
    if (x->phi) {
        gram(x, m, lambda, A, W);
        ELBO_TRY(solve(A, theta));
    }
    for (size_t i = 0; i < k; i++) {
        double t = gsl_vector_get(theta, i);

        if (!x->phi) t = t > 0 ? t / (m[i] + lambda) : 0;
        gsl_vector_set(theta, i, t > 0 ? t : 0);
    }
    apply(x, theta, r);
    mask(x, r);
    return ELBO_OK;
}

elbo_status elbo_density_lsif(const elbo_density *points, double a,
                              double lambda, double r[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = lsif(points, a, lambda, r, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* ---- logistic ---- */

/* log(1 + exp(f)) */
static double softplus(double f)
{
    return f > 0 ? f + log1p(exp(-f)) : log1p(exp(f));
}

static double loss(const elbo_density *x, const double f[],
                   const gsl_vector *theta, double lambda)
{
    double sum = 0, square;

    gsl_blas_ddot(theta, theta, &square);
    for (size_t i = 0; i < x->n; i++)
        sum += x->nu[i] * softplus(-f[i]) + x->de[i] * softplus(f[i]);
    return sum + lambda / 2 * square;
}

/* Newton's step from theta, halved until the loss falls; *rise is the gradient's
 * largest entry. f = phi theta. */
typedef struct newton {
    gsl_vector *theta, *step, *trial;
    gsl_matrix *A, *W;
    double *f, *m;
} newton;

static elbo_status step_newton(const elbo_density *x, double lambda, newton *w,
                               double *rise)
{
    const double before = loss(x, w->f, w->theta, lambda);
    double size = 1;

    for (size_t i = 0; i < x->n; i++)
        w->m[i] = x->nu[i] / (1 + exp(w->f[i])) - x->de[i] / (1 + exp(-w->f[i]));
    pull(x, w->m, w->step);
    gsl_blas_daxpy(-lambda, w->theta, w->step);
    *rise = fabs(gsl_vector_get(w->step, gsl_blas_idamax(w->step)));
    for (size_t i = 0; i < x->n; i++)
        w->m[i] = (x->nu[i] + x->de[i]) / (1 + exp(w->f[i]))
                  / (1 + exp(-w->f[i]));
    if (x->phi) {
        gram(x, w->m, lambda + 1e-15, w->A, w->W);
        ELBO_TRY(solve(w->A, w->step));
    } else {
        for (size_t i = 0; i < x->n; i++)
            if (w->m[i] + lambda > 0)
                *gsl_vector_ptr(w->step, i) /= w->m[i] + lambda;
    }
    for (; size > 1e-10; size /= 2) {
        gsl_vector_memcpy(w->trial, w->theta);
        gsl_blas_daxpy(size, w->step, w->trial);
        apply(x, w->trial, w->f);
        if (loss(x, w->f, w->trial, lambda) <= before) break;
    }
    gsl_vector_memcpy(w->theta, w->trial);
    return ELBO_OK;
}

static elbo_status logistic(const elbo_density *x, double lambda, double r[],
                            elbo_arena *ws)
{
    const size_t k = features(x), side = x->phi ? k : 1;
    newton w = {
        .theta = elbo_arena_vec(ws, k),
        .step = elbo_arena_vec(ws, k),
        .trial = elbo_arena_vec(ws, k),
        .A = elbo_arena_mat(ws, side, side),
        .W = elbo_arena_mat(ws, x->phi ? x->n : 1, k),
        .f = elbo_arena_doubles(ws, x->n),
        .m = elbo_arena_doubles(ws, x->n),
    };
    double rise = HUGE_VAL;

    ELBO_TRY(elbo_arena_check(ws, "a classifier's ratio"));
    gsl_vector_set_zero(w.theta);
    memset(w.f, 0, x->n * sizeof *w.f);
    for (int round = 0; round < NEWTON_ROUNDS && rise > 1e-13; round++)
        ELBO_TRY(step_newton(x, lambda, &w, &rise));
    if (!(rise <= 1e-9))
        return ELBO_FAIL(ELBO_ENOCONV,
                         "the classifier's gradient stays at %g (a ridge helps "
                         "where a point has only one kind of mass)",
                         rise);
    for (size_t i = 0; i < x->n; i++) r[i] = exp(w.f[i]);
    mask(x, r);
    return ELBO_OK;
}

elbo_status elbo_density_logistic(const elbo_density *points, double lambda,
                                  double r[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = logistic(points, lambda, r, ws);

    elbo_arena_release(ws, mark);
    return s;
}

void elbo_density_kernels(const double x[], size_t dim, double width,
                          gsl_matrix *phi)
{
    for (size_t i = 0; i < phi->size1; i++)
        for (size_t j = 0; j < phi->size2; j++) {
            double square = 0;

            for (size_t k = 0; k < dim; k++) {
                const double off = x[i * dim + k] - x[j * dim + k];

                square += off * off;
            }
            gsl_matrix_set(phi, i, j, exp(-square / (2 * width * width)));
        }
}

/* ---- DualDICE ---- */

/* B' = diag(sqrt de) (I - gamma P);  (B B' + ridge I) nu = (1 - gamma) start;
 * r = (I - gamma P) nu. */
static elbo_status dualdice(const gsl_matrix *P, const double start[],
                            const double de[], double gamma, double ridge,
                            double r[], elbo_arena *ws)
{
    const size_t n = P->size1;
    gsl_matrix *B = elbo_arena_mat(ws, n, n), *A = elbo_arena_mat(ws, n, n);
    gsl_vector *nu = elbo_arena_vec(ws, n);
    double all = 0;

    ELBO_TRY(elbo_arena_check(ws, "DualDICE"));
    for (size_t i = 0; i < n; i++) all += de[i];
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(B, i, j,
                           sqrt(de[i])
                               * ((i == j) - gamma * gsl_matrix_get(P, i, j)));
        gsl_vector_set(nu, i, (1 - gamma) * start[i]);
    }
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, B, 0, A);
    for (size_t i = 0; i < n; i++) *gsl_matrix_ptr(A, i, i) += ridge;
    ELBO_TRY(solve(A, nu));

    gsl_vector_view out = gsl_vector_view_array(r, n);

    gsl_vector_memcpy(&out.vector, nu);
    gsl_blas_dgemv(CblasNoTrans, -gamma, P, nu, 1, &out.vector);
    for (size_t i = 0; i < n; i++) r[i] *= all;
    return ELBO_OK;
}

elbo_status elbo_density_dualdice(const gsl_matrix *P, const double start[],
                                  const double de[], double gamma, double ridge,
                                  double r[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = dualdice(P, start, de, gamma, ridge, r, ws);

    elbo_arena_release(ws, mark);
    return s;
}
