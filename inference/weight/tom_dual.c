#include "inference/weight/tom_dual.h"

#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/core/linalg.h"

enum { ROUNDS = 200, TRIES = 60 };

/* Newton's method; vectors over rows. */
typedef struct newton {
    gsl_vector *Q, *trial, *g, *step;
    gsl_matrix *H;
    double *y; /* [nnz] at the last point */
    double least; /* of a curvature */
} newton;

static double conjugate(elbo_divergence f, double y)
{
    if (f == ELBO_DIVERGENCE_KL) return exp(y - 1);
    return y > -1 ? y * y / 2 + y : -0.5;
}

static double slope(elbo_divergence f, double y)
{
    if (f == ELBO_DIVERGENCE_KL) return exp(y - 1);
    return y > -1 ? y + 1 : 0;
}

/* Where the weight is 0, the step is still to be a sensible one: `least`. */
static double curvature(elbo_divergence f, double y, double least)
{
    return fmax(f == ELBO_DIVERGENCE_KL ? exp(y - 1) : y > -1, least);
}

static bool counts(const elbo_tom *tom, size_t e)
{
    return tom->mass[e] > 0 && tom->R[e] > -HUGE_VAL;
}

/* E Q(s', .) under pi; END: 0. */
static double next_value(const elbo_tom *tom, const gsl_vector *Q, size_t next)
{
    const size_t nA = tom->pattern->nA;
    double sum = 0;

    for (size_t a = 0; next < tom->pattern->nS && a < nA; a++)
        sum += tom->pi[next * nA + a] * gsl_vector_get(Q, next * nA + a);
    return sum;
}

/* The dual at Q; y is left in w. */
static double dual(const elbo_tom *tom, const gsl_vector *Q, newton *w)
{
    const elbo_pattern *p = tom->pattern;
    double sum = 0;

    for (size_t row = 0; row < p->nS * p->nA; row++) {
        sum += (1 - tom->gamma) * tom->start[row] * gsl_vector_get(Q, row);
        for (size_t e = elbo_row_begin(p, row); e < elbo_row_end(p, row); e++) {
            if (!counts(tom, e)) continue;
            w->y[e] = tom->R[e]
                      + tom->gamma
                            * next_value(tom, Q, elbo_successor(p, row, e))
                      - gsl_vector_get(Q, row);
            sum += tom->mass[e] * conjugate(tom->f, w->y[e]);
        }
    }
    return sum;
}

/* v += x d, d the derivative of y_e: gamma pi at its successor, -1 at its row. */
static void add_direction(const elbo_tom *tom, size_t row, size_t next,
                          double x, gsl_vector *v)
{
    const size_t nA = tom->pattern->nA;

    *gsl_vector_ptr(v, row) -= x;
    for (size_t a = 0; next < tom->pattern->nS && a < nA; a++)
        *gsl_vector_ptr(v, next * nA + a) +=
            x * tom->gamma * tom->pi[next * nA + a];
}

/* H += x d d' */
static void add_square(const elbo_tom *tom, size_t row, size_t next, double x,
                       gsl_matrix *H)
{
    const size_t nA = tom->pattern->nA;
    gsl_vector_view at = gsl_matrix_row(H, row);

    add_direction(tom, row, next, -x, &at.vector);
    for (size_t a = 0; next < tom->pattern->nS && a < nA; a++) {
        at = gsl_matrix_row(H, next * nA + a);
        add_direction(tom, row, next, x * tom->gamma * tom->pi[next * nA + a],
                      &at.vector);
    }
}

