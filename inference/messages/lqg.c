#include "inference/messages/lqg.h"

#include <assert.h>
#include <gsl/gsl_blas.h>

static gsl_matrix block(gsl_matrix *A, size_t i, size_t j, size_t rows, size_t cols)
{
    return gsl_matrix_submatrix(A, i, j, rows, cols).matrix;
}

/* out = a A B + b out */
static void product(double a, const gsl_matrix *A, const gsl_matrix *B, double b,
                    gsl_matrix *out)
{
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, a, A, B, b, out);
}

/* x' = A' x + C' u with costs Q, R: its value's P is the filter's covariance, and its
 * gain -(A L)'. */
static elbo_status dual(const elbo_lgssm_step *sys, gsl_matrix *P, elbo_arena *ws)
{
    const size_t nx = sys->A->size1, ny = sys->C->size1;
    gsl_matrix *A = elbo_arena_mat(ws, nx, nx), *B = elbo_arena_mat(ws, nx, ny);
    gsl_matrix *none = elbo_arena_mat(ws, nx, nx);
    elbo_quadratic cost = elbo_quadratic_take(ws, nx + ny);

    ELBO_TRY(elbo_arena_check(ws, "a steady filter"));
    gsl_matrix_transpose_memcpy(A, sys->A);
    gsl_matrix_transpose_memcpy(B, sys->C);
    gsl_matrix_set_zero(none);
    elbo_quadratic_zero(&cost);
    gsl_matrix Q = block(cost.P, 0, 0, nx, nx), R = block(cost.P, nx, nx, ny, ny);

    gsl_matrix_memcpy(&Q, sys->Q);
    gsl_matrix_memcpy(&R, sys->R);

    const elbo_linear_dynamics p = {.A = A, .B = B, .W = none};
    elbo_lqr lqr = elbo_lqr_defaults;
    elbo_lqr_solution solution;

    lqr.nx = nx;
    lqr.nu = ny;
    lqr.dynamics = &p;
    lqr.reward = &cost;
    lqr.ndynamics = lqr.nreward = 1;
    if (elbo_lqr_solve(&lqr, &elbo_lqr_config_defaults, &solution, ws) != ELBO_OK)
        return elbo_fail_prefix("the filter's covariance");
    gsl_matrix_memcpy(P, solution.stages[0].V.P);
    return ELBO_OK;
}

/* The rows of C and R that are seen, into `channel`; returns how many. */
static size_t channels(const elbo_lgssm_step *sys, const bool seen[],
                       size_t channel[], gsl_matrix *C, gsl_matrix *R)
{
    const size_t ny = sys->C->size1, nx = sys->C->size2;
    size_t n = 0;

    for (size_t i = 0; i < ny; i++)
        if (!seen || seen[i]) channel[n++] = i;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < nx; j++)
            gsl_matrix_set(C, i, j, gsl_matrix_get(sys->C, channel[i], j));
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(R, i, j, gsl_matrix_get(sys->R, channel[i], channel[j]));
    }
    return n;
}

/* L = P C' (C P C' + R)^-1 of what is seen */
static elbo_status gain(const elbo_lgssm_step *sys, const gsl_matrix *P,
                        const bool seen[], gsl_matrix *L, elbo_arena *ws)
{
    const size_t nx = P->size1, ny = sys->C->size1;
    size_t *const channel = elbo_arena_sizes(ws, ny);
    gsl_matrix *const whole_C = elbo_arena_mat(ws, ny, nx);
    gsl_matrix *const whole_S = elbo_arena_mat(ws, ny, ny);
    gsl_matrix *const whole_CP = elbo_arena_mat(ws, ny, nx);

    ELBO_TRY(elbo_arena_check(ws, "a filter's gain"));
    gsl_matrix_set_zero(L);

    const size_t n = channels(sys, seen, channel, whole_C, whole_S);

    if (n == 0) return ELBO_OK;

    gsl_matrix C = block(whole_C, 0, 0, n, nx), CP = block(whole_CP, 0, 0, n, nx);
    gsl_matrix S = block(whole_S, 0, 0, n, n);

    product(1, &C, P, 0, &CP);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &CP, &C, 1, &S);
    ELBO_TRY(elbo_chol(&S));
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, &S, &CP);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasTrans, CblasNonUnit, 1, &S, &CP);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < nx; j++)
            gsl_matrix_set(L, j, channel[i], gsl_matrix_get(&CP, i, j));
    return ELBO_OK;
}

