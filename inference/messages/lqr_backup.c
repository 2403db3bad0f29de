#include <assert.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <math.h>

#include "inference/messages/lqr.h"
#include "inference/messages/tilted.h"

const elbo_lqr elbo_lqr_defaults = {.gamma = 1, .beta = INFINITY};

size_t elbo_lqr_stage_of(size_t n, size_t t)
{
    return n > 1 ? t : 0;
}

double elbo_lqr_charge(const elbo_lqr *lqr)
{
    return lqr->kl_next ? lqr->gamma * lqr->beta : lqr->beta;
}

double elbo_lqr_exponent(const elbo_lqr *lqr)
{
    const double b = elbo_lqr_charge(lqr);

    return isinf(b) ? 0 : lqr->gamma / b;
}

elbo_lqr_stage elbo_lqr_stage_take(elbo_arena *arena, size_t nx, size_t nu)
{
    return (elbo_lqr_stage){
        .V = elbo_quadratic_take(arena, nx),
        .Q = elbo_quadratic_take(arena, nx + nu),
        .pi = elbo_linear_policy_take(arena, nx, nu),
        .q = {.A = elbo_arena_mat(arena, nx, nx),
              .B = elbo_arena_mat(arena, nx, nu),
              .W = elbo_arena_mat(arena, nx, nx),
              .c = elbo_arena_vec(arena, nx)},
    };
}

/* q = N(N (A x + B u + c) + shift, W~) */
static void tilted_dynamics(const elbo_linear_dynamics *p, const elbo_tilted *t,
                            const elbo_lqr_stage *stage)
{
    /* The stage's matrices are its own; const says that q's readers do not write. */
    gsl_matrix *A = (gsl_matrix *)stage->q.A, *B = (gsl_matrix *)stage->q.B;
    gsl_vector *c = (gsl_vector *)stage->q.c;

    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, t->N, p->A, 0, A);
    if (B->size2)
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, t->N, p->B, 0, B);
    gsl_vector_memcpy(c, t->shift);
    if (p->c) gsl_blas_dgemv(CblasNoTrans, 1, t->N, p->c, 1, c);
    gsl_matrix_memcpy((gsl_matrix *)stage->q.W, t->W);
}

/* Q += b (-1/2 [z;1]'G [z;1] + g0) */
static void add_penalty(const elbo_linear_dynamics *p, double b,
                        elbo_quadratic *Q)
{
    const size_t nz = Q->p->size;

    for (size_t i = 0; i < nz; i++) {
        for (size_t j = 0; j < nz; j++)
            *gsl_matrix_ptr(Q->P, i, j) += b * gsl_matrix_get(p->G, i, j);
        *gsl_vector_ptr(Q->p, i) -= b * gsl_matrix_get(p->G, nz, i);
    }
    Q->c += b * (p->g0 - 0.5 * gsl_matrix_get(p->G, nz, nz));
}

/* The transition's half: Q and q from V. */
static elbo_status transition_half(const elbo_lqr *lqr, size_t t,
                                   const elbo_quadratic *next,
                                   elbo_lqr_stage *stage, elbo_arena *ws)
{
    const elbo_linear_dynamics *p =
        &lqr->dynamics[elbo_lqr_stage_of(lqr->ndynamics, t)];
    const elbo_quadratic *r = &lqr->reward[elbo_lqr_stage_of(lqr->nreward, t)];
    const double b = elbo_lqr_charge(lqr);
    elbo_tilted tilted = elbo_tilted_take(ws, lqr->nx);
    /* The noise is in V~ already. */
    gsl_matrix *still = elbo_arena_mat(ws, lqr->nx, lqr->nx);
    elbo_linear_dynamics mean = {.A = p->A, .B = p->B, .c = p->c, .W = still};

    ELBO_TRY(elbo_arena_check(ws, "a backup"));
    gsl_matrix_set_zero(still);
    ELBO_TRY(elbo_tilt(p->W, next, elbo_lqr_exponent(lqr), &tilted, ws));
    ELBO_TRY(elbo_quadratic_through(r, lqr->gamma, &mean, &tilted.V, &stage->Q,
                                    ws));
    if (p->G && !isinf(b)) add_penalty(p, b, &stage->Q);
    tilted_dynamics(p, &tilted, stage);
    return ELBO_OK;
}

