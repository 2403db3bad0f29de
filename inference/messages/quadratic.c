#include "inference/messages/quadratic.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>
#include <gsl/gsl_sf_log.h>
#include <math.h>
#include <stdbool.h>

elbo_quadratic elbo_quadratic_take(elbo_arena *arena, size_t n)
{
    return (elbo_quadratic){.P = elbo_arena_mat(arena, n, n),
                            .p = elbo_arena_vec(arena, n)};
}

elbo_linear_policy elbo_linear_policy_take(elbo_arena *arena, size_t nx,
                                           size_t nu)
{
    return (elbo_linear_policy){.K = elbo_arena_mat(arena, nu, nx),
                                .k = elbo_arena_vec(arena, nu),
                                .S = elbo_arena_mat(arena, nu, nu)};
}

void elbo_quadratic_zero(elbo_quadratic *f)
{
    gsl_matrix_set_zero(f->P);
    gsl_vector_set_zero(f->p);
    f->c = 0;
}

void elbo_quadratic_copy(elbo_quadratic *out, const elbo_quadratic *f)
{
    gsl_matrix_memcpy(out->P, f->P);
    gsl_vector_memcpy(out->p, f->p);
    out->c = f->c;
}

/* x'A x */
static double form(const gsl_matrix *A, const gsl_vector *x)
{
    double sum = 0;

    for (size_t i = 0; i < A->size1; i++) {
        const gsl_vector_const_view row = gsl_matrix_const_row(A, i);
        double dot = 0;

        gsl_blas_ddot(&row.vector, x, &dot);
        sum += gsl_vector_get(x, i) * dot;
    }
    return sum;
}

/* tr(A B) of symmetric matrices. */
static double trace(const gsl_matrix *A, const gsl_matrix *B)
{
    double sum = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            sum += gsl_matrix_get(A, i, j) * gsl_matrix_get(B, i, j);
    return sum;
}

double elbo_quadratic_at(const elbo_quadratic *f, const gsl_vector *x)
{
    double linear = 0;

    gsl_blas_ddot(f->p, x, &linear);
    return -0.5 * form(f->P, x) + linear + f->c;
}

double elbo_quadratic_mean(const elbo_quadratic *f, const gsl_vector *m,
                           const gsl_matrix *S)
{
    const double at = elbo_quadratic_at(f, m);

    return S ? at - 0.5 * trace(f->P, S) : at;
}

/* out(z) = r(z) + scale g(F z + m) for F [n x nz], m [n]; m NULL: 0. */
static elbo_status pull_back(const elbo_quadratic *r, double scale,
                             const gsl_matrix *F, const gsl_vector *m,
                             const elbo_quadratic *g, elbo_quadratic *out,
                             elbo_arena *ws)
{
    gsl_matrix *PF = elbo_arena_mat(ws, F->size1, F->size2);
    gsl_vector *slope = elbo_arena_vec(ws, F->size1); /* of g at m */

    ELBO_TRY(elbo_arena_check(ws, "a quadratic through a map"));
    gsl_vector_memcpy(slope, g->p);
    if (m) gsl_blas_dgemv(CblasNoTrans, -1, g->P, m, 1, slope);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, g->P, F, 0, PF);
    if (out != r) elbo_quadratic_copy(out, r);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, scale, F, PF, 1, out->P);
    elbo_sym_mean(out->P);
    gsl_blas_dgemv(CblasTrans, scale, F, slope, 1, out->p);
    out->c += scale * (m ? elbo_quadratic_at(g, m) : g->c);
    return ELBO_OK;
}

/* F = [A B] */
static gsl_matrix *input_map(const elbo_linear_dynamics *map, elbo_arena *ws)
{
    const size_t nx = map->A->size2, nu = map->B->size2;
    gsl_matrix *F = elbo_arena_mat(ws, map->A->size1, nx + nu);

    if (!F) return NULL;

    gsl_matrix_view A = gsl_matrix_submatrix(F, 0, 0, F->size1, nx);
    gsl_matrix_memcpy(&A.matrix, map->A);
    if (nu) {
        gsl_matrix_view B = gsl_matrix_submatrix(F, 0, nx, F->size1, nu);

        gsl_matrix_memcpy(&B.matrix, map->B);
    }
    return F;
}

