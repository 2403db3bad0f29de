#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/lqr_gradient.h"

static const elbo_linear_dynamics *map_at(const elbo_lqr *lqr, size_t t)
{
    return &lqr->dynamics[elbo_lqr_stage_of(lqr->ndynamics, t)];
}

/* u = K x + k, y = A x + B u + c; k and c may be NULL. */
static void step(const elbo_linear_dynamics *p, const gsl_vector *c,
                 const gsl_matrix *K, const gsl_vector *k, const gsl_vector *x,
                 gsl_vector *u, gsl_vector *y)
{
    gsl_vector_memcpy(u, k);
    gsl_blas_dgemv(CblasNoTrans, 1, K, x, 1, u);
    gsl_vector_set_zero(y);
    if (c) gsl_vector_memcpy(y, c);
    gsl_blas_dgemv(CblasNoTrans, 1, p->A, x, 1, y);
    gsl_blas_dgemv(CblasNoTrans, 1, p->B, u, 1, y);
}

void elbo_lqr_trajectory(const elbo_lqr *lqr, const elbo_lqr_solution *solution,
                         const gsl_vector *x0, gsl_matrix *X, gsl_matrix *U)
{
    assert(lqr->T && X->size1 == lqr->T + 1 && U->size1 == lqr->T);
    gsl_matrix_set_row(X, 0, x0);
    for (size_t t = 0; t < lqr->T; t++) {
        const elbo_linear_dynamics *p = map_at(lqr, t);
        const elbo_linear_policy *pi = &solution->stages[t].pi;
        const gsl_vector_view x = gsl_matrix_row(X, t);
        gsl_vector_view y = gsl_matrix_row(X, t + 1), u = gsl_matrix_row(U, t);

        step(p, p->c, pi->K, pi->k, &x.vector, &u.vector, &y.vector);
    }
}

/* The adjoint problem: same P and K, linear terms dX and dU, start 0. */
typedef struct adjoint {
    gsl_matrix *a;      /* [(T + 1) x nx] linear terms of its values */
    gsl_matrix *k;      /* [T x nu] its gains' constants */
    gsl_matrix *dx, *du; /* its trajectory, as X and U */
} adjoint;

/* Stage t of the linear part: h = (dx, du) gamma^-t + gamma F'a(t+1), k = M^-1 h_u,
 * a = h_x + K'h_u. */
static elbo_status adjoint_stage(const elbo_lqr *lqr, const elbo_lqr_stage *stage,
                                 size_t t, double weight, const gsl_matrix *dX,
                                 const gsl_matrix *dU, adjoint *out,
                                 elbo_arena *ws)
{
    const size_t nx = lqr->nx, nu = lqr->nu;
    const elbo_linear_dynamics *p = map_at(lqr, t);
    gsl_matrix *M = elbo_arena_mat(ws, nu, nu);
    gsl_vector_view a = gsl_matrix_row(out->a, t), k = gsl_matrix_row(out->k, t);
    const gsl_vector_view next = gsl_matrix_row(out->a, t + 1);

    ELBO_TRY(elbo_arena_check(ws, "an adjoint trajectory"));
    gsl_matrix_const_view Quu =
        gsl_matrix_const_submatrix(stage->Q.P, nx, nx, nu, nu);

    gsl_matrix_memcpy(M, &Quu.matrix);
    ELBO_TRY(elbo_chol(M));
    gsl_matrix_get_row(&a.vector, dX, t);
    gsl_matrix_get_row(&k.vector, dU, t);
    gsl_blas_dgemv(CblasTrans, lqr->gamma, p->A, &next.vector, 1 / weight,
                   &a.vector);
    gsl_blas_dgemv(CblasTrans, lqr->gamma, p->B, &next.vector, 1 / weight,
                   &k.vector);
    gsl_blas_dgemv(CblasTrans, 1, stage->pi.K, &k.vector, 1, &a.vector);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, M, &k.vector);
    gsl_blas_dtrsv(CblasLower, CblasTrans, CblasNonUnit, M, &k.vector);
    return ELBO_OK;
}

