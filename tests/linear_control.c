#include "tests/linear_control.h"

#include <gsl/gsl_blas.h>
#include <string.h>

static void value(const void *self, const double v[], double y[])
{
    const linear_map *const f = self;
    const gsl_vector_const_view in =
        gsl_vector_const_view_array(v, f->M->size2);
    gsl_vector_view out = gsl_vector_view_array(y, f->M->size1);

    gsl_vector_memcpy(&out.vector, f->c);
    gsl_blas_dgemv(CblasNoTrans, 1, f->M, &in.vector, 1, &out.vector);
}

static void jacobian(const void *self, const double v[], double J[])
{
    const linear_map *const f = self;

    (void)v;
    memcpy(J, f->M->data, f->M->size1 * f->M->size2 * sizeof *J);
}

elbo_map linear_map_of(const linear_map *f)
{
    return (elbo_map){f, f->M->size2, f->M->size1, value, jacobian};
}

gsl_matrix *diagonal(const double d[], size_t n, double s, elbo_arena *ws)
{
    gsl_matrix *const D = elbo_arena_mat(ws, n, n);

    gsl_matrix_set_zero(D);
    for (size_t i = 0; i < n; i++) gsl_matrix_set(D, i, i, s * d[i]);
    return D;
}

gsl_matrix *identity(size_t n, double s, elbo_arena *ws)
{
    gsl_matrix *const I = elbo_arena_mat(ws, n, n);

    gsl_matrix_set_identity(I);
    gsl_matrix_scale(I, s);
    return I;
}

linear_map identity_map(size_t n, elbo_arena *ws)
{
    const linear_map f = {identity(n, 1, ws), elbo_arena_vec(ws, n)};

    gsl_vector_set_zero(f.c);
    return f;
}

const double lq_A[4] = {1.1, 0, 0.1, 1.1};
const double lq_B[2] = {0.1, 0};
const double lq_Q[2] = {10, 10};

linear_map lq_dynamics(const double goal[], const double A[], const double B[],
                       elbo_arena *ws)
{
    const linear_map f = {elbo_arena_mat(ws, LQ_NX, LQ_NX + LQ_NU),
                          elbo_arena_vec(ws, LQ_NX)};

    for (size_t i = 0; i < LQ_NX; i++) {
        double c = goal[i];

        for (size_t j = 0; j < LQ_NX; j++) {
            gsl_matrix_set(f.M, i, j, A[i * LQ_NX + j]);
            c -= A[i * LQ_NX + j] * goal[j];
        }
        gsl_matrix_set(f.M, i, LQ_NX, B[i]);
        gsl_vector_set(f.c, i, c);
    }
    return f;
}