/* -gradient and curvature at y; returns the gradient's largest entry. */
static double differentiate(const elbo_tom *tom, newton *w)
{
    const elbo_pattern *p = tom->pattern;

    gsl_matrix_set_zero(w->H);
    for (size_t row = 0; row < p->nS * p->nA; row++)
        gsl_vector_set(w->g, row, (1 - tom->gamma) * tom->start[row]);
    for (size_t row = 0; row < p->nS * p->nA; row++)
        for (size_t e = elbo_row_begin(p, row); e < elbo_row_end(p, row); e++) {
            const size_t next = elbo_successor(p, row, e);

            if (!counts(tom, e)) continue;
            add_direction(tom, row, next,
                          tom->mass[e] * slope(tom->f, w->y[e]), w->g);
            add_square(tom, row, next,
                       tom->mass[e] * curvature(tom->f, w->y[e], w->least),
                       w->H);
        }
    gsl_vector_scale(w->g, -1);
    return fabs(gsl_vector_get(w->g, gsl_blas_idamax(w->g)));
}

/* step = H \ g, with as little of a ridge as makes H positive definite; H [its
 * upper triangle] is kept. */
static elbo_status find_step(newton *w, gsl_matrix *L)
{
    double trace = 0;

    for (size_t i = 0; i < w->H->size1; i++) trace += gsl_matrix_get(w->H, i, i);
    for (double ridge = 0; ridge < 1; ridge = ridge > 0 ? ridge * 100 : 1e-14) {
        gsl_matrix_memcpy(L, w->H);
        for (size_t i = 0; i < L->size1; i++)
            *gsl_matrix_ptr(L, i, i) += ridge * trace / (double)L->size1;
        if (elbo_chol(L) != ELBO_OK) continue;
        gsl_vector_memcpy(w->step, w->g);
        gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, L, w->step);
        gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, L, w->step);
        return ELBO_OK;
    }
    return ELBO_FAIL(ELBO_ENOTPD, "the dual's curvature is not positive");
}

static void search(const elbo_tom *tom, newton *w)
{
    const double before = dual(tom, w->Q, w);
    double size = 1, after = HUGE_VAL, promise;

    gsl_blas_ddot(w->g, w->step, &promise);
    for (int k = 0; k < TRIES; k++, size /= 2) {
        gsl_vector_memcpy(w->trial, w->Q);
        gsl_blas_daxpy(size, w->step, w->trial);
        after = dual(tom, w->trial, w);
        if (after <= before - 1e-4 * size * promise + 1e-15 * fabs(before))
            break;
    }
    if (after <= before + 1e-14 * fabs(before))
        gsl_vector_memcpy(w->Q, w->trial);
    else
        dual(tom, w->Q, w);
}

static elbo_status solve(const elbo_tom *tom, double xi[], elbo_arena *ws)
{
    const elbo_pattern *p = tom->pattern;
    const size_t rows = p->nS * p->nA;
    newton w = {.Q = elbo_arena_vec(ws, rows),
                .trial = elbo_arena_vec(ws, rows),
                .g = elbo_arena_vec(ws, rows),
                .step = elbo_arena_vec(ws, rows),
                .H = elbo_arena_mat(ws, rows, rows),
                .y = elbo_arena_doubles(ws, p->nnz)};
    gsl_matrix *L = elbo_arena_mat(ws, rows, rows);
    double residual = HUGE_VAL;

    ELBO_TRY(elbo_arena_check(ws, "a matching of occupancies"));
    gsl_vector_set_zero(w.Q);
    dual(tom, w.Q, &w);
    for (int round = 0; round < ROUNDS; round++) {
        const double last = residual;

        w.least = residual < 1e-8 ? 0 : fmin(residual, 1e-2);
        residual = differentiate(tom, &w);
        /* at rounding's floor it no longer falls */
        if (residual < 1e-17 || (residual < 1e-12 && residual > last / 2))
            break;
        ELBO_TRY(find_step(&w, L));
        search(tom, &w);
    }
    if (!(residual < 1e-9))
        return ELBO_FAIL(ELBO_ENOCONV,
                         "the flow of the policy is missed by %g: the data do "
                         "not cover it",
                         residual);
    for (size_t e = 0; e < p->nnz; e++)
        xi[e] = counts(tom, e) ? slope(tom->f, w.y[e]) : 0;
    return ELBO_OK;
}

elbo_status elbo_tom_solve(const elbo_tom *tom, double xi[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = solve(tom, xi, ws);

    elbo_arena_release(ws, mark);
    return s;
}