static elbo_status adjoint_solve(const elbo_lqr *lqr,
                                 const elbo_lqr_solution *solution,
                                 const gsl_matrix *dX, const gsl_matrix *dU,
                                 adjoint *out, elbo_arena *ws)
{
    const size_t T = lqr->T;
    gsl_vector_view last = gsl_matrix_row(out->a, T);

    gsl_matrix_get_row(&last.vector, dX, T);
    gsl_vector_scale(&last.vector, pow(lqr->gamma, -(double)T));
    for (size_t t = T; t-- > 0;) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_status s =
            adjoint_stage(lqr, &solution->stages[t], t, pow(lqr->gamma, (double)t),
                          dX, dU, out, ws);

        elbo_arena_release(ws, mark);
        if (s != ELBO_OK) return elbo_fail_prefix("stage %zu", t);
    }

    gsl_vector_view x0 = gsl_matrix_row(out->dx, 0);

    gsl_vector_set_zero(&x0.vector);
    for (size_t t = 0; t < T; t++) {
        const gsl_vector_view x = gsl_matrix_row(out->dx, t);
        const gsl_vector_view k = gsl_matrix_row(out->k, t);
        gsl_vector_view y = gsl_matrix_row(out->dx, t + 1);
        gsl_vector_view u = gsl_matrix_row(out->du, t);

        step(map_at(lqr, t), NULL, solution->stages[t].pi.K, &k.vector, &x.vector,
             &u.vector, &y.vector);
    }
    return ELBO_OK;
}

/* lambda = p - P x: the value's slope on the trajectory. */
static void costate(const gsl_matrix *P, const gsl_vector *p, const gsl_vector *x,
                    gsl_vector *lambda)
{
    gsl_vector_memcpy(lambda, p);
    if (P) gsl_blas_dgemv(CblasNoTrans, -1, P, x, 1, lambda);
}

/* P^ = -weight (d z' + z d') / 2, p^ = weight d. */
static void reward_gradient(double weight, const gsl_vector *d,
                            const gsl_vector *z, elbo_quadratic *out)
{
    gsl_matrix_set_zero(out->P);
    gsl_blas_dger(-0.5 * weight, d, z, out->P);
    gsl_blas_dger(-0.5 * weight, z, d, out->P);
    gsl_vector_memcpy(out->p, d);
    gsl_vector_scale(out->p, weight);
    out->c = 0;
}

typedef struct trajectory {
    const gsl_matrix *X, *U;
} trajectory;

