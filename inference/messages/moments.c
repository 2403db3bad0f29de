#include "inference/messages/moments.h"

#include <assert.h>
#include <math.h>

elbo_status elbo_moments_init(elbo_moments *S, size_t ny, size_t nz,
                              elbo_arena *arena)
{
    assert(ny >= 1 && nz >= 1);
    *S = (elbo_moments){.Szz = elbo_arena_mat(arena, nz, nz),
                        .Syz = elbo_arena_mat(arena, ny, nz),
                        .Syy = elbo_arena_mat(arena, ny, ny)};
    ELBO_TRY(elbo_arena_check(arena, "moments"));
    elbo_moments_clear(S);
    return ELBO_OK;
}

void elbo_moments_clear(elbo_moments *S)
{
    gsl_matrix_set_zero(S->Szz);
    gsl_matrix_set_zero(S->Syz);
    gsl_matrix_set_zero(S->Syy);
    S->n = 0;
}

static bool finite_row(const gsl_matrix *A, size_t i)
{
    double sum = 0; /* 0 x = 0 for a finite x, NaN for any other */

    for (size_t j = 0; j < A->size2; j++) sum += 0 * A->data[i * A->tda + j];
    return sum == 0;
}

static elbo_status check_rows(const gsl_matrix *Y, const gsl_matrix *Z,
                              const double w[])
{
    for (size_t i = 0; i < Y->size1; i++) {
        if (!finite_row(Y, i) || !finite_row(Z, i))
            return ELBO_FAIL(ELBO_ENOTFINITE,
                             "moments: row %zu has a value that is not finite",
                             i);
        if (w && !(w[i] >= 0 && isfinite(w[i])))
            return ELBO_FAIL(ELBO_EINVAL, "moments: row %zu has weight %g", i,
                             w[i]);
    }
    return ELBO_OK;
}

/* The first `columns` of row i of A += w x y. */
static void add_row(gsl_matrix *A, size_t i, double wx, const double y[],
                    size_t columns)
{
    double *const a = A->data + i * A->tda;

    for (size_t j = 0; j < columns; j++) a[j] += wx * y[j];
}

elbo_status elbo_moments_rows(elbo_moments *S, const gsl_matrix *Y,
                              const gsl_matrix *Z, const double w[])
{
    assert(Y->size1 == Z->size1);
    assert(Y->size2 == S->Syz->size1 && Z->size2 == S->Syz->size2);
    ELBO_TRY(check_rows(Y, Z, w));
    for (size_t t = 0; t < Y->size1; t++) {
        const double weight = w ? w[t] : 1;
        const double *const y = Y->data + t * Y->tda;
        const double *const z = Z->data + t * Z->tda;

        for (size_t i = 0; i < Z->size2; i++)
            add_row(S->Szz, i, weight * z[i], z, i + 1);
        for (size_t i = 0; i < Y->size2; i++) {
            add_row(S->Syz, i, weight * y[i], z, Z->size2);
            add_row(S->Syy, i, weight * y[i], y, i + 1);
        }
        S->n += weight;
    }
    elbo_sym_from_lower(S->Szz);
    elbo_sym_from_lower(S->Syy);
    return ELBO_OK;
}

static void add_scaled(gsl_matrix *A, double w, const gsl_matrix *B)
{
    for (size_t i = 0; i < A->size1; i++)
        add_row(A, i, w, B->data + i * B->tda, A->size2);
}

void elbo_moments_join(elbo_moments *S, double w, const elbo_moments *T)
{
    add_scaled(S->Szz, w, T->Szz);
    add_scaled(S->Syz, w, T->Syz);
    add_scaled(S->Syy, w, T->Syy);
    S->n += w * T->n;
}
