#include "inference/messages/mniw.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_sf_gamma.h>
#include <gsl/gsl_sf_psi.h>
#include <math.h>

static const double log_pi = 1.1447298858494001741;
static const double log_2 = 0.69314718055994530942;

elbo_status elbo_mniw_init(elbo_mniw *q, size_t ny, size_t nz,
                           elbo_arena *arena)
{
    assert(ny >= 1 && nz >= 1);
    *q = (elbo_mniw){.M = elbo_arena_mat(arena, ny, nz),
                     .K = elbo_arena_mat(arena, nz, nz),
                     .Psi = elbo_arena_mat(arena, ny, ny)};
    return elbo_arena_check(arena, "mniw");
}

void elbo_mniw_isotropic(elbo_mniw *q, double k, double psi, double nu)
{
    gsl_matrix_set_zero(q->M);
    gsl_matrix_set_identity(q->K);
    gsl_matrix_scale(q->K, k);
    gsl_matrix_set_identity(q->Psi);
    gsl_matrix_scale(q->Psi, psi);
    q->nu = nu;
}

void elbo_mniw_copy(elbo_mniw *to, const elbo_mniw *from)
{
    gsl_matrix_memcpy(to->M, from->M);
    gsl_matrix_memcpy(to->K, from->K);
    gsl_matrix_memcpy(to->Psi, from->Psi);
    to->nu = from->nu;
}

/* The factor of A, taken from ws; A keeps. */
static elbo_status factor(const gsl_matrix *A, const char *name, elbo_arena *ws,
                          gsl_matrix **L)
{
    *L = elbo_arena_mat(ws, A->size1, A->size1);
    ELBO_TRY(elbo_arena_check(ws, "mniw"));
    gsl_matrix_memcpy(*L, A);
    if (elbo_chol(*L) != ELBO_OK) return elbo_fail_prefix("mniw: %s", name);
    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = i + 1; j < A->size1; j++) gsl_matrix_set(*L, i, j, 0);
    return ELBO_OK;
}

/* Every public function brackets its scratch. */
static elbo_status leave(elbo_arena *ws, elbo_mark mark, elbo_status s)
{
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_mniw_check(const elbo_mniw *q, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const size_t ny = q->M->size1;
    gsl_matrix *L;
    elbo_status s;

    if (!(q->nu > (double)ny - 1 && isfinite(q->nu)))
        return ELBO_FAIL(ELBO_EINVAL,
                         "mniw: nu = %g, and must be above ny - 1 = %zu", q->nu,
                         ny - 1);
    for (size_t i = 0; i < ny; i++)
        for (size_t j = 0; j < q->M->size2; j++)
            if (!isfinite(gsl_matrix_get(q->M, i, j)))
                return ELBO_FAIL(ELBO_ENOTFINITE, "mniw: M(%zu, %zu) is %g", i,
                                 j, gsl_matrix_get(q->M, i, j));
    s = factor(q->K, "K", ws, &L);
    if (s == ELBO_OK) s = factor(q->Psi, "Psi", ws, &L);
    return leave(ws, mark, s);
}

/* J = [K + Szz        .                       ]
 *     [M K + Syz      Psi + M K M' + Syy      ]   (lower triangle) */
static void joint(const elbo_mniw *p, const elbo_moments *S, gsl_matrix *J)
{
    const size_t nz = p->K->size1, ny = p->Psi->size1;
    gsl_matrix Jzz = gsl_matrix_submatrix(J, 0, 0, nz, nz).matrix;
    gsl_matrix Jyz = gsl_matrix_submatrix(J, nz, 0, ny, nz).matrix;
    gsl_matrix Jyy = gsl_matrix_submatrix(J, nz, nz, ny, ny).matrix;

    gsl_blas_dsymm(CblasRight, CblasLower, 1, p->K, p->M, 0, &Jyz);
    gsl_matrix_memcpy(&Jyy, p->Psi);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &Jyz, p->M, 1, &Jyy);
    gsl_matrix_memcpy(&Jzz, p->K);
    gsl_matrix_add(&Jzz, S->Szz);
    gsl_matrix_add(&Jyz, S->Syz);
    gsl_matrix_add(&Jyy, S->Syy);
}

