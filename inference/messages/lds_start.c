/* inference/messages/lds_start.c -- where learning starts.
 *
 * States are the leading principal components, scaled to variance 1, of windows
 * [y_t; ..; y_(t-h+1)] of standardised outputs, h ny >= nx + ny - 1: a delay
 * embedding. The regressions on them are the first parameters.
 */
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/lds_parts.h"

static const double spare_noise =
    0.1; /* added to Q and R, in units of `scale` */
static const double least_share =
    1e-9; /* of the largest eigenvalue: a component */

typedef struct standard {
    double *mean, *deviation; /* [ny] */
} standard;

/* By channel, over what was seen; deviation 0 for a constant. */
static void standardise(const elbo_lds *lds, standard *s)
{
    for (size_t j = 0; j < lds->ny; j++) {
        double n = 0, mean = 0, squares = 0; /* Welford 1962 */

        for (size_t i = 0; i < lds->n; i++)
            for (size_t t = 0; t < lds->data[i].Y->size1; t++) {
                const double y = gsl_matrix_get(lds->data[i].Y, t, j);
                const double gap = y - mean;

                if (isnan(y)) continue;
                n++;
                mean += gap / n;
                squares += gap * (y - mean);
            }
        s->mean[j] = mean;
        s->deviation[j] = n > 0 ? sqrt(squares / n) : 0;
        if (!(s->deviation[j] > 1e-12 * fabs(mean))) s->deviation[j] = 0;
    }
}

static void take_scale(elbo_lds *lds, const standard *s)
{
    double *const scale = lds->part[ELBO_LDS_EMISSION].scale;
    double mean = 0;

    for (size_t j = 0; j < lds->ny; j++) {
        scale[j] = s->deviation[j] * s->deviation[j];
        mean += scale[j] / (double)lds->ny;
    }
    for (size_t j = 0; j < lds->ny; j++)
        if (!(scale[j] > 0)) scale[j] = mean > 0 ? mean : 1;
}

/* The window that ends at row t; 0, the mean, before the first row. */
static void window(const elbo_lds *lds, const elbo_sequence *x, size_t t,
                   const standard *s, gsl_vector *w)
{
    for (size_t i = 0; i < w->size; i++) {
        const size_t back = i / lds->ny, j = i % lds->ny;
        const double y =
            back <= t ? gsl_matrix_get(x->Y, t - back, j) : (double)NAN;

        gsl_vector_set(w, i,
                       isnan(y) || !(s->deviation[j] > 0)
                           ? 0
                           : (y - s->mean[j]) / s->deviation[j]);
    }
}

/* Rows of W: directions that give states of variance 1; 0 where there is none.
 */
static elbo_status directions(const elbo_lds *lds, const standard *s,
                              gsl_matrix *W, elbo_arena *ws)
{
    const size_t n = W->size2;
    gsl_matrix *S = elbo_arena_mat(ws, n, n);
    gsl_vector *w = elbo_arena_vec(ws, n), *values = elbo_arena_vec(ws, n);
    double rows = 0;

    ELBO_TRY(elbo_arena_check(ws, "lds: start"));
    gsl_matrix_set_zero(S);
    for (size_t i = 0; i < lds->n; i++)
        for (size_t t = 0; t < lds->data[i].Y->size1; t++, rows++) {
            window(lds, &lds->data[i], t, s, w);
            gsl_blas_dsyr(CblasLower, 1, w, S);
        }
    ELBO_TRY(elbo_eig_sym(S, values, ws));
    gsl_matrix_set_zero(W);
    for (size_t i = 0; i < lds->nx; i++) {
        const double value = gsl_vector_get(values, n - 1 - i);
        const gsl_vector from = gsl_matrix_row(S, n - 1 - i).vector;
        gsl_vector to = gsl_matrix_row(W, i).vector;

        if (!(value > least_share * gsl_vector_get(values, n - 1))) continue;
        gsl_vector_memcpy(&to, &from);
        gsl_vector_scale(&to, sqrt(rows / value));
    }
    return ELBO_OK;
}

/* x_t of a sequence; components that the data lack are drawn. */
static void states(const elbo_lds *lds, size_t sequence, const standard *s,
                   const gsl_matrix *W, gsl_vector *w, gsl_matrix *X)
{
    elbo_rng rng = elbo_rng_stream(lds->config.seed, "lds start", sequence);

    for (size_t t = 0; t < X->size1; t++) {
        gsl_vector x = gsl_matrix_row(X, t).vector;

        elbo_rng_normals(&rng, x.data, x.size);
        window(lds, &lds->data[sequence], t, s, w);
        for (size_t i = 0; i < lds->nx; i++) {
            const gsl_vector d = gsl_matrix_const_row(W, i).vector;
            double value;

            if (!(gsl_blas_dnrm2(&d) > 0)) continue;
            gsl_blas_ddot(&d, w, &value);
            gsl_vector_set(&x, i, value);
        }
    }
}