static elbo_status filter_gain(const elbo_lgssm_step *sys, gsl_matrix *L,
                               gsl_matrix *P, elbo_arena *ws)
{
    gsl_matrix *covariance = P;

    if (!P) covariance = elbo_arena_mat(ws, sys->A->size1, sys->A->size1);
    ELBO_TRY(elbo_arena_check(ws, "a steady filter"));
    ELBO_TRY(dual(sys, covariance, ws));
    return L ? gain(sys, covariance, NULL, L, ws) : ELBO_OK;
}

elbo_status elbo_filter_gain(const elbo_lgssm_step *sys, gsl_matrix *L,
                             gsl_matrix *P, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = filter_gain(sys, L, P, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* P = A [(I - L C) P (I - L C)' + L R L'] A' + Q */
static elbo_status predict(const elbo_lgssm_step *sys, const gsl_matrix *L,
                           gsl_matrix *P, elbo_arena *ws)
{
    const size_t nx = P->size1, ny = sys->C->size1;
    gsl_matrix *D = elbo_arena_mat(ws, nx, nx), *DP = elbo_arena_mat(ws, nx, nx);
    gsl_matrix *LR = elbo_arena_mat(ws, nx, ny);

    ELBO_TRY(elbo_arena_check(ws, "a filter's step"));
    gsl_matrix_set_identity(D);
    product(-1, L, sys->C, 1, D);
    product(1, D, P, 0, DP);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, DP, D, 0, P);
    product(1, L, sys->R, 0, LR);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, LR, L, 1, P);
    product(1, sys->A, P, 0, DP);
    gsl_matrix_memcpy(P, sys->Q);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, DP, sys->A, 1, P);
    elbo_sym_mean(P);
    return ELBO_OK;
}