/* A = L L' of a lower triangle in place. */
static void square(const gsl_matrix *L, gsl_matrix *A)
{
    for (size_t i = 0; i < L->size1; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;

            for (size_t k = 0; k <= j; k++)
                sum += L->data[i * L->tda + k] * L->data[j * L->tda + k];
            A->data[i * A->tda + j] = sum;
        }
    elbo_sym_from_lower(A);
}

static elbo_status posterior(const elbo_mniw *prior, const elbo_moments *S,
                             elbo_mniw *post, elbo_arena *ws)
{
    const size_t nz = prior->K->size1, ny = prior->Psi->size1;
    gsl_matrix *J = elbo_arena_mat(ws, nz + ny, nz + ny);

    ELBO_TRY(elbo_arena_check(ws, "mniw: posterior"));
    joint(prior, S, J);
    if (elbo_chol(J) != ELBO_OK) return elbo_fail_prefix("mniw: posterior");

    /* J = [L 0; N R][L 0; N R]':  K = L L',  M = N L^-1,  Psi = R R' */
    const gsl_matrix L = gsl_matrix_submatrix(J, 0, 0, nz, nz).matrix;
    const gsl_matrix N = gsl_matrix_submatrix(J, nz, 0, ny, nz).matrix;
    const gsl_matrix R = gsl_matrix_submatrix(J, nz, nz, ny, ny).matrix;

    square(&R, post->Psi);
    gsl_matrix_memcpy(post->M, &N);
    gsl_blas_dtrsm(CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, 1, &L,
                   post->M);
    gsl_matrix_memcpy(post->K, prior->K);
    gsl_matrix_add(post->K, S->Szz);
    post->nu = prior->nu + S->n;
    return ELBO_OK;
}

elbo_status elbo_mniw_posterior(const elbo_mniw *prior, const elbo_moments *S,
                                elbo_mniw *post, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(S->Syz->size1 == prior->M->size1
           && S->Syz->size2 == prior->M->size2);
    return leave(ws, mark, posterior(prior, S, post, ws));
}

/* log Gamma_n(x) without its constant n (n - 1)/4 log pi. */
static double log_gamma(size_t n, double x)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += gsl_sf_lngamma(x - 0.5 * (double)i);
    return sum;
}

/* sum_i psi((nu - i)/2) = log|Psi| - ny log 2 - E log|W| */
static double digamma_sum(size_t ny, double nu)
{
    double sum = 0;

    for (size_t i = 0; i < ny; i++) sum += gsl_sf_psi(0.5 * (nu - (double)i));
    return sum;
}

/* The log of the normalised density's factor, constants of ny and nz left out.
 */
static elbo_status log_factor(const elbo_mniw *q, double *x, elbo_arena *ws)
{
    const size_t ny = q->M->size1;
    gsl_matrix *LK, *LPsi;

    ELBO_TRY(factor(q->K, "K", ws, &LK));
    ELBO_TRY(factor(q->Psi, "Psi", ws, &LPsi));
    *x = 0.5 * (double)ny * (elbo_chol_logdet(LK) - q->nu * log_2)
         + 0.5 * q->nu * elbo_chol_logdet(LPsi) - log_gamma(ny, 0.5 * q->nu);
    return ELBO_OK;
}

elbo_status elbo_mniw_evidence(const elbo_mniw *prior, const elbo_mniw *post,
                               double n, double *evidence, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const double ny = (double)prior->M->size1;
    double before, after = 0;
    elbo_status s = log_factor(prior, &before, ws);

    if (s == ELBO_OK) s = log_factor(post, &after, ws);
    if (s == ELBO_OK)
        *evidence = before - after - 0.5 * n * ny * (log_2 + log_pi);
    return leave(ws, mark, s);
}

