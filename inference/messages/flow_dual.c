#include "inference/messages/flow_dual.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/messages/reweight.h"

const elbo_flow_dual elbo_flow_dual_defaults = {.epsilon = 0.1,
                                                .low = 1e-8,
                                                .high = 1e8,
                                                .ridge = 1e-12,
                                                .steps = 100,
                                                .tolerance = 1e-18};

/* A point w, all that follows from it, and room for a step. */
typedef struct point {
    const elbo_flow_dual *f;
    gsl_vector *w;
    double eta, value; /* value: with the ridge's term */
    elbo_reweight_info info;
    double *delta, *q; /* [n] */
    gsl_vector *slope; /* [m] D'q + ridge w */
} point;

static point take_point(const elbo_flow_dual *f, elbo_arena *ws)
{
    return (point){
        .f = f,
        .w = elbo_arena_vec(ws, f->m),
        .delta = elbo_arena_doubles(ws, f->n),
        .q = elbo_arena_doubles(ws, f->n),
        .slope = elbo_arena_vec(ws, f->m),
    };
}

/* All that follows from a->w, at its best eta. */
static elbo_status evaluate(point *a)
{
    const elbo_flow_dual *const f = a->f;
    gsl_vector_view delta = gsl_vector_view_array(a->delta, f->n);
    gsl_vector_const_view q = gsl_vector_const_view_array(a->q, f->n);
    const elbo_reweight problem = {.rows = 1,
                                   .cols = f->n,
                                   .X = a->delta,
                                   .p = f->p,
                                   .epsilon = f->epsilon,
                                   .low = f->low,
                                   .high = f->high};
    double norm;

    memcpy(a->delta, f->r, f->n * sizeof *a->delta);
    gsl_blas_dgemv(CblasNoTrans, 1, f->D, a->w, 1, &delta.vector);
    ELBO_TRY(elbo_reweight_solve(&problem, a->eta, a->q, &a->info));
    a->eta = a->info.eta;
    gsl_blas_ddot(a->w, a->w, &norm);
    a->value = a->info.dual + f->ridge / 2 * norm;
    gsl_vector_memcpy(a->slope, a->w);
    gsl_vector_scale(a->slope, f->ridge);
    gsl_blas_dgemv(CblasTrans, 1, f->D, &q.vector, 1, a->slope);
    return ELBO_OK;
}

/* C = sqrt(q) (D - E_q D) and c = sqrt(q) (x - E_q x), so that C'C, C'c and c'c
 * are the covariances under q. */
static void centre(const point *a, gsl_matrix *C, gsl_vector *c)
{
    const elbo_flow_dual *const f = a->f;

    for (size_t k = 0; k < f->m; k++) {
        double mean = 0;

        for (size_t i = 0; i < f->n; i++)
            mean += a->q[i] * gsl_matrix_get(f->D, i, k);
        for (size_t i = 0; i < f->n; i++)
            gsl_matrix_set(C, i, k,
                           sqrt(a->q[i]) * (gsl_matrix_get(f->D, i, k) - mean));
    }
    double mean = 0;

    for (size_t i = 0; i < f->n; i++) mean += a->q[i] * a->delta[i];
    for (size_t i = 0; i < f->n; i++)
        gsl_vector_set(c, i, sqrt(a->q[i]) * (a->delta[i] - mean) / a->eta);
}

/* The Hessian in w with eta following along, where it is free to. */
static void hessian(const point *a, gsl_matrix *C, gsl_vector *c, gsl_matrix *H,
                    gsl_vector *b)
{
    double variance;

    centre(a, C, c);
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1 / a->eta, C, 0, H);
    gsl_blas_ddot(c, c, &variance);
    if (!a->info.bound && variance > 0) {
        gsl_blas_dgemv(CblasTrans, 1, C, c, 0, b);
        gsl_blas_dsyr(CblasLower, -1 / (a->eta * variance), b, H);
    }
}

static double mean_diagonal(const gsl_matrix *H)
{
    double trace = 0;

    for (size_t k = 0; k < H->size1; k++) trace += gsl_matrix_get(H, k, k);
    return fmax(trace / (double)H->size1, 1e-300);
}

/* step = -(H + (ridge + damping) I) \ slope; *damping grows until there is one.
 * *decrement = -slope'step. */
static elbo_status newton_step(const point *a, const gsl_matrix *H,
                               double *damping, gsl_matrix *L, gsl_vector *step,
                               double *decrement)
{
    const double scale = mean_diagonal(H);

    for (*damping = fmax(*damping, 1e-13 * scale);; *damping *= 100) {
        gsl_matrix_memcpy(L, H);
        for (size_t k = 0; k < H->size1; k++)
            *gsl_matrix_ptr(L, k, k) += a->f->ridge + *damping;
        if (elbo_chol(L) == ELBO_OK) break;
        if (!(*damping < 1e3 * scale))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "relative entropy dual: no descent at eta %g",
                             a->eta);
    }
    gsl_vector_memcpy(step, a->slope);
    gsl_vector_scale(step, -1);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, step);
    gsl_blas_ddot(step, step, decrement);
    gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, L, step);
    return ELBO_OK;
}