elbo_status elbo_filter_step(const elbo_lgssm_step *sys, const bool seen[],
                             gsl_matrix *P, gsl_matrix *L, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = gain(sys, P, seen, L, ws);

    if (s == ELBO_OK) s = predict(sys, L, P, ws);
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_filter_gains(const elbo_lgssm_step sys[], size_t nsys,
                              const gsl_matrix *P0, const bool seen[],
                              gsl_matrix *const L[], size_t n, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    gsl_matrix *P = elbo_arena_mat(ws, P0->size1, P0->size1);
    elbo_status s = elbo_arena_check(ws, "a filter");

    if (s == ELBO_OK) gsl_matrix_memcpy(P, P0);
    for (size_t t = 0; s == ELBO_OK && t < n; t++) {
        const elbo_lgssm_step *step = &sys[elbo_lqr_stage_of(nsys, t)];
        const size_t ny = step->C->size1;

        s = elbo_filter_step(step, seen ? seen + t * ny : NULL, P, L[t], ws);
        if (s != ELBO_OK) elbo_fail_prefix("time %zu", t);
    }
    elbo_arena_release(ws, mark);
    return s;
}

static const elbo_lgssm_step *truth_at(const elbo_lqg *lqg, size_t t)
{
    return &lqg->truth[elbo_lqr_stage_of(lqg->ntruth, t)];
}

static const elbo_lgssm_step *model_at(const elbo_lqg *lqg, size_t t)
{
    return &lqg->model[elbo_lqr_stage_of(lqg->nmodel, t)];
}

/* What an observation at time t does to (x, predicted mean):
 *   (x, b) = T (x, p) + (0, L (d* - d)) + noise,  T = [I, 0; L C*, I - L C],
 * of covariance N = (0, L R* L'); stars are the truth's. */
typedef struct sight {
    gsl_matrix *T, *N;
    gsl_vector *shift;
} sight;

static elbo_status see(const elbo_lqg *lqg, size_t t, sight *out, elbo_arena *ws)
{
    const size_t nx = lqg->nx, ny = lqg->ny;
    const elbo_lgssm_step *truth = truth_at(lqg, t), *model = model_at(lqg, t);
    const gsl_matrix *L = lqg->L[elbo_lqr_stage_of(lqg->nL, t)];
    gsl_matrix *LR = elbo_arena_mat(ws, nx, ny);
    gsl_vector *d = elbo_arena_vec(ws, ny);

    *out = (sight){.T = elbo_arena_mat(ws, 2 * nx, 2 * nx),
                   .N = elbo_arena_mat(ws, 2 * nx, 2 * nx),
                   .shift = elbo_arena_vec(ws, 2 * nx)};
    ELBO_TRY(elbo_arena_check(ws, "a belief's chain"));
    gsl_matrix_set_identity(out->T);
    gsl_matrix_set_zero(out->N);
    gsl_vector_set_zero(out->shift);
    gsl_vector_set_zero(d);
    if (truth->d) gsl_vector_add(d, truth->d);
    if (model->d) gsl_vector_sub(d, model->d);

    gsl_matrix LCtruth = block(out->T, nx, 0, nx, nx);
    gsl_matrix rest = block(out->T, nx, nx, nx, nx);
    gsl_matrix noise = block(out->N, nx, nx, nx, nx);
    gsl_vector_view shift = gsl_vector_subvector(out->shift, nx, nx);

    product(1, L, truth->C, 0, &LCtruth);
    product(-1, L, model->C, 1, &rest);
    product(1, L, truth->R, 0, LR);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, LR, L, 0, &noise);
    elbo_sym_mean(&noise);
    gsl_blas_dgemv(CblasNoTrans, 1, L, d, 0, &shift.vector);
    return ELBO_OK;
}

/* T (A* x + B* u + b* + w, A b + B u + b) and what is seen at t + 1. */
static elbo_status chain_stage(const elbo_lqg *lqg, size_t t,
                               const elbo_linear_dynamics *out, elbo_arena *ws)
{
    const size_t nx = lqg->nx, n = 2 * nx, nu = lqg->nu;
    const elbo_lgssm_step *truth = truth_at(lqg, t), *model = model_at(lqg, t);
    gsl_matrix *A = elbo_arena_mat(ws, n, n), *B = elbo_arena_mat(ws, n, nu);
    gsl_matrix *Q = elbo_arena_mat(ws, n, n), *TQ = elbo_arena_mat(ws, n, n);
    gsl_vector *c = elbo_arena_vec(ws, n);
    sight next;

    ELBO_TRY(see(lqg, t + 1, &next, ws));
    ELBO_TRY(elbo_arena_check(ws, "a belief's chain"));
    gsl_matrix_set_zero(A);
    gsl_matrix_set_zero(Q);
    gsl_vector_set_zero(c);

    gsl_matrix Atruth = block(A, 0, 0, nx, nx), Amodel = block(A, nx, nx, nx, nx);
    gsl_matrix Btruth = block(B, 0, 0, nx, nu), Bmodel = block(B, nx, 0, nx, nu);
    gsl_matrix Qtruth = block(Q, 0, 0, nx, nx);
    gsl_vector_view ctruth = gsl_vector_subvector(c, 0, nx);
    gsl_vector_view cmodel = gsl_vector_subvector(c, nx, nx);

    gsl_matrix_memcpy(&Atruth, truth->A);
    gsl_matrix_memcpy(&Amodel, model->A);
    gsl_matrix_memcpy(&Btruth, truth->B);
    gsl_matrix_memcpy(&Bmodel, model->B);
    gsl_matrix_memcpy(&Qtruth, truth->Q);
    if (truth->b) gsl_vector_memcpy(&ctruth.vector, truth->b);
    if (model->b) gsl_vector_memcpy(&cmodel.vector, model->b);

    /* The stage's matrices are the caller's arena's; const is for its readers. */
    gsl_matrix *W = (gsl_matrix *)out->W;
    gsl_vector *shift = (gsl_vector *)out->c;

    product(1, next.T, A, 0, (gsl_matrix *)out->A);
    product(1, next.T, B, 0, (gsl_matrix *)out->B);
    product(1, next.T, Q, 0, TQ);
    gsl_matrix_memcpy(W, next.N);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, TQ, next.T, 1, W);
    elbo_sym_mean(W);
    gsl_vector_memcpy(shift, next.shift);
    gsl_blas_dgemv(CblasNoTrans, 1, next.T, c, 1, shift);
    return ELBO_OK;
}