/* The prior, spelt out. */
typedef struct prior_terms {
    gsl_matrix *K, *precision;
    gsl_vector *k;
    gsl_matrix *root; /* rows precision^-1/2, when it has full rank */
    size_t rank;
    double logdet;    /* of the precision over its rank */
} prior_terms;

static elbo_status prior_eigen(prior_terms *prior, elbo_arena *ws)
{
    const size_t nu = prior->k->size;
    gsl_vector *w = elbo_arena_vec(ws, nu);

    ELBO_TRY(elbo_arena_check(ws, "a prior policy"));
    gsl_matrix_memcpy(prior->root, prior->precision);
    ELBO_TRY(elbo_eig_sym(prior->root, w, ws));

    const double top = nu ? w->data[nu - 1] : 0;
    const double slack = 16 * (double)nu * 0x1p-52 * fabs(top);

    if (nu && w->data[0] < -slack)
        return ELBO_FAIL(ELBO_ENOTPD,
                         "the prior policy's precision has eigenvalue %g",
                         w->data[0]);
    for (size_t i = 0; i < nu; i++) {
        gsl_vector_view row = gsl_matrix_row(prior->root, i);

        if (w->data[i] <= slack) continue;
        prior->rank++;
        prior->logdet += log(w->data[i]);
        gsl_vector_scale(&row.vector, 1 / sqrt(w->data[i]));
    }
    return ELBO_OK;
}

static elbo_status prior_take(const elbo_lqr *lqr, size_t t, prior_terms *out,
                              elbo_arena *ws)
{
    static const elbo_linear_prior flat = {0};
    const elbo_linear_prior *prior =
        lqr->nprior ? &lqr->prior[elbo_lqr_stage_of(lqr->nprior, t)] : &flat;
    const size_t nx = lqr->nx, nu = lqr->nu;

    *out = (prior_terms){.K = elbo_arena_mat(ws, nu, nx),
                         .precision = elbo_arena_mat(ws, nu, nu),
                         .k = elbo_arena_vec(ws, nu),
                         .root = elbo_arena_mat(ws, nu, nu)};
    ELBO_TRY(elbo_arena_check(ws, "a prior policy"));
    gsl_matrix_set_zero(out->K);
    gsl_vector_set_zero(out->k);
    gsl_matrix_set_zero(out->precision);
    if (prior->K) gsl_matrix_memcpy(out->K, prior->K);
    if (prior->k) gsl_vector_memcpy(out->k, prior->k);
    if (prior->precision) gsl_matrix_memcpy(out->precision, prior->precision);
    return prior_eigen(out, ws);
}

/* E(x, v) = Q(x, K0 x + k0 + v) - alpha/2 v' precision v: what the action adds to
 * the prior's mean is small where alpha is large, and no digits are lost. */
