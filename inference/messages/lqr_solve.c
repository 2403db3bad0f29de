#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/lqr.h"

const elbo_lqr_config elbo_lqr_config_defaults = {.tolerance = 1e-12,
                                                  .sweeps = 10000};

/* 2^60 stages: what has not settled by then will not. */
enum { MOST_DOUBLINGS = 60 };

/* A value that has grown so much has no limit. */
static const double FAR = 1e120;

static double largest(const gsl_matrix *A)
{
    double most = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++) {
            const double a = fabs(gsl_matrix_get(A, i, j));

            if (!(a <= most)) most = a; /* and NaN */
        }
    return most;
}

/* The Riccati recursion of 2^k stages as one map of a value's P:
 *   P -> H + A' P (I + G P)^-1 A, from P = 0: H. */
typedef struct doubling {
    gsl_matrix *A, *G, *H;
} doubling;

/* One stage: x' = A x + B u + L w with V = max over u (min or max over w), the
 * cost of w being b / gamma |w|^2 / 2: a backup's P is that of this problem. */
static elbo_status first_stage(const elbo_lqr *lqr, elbo_lqr_stage *stage,
                               doubling *d, elbo_arena *ws)
{
    const size_t nx = lqr->nx, nu = lqr->nu;
    const double root = sqrt(lqr->gamma);
    const elbo_linear_dynamics *p = lqr->dynamics;
    elbo_quadratic zero = elbo_quadratic_take(ws, nx);
    gsl_matrix *B = elbo_arena_mat(ws, nu, nx); /* B' then M^-1 B' */
    gsl_matrix *M = elbo_arena_mat(ws, nu, nu);

    ELBO_TRY(elbo_arena_check(ws, "doubling"));
    elbo_quadratic_zero(&zero);
    ELBO_TRY(elbo_lqr_backup(lqr, 0, &zero, stage, ws));

    /* H: the value of one stage; A: its closed loop; G = gamma B M^-1 B' + s W */
    gsl_matrix_memcpy(d->H, stage->V.P);
    gsl_matrix_memcpy(d->A, p->A);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, root, p->B, stage->pi.K, root, d->A);
    gsl_matrix_memcpy(d->G, p->W);
    gsl_matrix_scale(d->G, elbo_lqr_exponent(lqr));
    if (isinf(lqr->alpha)) return ELBO_OK;

    const elbo_linear_prior *prior = lqr->nprior ? lqr->prior : NULL;
    gsl_matrix_const_view Quu =
        gsl_matrix_const_submatrix(stage->Q.P, nx, nx, nu, nu);

    gsl_matrix_memcpy(M, &Quu.matrix);
    for (size_t i = 0; prior && prior->precision && i < nu; i++)
        for (size_t j = 0; j < nu; j++)
            *gsl_matrix_ptr(M, i, j) +=
                lqr->alpha * gsl_matrix_get(prior->precision, i, j);
    ELBO_TRY(elbo_chol(M));
    gsl_matrix_transpose_memcpy(B, p->B);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, root, M, B);
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, B, 1, d->G);
    elbo_sym_from_lower(d->G);
    return ELBO_OK;
}

/* Twice as many stages: with N = (I + G H)^-1,
 *   A = A N A,  G = G + A N G A',  H = H + A' H N A. */
static elbo_status twice(doubling *d, double *change, elbo_arena *ws)
{
    const size_t n = d->A->size1;
    gsl_matrix *M = elbo_arena_mat(ws, n, n), *NA = elbo_arena_mat(ws, n, n);
    gsl_matrix *NG = elbo_arena_mat(ws, n, n), *T = elbo_arena_mat(ws, n, n);
    gsl_matrix *A = elbo_arena_mat(ws, n, n);
    elbo_lu lu;

    ELBO_TRY(elbo_arena_check(ws, "doubling"));
    gsl_matrix_set_identity(M);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, d->G, d->H, 1, M);
    ELBO_TRY(elbo_lu_factor(M, ws, &lu));
    gsl_matrix_memcpy(NA, d->A);
    gsl_matrix_memcpy(NG, d->G);
    ELBO_TRY(elbo_lu_solve_columns(&lu, NA, ws));
    ELBO_TRY(elbo_lu_solve_columns(&lu, NG, ws));
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, d->A, NA, 0, A);

    /* G */
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, NG, d->A, 0, T);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, d->A, T, 1, d->G);
    elbo_sym_mean(d->G);

    /* H; the change is what 2^k more stages add */
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, d->H, NA, 0, T);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, d->A, T, 0, M);
    elbo_sym_mean(M);
    gsl_matrix_add(d->H, M);
    gsl_matrix_memcpy(d->A, A);
    *change = largest(M);
    return ELBO_OK;
}

