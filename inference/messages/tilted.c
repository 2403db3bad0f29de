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

/* Y [nx x nx] = S^-1/2 L', so that W~ = Y'Y, and the eigenvalues of S in `sigma`;
 * log det S / (2 s) in *spread, whose limit at s = 0 is tr(P W) / 2. */
static elbo_status tilt_noise(const gsl_matrix *W, const gsl_matrix *P, double s,
                              gsl_matrix *Y, gsl_vector *sigma, double *spread,
                              elbo_arena *ws)
{
    const size_t nx = W->size1;
    gsl_matrix *L = elbo_arena_mat(ws, nx, nx), *PL = elbo_arena_mat(ws, nx, nx);
    gsl_matrix *E = elbo_arena_mat(ws, nx, nx);

    ELBO_TRY(elbo_arena_check(ws, "a tilt"));
    if (elbo_psd_factor(W, L, ws) != ELBO_OK)
        return elbo_fail_prefix("the noise W is no covariance");

    /* L'P L = E' diag(w) E,  sigma = 1 + s w,  Y = diag(sigma)^-1/2 E L' */
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, P, L, 0, PL);
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, L, PL, 0, E);
    ELBO_TRY(elbo_eig_sym(E, sigma, ws));
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, E, L, 0, Y);
    *spread = 0;
    for (size_t i = 0; i < nx; i++) {
        const double w = sigma->data[i], sw = s * w;
        gsl_vector_view row = gsl_matrix_row(Y, i);

        if (!(sw > -1))
            return ELBO_FAIL(ELBO_ENOTPD,
                             "E exp(gamma V / b) is infinite: I + s L'P L has "
                             "eigenvalue %g, s = gamma / b = %g, W = L L'",
                             1 + sw, s);
        sigma->data[i] = 1 + sw;
        gsl_vector_scale(&row.vector, 1 / sqrt(1 + sw));
        *spread += s != 0 ? log1p(sw) / (2 * s) : w / 2;
    }
    return ELBO_OK;
}

/* P~ = P - s P W~ P, as a sum of squares for either sign of s:
 *   s < 0:  P + |s| (Y P)'(Y P)
 *   s > 0:  N'P N + s Z'Z,  Z = S^-1/2 Y P, the square of the shift that q pays for. */
static elbo_status tilt_curvature(const gsl_matrix *P, const gsl_matrix *Y,
                                  const gsl_vector *sigma, double s, elbo_tilted *t,
                                  elbo_arena *ws)
{
    const size_t nx = P->size1;
    gsl_matrix *YP = elbo_arena_mat(ws, nx, nx), *PN = elbo_arena_mat(ws, nx, nx);

    ELBO_TRY(elbo_arena_check(ws, "a tilt"));
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, Y, P, 0, YP);
    if (s <= 0) {
        gsl_matrix_memcpy(t->V.P, P);
    } else {
        gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, P, t->N, 0, PN);
        gsl_blas_dgemm(CblasTrans, CblasNoTrans, 1, t->N, PN, 0, t->V.P);
        for (size_t i = 0; i < nx; i++) {
            gsl_vector_view row = gsl_matrix_row(YP, i);

            gsl_vector_scale(&row.vector, 1 / sqrt(gsl_vector_get(sigma, i)));
        }
    }
    gsl_blas_dgemm(CblasTrans, CblasNoTrans, fabs(s), YP, YP, 1, t->V.P);
    elbo_sym_mean(t->V.P);
    return ELBO_OK;
}

static elbo_status tilt(const gsl_matrix *W, const elbo_quadratic *V, double s,
                        elbo_tilted *t, elbo_arena *ws)
{
    const size_t nx = W->size1;
    gsl_matrix *Y = elbo_arena_mat(ws, nx, nx);
    gsl_vector *sigma = elbo_arena_vec(ws, nx), *Wp = elbo_arena_vec(ws, nx);
    double spread = 0, square = 0;

    ELBO_TRY(elbo_arena_check(ws, "a tilt"));
    ELBO_TRY(tilt_noise(W, V->P, s, Y, sigma, &spread, ws));
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, Y, 0, t->W);
    elbo_sym_from_lower(t->W);
    if (s == 0) gsl_matrix_memcpy(t->W, W);

    /* N = I - s W~ P: what it moves stays in the range of W. */
    gsl_matrix_set_identity(t->N);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, -s, t->W, V->P, 1, t->N);
    ELBO_TRY(tilt_curvature(V->P, Y, sigma, s, t, ws));

    /* p~ = p - s P W~ p,  c~ = c + s/2 p'W~ p - log det S / (2 s),  shift = s W~ p */
    gsl_blas_dgemv(CblasNoTrans, 1, t->W, V->p, 0, Wp);
    gsl_blas_ddot(V->p, Wp, &square);
    gsl_vector_memcpy(t->V.p, V->p);
    gsl_blas_dgemv(CblasNoTrans, -s, V->P, Wp, 1, t->V.p);
    t->V.c = V->c + 0.5 * s * square - spread;
    gsl_vector_memcpy(t->shift, Wp);
    gsl_vector_scale(t->shift, s);
    return ELBO_OK;
}

elbo_status elbo_tilt(const gsl_matrix *W, const elbo_quadratic *V, double s,
                      elbo_tilted *out, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status status = tilt(W, V, s, out, ws);

    elbo_arena_release(ws, mark);
    return status;
}
