#include "inference/messages/lqr_gradient.h"

#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/closed_loop.h"
#include "inference/messages/tilted.h"

elbo_lqr_gradient elbo_lqr_gradient_take(elbo_arena *arena, size_t nx, size_t nu)
{
    return (elbo_lqr_gradient){.A = elbo_arena_mat(arena, nx, nx),
                               .B = elbo_arena_mat(arena, nx, nu),
                               .W = elbo_arena_mat(arena, nx, nx),
                               .c = elbo_arena_vec(arena, nx),
                               .reward = elbo_quadratic_take(arena, nx + nu)};
}

void elbo_lqr_gradient_add(elbo_lqr_gradient *into, const elbo_lqr_gradient *part)
{
    gsl_matrix_add(into->A, part->A);
    gsl_matrix_add(into->B, part->B);
    gsl_matrix_add(into->W, part->W);
    gsl_vector_add(into->c, part->c);
    gsl_matrix_add(into->reward.P, part->reward.P);
    gsl_vector_add(into->reward.p, part->reward.p);
    into->reward.c += part->reward.c;
}

/* P += scale (a b' + b a') / 2 */
static void add_outer(double scale, const gsl_vector *a, const gsl_vector *b,
                      gsl_matrix *P)
{
    gsl_blas_dger(0.5 * scale, a, b, P);
    gsl_blas_dger(0.5 * scale, b, a, P);
}

/* V^ through V(x) = E_pi Q(x, u) at fixed pi: with T = [I; K] and m = (0, k),
 *   P^ = T V.P^ T' - sym(T V.p^ m') - V.c^ (m m' + (0, S)) / 2,  p^ = T V.p^ + V.c^ m. */
static elbo_status through_policy(const elbo_linear_policy *pi,
                                  const elbo_quadratic *V, elbo_quadratic *Q,
                                  elbo_arena *ws)
{
    const size_t nx = pi->K->size2, nu = pi->K->size1, nz = nx + nu;
    gsl_matrix *T = elbo_arena_mat(ws, nz, nx), *TP = elbo_arena_mat(ws, nz, nx);
    gsl_vector *m = elbo_arena_vec(ws, nz);

    ELBO_TRY(elbo_arena_check(ws, "a reverse pass"));
    gsl_matrix_view gain = gsl_matrix_submatrix(T, nx, 0, nu, nx);
    gsl_vector_view constant = gsl_vector_subvector(m, nx, nu);
    gsl_matrix_view uu = gsl_matrix_submatrix(Q->P, nx, nx, nu, nu);

    gsl_matrix_set_identity(T);
    gsl_matrix_memcpy(&gain.matrix, pi->K);
    gsl_vector_set_zero(m);
    gsl_vector_memcpy(&constant.vector, pi->k);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, T, V->P, 0, TP);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, TP, T, 0, Q->P);
    gsl_blas_dgemv(CblasNoTrans, 1, T, V->p, 0, Q->p);
    add_outer(-1, Q->p, m, Q->P);
    gsl_blas_dger(-0.5 * V->c, m, m, Q->P);
    for (size_t i = 0; i < nu; i++)
        for (size_t j = 0; j < nu; j++)
            *gsl_matrix_ptr(&uu.matrix, i, j) -= 0.5 * V->c
                                                 * gsl_matrix_get(pi->S, i, j);
    gsl_blas_daxpy(V->c, m, Q->p);
    Q->c = V->c;
    return ELBO_OK;
}

/* The factor of M = Q_uu + alpha precision. */
static elbo_status policy_factor(const elbo_lqr *lqr, size_t t,
                                 const elbo_quadratic *Q, gsl_matrix *M)
{
    gsl_matrix_const_view Quu =
        gsl_matrix_const_submatrix(Q->P, lqr->nx, lqr->nx, lqr->nu, lqr->nu);
    const gsl_matrix *precision =
        lqr->nprior ? lqr->prior[elbo_lqr_stage_of(lqr->nprior, t)].precision
                    : NULL;

    gsl_matrix_memcpy(M, &Quu.matrix);
    for (size_t i = 0; precision && i < lqr->nu; i++)
        for (size_t j = 0; j < lqr->nu; j++)
            *gsl_matrix_ptr(M, i, j) +=
                lqr->alpha * gsl_matrix_get(precision, i, j);
    return elbo_chol(M);
}