static double squares(const gsl_matrix *A)
{
    double sum = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++) {
            const double a = A->data[i * A->tda + j];

            sum += a * a;
        }
    return sum;
}

/* B = L^-1 B */
static void solve_lower(const gsl_matrix *L, gsl_matrix *B)
{
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, L, B);
}

/* Traces are squared norms: tr(Kp Kq^-1) = |Lq^-1 Lp|^2, and
 * tr(Psiq^-1 D Kp D') = |R^-1 D Lp|^2 with D = Mq - Mp, Psiq = R R'. */
static elbo_status kl(const elbo_mniw *q, const elbo_mniw *p, double *x,
                      elbo_arena *ws)
{
    const size_t ny = q->M->size1, nz = q->M->size2;
    const double dy = (double)ny, dz = (double)nz, gap = q->nu - p->nu;
    gsl_matrix *Kq, *Kp, *Pq, *Pp, *D = elbo_arena_mat(ws, ny, nz);

    ELBO_TRY(factor(q->K, "K of q", ws, &Kq));
    ELBO_TRY(factor(p->K, "K of p", ws, &Kp));
    ELBO_TRY(factor(q->Psi, "Psi of q", ws, &Pq));
    ELBO_TRY(factor(p->Psi, "Psi of p", ws, &Pp));

    const double dK = elbo_chol_logdet(Kq) - elbo_chol_logdet(Kp);
    const double logPq = elbo_chol_logdet(Pq), logPp = elbo_chol_logdet(Pp);

    gsl_matrix_memcpy(D, q->M);
    gsl_matrix_sub(D, p->M);
    gsl_blas_dtrmm(CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, 1, Kp,
                   D);
    solve_lower(Pq, D);
    solve_lower(Kq, Kp);
    solve_lower(Pq, Pp);

    const double normal = dy * (dK - dz + squares(Kp)) + q->nu * squares(D);
    const double wishart =
        p->nu * (logPq - logPp) + gap * digamma_sum(ny, q->nu)
        + q->nu * (squares(Pp) - dy)
        + 2 * (log_gamma(ny, 0.5 * p->nu) - log_gamma(ny, 0.5 * q->nu));

    *x = 0.5 * (normal + wishart);
    return ELBO_OK;
}

elbo_status elbo_mniw_kl(const elbo_mniw *q, const elbo_mniw *p, double *x,
                         elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(q->M->size1 == p->M->size1 && q->M->size2 == p->M->size2);
    return leave(ws, mark, kl(q, p, x, ws));
}

static double inner(const gsl_matrix *A, const gsl_matrix *B)
{
    double sum = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            sum += A->data[i * A->tda + j] * B->data[i * B->tda + j];
    return sum;
}

static elbo_status loglik(const elbo_mniw *q, const elbo_moments *S, double *x,
                          elbo_arena *ws)
{
    const size_t ny = q->M->size1;
    const double dy = (double)ny;
    gsl_matrix *R = elbo_arena_mat(ws, ny, ny);
    gsl_matrix *V, *P;

    ELBO_TRY(factor(q->K, "K", ws, &V));
    ELBO_TRY(factor(q->Psi, "Psi", ws, &P));

    const double logdet =
        elbo_chol_logdet(P) - dy * log_2 - digamma_sum(ny, q->nu);

    ELBO_TRY(elbo_chol_inverse(V));
    ELBO_TRY(elbo_chol_inverse(P));
    ELBO_TRY(elbo_moments_residual(S, q->M, R, ws));
    *x = -0.5
         * (S->n * (dy * (log_2 + log_pi) + logdet) + q->nu * inner(P, R)
            + dy * inner(V, S->Szz));
    return ELBO_OK;
}

