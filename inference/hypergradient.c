#include "inference/hypergradient.h"

#include <math.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/core/parallel.h"

/* The quotient's error is of the order of step^4, its rounding's 1e-16 / step. */
static const double step = 1e-3;

typedef elbo_status slopes(void *self, const double theta[], double out[]);

/* out [m] = the derivative of g(theta) along d [n], of length about 1:
 * (g(-2h) - 8 g(-h) + 8 g(h) - g(2h)) / 12h. */
static elbo_status along(const elbo_lower *f, slopes *g, size_t m,
                         const double theta[], const double d[], double h,
                         double out[], elbo_arena *ws)
{
    static const double at[] = {-2, -1, 1, 2}, share[] = {1, -8, 8, -1};
    double *const x = elbo_arena_doubles(ws, f->n);
    double *const y = elbo_arena_doubles(ws, m);

    ELBO_TRY(elbo_arena_check(ws, "a hypergradient"));
    memset(out, 0, m * sizeof *out);
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
        for (size_t j = 0; j < f->n; j++) x[j] = theta[j] + at[k] * h * d[j];
        ELBO_TRY(g(f->self, x, y));
        for (size_t i = 0; i < m; i++) out[i] += share[k] * y[i] / (12 * h);
    }
    return ELBO_OK;
}

/* v <- (d2f / dtheta2)^-1 v. */
static elbo_status solve(const elbo_lower *f, const double theta[],
                         gsl_vector *v, elbo_arena *ws)
{
    const size_t n = f->n;
    gsl_matrix *const H = elbo_arena_mat(ws, n, n);
    double *const d = elbo_arena_doubles(ws, n);
    elbo_lu lu;

    ELBO_TRY(elbo_arena_check(ws, "an inner problem's curvature"));
    memset(d, 0, n * sizeof *d);
    for (size_t j = 0; j < n; j++) {
        const elbo_mark mark = elbo_arena_mark(ws);

        d[j] = 1;

        const elbo_status s =
            along(f, f->slope, n, theta, d, step * fmax(1, fabs(theta[j])),
                  gsl_matrix_ptr(H, j, 0), ws);

        d[j] = 0;
        elbo_arena_release(ws, mark);
        ELBO_TRY(s);
    }
    ELBO_TRY(elbo_lu_factor(H, ws, &lu));
    return elbo_lu_solve(&lu, v);
}

static elbo_status run(const elbo_lower *f, const double theta[],
                       const double task[], double out[], elbo_arena *ws)
{
    gsl_vector *const v = elbo_arena_vec(ws, f->n);

    ELBO_TRY(elbo_arena_check(ws, "a hypergradient"));
    memset(out, 0, f->m * sizeof *out);
    memcpy(v->data, task, f->n * sizeof *task);
    ELBO_TRY(solve(f, theta, v, ws));

    const double length = sqrt(elbo_dot(v->data, v->data, f->n));
    const double far = sqrt(elbo_dot(theta, theta, f->n));

    if (!(length > 0)) return ELBO_OK;
    for (size_t j = 0; j < f->n; j++) v->data[j] /= length;
    ELBO_TRY(along(f, f->lever, f->m, theta, v->data, step * fmax(1, far), out,
                   ws));
    for (size_t i = 0; i < f->m; i++) out[i] *= -length;
    return ELBO_OK;
}

elbo_status elbo_hypergradient(const elbo_lower *f, const double theta[],
                               const double task[], double out[],
                               elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = run(f, theta, task, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}