static void chol_solve(const gsl_matrix *L, gsl_matrix *X)
{
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, X);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasTrans, CblasNonUnit, 1, L, X);
}

/* Q^ += what K^, k^, S^ say, from M K = ... - Q_ux, M k = q_u + ..., S = alpha M^-1:
 *   dK = -M^-1 (dQ_uu K + dQ_ux),  dk = M^-1 (dq_u - dQ_uu k),
 *   dS = -S dQ_uu S / alpha. */
static elbo_status through_gains(const elbo_lqr *lqr, size_t t,
                                 const elbo_lqr_stage *stage,
                                 const elbo_lqr_cotangent *given,
                                 elbo_quadratic *Q, elbo_arena *ws)
{
    const size_t nx = lqr->nx, nu = lqr->nu;
    gsl_matrix *M = elbo_arena_mat(ws, nu, nu), *K = elbo_arena_mat(ws, nu, nx);
    gsl_matrix *k = elbo_arena_mat(ws, nu, 1), *uu = elbo_arena_mat(ws, nu, nu);
    gsl_matrix *SS = elbo_arena_mat(ws, nu, nu);

    ELBO_TRY(elbo_arena_check(ws, "a reverse pass"));
    ELBO_TRY(policy_factor(lqr, t, &stage->Q, M));
    gsl_matrix_set_zero(K);
    gsl_matrix_set_zero(k);
    gsl_matrix_set_zero(uu);
    if (given->K) gsl_matrix_memcpy(K, given->K);
    if (given->k) gsl_matrix_set_col(k, 0, given->k);
    chol_solve(M, K);
    chol_solve(M, k);

    const gsl_vector_const_view column = gsl_matrix_const_column(k, 0);

    gsl_blas_dgemm(CblasNoTrans, CblasTrans, -1, K, stage->pi.K, 0, uu);
    gsl_blas_dger(-1, &column.vector, stage->pi.k, uu);
    if (given->S && lqr->alpha != 0) {
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, stage->pi.S, given->S, 0, SS);
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, -1 / lqr->alpha, SS,
                       stage->pi.S, 1, uu);
    }
    elbo_sym_mean(uu);
    for (size_t i = 0; i < nu; i++) {
        for (size_t j = 0; j < nu; j++)
            *gsl_matrix_ptr(Q->P, nx + i, nx + j) += gsl_matrix_get(uu, i, j);
        for (size_t j = 0; j < nx; j++) {
            *gsl_matrix_ptr(Q->P, nx + i, j) -= 0.5 * gsl_matrix_get(K, i, j);
            *gsl_matrix_ptr(Q->P, j, nx + i) -= 0.5 * gsl_matrix_get(K, i, j);
        }
        *gsl_vector_ptr(Q->p, nx + i) += gsl_matrix_get(k, i, 0);
    }
    return ELBO_OK;
}

/* Q^ of a stage from V^, and from its K^, k^, S^. */
static elbo_status policy_reverse(const elbo_lqr *lqr, size_t t,
                                  const elbo_lqr_stage *stage,
                                  const elbo_quadratic *V,
                                  const elbo_lqr_cotangent *given,
                                  elbo_quadratic *Q, elbo_arena *ws)
{
    ELBO_TRY(through_policy(&stage->pi, V, Q, ws));
    if (isinf(lqr->alpha) || !(given->K || given->k || given->S)) return ELBO_OK;
    return through_gains(lqr, t, stage, given, Q, ws);
}

/* Moments of m = F z + c under the signed measure Q^ of z. */
typedef struct mean_moments {
    double w;
    gsl_vector *m;
    gsl_matrix *mz, *mm;
} mean_moments;

