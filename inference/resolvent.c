#include "inference/resolvent.h"

#include <math.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/core/parallel.h"
#include "inference/evaluate.h"

/* Residuals relative to b: wanted, and good enough when rounding bars that. */
static const double wanted = 1e-13, enough = 1e-10;

enum { RESTARTS = 20, STEPS = 1000, SWEEPS = 20000, PATIENCE = 1000 };

elbo_status elbo_sparse_transpose(const elbo_sparse *A, elbo_sparse *out,
                                  elbo_arena *ws)
{
    const size_t n = A->n, nnz = A->start[n];

    *out = (elbo_sparse){.n = n,
                         .start = elbo_arena_sizes(ws, n + 2),
                         .column = elbo_arena_u32(ws, nnz),
                         .value = elbo_arena_doubles(ws, nnz)};
    ELBO_TRY(elbo_arena_check(ws, "transposed chain"));

    /* start[j + 2] counts column j, then start[j + 1] is where its next goes */
    for (size_t i = 0; i < nnz; i++) out->start[A->column[i] + 2]++;
    for (size_t j = 0; j < n; j++) out->start[j + 2] += out->start[j + 1];
    for (size_t row = 0; row < n; row++)
        for (size_t i = A->start[row]; i < A->start[row + 1]; i++) {
            const size_t to = out->start[A->column[i] + 1]++;

            out->column[to] = (uint32_t)row;
            out->value[to] = A->value[i];
        }
    return ELBO_OK;
}

/* y = x - gamma A x. */
typedef struct product {
    const elbo_sparse *A;
    double gamma;
    const double *x;
    double *y;
} product;

static void multiply_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const product *m = arg;
    const elbo_sparse *A = m->A;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        double sum = 0;

        for (size_t i = A->start[row]; i < A->start[row + 1]; i++)
            sum += A->value[i] * m->x[A->column[i]];
        m->y[row] = m->x[row] - m->gamma * sum;
    }
}

static void multiply(const elbo_sparse *A, double gamma, const double x[],
                     double y[])
{
    product m = {A, gamma, x, y};

    elbo_parallel(A->n, 2 * A->start[A->n], &m, multiply_rows);
}

/* y = a x + b y. */
typedef struct combination {
    double a, b;
    const double *x;
    double *y;
} combination;

static void combine_range(void *arg, size_t chunk, size_t first, size_t last)
{
    const combination *c = arg;

    (void)chunk;
    for (size_t i = first; i < last; i++)
        c->y[i] = c->a * c->x[i] + c->b * c->y[i];
}

static void combine(size_t n, double a, const double x[], double b, double y[])
{
    combination c = {a, b, x, y};

    elbo_parallel(n, n, &c, combine_range);
}

static double norm(size_t n, const double x[])
{
    return sqrt(elbo_dot(x, x, n));
}

/* A solve in progress. */
typedef struct solver {
    const elbo_sparse *A;
    size_t n;
    double gamma;
    const double *b;
    double *x;
    double scale;           /* |b| */
    double *r, *shadow, *p; /* residual, its first, direction */
    double *v, *t;          /* (I - gamma A) p, and that of the half step */
} solver;

/* r = b - (I - gamma A) x; returns |r|. */
static double residual(const solver *k)
{
    multiply(k->A, k->gamma, k->x, k->r);
    combine(k->n, 1, k->b, -1, k->r);
    return norm(k->n, k->r);
}

/* BiCGSTAB from x until the recurrence's residual is small, or breaks down. */
static void descend(const solver *k)
{
    const size_t n = k->n;
    double rho = elbo_dot(k->r, k->r, n);

    memcpy(k->shadow, k->r, n * sizeof *k->r);
    memcpy(k->p, k->r, n * sizeof *k->r);
    for (int step = 0; step < STEPS; step++) {
        /* the half step: r - alpha v */
        multiply(k->A, k->gamma, k->p, k->v);

        const double alpha = rho / elbo_dot(k->shadow, k->v, n);

        if (!isfinite(alpha)) return;
        combine(n, -alpha, k->v, 1, k->r);
        combine(n, alpha, k->p, 1, k->x);

        /* the other half: r - omega t, omega minimises it */
        multiply(k->A, k->gamma, k->r, k->t);

        const double tt = elbo_dot(k->t, k->t, n);
        const double omega = tt > 0 ? elbo_dot(k->t, k->r, n) / tt : 0;

        combine(n, omega, k->r, 1, k->x);
        combine(n, -omega, k->t, 1, k->r);
        if (!(norm(n, k->r) > 0.5 * wanted * k->scale)) return;

        /* p = r + beta (p - omega v) */
        const double next = elbo_dot(k->shadow, k->r, n);
        const double beta = next / rho * (alpha / omega);

        if (!isfinite(beta) || beta == 0) return;
        rho = next;
        combine(n, -omega, k->v, 1, k->p);
        combine(n, 1, k->r, beta, k->p);
    }
}

