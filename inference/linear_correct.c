/* inference/linear_correct.c -- transition: corrected: the model's maps, each stage
 * with its own shift, so that the latest real episode is one of its paths.
 */
#include <string.h>

#include "inference/linear_state.h"
#include "inference/messages/opc.h"

elbo_status elbo_linear_open_correction(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    if (l->tilt.kind != &elbo_transition_corrected) return ELBO_OK;
    l->corrected = elbo_arena_take(e->arena, l->stages, sizeof *l->corrected);
    l->shift = elbo_arena_take(e->arena, l->stages, sizeof *l->shift);
    ELBO_TRY(elbo_arena_check(e->arena, "the corrected model"));
    for (size_t t = 0; t < l->stages; t++) {
        l->shift[t] = elbo_arena_vec(e->arena, l->world.nx);
        l->corrected[t] = l->belief.mean[t % l->belief.stages];
        l->corrected[t].c = l->shift[t];
    }
    return elbo_arena_check(e->arena, "the corrected model");
}

/* The rows [first, first + *length) of D's latest whole episode; *length 0: there is
 * none. One that has not gone through all stages and may go on is not whole. */
static size_t latest_episode(const elbo_linear *l, size_t *length)
{
    const elbo_linear_data *const D = &l->data;
    size_t first = D->n, last = D->n;

    *length = 0;
    while (first > 0 && D->step[--first] != 0) {}
    if (l->collector.running && last - first < l->stages) {
        last = first;
        while (first > 0 && D->step[--first] != 0) {}
    }
    *length = last - first < l->stages ? last - first : l->stages;
    return first;
}

/* The path [(n + 1) x nx] and inputs [n x nu] of rows of D. */
static elbo_status read_path(const elbo_linear_data *D, size_t first, size_t n,
                             gsl_matrix **X, gsl_matrix **U, elbo_arena *ws)
{
    *X = elbo_arena_mat(ws, n + 1, D->nx);
    *U = elbo_arena_mat(ws, n, D->nu);
    ELBO_TRY(elbo_arena_check(ws, "an episode"));
    for (size_t t = 0; t < n; t++) {
        memcpy(gsl_matrix_ptr(*X, t, 0), D->x + (first + t) * D->nx,
               D->nx * sizeof *D->x);
        memcpy(gsl_matrix_ptr(*U, t, 0), D->u + (first + t) * D->nu,
               D->nu * sizeof *D->u);
    }
    memcpy(gsl_matrix_ptr(*X, n, 0), D->y + (first + n - 1) * D->nx,
           D->nx * sizeof *D->y);
    return ELBO_OK;
}

static elbo_status correct(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const size_t stages = l->belief.stages;
    elbo_linear_dynamics *shifted;
    gsl_matrix *X, *U;
    size_t n;
    const size_t first = latest_episode(l, &n);

    for (size_t t = n; t < l->stages; t++) {
        const gsl_vector *const c = l->belief.mean[t % stages].c;

        if (c)
            gsl_vector_memcpy(l->shift[t], c);
        else
            gsl_vector_set_zero(l->shift[t]);
    }
    if (n == 0) return ELBO_OK;
    ELBO_TRY(read_path(&l->data, first, n, &X, &U, e->ws));
    shifted = elbo_arena_take(e->ws, n, sizeof *shifted);
    ELBO_TRY(elbo_arena_check(e->ws, "an on-policy correction"));
    ELBO_TRY(elbo_opc_correct(l->belief.mean, stages > 1 ? n : 1, X, U, shifted,
                              e->ws));
    for (size_t t = 0; t < n; t++)
        gsl_vector_memcpy(l->shift[t], shifted[t].c);
    return ELBO_OK;
}

elbo_status elbo_linear_correct(elbo_engine *e)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = e->linear->corrected ? correct(e) : ELBO_OK;

    elbo_arena_release(e->ws, mark);
    return s;
}

const elbo_linear_dynamics *elbo_linear_predictions(const elbo_linear *l, size_t *n)
{
    *n = l->corrected ? l->stages : l->belief.stages;
    return l->corrected ? l->corrected : l->belief.mean;
}
