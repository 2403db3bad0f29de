#include "inference/messages/tilted.h"

#include <gsl/gsl_blas.h>
#include <math.h>

elbo_tilted elbo_tilted_take(elbo_arena *arena, size_t nx)
{
    return (elbo_tilted){.V = elbo_quadratic_take(arena, nx),
                         .N = elbo_arena_mat(arena, nx, nx),
                         .W = elbo_arena_mat(arena, nx, nx),
                         .shift = elbo_arena_vec(arena, nx)};
}

/* q's noise L S^-1 L' into t->W; returns log det S / (2 s) in *spread, whose limit
 * at s = 0 is tr(P W) / 2. */
static elbo_status tilt_noise(const gsl_matrix *W, const gsl_matrix *P, double s,
                              elbo_tilted *t, double *spread, elbo_arena *ws)
{
    const size_t nx = W->size1;
    gsl_matrix *L = elbo_arena_mat(ws, nx, nx), *PL = elbo_arena_mat(ws, nx, nx);
    gsl_matrix *E = elbo_arena_mat(ws, nx, nx), *Y = elbo_arena_mat(ws, nx, nx);
    gsl_vector *w = elbo_arena_vec(ws, nx);

    ELBO_TRY(elbo_arena_check(ws, "a tilt"));
    if (elbo_psd_factor(W, L, ws) != ELBO_OK)
        return elbo_fail_prefix("the noise W is no covariance");

    /* L'P L = E' diag(w) E */
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, P, L, 0, PL);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, L, PL, 0, E);
    ELBO_TRY(elbo_eig_sym(E, w, ws));

    /* Y = diag(1 + s w)^-1/2 E L', W~ = Y'Y */
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, E, L, 0, Y);
    *spread = 0;
    for (size_t i = 0; i < nx; i++) {
        const double sw = s * w->data[i];
        gsl_vector_view row = gsl_matrix_row(Y, i);

        if (!(sw > -1))
            return ELBO_FAIL(ELBO_ENOTPD,
                             "E exp(gamma V / b) is infinite: I + s L'P L has "
                             "eigenvalue %g, s = gamma / b = %g, W = L L'",
                             1 + sw, s);
        gsl_vector_scale(&row.vector, 1 / sqrt(1 + sw));
        *spread += s != 0 ? log1p(sw) / (2 * s) : w->data[i] / 2;
    }
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, Y, 0, t->W);
    elbo_sym_from_lower(t->W);
    return ELBO_OK;
}

/* P~ = P N, p~ = N'p with N = (I + s W P)^-1. */
static elbo_status tilt_value(const gsl_matrix *W, const elbo_quadratic *V,
                              double s, elbo_tilted *t, elbo_arena *ws)
{
    const size_t nx = W->size1;
    gsl_matrix *M = elbo_arena_mat(ws, nx, nx);
    gsl_vector *Wp = elbo_arena_vec(ws, nx);
    double square = 0;
    elbo_lu lu;

    ELBO_TRY(elbo_arena_check(ws, "a tilt"));
    gsl_matrix_set_identity(M);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, s, W, V->P, 1, M);
    ELBO_TRY(elbo_lu_factor(M, ws, &lu));
    gsl_matrix_set_identity(t->N);
    ELBO_TRY(elbo_lu_solve_columns(&lu, t->N, ws));

    /* Rows of P N = (N'P)': N' times the rows of P. */
    gsl_matrix_memcpy(t->V.P, V->P);
    for (size_t i = 0; i < nx; i++) {
        gsl_vector_view row = gsl_matrix_row(t->V.P, i);

        ELBO_TRY(elbo_lu_solve_transposed(&lu, &row.vector));
    }
    elbo_sym_mean(t->V.P);
    gsl_vector_memcpy(t->V.p, V->p);
    ELBO_TRY(elbo_lu_solve_transposed(&lu, t->V.p));

    /* c~ = c + s/2 p'W~ p - log det S / (2 s); the shift of q's mean s W~ p */
    gsl_blas_dgemv(CblasNoTrans, 1, t->W, V->p, 0, Wp);
    gsl_blas_ddot(V->p, Wp, &square);
    gsl_vector_memcpy(t->shift, Wp);
    gsl_vector_scale(t->shift, s);
    t->V.c += V->c + 0.5 * s * square;
    return ELBO_OK;
}

static elbo_status tilt_all(const gsl_matrix *W, const elbo_quadratic *V, double s,
                        elbo_tilted *t, elbo_arena *ws)
{
    double spread = 0;

    ELBO_TRY(tilt_noise(W, V->P, s, t, &spread, ws));
    t->V.c = -spread;
    return tilt_value(W, V, s, t, ws);
}

elbo_status elbo_tilt(const gsl_matrix *W, const elbo_quadratic *V, double s,
                      elbo_tilted *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status status = tilt_all(W, V, s, out, ws);

    elbo_arena_release(ws, mark);
    return status;
}