static elbo_status around_prior(const prior_terms *prior, double alpha,
                                const elbo_quadratic *Q, elbo_quadratic *E,
                                elbo_arena *ws)
{
    const size_t nu = prior->K->size1, nx = prior->K->size2, nz = nx + nu;
    gsl_matrix *T = elbo_arena_mat(ws, nz, nx), *U = elbo_arena_mat(ws, nz, nu);
    gsl_matrix *still = elbo_arena_mat(ws, nz, nz);
    gsl_vector *m = elbo_arena_vec(ws, nz);

    ELBO_TRY(elbo_arena_check(ws, "a prior policy"));
    gsl_matrix_set_zero(still);
    gsl_matrix_set_identity(T);
    gsl_matrix_set_zero(U);
    gsl_vector_set_zero(m);
    gsl_matrix_view gain = gsl_matrix_submatrix(T, nx, 0, nu, nx);
    gsl_matrix_view action = gsl_matrix_submatrix(U, nx, 0, nu, nu);
    gsl_vector_view constant = gsl_vector_subvector(m, nx, nu);

    gsl_matrix_memcpy(&gain.matrix, prior->K);
    gsl_matrix_set_identity(&action.matrix);
    gsl_vector_memcpy(&constant.vector, prior->k);

    const elbo_linear_dynamics shift = {.A = T, .B = U, .c = m, .W = still};

    elbo_quadratic_zero(E);
    ELBO_TRY(elbo_quadratic_through(E, 1, &shift, Q, E, ws));
    for (size_t i = 0; alpha != 0 && i < nu; i++)
        for (size_t j = 0; j < nu; j++)
            *gsl_matrix_ptr(E->P, nx + i, nx + j) +=
                alpha * gsl_matrix_get(prior->precision, i, j);
    return ELBO_OK;
}

/* alpha log of the integral over u: -alpha/2 log det(I + root Q_uu root' / alpha)
 * for a prior of full rank, else with the density's constants one by one. */
static elbo_status policy_constant(const prior_terms *prior, double alpha,
                                   const gsl_matrix *Quu, const gsl_matrix *chol,
                                   double *out, elbo_arena *ws)
{
    const size_t nu = Quu->size1;
    gsl_matrix *RQ = elbo_arena_mat(ws, nu, nu), *C = elbo_arena_mat(ws, nu, nu);
    gsl_vector *w = elbo_arena_vec(ws, nu);

    ELBO_TRY(elbo_arena_check(ws, "a policy"));
    *out = 0;
    if (alpha == 0) return ELBO_OK;
    if (prior->rank == nu) {
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, prior->root, Quu, 0, RQ);
        gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, RQ, prior->root, 0, C);
        ELBO_TRY(elbo_eig_sym(C, w, ws));
        for (size_t i = 0; i < nu; i++)
            *out -= 0.5 * alpha * log1p(w->data[i] / alpha);
        return ELBO_OK;
    }

    const double flat = (double)(nu - prior->rank) * (M_LN2 + M_LNPI);

    *out = 0.5 * alpha
           * (prior->logdet + flat + (double)nu * log(alpha)
              - elbo_chol_logdet(chol));
    return ELBO_OK;
}

