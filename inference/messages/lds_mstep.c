/* inference/messages/lds_mstep.c -- each part's regression, by either method.
 */
#include <assert.h>
#include <gsl/gsl_blas.h>

#include "inference/messages/lds_parts.h"

static const char *const names[] = {"start", "transition", "emission"};

static size_t free_columns(const elbo_lds_regression *r)
{
    size_t n = 0;

    for (size_t j = 0; j < r->nz; j++) n += !r->held[j];
    return n;
}

/* Moments of y - M_h z_h on the channels z_f that are free. */
static void reduce(const elbo_lds_regression *r, const elbo_moments *S,
                   elbo_moments *out)
{
    size_t column = 0;

    for (size_t j = 0; j < r->nz; j++) {
        if (r->held[j]) continue;
        for (size_t i = 0, row = 0; i < r->nz; i++)
            if (!r->held[i])
                gsl_matrix_set(out->Szz, row++, column,
                               gsl_matrix_get(S->Szz, i, j));
        for (size_t i = 0; i < r->dim; i++) {
            double sum = gsl_matrix_get(S->Syz, i, j);

            for (size_t h = 0; h < r->nz; h++)
                if (r->held[h])
                    sum -= gsl_matrix_get(r->M, i, h)
                           * gsl_matrix_get(S->Szz, h, j);
            gsl_matrix_set(out->Syz, i, column, sum);
        }
        column++;
    }
    out->n = S->n;
}

static elbo_status regress_free(elbo_lds_regression *r, size_t *rank,
                                elbo_arena *ws)
{
    const size_t n = free_columns(r);
    gsl_matrix *M;
    elbo_moments S;

    *rank = 0;
    if (n == 0) return ELBO_OK;
    if (n == r->nz) return elbo_moments_regress(&r->S, r->M, rank, ws);
    ELBO_TRY(elbo_moments_init(&S, r->dim, n, ws));
    M = elbo_arena_mat(ws, r->dim, n);
    ELBO_TRY(elbo_arena_check(ws, "lds: M-step"));
    reduce(r, &r->S, &S);
    ELBO_TRY(elbo_moments_regress(&S, M, rank, ws));
    for (size_t j = 0, from = 0; j < r->nz; j++) {
        if (r->held[j]) continue;
        for (size_t i = 0; i < r->dim; i++)
            gsl_matrix_set(r->M, i, j, gsl_matrix_get(M, i, from));
        from++;
    }
    return ELBO_OK;
}

/* M does not depend on W: all rows share their regressors. */
static elbo_status maximise(elbo_lds *lds, elbo_lds_regression *r, size_t *rank,
                            size_t *floored)
{
    const elbo_mark mark = elbo_arena_mark(lds->arena);
    elbo_status s = regress_free(r, rank, lds->arena);

    *floored = 0;
    if (s == ELBO_OK && !r->held_W) {
        s = elbo_moments_residual(&r->S, r->M, r->W, lds->arena);
        gsl_matrix_scale(r->W, 1 / r->S.n);
        if (s == ELBO_OK)
            s = elbo_floor_covariance(r->W, r->scale, lds->config.floor,
                                      floored, lds->arena);
    }
    elbo_arena_release(lds->arena, mark);
    return s;
}

elbo_status elbo_lds_kernel(elbo_lds *lds, elbo_lds_regression *r)
{
    ELBO_TRY(elbo_mniw_kernel_of(&r->q, &r->kernel));
    gsl_matrix_memcpy(r->M, r->q.M);
    gsl_matrix_memcpy(r->W, r->kernel.W);
    gsl_matrix_memcpy(r->penalty, r->kernel.V);
    gsl_matrix_scale(r->penalty, (double)r->dim);
    return elbo_mniw_kl(&r->q, &r->prior, &r->kl, lds->arena);
}

static elbo_status infer(elbo_lds *lds, elbo_lds_regression *r)
{
    ELBO_TRY(elbo_mniw_posterior(&r->prior, &r->S, &r->q, lds->arena));
    return elbo_lds_kernel(lds, r);
}

elbo_status elbo_lds_mstep(elbo_lds *lds, elbo_lds_info *info, bool only_point)
{
    const bool vb = lds->config.method == ELBO_LDS_VB && !only_point;

    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        elbo_lds_regression *const r = &lds->part[p];
        elbo_status s = ELBO_OK;

        if (r->whole) continue;
        if (vb)
            s = infer(lds, r);
        else if (r->S.n > 0) /* no transition: nothing is learnt of it */
            s = maximise(lds, r, &info->rank[p], &info->floored[p]);
        if (s != ELBO_OK) return elbo_fail_prefix("lds: %s", names[p]);
    }
    return ELBO_OK;
}
