#include "inference/messages/partial.h"

#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>
#include <stdlib.h>

elbo_status elbo_partial_init(elbo_partial *p, size_t ny, elbo_arena *arena)
{
    *p = (elbo_partial){.ny = ny,
                        .seen = elbo_arena_sizes(arena, ny),
                        .away = elbo_arena_sizes(arena, ny),
                        .L = elbo_arena_mat(arena, ny, ny),
                        .Gt = elbo_arena_mat(arena, ny, ny),
                        .within = elbo_arena_mat(arena, ny, ny),
                        .e = elbo_arena_doubles(arena, ny)};
    return elbo_arena_check(arena, "rows seen in part");
}

static void shape(gsl_matrix *A, size_t rows, size_t cols)
{
    A->size1 = rows;
    A->size2 = cols;
}

void elbo_partial_look(elbo_partial *p, const double y[])
{
    p->n = p->lost = 0;
    for (size_t i = 0; i < p->ny; i++)
        if (isnan(y[i]))
            p->away[p->lost++] = i;
        else
            p->seen[p->n++] = i;
    assert(p->n > 0 && p->lost > 0);
    shape(p->L, p->n, p->n);
    shape(p->Gt, p->n, p->lost);
    shape(p->within, p->lost, p->lost);
}

/* W of some channels with others */
static void gather(const gsl_matrix *W, const size_t rows[], const size_t cols[],
                   gsl_matrix *out)
{
    for (size_t i = 0; i < out->size1; i++)
        for (size_t j = 0; j < out->size2; j++)
            gsl_matrix_set(out, i, j, gsl_matrix_get(W, rows[i], cols[j]));
}

elbo_status elbo_partial_condition(elbo_partial *p, const gsl_matrix *W, bool lost)
{
    gather(W, p->seen, p->seen, p->L);
    ELBO_TRY(elbo_chol(p->L));
    p->logdet = elbo_chol_logdet(p->L);
    if (!lost) return ELBO_OK;

    /* H = L^-1 W_ol, within = W_ll - H' H, G' = L'^-1 H */
    gather(W, p->seen, p->away, p->Gt);
    gather(W, p->away, p->away, p->within);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, 1, p->L,
                   p->Gt);
    gsl_blas_dsyrk(CblasLower, CblasTrans, -1, p->Gt, 1, p->within);
    elbo_sym_from_lower(p->within);
    gsl_blas_dtrsm(CblasLeft, CblasLower, CblasTrans, CblasNonUnit, 1, p->L, p->Gt);
    return ELBO_OK;
}

static void residuals(elbo_partial *p, const double m[], const double y[])
{
    for (size_t i = 0; i < p->n; i++) p->e[i] = y[p->seen[i]] - m[p->seen[i]];
}

double elbo_partial_square(elbo_partial *p, const double m[], const double y[])
{
    gsl_vector_view e = gsl_vector_view_array(p->e, p->n);
    double square;

    residuals(p, m, y);
    gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, p->L, &e.vector);
    gsl_blas_ddot(&e.vector, &e.vector, &square);
    return square;
}

void elbo_partial_fill(elbo_partial *p, const double m[], const double y[],
                       double out[])
{
    residuals(p, m, y);
    for (size_t i = 0; i < p->n; i++) out[p->seen[i]] = y[p->seen[i]];
    for (size_t j = 0; j < p->lost; j++) {
        double x = m[p->away[j]];

        for (size_t i = 0; i < p->n; i++) x += gsl_matrix_get(p->Gt, i, j) * p->e[i];
        out[p->away[j]] = x;
    }
}

/* ---- rows ---- */

size_t elbo_partial_seen(const double y[], size_t ny)
{
    size_t n = 0;

    for (size_t i = 0; i < ny; i++) n += isnan(y[i]) ? 0 : 1;
    return n;
}

static int by_channels(const elbo_partial_row *a, const elbo_partial_row *b)
{
    for (size_t i = 0; i < a->ny; i++) {
        const int x = isnan(a->y[i]) != 0, y = isnan(b->y[i]) != 0;

        if (x != y) return x - y;
    }
    return 0;
}

static int in_order(const void *a, const void *b)
{
    const elbo_partial_row *const x = a, *const y = b;
    const int channels = by_channels(x, y);

    return channels ? channels : (x->t > y->t) - (x->t < y->t);
}

elbo_status elbo_partial_rows(const double y[], size_t T, size_t ny,
                              elbo_arena *arena, elbo_partial_row **rows, size_t *n)
{
    size_t found = 0;

    *n = 0;
    for (size_t t = 0; t < T; t++) {
        const size_t seen = elbo_partial_seen(y + t * ny, ny);

        found += seen > 0 && seen < ny;
    }
    *rows = elbo_arena_take(arena, found, sizeof **rows);
    ELBO_TRY(elbo_arena_check(arena, "rows seen in part"));
    for (size_t t = 0; t < T; t++) {
        const size_t seen = elbo_partial_seen(y + t * ny, ny);

        if (seen > 0 && seen < ny)
            (*rows)[(*n)++] = (elbo_partial_row){y + t * ny, ny, t};
    }
    if (found > 1) qsort(*rows, found, sizeof **rows, in_order);
    return ELBO_OK;
}

size_t elbo_partial_end(const elbo_partial_row rows[], size_t n, size_t i)
{
    size_t end = i + 1;

    while (end < n && by_channels(&rows[i], &rows[end]) == 0) end++;
    return end;
}