/* b = a + the first of step, step/2, step/4 .. that lowers the value enough. */
static elbo_status search(const point *a, const gsl_vector *step,
                          double decrement, point *b, bool *found)
{
    const double rounding = 1e-14 * (1 + fabs(a->value));
    double t = 1;

    *found = false;
    for (size_t k = 0; k < 40 && !*found; k++, t /= 2) {
        gsl_vector_memcpy(b->w, a->w);
        gsl_blas_daxpy(t, step, b->w);
        b->eta = a->eta;
        ELBO_TRY(evaluate(b));
        *found = b->value <= a->value - 1e-4 * t * decrement + rounding;
    }
    return ELBO_OK;
}

static elbo_status minimise(const elbo_flow_dual *f, point *a, point *b,
                            elbo_flow_dual_info *info, elbo_arena *ws)
{
    gsl_matrix *const C = elbo_arena_mat(ws, f->n, f->m);
    gsl_matrix *const H = elbo_arena_mat(ws, f->m, f->m);
    gsl_matrix *const L = elbo_arena_mat(ws, f->m, f->m);
    gsl_vector *const c = elbo_arena_vec(ws, f->n);
    gsl_vector *const step = elbo_arena_vec(ws, f->m);

    double damping = 0;

    ELBO_TRY(elbo_arena_check(ws, "relative entropy dual"));
    ELBO_TRY(evaluate(a));
    for (; info->steps < f->steps; info->steps++) {
        double decrement;
        bool found;

        hessian(a, C, c, H, step);
        ELBO_TRY(newton_step(a, H, &damping, L, step, &decrement));
        info->converged = decrement / 2 <= f->tolerance * (1 + fabs(a->value));
        if (info->converged) break;
        ELBO_TRY(search(a, step, decrement, b, &found));
        if (found) {
            const point old = *a;

            *a = *b;
            *b = old;
            damping /= 100;
            continue;
        }
        /* The value is at its rounding, or the step is of no use. */
        info->converged = decrement <= 1e-6 * (1 + fabs(a->value));
        if (info->converged) break;
        damping = fmax(100 * damping, 1e-9 * mean_diagonal(H));
    }
    return ELBO_OK;
}

static elbo_status solve(const elbo_flow_dual *f, double w[], double *eta,
                         double q[], elbo_flow_dual_info *info, elbo_arena *ws)
{
    point a = take_point(f, ws), b = take_point(f, ws);
    double flow = 0;

    ELBO_TRY(elbo_arena_check(ws, "relative entropy dual"));
    memcpy(a.w->data, w, f->m * sizeof *w);
    a.eta = *eta;
    ELBO_TRY(minimise(f, &a, &b, info, ws));
    for (size_t k = 0; k < f->m; k++)
        flow = fmax(flow, fabs(gsl_vector_get(a.slope, k)
                               - f->ridge * gsl_vector_get(a.w, k)));
    memcpy(w, a.w->data, f->m * sizeof *w);
    memcpy(q, a.q, f->n * sizeof *q);
    *eta = a.eta;
    info->eta = a.eta;
    info->dual = a.info.dual;
    info->kl = a.info.kl;
    info->bound = a.info.bound;
    info->flow = flow;
    return ELBO_OK;
}

/* Of q / p over the samples that p has. */
static double effective(const elbo_flow_dual *f, const double q[])
{
    double sum = 0, squares = 0, n = 0;

    for (size_t i = 0; i < f->n; i++) {
        const double p = f->p ? f->p[i] : 1 / (double)f->n;

        if (!(p > 0)) continue;
        sum += q[i] / p;
        squares += q[i] / p * (q[i] / p);
        n++;
    }
    return n > 0 ? sum * sum / (n * squares) : 0;
}

elbo_status elbo_flow_dual_solve(const elbo_flow_dual *problem, double w[],
                                 double *eta, double q[],
                                 elbo_flow_dual_info *info, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(problem->n > 0 && problem->m > 0 && *eta > 0 && problem->ridge >= 0);
    assert(problem->D->size1 == problem->n && problem->D->size2 == problem->m);
    *info = (elbo_flow_dual_info){0};

    const elbo_status s = solve(problem, w, eta, q, info, ws);

    elbo_arena_release(ws, mark);
    if (s == ELBO_OK) info->ess = effective(problem, q);
    return s;
}