static elbo_status through(const elbo_quadratic *r, double gamma,
                           const elbo_linear_dynamics *map,
                           const elbo_quadratic *V, elbo_quadratic *out,
                           elbo_arena *ws)
{
    const gsl_matrix *F = input_map(map, ws);

    ELBO_TRY(elbo_arena_check(ws, "a map"));
    ELBO_TRY(pull_back(r, gamma, F, map->c, V, out, ws));
    out->c -= 0.5 * gamma * trace(V->P, map->W);
    return ELBO_OK;
}

elbo_status elbo_quadratic_through(const elbo_quadratic *r, double gamma,
                                   const elbo_linear_dynamics *map,
                                   const elbo_quadratic *V,
                                   elbo_quadratic *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = through(r, gamma, map, V, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* z = T x + (0, k), T = [I; K]; the noise of u costs -1/2 tr(Q_uu S). */
static elbo_status under(const elbo_quadratic *Q,
                         const elbo_linear_policy *policy, elbo_quadratic *out,
                         elbo_arena *ws)
{
    const size_t nx = policy->K->size2, nu = policy->K->size1;
    gsl_matrix *T = elbo_arena_mat(ws, nx + nu, nx);
    gsl_vector *m = elbo_arena_vec(ws, nx + nu);

    ELBO_TRY(elbo_arena_check(ws, "a quadratic under a policy"));
    gsl_matrix_set_identity(T);
    gsl_vector_set_zero(m);
    gsl_matrix_view gain = gsl_matrix_submatrix(T, nx, 0, nu, nx);
    gsl_vector_view constant = gsl_vector_subvector(m, nx, nu);
    gsl_matrix_const_view Quu =
        gsl_matrix_const_submatrix(Q->P, nx, nx, nu, nu);

    gsl_matrix_memcpy(&gain.matrix, policy->K);
    gsl_vector_memcpy(&constant.vector, policy->k);
    elbo_quadratic_zero(out);
    ELBO_TRY(pull_back(out, 1, T, m, Q, out, ws));
    out->c -= 0.5 * trace(&Quu.matrix, policy->S);
    return ELBO_OK;
}

elbo_status elbo_quadratic_under(const elbo_quadratic *Q,
                                 const elbo_linear_policy *policy,
                                 elbo_quadratic *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = under(Q, policy, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}

/* The directions of a positive semi-definite matrix W that are not empty, as rows
 * R = diag(w^power) E: power -1/2 of a covariance gives R W R' = I, power 1/2 of a
 * precision R' R = W. */
typedef struct whitening {
    gsl_matrix *R; /* all n rows; the first `empty` are not scaled */
    size_t empty;  /* n - rank: eigenvalues of the order of rounding */
    double logdet; /* of W over its rank directions */
} whitening;

static elbo_status whiten(const gsl_matrix *W, double power, whitening *out,
                          elbo_arena *ws)
{
    const size_t n = W->size1;
    gsl_vector *w = elbo_arena_vec(ws, n);

    *out = (whitening){.R = elbo_arena_mat(ws, n, n)};
    ELBO_TRY(elbo_arena_check(ws, "a whitening"));
    gsl_matrix_memcpy(out->R, W);
    ELBO_TRY(elbo_eig_sym(out->R, w, ws));

    const double slack = n ? 16 * (double)n * 0x1p-52 * fabs(w->data[n - 1]) : 0;

    if (n && w->data[0] < -slack)
        return ELBO_FAIL(ELBO_ENOTPD,
                         "the smallest eigenvalue is %g, the largest %g",
                         w->data[0], w->data[n - 1]);
    while (out->empty < n && w->data[out->empty] <= slack) out->empty++;
    for (size_t i = out->empty; i < n; i++) {
        gsl_vector_view row = gsl_matrix_row(out->R, i);

        gsl_vector_scale(&row.vector, pow(w->data[i], power));
        out->logdet += log(w->data[i]);
    }
    return ELBO_OK;
}

/* 1/2 [tr(C - I) - log det C], C = R S R' over the directions that are not empty, to
 * its own digits where C is near I. *out is inf when C is singular. */
static elbo_status spread(const whitening *p, const gsl_matrix *S, double *out,
                          elbo_arena *ws)
{
    const size_t n = S->size1, rank = n - p->empty;

    *out = 0;
    if (rank == 0) return ELBO_OK;

    gsl_matrix *RS = elbo_arena_mat(ws, rank, n);
    gsl_matrix *C = elbo_arena_mat(ws, rank, rank);
    gsl_vector *t = elbo_arena_vec(ws, rank);

    ELBO_TRY(elbo_arena_check(ws, "a divergence"));
    gsl_matrix_const_view R =
        gsl_matrix_const_submatrix(p->R, p->empty, 0, rank, n);

    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, &R.matrix, S, 0, RS);
    gsl_matrix_set_identity(C);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, RS, &R.matrix, -1, C);
    ELBO_TRY(elbo_eig_sym(C, t, ws));
    for (size_t i = 0; i < rank; i++)
        *out += t->data[i] > -1 ? -0.5 * gsl_sf_log_1plusx_mx(t->data[i])
                                : (double)INFINITY;
    return ELBO_OK;
}

/* Whether d has a part in the directions that W leaves empty, beyond the rounding
 * of vectors of size `scale`. */
static bool leaves_range(const whitening *p, const gsl_vector *d, double scale)
{
    for (size_t i = 0; i < p->empty; i++) {
        const gsl_vector_const_view row = gsl_matrix_const_row(p->R, i);
        double dot = 0;

        gsl_blas_ddot(&row.vector, d, &dot);
        if (fabs(dot) > 1e-12 * scale) return true;
    }
    return false;
}

static double largest(const gsl_matrix *A)
{
    double most = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            most = fmax(most, fabs(gsl_matrix_get(A, i, j)));
    return most;
}

/* out(z) = 1/2 |R (D z + d)|^2 over the directions that are not empty. */
static elbo_status half_norm(const whitening *white, const gsl_matrix *D,
                             const gsl_vector *d, elbo_quadratic *out,
                             elbo_arena *ws)
{
    const size_t n = d->size, rank = n - white->empty;

    elbo_quadratic_zero(out);
    if (rank == 0) return ELBO_OK;

    gsl_matrix *RD = elbo_arena_mat(ws, rank, D->size2);
    gsl_vector *Rd = elbo_arena_vec(ws, rank);
    double norm = 0;

    ELBO_TRY(elbo_arena_check(ws, "a divergence: means"));
    gsl_matrix_const_view R =
        gsl_matrix_const_submatrix(white->R, white->empty, 0, rank, n);

    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, &R.matrix, D, 0, RD);
    gsl_blas_dgemv(CblasNoTrans, 1, &R.matrix, d, 0, Rd);
    gsl_blas_dsyrk(CblasLower, CblasTrans, -1, RD, 0, out->P);
    elbo_sym_from_lower(out->P);
    gsl_blas_dgemv(CblasTrans, 1, RD, Rd, 0, out->p);
    gsl_blas_ddot(Rd, Rd, &norm);
    out->c = 0.5 * norm;
    return ELBO_OK;
}