/* Add the moments of a sequence whose states were seen. */
static elbo_status add_sequence(elbo_lds *lds, size_t sequence,
                                const standard *s, const gsl_matrix *X,
                                elbo_arena *ws)
{
    const elbo_sequence *const data = &lds->data[sequence];
    const size_t T = X->size1;
    gsl_matrix *Z = elbo_arena_mat(ws, T, lds->nz);
    gsl_matrix *Y = elbo_arena_mat(ws, T, lds->ny);
    double one = 1;
    const gsl_matrix ones = gsl_matrix_view_array(&one, 1, 1).matrix;
    const gsl_matrix first =
        gsl_matrix_const_submatrix(X, 0, 0, 1, lds->nx).matrix;

    ELBO_TRY(elbo_arena_check(ws, "lds: start"));
    for (size_t t = 0; t < T; t++) {
        for (size_t i = 0; i < lds->nx; i++)
            gsl_matrix_set(Z, t, i, gsl_matrix_get(X, t, i));
        for (size_t i = 0; i < lds->nu; i++)
            gsl_matrix_set(Z, t, lds->nx + i, gsl_matrix_get(data->U, t, i));
        gsl_matrix_set(Z, t, lds->nz - 1, 1);
        for (size_t j = 0; j < lds->ny; j++) {
            const double y = gsl_matrix_get(data->Y, t, j);

            gsl_matrix_set(Y, t, j, isnan(y) ? s->mean[j] : y);
        }
    }
    ELBO_TRY(
        elbo_moments_rows(&lds->part[ELBO_LDS_START].S, &first, &ones, NULL));
    ELBO_TRY(elbo_moments_rows(&lds->part[ELBO_LDS_EMISSION].S, Y, Z, NULL));
    if (T == 1) return ELBO_OK;

    const gsl_matrix next =
        gsl_matrix_const_submatrix(X, 1, 0, T - 1, lds->nx).matrix;
    const gsl_matrix before =
        gsl_matrix_submatrix(Z, 0, 0, T - 1, lds->nz).matrix;

    return elbo_moments_rows(&lds->part[ELBO_LDS_TRANSITION].S, &next, &before,
                             NULL);
}

static elbo_status from_windows(elbo_lds *lds, const standard *s,
                                elbo_arena *ws)
{
    const size_t h = (lds->nx + lds->ny - 2) / lds->ny + 1;
    gsl_matrix *W = elbo_arena_mat(ws, lds->nx, h * lds->ny);
    gsl_vector *w = elbo_arena_vec(ws, h * lds->ny);

    ELBO_TRY(elbo_arena_check(ws, "lds: start"));
    ELBO_TRY(directions(lds, s, W, ws));
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++)
        elbo_moments_clear(&lds->part[p].S);
    for (size_t i = 0; i < lds->n; i++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        gsl_matrix *X = elbo_arena_mat(ws, lds->data[i].Y->size1, lds->nx);

        ELBO_TRY(elbo_arena_check(ws, "lds: start"));
        states(lds, i, s, W, w, X);
        ELBO_TRY(add_sequence(lds, i, s, X, ws));
        elbo_arena_release(ws, mark);
    }
    return ELBO_OK;
}

/* Learnt parts come from the windows; noise is added where W is not held. */
static elbo_status from_data(elbo_lds *lds, const standard *s)
{
    elbo_lds_info info;

    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        gsl_matrix_set_zero(lds->part[p].M);
        gsl_matrix_set_identity(lds->part[p].W);
    }
    ELBO_TRY(from_windows(lds, s, lds->arena));
    ELBO_TRY(elbo_lds_mstep(lds, &info, true));
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++)
        for (size_t i = 0; i < lds->part[p].dim; i++)
            *gsl_matrix_ptr(lds->part[p].W, i, i) +=
                spare_noise * lds->part[p].scale[i];
    gsl_matrix_set_identity(lds->part[ELBO_LDS_START].W);
    return ELBO_OK;
}

static void copy_columns(gsl_matrix *M, size_t first, const gsl_matrix *from)
{
    for (size_t i = 0; from && i < from->size1; i++)
        for (size_t j = 0; j < from->size2; j++)
            gsl_matrix_set(M, i, first + j, gsl_matrix_get(from, i, j));
}

static void copy_column(gsl_matrix *M, size_t j, const gsl_vector *from)
{
    for (size_t i = 0; from && i < from->size; i++)
        gsl_matrix_set(M, i, j, gsl_vector_get(from, i));
}

static void from_model(elbo_lds *lds, const elbo_lgssm *model)
{
    const elbo_lgssm_step *const step = model->steps;
    elbo_lds_regression *const start = &lds->part[ELBO_LDS_START];
    elbo_lds_regression *const f = &lds->part[ELBO_LDS_TRANSITION];
    elbo_lds_regression *const g = &lds->part[ELBO_LDS_EMISSION];

    gsl_matrix_set_zero(f->M);
    gsl_matrix_set_zero(g->M);
    copy_column(start->M, 0, model->m0);
    copy_columns(f->M, 0, step->A);
    copy_columns(f->M, lds->nx, step->B);
    copy_column(f->M, lds->nz - 1, step->b);
    copy_columns(g->M, 0, step->C);
    copy_columns(g->M, lds->nx, step->D);
    copy_column(g->M, lds->nz - 1, step->d);
    gsl_matrix_memcpy(start->W, model->P0);
    gsl_matrix_memcpy(f->W, step->Q);
    gsl_matrix_memcpy(g->W, step->R);
}

elbo_status elbo_lds_start(elbo_lds *lds)
{
    const elbo_mark mark = elbo_arena_mark(lds->arena);
    standard s = {.mean = elbo_arena_doubles(lds->arena, lds->ny),
                  .deviation = elbo_arena_doubles(lds->arena, lds->ny)};
    elbo_status status = elbo_arena_check(lds->arena, "lds: start");

    if (status == ELBO_OK) {
        standardise(lds, &s);
        take_scale(lds, &s);
        if (lds->config.initial)
            from_model(lds, lds->config.initial);
        else
            status = from_data(lds, &s);
    }
    elbo_arena_release(lds->arena, mark);
    return status;
}
