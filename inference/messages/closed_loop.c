#include "inference/messages/closed_loop.h"

#include <gsl/gsl_blas.h>
#include <math.h>

enum { MOST_DOUBLINGS = 60 };

static double largest(const gsl_matrix *A)
{
    double most = 0;

    for (size_t i = 0; i < A->size1; i++)
        for (size_t j = 0; j < A->size2; j++)
            most = fmax(most, fabs(gsl_matrix_get(A, i, j)));
    return most;
}

elbo_status elbo_closed_loop_take(const elbo_linear_dynamics *p,
                                  const elbo_linear_policy *pi,
                                  elbo_closed_loop *out, elbo_arena *ws)
{
    const size_t nx = p->A->size1, nu = pi->K->size1;

    *out = (elbo_closed_loop){.M = elbo_arena_mat(ws, nx, nx),
                              .N = elbo_arena_mat(ws, nx, nx),
                              .m = elbo_arena_vec(ws, nx)};
    gsl_matrix *BS = elbo_arena_mat(ws, nx, nu);

    ELBO_TRY(elbo_arena_check(ws, "a closed loop"));
    gsl_matrix_memcpy(out->M, p->A);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, p->B, pi->K, 1, out->M);
    gsl_vector_set_zero(out->m);
    if (p->c) gsl_vector_memcpy(out->m, p->c);
    gsl_blas_dgemv(CblasNoTrans, 1, p->B, pi->k, 1, out->m);
    gsl_matrix_memcpy(out->N, p->W);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, p->B, pi->S, 0, BS);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, BS, p->B, 1, out->N);
    elbo_sym_mean(out->N);
    return ELBO_OK;
}

static elbo_status sum_powers(double gamma, gsl_matrix *A, gsl_matrix *X,
                              elbo_arena *ws)
{
    const size_t n = A->size1;
    gsl_matrix *T = elbo_arena_mat(ws, n, n), *more = elbo_arena_mat(ws, n, n);
    double size = 0, power = 1;

    ELBO_TRY(elbo_arena_check(ws, "a Lyapunov equation"));
    gsl_matrix_scale(A, sqrt(gamma));
    for (size_t k = 0; k < MOST_DOUBLINGS; k++, power *= 2) {
        size = largest(A);
        if (size < 0x1p-60) return ELBO_OK;
        if (!(size < 1e140)) break;
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, A, X, 0, T);
        gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, T, A, 0, more);
        elbo_sym_mean(more);
        gsl_matrix_add(X, more);
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, A, A, 0, T);
        gsl_matrix_memcpy(A, T);
    }
    return ELBO_FAIL(ELBO_ENOCONV,
                     "the sum over time has no limit: rho(A + B K) = %g at "
                     "gamma = %g",
                     exp(log(size) / power) / sqrt(gamma), gamma);
}

elbo_status elbo_sum_powers(double gamma, gsl_matrix *A, gsl_matrix *X,
                            elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = sum_powers(gamma, A, X, ws);

    elbo_arena_release(ws, mark);
    return s;
}