/* pi = N(K x + k, alpha M^-1), M = E_vv, and V(x) = max E(x, v) + the constant. */
static elbo_status soft_policy(const prior_terms *prior, double alpha,
                               const elbo_quadratic *Q, elbo_lqr_stage *stage,
                               elbo_arena *ws)
{
    const size_t nx = prior->K->size2, nu = prior->K->size1;
    elbo_quadratic E = elbo_quadratic_take(ws, nx + nu);
    gsl_matrix *L = elbo_arena_mat(ws, nu, nu);
    double constant;

    ELBO_TRY(elbo_arena_check(ws, "a policy"));
    ELBO_TRY(around_prior(prior, alpha, Q, &E, ws));
    gsl_matrix_const_view Quu = gsl_matrix_const_submatrix(Q->P, nx, nx, nu, nu);
    gsl_matrix_view M = gsl_matrix_submatrix(E.P, nx, nx, nu, nu);
    gsl_matrix_view Evx = gsl_matrix_submatrix(E.P, nx, 0, nu, nx);
    gsl_vector_view ev = gsl_vector_subvector(E.p, nx, nu);

    gsl_matrix_memcpy(L, &M.matrix);
    if (elbo_chol(L) != ELBO_OK)
        return elbo_fail_prefix("the value is unbounded above, or no action the "
                                "one best: Q_uu + alpha precision");

    /* v = K x + k: K = -M^-1 E_vx, k = M^-1 e_v, S = alpha M^-1 */
    gsl_matrix_memcpy(stage->pi.K, &Evx.matrix);
    gsl_matrix_scale(stage->pi.K, -1);
    gsl_vector_memcpy(stage->pi.k, &ev.vector);
    gsl_matrix_set_identity(stage->pi.S);
    for (int pass = 0; pass < 2; pass++) {
        const CBLAS_TRANSPOSE_t side = pass ? CblasTrans : CblasNoTrans;

        gsl_blas_dtrsm(CblasLeft, CblasLower, side, CblasNonUnit, 1, L,
                       stage->pi.K);
        gsl_blas_dtrsm(CblasLeft, CblasLower, side, CblasNonUnit, 1, L,
                       stage->pi.S);
        gsl_blas_dtrsv(CblasLower, side, CblasNonUnit, L, stage->pi.k);
    }
    gsl_matrix_scale(stage->pi.S, alpha);
    elbo_sym_mean(stage->pi.S);
    ELBO_TRY(policy_constant(prior, alpha, &Quu.matrix, L, &constant, ws));

    /* The mean alone: E's noise term is in the constant. */
    elbo_linear_policy mean = stage->pi;

    mean.S = L;
    gsl_matrix_set_zero(L);
    ELBO_TRY(elbo_quadratic_under(&E, &mean, &stage->V, ws));
    stage->V.c += constant;
    gsl_matrix_add(stage->pi.K, prior->K);
    gsl_vector_add(stage->pi.k, prior->k);
    return ELBO_OK;
}

/* alpha = inf: pi = pi0. */
static elbo_status prior_policy(const prior_terms *prior, elbo_lqr_stage *stage,
                                elbo_arena *ws)
{
    const size_t nu = prior->k->size;

    if (prior->rank < nu)
        return ELBO_FAIL(ELBO_EINVAL, "alpha = inf follows the prior policy, "
                                      "whose precision has rank %zu of %zu",
                         prior->rank, nu);
    gsl_matrix_memcpy(stage->pi.K, prior->K);
    gsl_vector_memcpy(stage->pi.k, prior->k);
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, prior->root, 0, stage->pi.S);
    elbo_sym_from_lower(stage->pi.S);
    return elbo_quadratic_under(&stage->Q, &stage->pi, &stage->V, ws);
}

static elbo_status backup(const elbo_lqr *lqr, size_t t,
                          const elbo_quadratic *next, elbo_lqr_stage *stage,
                          elbo_arena *ws)
{
    prior_terms prior;

    ELBO_TRY(transition_half(lqr, t, next, stage, ws));
    ELBO_TRY(prior_take(lqr, t, &prior, ws));
    if (isinf(lqr->alpha)) return prior_policy(&prior, stage, ws);
    return soft_policy(&prior, lqr->alpha, &stage->Q, stage, ws);
}

static bool finite_quadratic(const elbo_quadratic *f)
{
    bool finite = isfinite(f->c);

    for (size_t i = 0; i < f->p->size; i++) {
        finite = finite && isfinite(gsl_vector_get(f->p, i));
        for (size_t j = 0; j < f->p->size; j++)
            finite = finite && isfinite(gsl_matrix_get(f->P, i, j));
    }
    return finite;
}

elbo_status elbo_lqr_backup(const elbo_lqr *lqr, size_t t,
                            const elbo_quadratic *next, elbo_lqr_stage *stage,
                            elbo_arena *ws)
{
    assert(lqr->alpha >= 0 && lqr->beta != 0 && lqr->gamma > 0);

    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = backup(lqr, t, next, stage, ws);

    elbo_arena_release(ws, mark);
    if (s == ELBO_OK && !finite_quadratic(&stage->V))
        s = ELBO_FAIL(ELBO_ENOTFINITE, "the value is no number");
    if (s != ELBO_OK && s != ELBO_ENOMEM) elbo_fail_prefix("stage %zu", t);
    return s;
}