static elbo_status moments_of_means(const elbo_linear_dynamics *p,
                                    const elbo_quadratic *Q, mean_moments *out,
                                    elbo_arena *ws)
{
    const size_t nx = p->A->size1, nu = p->B->size2, nz = nx + nu;
    gsl_matrix *F = elbo_arena_mat(ws, nx, nz);
    gsl_vector *c = elbo_arena_vec(ws, nx);

    *out = (mean_moments){.w = Q->c,
                          .m = elbo_arena_vec(ws, nx),
                          .mz = elbo_arena_mat(ws, nx, nz),
                          .mm = elbo_arena_mat(ws, nx, nx)};
    ELBO_TRY(elbo_arena_check(ws, "a reverse pass"));
    gsl_matrix_view A = gsl_matrix_submatrix(F, 0, 0, nx, nx);
    gsl_matrix_view B = gsl_matrix_submatrix(F, 0, nx, nx, nu);

    gsl_matrix_memcpy(&A.matrix, p->A);
    gsl_matrix_memcpy(&B.matrix, p->B);
    gsl_vector_set_zero(c);
    if (p->c) gsl_vector_memcpy(c, p->c);
    gsl_vector_memcpy(out->m, c);
    gsl_blas_dgemv(CblasNoTrans, 1, F, Q->p, out->w, out->m);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, -2, F, Q->P, 0, out->mz);
    gsl_blas_dger(1, c, Q->p, out->mz);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, out->mz, F, 0, out->mm);
    gsl_blas_dger(1, out->m, c, out->mm);
    elbo_sym_mean(out->mm);
    return ELBO_OK;
}

/* F^ = gamma E g z', c^ = gamma E g, W^ = gamma E (s g g' - P~) / 2. */
static elbo_status dynamics_reverse(double gamma, double s, const elbo_tilted *t,
                                    const elbo_quadratic *Q,
                                    const mean_moments *x,
                                    elbo_lqr_gradient *out, elbo_arena *ws)
{
    const size_t nx = t->N->size1, nz = Q->p->size;
    gsl_matrix *F = elbo_arena_mat(ws, nx, nz), *PM = elbo_arena_mat(ws, nx, nx);
    gsl_vector *Pm = elbo_arena_vec(ws, nx);

    ELBO_TRY(elbo_arena_check(ws, "a reverse pass"));
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, -gamma, t->V.P, x->mz, 0, F);
    gsl_blas_dger(gamma, t->V.p, Q->p, F);
    gsl_matrix_const_view A = gsl_matrix_const_submatrix(F, 0, 0, nx, nx);
    gsl_matrix_const_view B = gsl_matrix_const_submatrix(F, 0, nx, nx, nz - nx);

    gsl_matrix_memcpy(out->A, &A.matrix);
    gsl_matrix_memcpy(out->B, &B.matrix);
    gsl_blas_dgemv(CblasNoTrans, 1, t->V.P, x->m, 0, Pm);
    gsl_vector_memcpy(out->c, t->V.p);
    gsl_vector_scale(out->c, gamma * x->w);
    gsl_blas_daxpy(-gamma, Pm, out->c);

    gsl_matrix_memcpy(out->W, t->V.P);
    gsl_matrix_scale(out->W, -0.5 * gamma * x->w);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, t->V.P, x->mm, 0, PM);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 0.5 * gamma * s, PM, t->V.P, 1,
                   out->W);
    gsl_blas_dger(0.5 * gamma * s * x->w, t->V.p, t->V.p, out->W);
    add_outer(-gamma * s, t->V.p, Pm, out->W);
    elbo_sym_mean(out->W);
    return ELBO_OK;
}