/* (0, K), k, S */
static void widen(const elbo_linear_policy *policy, elbo_linear_policy *out)
{
    const size_t nx = policy->K->size2;
    gsl_matrix K = block(out->K, 0, nx, policy->K->size1, nx);

    gsl_matrix_set_zero(out->K);
    gsl_matrix_memcpy(&K, policy->K);
    gsl_vector_memcpy(out->k, policy->k);
    gsl_matrix_memcpy(out->S, policy->S);
}

elbo_status elbo_lqg_chain(const elbo_lqg *lqg, elbo_linear_chain *out,
                           elbo_arena *arena)
{
    const size_t stages = lqg->T ? lqg->T : 1, n = 2 * lqg->nx;
    elbo_linear_dynamics *p = elbo_arena_take(arena, stages, sizeof *p);
    elbo_linear_policy *pi =
        elbo_arena_take(arena, lqg->npolicy, sizeof *pi);

    ELBO_TRY(elbo_arena_check(arena, "a belief's chain"));
    for (size_t t = 0; t < stages; t++)
        p[t] = elbo_lqr_stage_take(arena, n, lqg->nu).q;
    for (size_t t = 0; t < lqg->npolicy; t++)
        pi[t] = elbo_linear_policy_take(arena, n, lqg->nu);
    ELBO_TRY(elbo_arena_check(arena, "a belief's chain"));
    for (size_t t = 0; t < stages; t++) {
        const elbo_mark mark = elbo_arena_mark(arena);
        const elbo_status s = chain_stage(lqg, t, &p[t], arena);

        elbo_arena_release(arena, mark);
        if (s != ELBO_OK) return s;
    }
    for (size_t t = 0; t < lqg->npolicy; t++) widen(&lqg->policy[t], &pi[t]);
    *out = (elbo_linear_chain){.nx = n, .nu = lqg->nu, .T = lqg->T,
                               .dynamics = p, .ndynamics = stages, .policy = pi,
                               .npolicy = lqg->npolicy, .gamma = lqg->gamma};
    return ELBO_OK;
}

static elbo_status start(const elbo_lqg *lqg, const gsl_vector *m0,
                         const gsl_matrix *P0, const gsl_vector *prior,
                         gsl_vector *m, gsl_matrix *P, elbo_arena *ws)
{
    const size_t nx = lqg->nx;
    gsl_matrix *X = elbo_arena_mat(ws, 2 * nx, 2 * nx);
    gsl_matrix *TX = elbo_arena_mat(ws, 2 * nx, 2 * nx);
    gsl_vector *x = elbo_arena_vec(ws, 2 * nx);
    sight first;

    ELBO_TRY(see(lqg, 0, &first, ws));
    ELBO_TRY(elbo_arena_check(ws, "a belief's start"));
    gsl_matrix known = block(X, 0, 0, nx, nx);
    gsl_vector_view truth = gsl_vector_subvector(x, 0, nx);
    gsl_vector_view belief = gsl_vector_subvector(x, nx, nx);

    gsl_matrix_set_zero(X);
    if (P0) gsl_matrix_memcpy(&known, P0);
    gsl_vector_memcpy(&truth.vector, m0);
    gsl_vector_memcpy(&belief.vector, prior);
    product(1, first.T, X, 0, TX);
    gsl_matrix_memcpy(P, first.N);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, TX, first.T, 1, P);
    elbo_sym_mean(P);
    gsl_vector_memcpy(m, first.shift);
    gsl_blas_dgemv(CblasNoTrans, 1, first.T, x, 1, m);
    return ELBO_OK;
}