/* The means' part: D z + d is the difference of the two means. */
static elbo_status mean_gap(const elbo_linear_dynamics *q,
                            const elbo_linear_dynamics *p,
                            const whitening *white, elbo_quadratic *out,
                            elbo_arena *ws)
{
    const size_t nx = p->W->size1;
    gsl_matrix *D = input_map(q, ws), *F = input_map(p, ws);
    gsl_vector *d = elbo_arena_vec(ws, nx), *column = elbo_arena_vec(ws, nx);

    ELBO_TRY(elbo_arena_check(ws, "a divergence: means"));
    gsl_vector_set_zero(d);
    if (q->c) gsl_vector_add(d, q->c);
    if (p->c) gsl_vector_sub(d, p->c);

    const double scale = 1 + largest(F) + largest(D);
    bool leaves = leaves_range(
        white, d, 1 + (p->c ? gsl_blas_dnrm2(p->c) : 0) + gsl_blas_dnrm2(d));

    gsl_matrix_sub(D, F);
    for (size_t j = 0; j < D->size2; j++) {
        gsl_matrix_get_col(column, D, j);
        leaves = leaves || leaves_range(white, column, scale);
    }
    if (leaves)
        return ELBO_FAIL(ELBO_ENOTPD, "KL(q || p) is infinite: the mean of q "
                                      "leaves what p's noise can reach");
    return half_norm(white, D, d, out, ws);
}