/* next^ = gamma x the moments of y under q: y = N m + shift + noise. */
static elbo_status successor_reverse(double gamma, const elbo_tilted *t,
                                     const mean_moments *x, elbo_quadratic *next,
                                     elbo_arena *ws)
{
    const size_t nx = t->N->size1;
    gsl_matrix *NM = elbo_arena_mat(ws, nx, nx);
    gsl_vector *Nm = elbo_arena_vec(ws, nx);

    ELBO_TRY(elbo_arena_check(ws, "a reverse pass"));
    gsl_blas_dgemv(CblasNoTrans, gamma, t->N, x->m, 0, Nm);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, t->N, x->mm, 0, NM);
    gsl_matrix_memcpy(next->P, t->W);
    gsl_matrix_scale(next->P, -0.5 * gamma * x->w);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, -0.5 * gamma, NM, t->N, 1, next->P);
    add_outer(-1, Nm, t->shift, next->P);
    gsl_blas_dger(-0.5 * gamma * x->w, t->shift, t->shift, next->P);
    elbo_sym_mean(next->P);
    gsl_vector_memcpy(next->p, Nm);
    gsl_blas_daxpy(gamma * x->w, t->shift, next->p);
    next->c = gamma * x->w;
    return ELBO_OK;
}

static elbo_status transition_reverse(const elbo_linear_dynamics *p, double gamma,
                                      double s, const elbo_quadratic *V,
                                      const elbo_quadratic *Q,
                                      elbo_lqr_gradient *out,
                                      elbo_quadratic *next, elbo_arena *ws)
{
    const size_t nx = p->A->size1;
    elbo_tilted tilted = elbo_tilted_take(ws, nx);
    elbo_quadratic unread = elbo_quadratic_take(ws, nx);
    mean_moments x;

    ELBO_TRY(elbo_arena_check(ws, "a reverse pass"));
    ELBO_TRY(elbo_tilt(p->W, V, s, &tilted, ws));
    ELBO_TRY(moments_of_means(p, Q, &x, ws));
    elbo_quadratic_copy(&out->reward, Q);
    ELBO_TRY(dynamics_reverse(gamma, s, &tilted, Q, &x, out, ws));
    return successor_reverse(gamma, &tilted, &x, next ? next : &unread, ws);
}

elbo_status elbo_linear_transition_reverse(const elbo_linear_dynamics *map,
                                           double gamma, double s,
                                           const elbo_quadratic *V,
                                           const elbo_quadratic *Q,
                                           elbo_lqr_gradient *out,
                                           elbo_quadratic *next, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status status =
        transition_reverse(map, gamma, s, V, Q, out, next, ws);

    elbo_arena_release(ws, mark);
    return status;
}

static elbo_status stage_reverse(const elbo_lqr *lqr, size_t t,
                                 const elbo_quadratic *V, const elbo_quadratic *Q,
                                 elbo_lqr_gradient *out, elbo_quadratic *next,
                                 elbo_arena *ws)
{
    return transition_reverse(&lqr->dynamics[elbo_lqr_stage_of(lqr->ndynamics, t)],
                              lqr->gamma, elbo_lqr_exponent(lqr), V, Q, out, next,
                              ws);
}

static void add_given(const elbo_lqr_cotangent *given, elbo_quadratic *V)
{
    if (given->V.P) gsl_matrix_add(V->P, given->V.P);
    if (given->V.p) gsl_vector_add(V->p, given->V.p);
    V->c += given->V.c;
}

static elbo_status reverse_stages(const elbo_lqr *lqr,
                                  const elbo_lqr_solution *solution,
                                  const elbo_lqr_cotangent given[],
                                  elbo_lqr_gradient out[],
                                  elbo_quadratic *terminal, elbo_arena *ws)
{
    elbo_quadratic V = elbo_quadratic_take(ws, lqr->nx);
    elbo_quadratic Q = elbo_quadratic_take(ws, lqr->nx + lqr->nu);
    elbo_quadratic zero = elbo_quadratic_take(ws, lqr->nx);

    ELBO_TRY(elbo_arena_check(ws, "a reverse pass"));
    elbo_quadratic_zero(&V);
    elbo_quadratic_zero(&zero);
    for (size_t t = 0; t < lqr->T; t++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_quadratic *next = t + 1 < lqr->T ? &solution->stages[t + 1].V
                                     : lqr->terminal ? lqr->terminal
                                                     : &zero;

        add_given(&given[t], &V);
        ELBO_TRY(policy_reverse(lqr, t, &solution->stages[t], &V, &given[t], &Q,
                                ws));
        ELBO_TRY(stage_reverse(lqr, t, next, &Q, &out[t], &V, ws));
        elbo_arena_release(ws, mark);
    }
    if (terminal) elbo_quadratic_copy(terminal, &V);
    return ELBO_OK;
}