elbo_status elbo_lqg_start(const elbo_lqg *lqg, const gsl_vector *m0,
                           const gsl_matrix *P0, const gsl_vector *prior,
                           gsl_vector *m, gsl_matrix *P, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = start(lqg, m0, P0, prior, m, P, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_quadratic elbo_lqg_reward(const elbo_quadratic *r, size_t nx, size_t nu,
                               elbo_arena *arena)
{
    elbo_quadratic out = elbo_quadratic_take(arena, 2 * nx + nu);

    if (!elbo_arena_ok(arena)) return out;
    assert(r->p->size == nx + nu);
    elbo_quadratic_zero(&out);
    out.c = r->c;
    for (size_t i = 0; i < nx + nu; i++) {
        const size_t row = i < nx ? i : nx + i;

        gsl_vector_set(out.p, row, gsl_vector_get(r->p, i));
        for (size_t j = 0; j < nx + nu; j++)
            gsl_matrix_set(out.P, row, j < nx ? j : nx + j,
                           gsl_matrix_get(r->P, i, j));
    }
    return out;
}

static elbo_status expected_return(const elbo_lqg *lqg, const elbo_quadratic *reward,
                                   size_t nreward, const elbo_quadratic *terminal,
                                   const gsl_vector *m0, const gsl_matrix *P0,
                                   const gsl_vector *prior, double *J,
                                   elbo_arena *ws)
{
    const size_t stages = lqg->T ? lqg->T : 1, n = 2 * lqg->nx;
    elbo_quadratic *r = elbo_arena_take(ws, nreward, sizeof *r), end;
    elbo_quadratic *V = elbo_arena_take(ws, stages, sizeof *V);
    gsl_vector *m = elbo_arena_vec(ws, n);
    gsl_matrix *P = elbo_arena_mat(ws, n, n);
    elbo_linear_chain chain;

    ELBO_TRY(elbo_arena_check(ws, "a return"));
    for (size_t t = 0; t < nreward; t++)
        r[t] = elbo_lqg_reward(&reward[t], lqg->nx, lqg->nu, ws);
    if (terminal) end = elbo_lqg_reward(terminal, lqg->nx, 0, ws);
    for (size_t t = 0; t < stages; t++) V[t] = elbo_quadratic_take(ws, n);
    ELBO_TRY(elbo_arena_check(ws, "a return"));
    ELBO_TRY(elbo_lqg_chain(lqg, &chain, ws));
    ELBO_TRY(elbo_lqg_start(lqg, m0, P0, prior, m, P, ws));
    ELBO_TRY(elbo_linear_evaluate(&chain, r, nreward, terminal ? &end : NULL, V,
                                  ws));
    *J = elbo_quadratic_mean(&V[0], m, P);
    return ELBO_OK;
}

elbo_status elbo_lqg_return(const elbo_lqg *lqg, const elbo_quadratic *reward,
                            size_t nreward, const elbo_quadratic *terminal,
                            const gsl_vector *m0, const gsl_matrix *P0,
                            const gsl_vector *prior, double *J, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = expected_return(lqg, reward, nreward, terminal, m0, P0,
                                          prior, J, ws);

    elbo_arena_release(ws, mark);
    return s;
}