/* out += 1/2 [z;1]' G [z;1] - g0 */
static void add_penalty(const gsl_matrix *G, double g0, elbo_quadratic *out)
{
    const size_t nz = out->p->size;

    for (size_t i = 0; i < nz; i++) {
        for (size_t j = 0; j < nz; j++)
            *gsl_matrix_ptr(out->P, i, j) -= gsl_matrix_get(G, i, j);
        *gsl_vector_ptr(out->p, i) += gsl_matrix_get(G, nz, i);
    }
    out->c += 0.5 * gsl_matrix_get(G, nz, nz) - g0;
}

static elbo_status dynamics_kl(const elbo_linear_dynamics *q,
                               const elbo_linear_dynamics *p,
                               elbo_quadratic *out, elbo_arena *ws)
{
    whitening white;
    double noise = 0;

    ELBO_TRY(whiten(p->W, -0.5, &white, ws));
    ELBO_TRY(mean_gap(q, p, &white, out, ws));

    const double scale = 1 + largest(p->W) + largest(q->W);

    for (size_t i = 0; i < q->W->size1; i++) {
        const gsl_vector_const_view row = gsl_matrix_const_row(q->W, i);

        if (leaves_range(&white, &row.vector, scale))
            return ELBO_FAIL(ELBO_ENOTPD, "KL(q || p) is infinite: the noise of "
                                          "q leaves the range of p's");
    }
    ELBO_TRY(spread(&white, q->W, &noise, ws));
    if (!isfinite(noise))
        return ELBO_FAIL(ELBO_ENOTPD, "KL(q || p) is infinite: the noise of q "
                                      "does not fill the range of p's");
    out->c += noise;
    if (p->G) add_penalty(p->G, p->g0, out);
    return ELBO_OK;
}

elbo_status elbo_linear_dynamics_kl(const elbo_linear_dynamics *q,
                                    const elbo_linear_dynamics *p,
                                    elbo_quadratic *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = dynamics_kl(q, p, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}


/* log pi0 = -1/2 |R (u - K0 x - k0)|^2 + 1/2 logdet - rank/2 log 2 pi. */
static elbo_status policy_kl(const elbo_linear_policy *policy,
                             const elbo_linear_prior *prior,
                             elbo_quadratic *out, elbo_arena *ws)
{
    const size_t nx = policy->K->size2, nu = policy->K->size1;
    gsl_matrix *D = elbo_arena_mat(ws, nu, nx), *L = elbo_arena_mat(ws, nu, nu);
    gsl_vector *d = elbo_arena_vec(ws, nu);
    whitening white = {.empty = nu};
    double noise = 0;

    ELBO_TRY(elbo_arena_check(ws, "a policy's divergence"));
    gsl_matrix_memcpy(D, policy->K);
    gsl_vector_memcpy(d, policy->k);
    if (prior->K) gsl_matrix_sub(D, prior->K);
    if (prior->k) gsl_vector_sub(d, prior->k);
    if (prior->precision) ELBO_TRY(whiten(prior->precision, 0.5, &white, ws));
    ELBO_TRY(half_norm(&white, D, d, out, ws));
    ELBO_TRY(spread(&white, policy->S, &noise, ws));

    gsl_matrix_memcpy(L, policy->S);
    if (!isfinite(noise) || elbo_chol(L) != ELBO_OK)
        return ELBO_FAIL(ELBO_ENOTPD, "KL(pi || pi0) is infinite: the noise of "
                                      "pi does not fill all actions");
    if (white.empty == 0) {
        out->c += noise;
        return ELBO_OK;
    }

    /* 1/2 tr R S R' - 1/2 (nu + flat log 2 pi + log det S + logdet) */
    const double logdet = white.logdet + elbo_chol_logdet(L);
    double quadratic = 0;

    if (white.empty < nu) quadratic = trace(prior->precision, policy->S);
    out->c += 0.5 * quadratic
              - 0.5 * ((double)nu + (double)white.empty * (M_LN2 + M_LNPI)
                       + logdet);
    return ELBO_OK;
}

elbo_status elbo_linear_policy_kl(const elbo_linear_policy *policy,
                                  const elbo_linear_prior *prior,
                                  elbo_quadratic *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = policy_kl(policy, prior, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}