/* V^ = sum over time of what V^ becomes: with moments w, x, X of the signed measure,
 *   w = w0 + gamma w,  x = x0 + gamma (M x + w m),
 *   X = X0 + gamma (M X M' + 2 sym(M x m') + w (m m' + N)). */
static elbo_status sum_over_time(const elbo_lqr *lqr, const elbo_lqr_stage *stage,
                                 elbo_quadratic *V, elbo_arena *ws)
{
    const size_t nx = lqr->nx;
    const double gamma = lqr->gamma;
    gsl_matrix *D = elbo_arena_mat(ws, nx, nx);
    gsl_vector *Mx = elbo_arena_vec(ws, nx);
    elbo_closed_loop loop;
    elbo_lu lu;

    ELBO_TRY(elbo_closed_loop_take(&stage->q, &stage->pi, &loop, ws));
    if (gamma == 1 && V->c != 0)
        return ELBO_FAIL(ELBO_ENOCONV, "the level of V has no derivative: "
                                       "gamma = 1 and T = 0");
    if (gamma < 1) V->c /= 1 - gamma;
    gsl_matrix_set_identity(D);
    for (size_t i = 0; i < nx; i++)
        for (size_t j = 0; j < nx; j++)
            *gsl_matrix_ptr(D, i, j) -= gamma * gsl_matrix_get(loop.M, i, j);
    ELBO_TRY(elbo_lu_factor(D, ws, &lu));
    gsl_blas_daxpy(gamma * V->c, loop.m, V->p);
    ELBO_TRY(elbo_lu_solve(&lu, V->p));

    gsl_blas_dgemv(CblasNoTrans, 1, loop.M, V->p, 0, Mx);
    add_outer(-gamma, Mx, loop.m, V->P);
    gsl_blas_dger(-0.5 * gamma * V->c, loop.m, loop.m, V->P);
    gsl_matrix_scale(loop.N, -0.5 * gamma * V->c);
    gsl_matrix_add(V->P, loop.N);
    return elbo_sum_powers(gamma, loop.M, V->P, ws);
}

static elbo_status reverse_for_ever(const elbo_lqr *lqr,
                                    const elbo_lqr_stage *stage,
                                    const elbo_lqr_cotangent *given,
                                    elbo_lqr_gradient *out, elbo_arena *ws)
{
    elbo_quadratic V = elbo_quadratic_take(ws, lqr->nx);
    elbo_quadratic Q = elbo_quadratic_take(ws, lqr->nx + lqr->nu);

    /* What reaches V: given, and through the gains. */
    ELBO_TRY(elbo_arena_check(ws, "an implicit derivative"));
    elbo_quadratic_zero(&V);
    ELBO_TRY(policy_reverse(lqr, 0, stage, &V, given, &Q, ws));
    ELBO_TRY(stage_reverse(lqr, 0, &stage->V, &Q, out, &V, ws));
    add_given(given, &V);
    ELBO_TRY(sum_over_time(lqr, stage, &V, ws));

    ELBO_TRY(policy_reverse(lqr, 0, stage, &V, given, &Q, ws));
    return stage_reverse(lqr, 0, &stage->V, &Q, out, NULL, ws);
}

elbo_status elbo_lqr_reverse(const elbo_lqr *lqr,
                             const elbo_lqr_solution *solution,
                             const elbo_lqr_cotangent given[],
                             elbo_lqr_gradient out[], elbo_quadratic *terminal,
                             elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s =
        lqr->T ? reverse_stages(lqr, solution, given, out, terminal, ws)
               : reverse_for_ever(lqr, &solution->stages[0], given, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}