/* P of the limit into d->H. */
static elbo_status double_up(doubling *d, size_t *doublings, elbo_arena *ws)
{
    for (*doublings = 0; *doublings < MOST_DOUBLINGS; ++*doublings) {
        const elbo_mark mark = elbo_arena_mark(ws);
        double change = 0;
        const elbo_status s = twice(d, &change, ws);
        const double size = largest(d->H);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return s;
        if (!isfinite(size) || size > FAR) break;
        if (change <= 0x1p-52 * size) return ELBO_OK;
    }
    return ELBO_FAIL(ELBO_ENOCONV,
                     "the value grows without bound: |P| = %g after 2^%zu stages",
                     largest(d->H), *doublings);
}

/* p = sum_k D'^k p0, D = gamma x the closed loop of (pi, q), by doubling, so that
 * a sum without limit is seen to have none. p holds p0. */
static elbo_status sum_linear(gsl_matrix *D, gsl_vector *p, elbo_arena *ws)
{
    gsl_matrix *square = elbo_arena_mat(ws, D->size1, D->size1);
    gsl_vector *more = elbo_arena_vec(ws, p->size);

    ELBO_TRY(elbo_arena_check(ws, "a linear term"));
    for (size_t k = 0; k < MOST_DOUBLINGS; k++) {
        gsl_blas_dgemv(CblasTrans, 1, D, p, 0, more);

        const double change = gsl_blas_dnrm2(more);

        gsl_vector_add(p, more);
        if (change <= 0x1p-53 * gsl_blas_dnrm2(p)) return ELBO_OK;
        if (!(change < FAR)) break;
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, D, D, 0, square);
        gsl_matrix_memcpy(D, square);
    }
    return ELBO_FAIL(ELBO_ENOCONV, "the value grows without bound: its linear "
                                   "term has no limit, |p| = %g",
                     gsl_blas_dnrm2(p));
}

/* V's p and c, given its P: a backup is affine in p, with the slope that the
 * envelope theorem gives, and adds gamma c to the constant. */
static elbo_status finish_value(const elbo_lqr *lqr, const gsl_matrix *P,
                                elbo_lqr_stage *stage, elbo_quadratic *V,
                                elbo_arena *ws)
{
    gsl_matrix *D = elbo_arena_mat(ws, lqr->nx, lqr->nx);

    ELBO_TRY(elbo_arena_check(ws, "the infinite horizon"));
    elbo_quadratic_zero(V);
    gsl_matrix_memcpy(V->P, P);
    ELBO_TRY(elbo_lqr_backup(lqr, 0, V, stage, ws));
    gsl_matrix_memcpy(D, stage->q.A);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, lqr->gamma, stage->q.B,
                   stage->pi.K, lqr->gamma, D);
    gsl_vector_memcpy(V->p, stage->V.p);
    ELBO_TRY(sum_linear(D, V->p, ws));
    ELBO_TRY(elbo_lqr_backup(lqr, 0, V, stage, ws));
    if (lqr->gamma < 1) {
        V->c = stage->V.c / (1 - lqr->gamma);
        return ELBO_OK;
    }

    const double rounding = 1e-12 * (1 + gsl_blas_dnrm2(V->p) + largest(P));

    if (fabs(stage->V.c) > rounding)
        return ELBO_FAIL(ELBO_ENOCONV,
                         "the value grows without bound: %g at each step for "
                         "ever, gamma = 1",
                         stage->V.c);
    return ELBO_OK;
}

/* Largest difference of coefficients, relative to 1 + the largest. */
static double distance(const elbo_quadratic *f, const elbo_quadratic *g)
{
    double most = fabs(f->c - g->c), size = fabs(g->c);

    for (size_t i = 0; i < f->p->size; i++) {
        const double p = gsl_vector_get(f->p, i), q = gsl_vector_get(g->p, i);

        most = fmax(most, fabs(p - q));
        size = fmax(size, fabs(q));
        for (size_t j = 0; j < f->p->size; j++) {
            const double P = gsl_matrix_get(f->P, i, j);
            const double Q = gsl_matrix_get(g->P, i, j);

            most = fmax(most, fabs(P - Q));
            size = fmax(size, fabs(Q));
        }
    }
    return most / (1 + size);
}