elbo_status elbo_mniw_loglik(const elbo_mniw *q, const elbo_moments *S,
                             double *x, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);

    assert(S->Syz->size1 == q->M->size1 && S->Syz->size2 == q->M->size2);
    return leave(ws, mark, loglik(q, S, x, ws));
}

elbo_status elbo_mniw_kernel_init(elbo_mniw_kernel *kernel, size_t ny,
                                  size_t nz, elbo_arena *arena)
{
    *kernel = (elbo_mniw_kernel){.W = elbo_arena_mat(arena, ny, ny),
                                 .V = elbo_arena_mat(arena, nz, nz)};
    return elbo_arena_check(arena, "mniw: kernel");
}

/* constant = 1/2 (log|Psi/nu| - E log|W|) */
elbo_status elbo_mniw_kernel_of(const elbo_mniw *q, elbo_mniw_kernel *kernel)
{
    const size_t ny = q->M->size1;

    kernel->M = q->M;
    gsl_matrix_memcpy(kernel->W, q->Psi);
    gsl_matrix_scale(kernel->W, 1 / q->nu);
    gsl_matrix_memcpy(kernel->V, q->K);
    if (elbo_chol(kernel->V) != ELBO_OK) return elbo_fail_prefix("mniw: K");
    ELBO_TRY(elbo_chol_inverse(kernel->V));
    kernel->constant =
        0.5 * (digamma_sum(ny, q->nu) - (double)ny * log(0.5 * q->nu));
    return ELBO_OK;
}

elbo_status elbo_mniw_precision(const elbo_mniw *q, gsl_matrix *precision)
{
    gsl_matrix_memcpy(precision, q->Psi);
    if (elbo_chol(precision) != ELBO_OK) return elbo_fail_prefix("mniw: Psi");
    ELBO_TRY(elbo_chol_inverse(precision));
    gsl_matrix_scale(precision, q->nu);
    return ELBO_OK;
}

elbo_status elbo_mniw_covariance(const elbo_mniw *q, gsl_matrix *W)
{
    const double excess = q->nu - (double)q->M->size1 - 1;

    if (!(excess > 0))
        return ELBO_FAIL(ELBO_EINVAL,
                         "mniw: nu = %g: E W is infinite up to ny + 1 = %zu",
                         q->nu, q->M->size1 + 1);
    gsl_matrix_memcpy(W, q->Psi);
    gsl_matrix_scale(W, 1 / excess);
    return ELBO_OK;
}

elbo_status elbo_mniw_logdet(const elbo_mniw *q, double *logdet, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const size_t ny = q->M->size1;
    gsl_matrix *L;
    const elbo_status s = factor(q->Psi, "Psi", ws, &L);

    if (s == ELBO_OK)
        *logdet =
            elbo_chol_logdet(L) - (double)ny * log_2 - digamma_sum(ny, q->nu);
    return leave(ws, mark, s);
}

elbo_status elbo_mniw_ml(const elbo_moments *S, double floor, gsl_matrix *M,
                         gsl_matrix *W, elbo_mniw_ml_info *info, elbo_arena *ws)
{
    *info = (elbo_mniw_ml_info){0};
    if (!(S->n > 0)) return ELBO_FAIL(ELBO_EINVAL, "regression on no data");
    ELBO_TRY(elbo_moments_regress(S, M, &info->rank, ws));
    ELBO_TRY(elbo_moments_residual(S, M, W, ws));
    gsl_matrix_scale(W, 1 / S->n);
    return elbo_floor_covariance(W, NULL, floor, &info->floored, ws);
}

void elbo_mniw_mode(const elbo_mniw *q, gsl_matrix *M, gsl_matrix *W)
{
    const double dims = (double)(q->M->size1 + q->M->size2);

    gsl_matrix_memcpy(M, q->M);
    gsl_matrix_memcpy(W, q->Psi);
    gsl_matrix_scale(W, 1 / (q->nu + dims + 1));
}
