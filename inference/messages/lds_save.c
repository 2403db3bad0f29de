/* inference/messages/lds_save.c -- the state of learning. */
#include <math.h>

#include "inference/messages/lds_parts.h"

static void put_matrix(elbo_writer *out, const gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++)
        elbo_put_doubles(out, A->data + i * A->tda, A->size2);
}

static elbo_status get_matrix(elbo_reader *in, gsl_matrix *A)
{
    for (size_t i = 0; i < A->size1; i++) {
        ELBO_TRY(elbo_get_doubles(in, A->data + i * A->tda, A->size2));
        for (size_t j = 0; j < A->size2; j++)
            if (!isfinite(gsl_matrix_get(A, i, j)))
                return ELBO_FAIL(ELBO_EDATA, "lds: a parameter is %g",
                                 gsl_matrix_get(A, i, j));
    }
    return ELBO_OK;
}

void elbo_lds_save(const elbo_lds *lds, elbo_writer *out)
{
    elbo_put_u64(out, lds->config.method);
    elbo_put_u64(out, lds->nx);
    elbo_put_u64(out, lds->ny);
    elbo_put_u64(out, lds->nu);
    elbo_put_u64(out, lds->iteration);
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        const elbo_lds_regression *const r = &lds->part[p];

        put_matrix(out, r->M);
        put_matrix(out, r->W);
        if (lds->config.method == ELBO_LDS_VB && !r->whole)
            elbo_mniw_save(&r->q, out);
    }
}

static elbo_status get_same(elbo_reader *in, uint64_t x, const char *what)
{
    uint64_t got;

    ELBO_TRY(elbo_get_u64(in, &got));
    if (got != x)
        return ELBO_FAIL(ELBO_EDATA, "lds: %s is %llu, expected %llu", what,
                         (unsigned long long)got, (unsigned long long)x);
    return ELBO_OK;
}

elbo_status elbo_lds_load(elbo_lds *lds, elbo_reader *in)
{
    uint64_t iteration;

    ELBO_TRY(get_same(in, lds->config.method, "the method"));
    ELBO_TRY(get_same(in, lds->nx, "nx"));
    ELBO_TRY(get_same(in, lds->ny, "ny"));
    ELBO_TRY(get_same(in, lds->nu, "nu"));
    ELBO_TRY(elbo_get_u64(in, &iteration));
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        elbo_lds_regression *const r = &lds->part[p];

        ELBO_TRY(get_matrix(in, r->M));
        ELBO_TRY(get_matrix(in, r->W));
        if (lds->config.method != ELBO_LDS_VB || r->whole) continue;
        ELBO_TRY(elbo_mniw_load(&r->q, in));
        ELBO_TRY(elbo_lds_kernel(lds, r));
    }
    lds->iteration = (size_t)iteration;
    return ELBO_OK;
}