/* Backups from V until they settle. */
static elbo_status sweep(const elbo_lqr *lqr, const elbo_lqr_config *config,
                         elbo_quadratic *V, elbo_lqr_stage *stage,
                         elbo_lqr_info *info, elbo_arena *ws)
{
    while (!info->converged && info->sweeps < config->sweeps) {
        if (info->sweeps++) elbo_quadratic_copy(V, &stage->V);
        ELBO_TRY(elbo_lqr_backup(lqr, 0, V, stage, ws));
        info->residual = distance(&stage->V, V);
        info->converged = info->residual <= config->tolerance;
        if (largest(stage->V.P) > FAR)
            return ELBO_FAIL(ELBO_ENOCONV, "the value grows without bound");
    }
    return ELBO_OK;
}

static elbo_status to_the_limit(const elbo_lqr *lqr,
                                const elbo_lqr_config *config,
                                elbo_lqr_stage *stage, elbo_lqr_info *info,
                                elbo_arena *ws)
{
    const size_t nx = lqr->nx;
    elbo_quadratic V = elbo_quadratic_take(ws, nx);
    doubling d = {.A = elbo_arena_mat(ws, nx, nx),
                  .G = elbo_arena_mat(ws, nx, nx),
                  .H = elbo_arena_mat(ws, nx, nx)};

    ELBO_TRY(elbo_arena_check(ws, "the infinite horizon"));
    ELBO_TRY(first_stage(lqr, stage, &d, ws));
    ELBO_TRY(double_up(&d, &info->doublings, ws));
    ELBO_TRY(finish_value(lqr, d.H, stage, &V, ws));
    return sweep(lqr, config, &V, stage, info, ws);
}

/* Doubling passes over single stages; one that has no value is found by walking
 * there. Otherwise the failure of the doubling stands. */
static elbo_status walk(const elbo_lqr *lqr, const elbo_lqr_config *config,
                        elbo_lqr_stage *stage, elbo_arena *ws)
{
    const elbo_error failure = *elbo_last_error();
    elbo_quadratic V = elbo_quadratic_take(ws, lqr->nx);
    elbo_lqr_info info = {0};

    ELBO_TRY(elbo_arena_check(ws, "the infinite horizon"));
    elbo_quadratic_zero(&V);
    if (sweep(lqr, config, &V, stage, &info, ws) == ELBO_ENOTPD)
        return elbo_fail_prefix("with %zu stages to go", info.sweeps);
    elbo_error_restore(&failure);
    return failure.status;
}

static elbo_status solve_infinite(const elbo_lqr *lqr,
                                  const elbo_lqr_config *config,
                                  elbo_lqr_solution *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s =
        to_the_limit(lqr, config, &out->stages[0], &out->info, ws);

    if (s != ELBO_OK && s != ELBO_ENOMEM && s != ELBO_EINVAL)
        s = walk(lqr, config, &out->stages[0], ws);
    elbo_arena_release(ws, mark);
    return s;
}

static elbo_status solve_backwards(const elbo_lqr *lqr, elbo_lqr_solution *out,
                                   elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_quadratic zero = elbo_quadratic_take(ws, lqr->nx);
    const elbo_quadratic *next = lqr->terminal ? lqr->terminal : &zero;
    elbo_status s = elbo_arena_check(ws, "a horizon");

    if (s == ELBO_OK) elbo_quadratic_zero(&zero);
    for (size_t t = lqr->T; s == ELBO_OK && t-- > 0;) {
        s = elbo_lqr_backup(lqr, t, next, &out->stages[t], ws);
        next = &out->stages[t].V;
    }
    elbo_arena_release(ws, mark);
    out->info = (elbo_lqr_info){.sweeps = 1, .converged = true};
    return s;
}

elbo_status elbo_lqr_solve(const elbo_lqr *lqr, const elbo_lqr_config *config,
                           elbo_lqr_solution *out, elbo_arena *arena)
{
    const size_t n = lqr->T ? lqr->T : 1;

    assert(lqr->nx && lqr->nu && lqr->reward && lqr->dynamics);
    *out = (elbo_lqr_solution){
        .stages = elbo_arena_take(arena, n, sizeof *out->stages)};
    ELBO_TRY(elbo_arena_check(arena, "the stages of a solution"));
    for (size_t t = 0; t < n; t++)
        out->stages[t] = elbo_lqr_stage_take(arena, lqr->nx, lqr->nu);
    ELBO_TRY(elbo_arena_check(arena, "the stages of a solution"));
    return lqr->T ? solve_backwards(lqr, out, arena)
                  : solve_infinite(lqr, config, out, arena);
}
