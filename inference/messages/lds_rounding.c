/* inference/messages/lds_rounding.c -- how far rounding may move a bound. */
#include <float.h>
#include <math.h>

#include "inference/messages/lds_parts.h"

/* Syy_ii + (|M| |Szz| |M|')_ii: what the i-th residual is a difference of. */
static double terms(const elbo_lds_regression *r, size_t i)
{
    double sum = gsl_matrix_get(r->S.Syy, i, i);

    for (size_t j = 0; j < r->nz; j++)
        for (size_t k = 0; k < r->nz; k++)
            sum += fabs(gsl_matrix_get(r->M, i, j) * gsl_matrix_get(r->S.Szz, j, k)
                        * gsl_matrix_get(r->M, i, k));
    return sum;
}

static elbo_status add_part(const elbo_lds_regression *r, double *sum,
                            elbo_arena *ws)
{
    gsl_matrix *const V = elbo_arena_mat(ws, r->dim, r->dim);

    ELBO_TRY(elbo_arena_check(ws, "lds: rounding"));
    gsl_matrix_memcpy(V, r->W);
    ELBO_TRY(elbo_chol(V));
    ELBO_TRY(elbo_chol_inverse(V));
    for (size_t i = 0; i < r->dim; i++)
        *sum += gsl_matrix_get(V, i, i) * terms(r, i);
    return ELBO_OK;
}

/* A W that is held may be singular, and is then left out. */
elbo_status elbo_lds_rounding(const elbo_lds *lds, double *rounding)
{
    double sum = 0;

    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        const elbo_mark mark = elbo_arena_mark(lds->arena);
        const elbo_status s = add_part(&lds->part[p], &sum, lds->arena);

        elbo_arena_release(lds->arena, mark);
        if (s != ELBO_OK && s != ELBO_ENOTPD) return s;
    }
    *rounding = DBL_EPSILON * sum;
    return ELBO_OK;
}
