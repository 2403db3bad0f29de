/* inference/messages/mniw_sample.c -- draws, saving and loading. */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_randist.h>
#include <math.h>

#include "inference/messages/mniw.h"

/* B lower: B B' ~ Wishart(I, nu) (Bartlett 1933). */
static void bartlett(gsl_matrix *B, double nu, elbo_rng *rng)
{
    elbo_gsl_rng adaptor;
    gsl_rng *g = elbo_rng_gsl(&adaptor, rng);

    gsl_matrix_set_zero(B);
    for (size_t i = 0; i < B->size1; i++) {
        elbo_rng_normals(rng, B->data + i * B->tda, i);
        gsl_matrix_set(B, i, i, sqrt(gsl_ran_chisq(g, nu - (double)i)));
    }
}

/* W = F F' with F = L B^-T, Psi = L L';  M = M0 + F G N^-1 with K = N N'. */
static elbo_status sample(const elbo_mniw *q, elbo_rng *rng, gsl_matrix *M,
                          gsl_matrix *W, elbo_arena *ws)
{
    const size_t ny = q->M->size1, nz = q->M->size2;
    gsl_matrix *F = elbo_arena_mat(ws, ny, ny), *B = elbo_arena_mat(ws, ny, ny);
    gsl_matrix *N = elbo_arena_mat(ws, nz, nz), *G = elbo_arena_mat(ws, ny, nz);

    ELBO_TRY(elbo_arena_check(ws, "mniw: sample"));
    gsl_matrix_memcpy(F, q->Psi);
    gsl_matrix_memcpy(N, q->K);
    if (elbo_chol(F) != ELBO_OK) return elbo_fail_prefix("mniw: Psi");
    if (elbo_chol(N) != ELBO_OK) return elbo_fail_prefix("mniw: K");
    for (size_t i = 0; i < ny; i++)
        for (size_t j = i + 1; j < ny; j++) gsl_matrix_set(F, i, j, 0);
    bartlett(B, q->nu, rng);
    gsl_blas_dtrsm(CblasRight, CblasLower, CblasTrans, CblasNonUnit, 1, B, F);
    gsl_blas_dsyrk(CblasLower, CblasNoTrans, 1, F, 0, W);
    elbo_sym_from_lower(W);

    for (size_t i = 0; i < ny; i++)
        elbo_rng_normals(rng, G->data + i * G->tda, nz);
    gsl_blas_dtrsm(CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, 1, N, G);
    gsl_matrix_memcpy(M, q->M);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, F, G, 1, M);
    return ELBO_OK;
}

elbo_status elbo_mniw_sample(const elbo_mniw *q, elbo_rng *rng, gsl_matrix *M,
                             gsl_matrix *W, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = sample(q, rng, M, W, ws);

    elbo_arena_release(ws, mark);
    return s;
}

static void put_matrix(elbo_writer *out, const gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        elbo_put_doubles(out, A->data + i * A->tda, A->size2);
}

static elbo_status get_matrix(elbo_reader *in, gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        ELBO_TRY(elbo_get_doubles(in, A->data + i * A->tda, A->size2));
    return ELBO_OK;
}

void elbo_mniw_save(const elbo_mniw *q, elbo_writer *out)
{
    elbo_put_u64(out, q->M->size1);
    elbo_put_u64(out, q->M->size2);
    put_matrix(out, q->M);
    put_matrix(out, q->K);
    put_matrix(out, q->Psi);
    elbo_put_f64(out, q->nu);
}

elbo_status elbo_mniw_load(elbo_mniw *q, elbo_reader *in)
{
    uint64_t ny, nz;

    ELBO_TRY(elbo_get_u64(in, &ny));
    ELBO_TRY(elbo_get_u64(in, &nz));
    if (ny != q->M->size1 || nz != q->M->size2)
        return ELBO_FAIL(ELBO_EDATA, "mniw: %llu x %llu, expected %zu x %zu",
                         (unsigned long long)ny, (unsigned long long)nz,
                         q->M->size1, q->M->size2);
    ELBO_TRY(get_matrix(in, q->M));
    ELBO_TRY(get_matrix(in, q->K));
    ELBO_TRY(get_matrix(in, q->Psi));
    ELBO_TRY(elbo_get_f64(in, &q->nu));
    if (!(q->nu > (double)ny - 1 && isfinite(q->nu)))
        return ELBO_FAIL(ELBO_EDATA, "mniw: nu = %g with ny = %llu", q->nu,
                         (unsigned long long)ny);
    return ELBO_OK;
}