/* F^ = gamma^(t+1) (lambda_d z' + lambda d'), c^ = gamma^(t+1) lambda_d. */
static elbo_status stage_gradient(const elbo_lqr *lqr,
                                  const elbo_lqr_solution *solution, size_t t,
                                  const trajectory *x, const adjoint *d,
                                  elbo_lqr_gradient *out, elbo_arena *ws)
{
    const size_t nx = lqr->nx, nu = lqr->nu;
    const elbo_quadratic *V = t + 1 < lqr->T ? &solution->stages[t + 1].V
                                             : lqr->terminal;
    const double weight = pow(lqr->gamma, (double)t);
    gsl_vector *lambda = elbo_arena_vec(ws, nx), *lambda_d = elbo_arena_vec(ws, nx);
    gsl_vector *z = elbo_arena_vec(ws, nx + nu), *dz = elbo_arena_vec(ws, nx + nu);

    ELBO_TRY(elbo_arena_check(ws, "an adjoint trajectory"));
    const gsl_vector_const_view y = gsl_matrix_const_row(x->X, t + 1);
    const gsl_vector_const_view dy = gsl_matrix_const_row(d->dx, t + 1);
    const gsl_vector_const_view a = gsl_matrix_const_row(d->a, t + 1);

    for (size_t i = 0; i < nx + nu; i++) {
        gsl_vector_set(z, i, i < nx ? gsl_matrix_get(x->X, t, i)
                                    : gsl_matrix_get(x->U, t, i - nx));
        gsl_vector_set(dz, i, i < nx ? gsl_matrix_get(d->dx, t, i)
                                     : gsl_matrix_get(d->du, t, i - nx));
    }
    gsl_vector_set_zero(lambda);
    if (V) costate(V->P, V->p, &y.vector, lambda);
    costate(V ? V->P : NULL, &a.vector, &dy.vector, lambda_d);

    const double w = lqr->gamma * weight;
    const gsl_vector_view zx = gsl_vector_subvector(z, 0, nx);
    const gsl_vector_view zu = gsl_vector_subvector(z, nx, nu);
    const gsl_vector_view dx = gsl_vector_subvector(dz, 0, nx);
    const gsl_vector_view du = gsl_vector_subvector(dz, nx, nu);

    gsl_matrix_set_zero(out->A);
    gsl_matrix_set_zero(out->B);
    gsl_matrix_set_zero(out->W);
    gsl_blas_dger(w, lambda_d, &zx.vector, out->A);
    gsl_blas_dger(w, lambda, &dx.vector, out->A);
    gsl_blas_dger(w, lambda_d, &zu.vector, out->B);
    gsl_blas_dger(w, lambda, &du.vector, out->B);
    gsl_vector_memcpy(out->c, lambda_d);
    gsl_vector_scale(out->c, w);
    reward_gradient(weight, dz, z, &out->reward);
    return ELBO_OK;
}

static elbo_status trajectory_reverse(const elbo_lqr *lqr,
                                      const elbo_lqr_solution *solution,
                                      const trajectory *x, const gsl_matrix *dX,
                                      const gsl_matrix *dU,
                                      elbo_lqr_gradient out[],
                                      elbo_quadratic *terminal,
                                      gsl_vector *x0_out, elbo_arena *ws)
{
    const size_t T = lqr->T, nx = lqr->nx, nu = lqr->nu;
    adjoint d = {.a = elbo_arena_mat(ws, T + 1, nx),
                 .k = elbo_arena_mat(ws, T, nu),
                 .dx = elbo_arena_mat(ws, T + 1, nx),
                 .du = elbo_arena_mat(ws, T, nu)};

    ELBO_TRY(elbo_arena_check(ws, "an adjoint trajectory"));
    ELBO_TRY(adjoint_solve(lqr, solution, dX, dU, &d, ws));
    for (size_t t = 0; t < T; t++) {
        const elbo_mark mark = elbo_arena_mark(ws);

        ELBO_TRY(stage_gradient(lqr, solution, t, x, &d, &out[t], ws));
        elbo_arena_release(ws, mark);
    }
    if (terminal) {
        const gsl_vector_const_view xT = gsl_matrix_const_row(x->X, T);
        const gsl_vector_const_view dT = gsl_matrix_const_row(d.dx, T);

        reward_gradient(pow(lqr->gamma, (double)T), &dT.vector, &xT.vector,
                        terminal);
    }
    if (x0_out) gsl_matrix_get_row(x0_out, d.a, 0);
    return ELBO_OK;
}

elbo_status elbo_lqr_trajectory_reverse(const elbo_lqr *lqr,
                                        const elbo_lqr_solution *solution,
                                        const gsl_matrix *X, const gsl_matrix *U,
                                        const gsl_matrix *dX, const gsl_matrix *dU,
                                        elbo_lqr_gradient out[],
                                        elbo_quadratic *terminal,
                                        gsl_vector *x0_out, elbo_arena *ws)
{
    assert(lqr->T && lqr->alpha == 0 && isinf(lqr->beta));

    const elbo_mark mark = elbo_arena_mark(ws);
    const trajectory x = {X, U};
    const elbo_status s = trajectory_reverse(lqr, solution, &x, dX, dU, out,
                                             terminal, x0_out, ws);

    elbo_arena_release(ws, mark);
    return s;
}