/* Restart from the true residual while that at least halves; returns it. */
static double accelerate(const solver *k)
{
    double last = HUGE_VAL, now = residual(k);

    for (int i = 0; i < RESTARTS && now > wanted * k->scale && now < last / 2;
         i++) {
        descend(k);
        last = now;
        now = residual(k);
    }
    return now;
}

/* x <- b + gamma A x, a contraction where BiCGSTAB has no such promise. */
static double sweep(const solver *k)
{
    double best = HUGE_VAL, now = residual(k);
    int improved = 0;

    if (!isfinite(now)) {
        memcpy(k->x, k->b, k->n * sizeof *k->x);
        now = residual(k);
    }
    for (int i = 0; i < SWEEPS && now > wanted * k->scale; i++) {
        if (now < best / 2) {
            best = now;
            improved = i;
        }
        if (i - improved > PATIENCE) break;
        combine(k->n, 1, k->r, 1, k->x);
        now = residual(k);
    }
    return now;
}

static elbo_status iterate(const elbo_sparse *A, double gamma, const double b[],
                           double x[], elbo_arena *ws)
{
    const size_t n = A->n;
    const solver k = {.A = A,
                      .n = n,
                      .gamma = gamma,
                      .b = b,
                      .x = x,
                      .scale = norm(n, b),
                      .r = elbo_arena_doubles(ws, n),
                      .shadow = elbo_arena_doubles(ws, n),
                      .p = elbo_arena_doubles(ws, n),
                      .v = elbo_arena_doubles(ws, n),
                      .t = elbo_arena_doubles(ws, n)};

    ELBO_TRY(elbo_arena_check(ws, "BiCGSTAB"));
    memset(x, 0, n * sizeof *x);

    double left = accelerate(&k);

    if (!(left <= enough * k.scale)) left = sweep(&k);
    if (!(left <= enough * k.scale))
        return ELBO_FAIL(ELBO_ENOCONV,
                         "%zu states, discount %g: residual %.3g, wanted %.3g",
                         n, gamma, left, enough * k.scale);
    return ELBO_OK;
}

/* max |b + gamma A x - x| relative to the largest of b and x. */
static double relative_residual(const elbo_sparse *A, double gamma,
                                const double b[], const double x[],
                                double scratch[])
{
    double worst = 0, scale = 0;

    multiply(A, gamma, x, scratch);
    for (size_t i = 0; i < A->n; i++) {
        worst = fmax(worst, fabs(b[i] - scratch[i]));
        scale = fmax(scale, fmax(fabs(b[i]), fabs(x[i])));
    }
    return scale > 0 ? worst / scale : 0;
}

static elbo_status eliminate(const elbo_sparse *A, double gamma,
                             const double b[], double x[], elbo_arena *ws)
{
    const size_t n = A->n;
    gsl_matrix *M = elbo_arena_mat(ws, n, n);
    double *scratch = elbo_arena_doubles(ws, n);
    gsl_vector view = {.size = n, .stride = 1, .data = x};
    elbo_lu lu;

    ELBO_TRY(elbo_arena_check(ws, "LU of a chain"));
    gsl_matrix_set_identity(M);
    for (size_t row = 0; row < n; row++)
        for (size_t i = A->start[row]; i < A->start[row + 1]; i++)
            M->data[row * n + A->column[i]] -= gamma * A->value[i];
    ELBO_TRY(elbo_lu_factor(M, ws, &lu));
    memcpy(x, b, n * sizeof *x);
    ELBO_TRY(elbo_lu_solve(&lu, &view));

    const double left = relative_residual(A, gamma, b, x, scratch);

    if (!(left <= enough))
        return ELBO_FAIL(ELBO_ESINGULAR,
                         "%zu states, discount %g: relative residual %.3g", n,
                         gamma, left);
    return ELBO_OK;
}

elbo_status elbo_resolvent(const elbo_sparse *A, double gamma, const double b[],
                           double x[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = A->n <= ELBO_DENSE_STATES
                              ? eliminate(A, gamma, b, x, ws)
                              : iterate(A, gamma, b, x, ws);

    elbo_arena_release(ws, mark);
    return s;
}
