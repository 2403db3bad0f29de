#include "inference/messages/opc.h"

#include <assert.h>
#include <gsl/gsl_blas.h>

/* c + r_t = x_{t+1} - A x_t - B u_t: the model's own c drops out. */
elbo_status elbo_opc_correct(const elbo_linear_dynamics model[], size_t nmodel,
                             const gsl_matrix *X, const gsl_matrix *U,
                             elbo_linear_dynamics out[], elbo_arena *arena)
{
    const size_t T = U->size1;

    assert(X->size1 == T + 1 && (nmodel == 1 || nmodel == T));
    for (size_t t = 0; t < T; t++) {
        gsl_vector *c = elbo_arena_vec(arena, X->size2);
        const gsl_vector_const_view x = gsl_matrix_const_row(X, t);
        const gsl_vector_const_view u = gsl_matrix_const_row(U, t);

        ELBO_TRY(elbo_arena_check(arena, "an on-policy correction"));
        out[t] = model[nmodel > 1 ? t : 0];
        gsl_matrix_get_row(c, X, t + 1);
        gsl_blas_dgemv(CblasNoTrans, -1, out[t].A, &x.vector, 1, c);
        gsl_blas_dgemv(CblasNoTrans, -1, out[t].B, &u.vector, 1, c);
        out[t].c = c;
    }
    return ELBO_OK;
}
