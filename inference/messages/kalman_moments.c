/* inference/messages/kalman_moments.c -- what an M-step asks of the smoother.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/messages/kalman_parts.h"

/* The leading block of A += B, at (row, 0). */
static void add_block(gsl_matrix *A, const gsl_matrix *B)
{
    for (size_t i = 0; i < B->size1; i++) {
        double *const a = A->data + i * A->tda;
        const double *const b = B->data + i * B->tda;

        for (size_t j = 0; j < B->size2; j++) a[j] += b[j];
    }
}

static gsl_matrix rows_of(const gsl_matrix *A, size_t first, size_t n)
{
    return (gsl_matrix){.size1 = n,
                        .size2 = A->size2,
                        .tda = A->tda,
                        .data = A->data + first * A->tda};
}

/* S += moments of the rows Y and Z, by the scratch of each shape. */
static void add_rows(elbo_moments *S, const gsl_matrix *Y, const gsl_matrix *Z,
                     gsl_matrix *yy, gsl_matrix *yz, gsl_matrix *zz)
{
    elbo_dense_square(ELBO_DENSE_SET, Z, zz);
    elbo_dense_tn(ELBO_DENSE_SET, Y, Z, yz);
    elbo_dense_square(ELBO_DENSE_SET, Y, yy);
    add_block(S->Szz, zz);
    add_block(S->Syz, yz);
    add_block(S->Syy, yy);
    S->n += (double)Y->size1;
}

static void start_moments(const elbo_kalman *k, elbo_moments *S)
{
    const gsl_matrix P = elbo_kalman_covariance(k, 0);
    const double *const m = k->m->data;

    add_block(S->Syy, &P);
    for (size_t i = 0; i < k->nx; i++) {
        S->Syz->data[i * S->Syz->tda] += m[i];
        for (size_t j = 0; j < k->nx; j++)
            S->Syy->data[i * S->Syy->tda + j] += m[i] * m[j];
    }
    S->Szz->data[0] += 1;
    S->n += 1;
}

static void transition_moments(elbo_kalman *k, elbo_moments *S)
{
    const size_t n = k->T - 1;
    const gsl_matrix Z = rows_of(k->Z, 0, n), next = rows_of(k->m, 1, n);
    const gsl_matrix first = elbo_kalman_covariance(k, 0);
    const gsl_matrix last = elbo_kalman_covariance(k, n);

    add_rows(S, &next, &Z, k->xx, k->xz, k->zz);
    add_block(S->Szz, &first);
    add_block(S->Szz, k->sum);
    add_block(S->Syz, k->lag);
    add_block(S->Syy, k->sum);
    add_block(S->Syy, &last);
}

/* A row with n channels seen and some lost: y_m = w_m + G (y_o - w_o) + noise
 * with G' = R_oo^-1 R_om, F = C_m - G C_o, and w = C m + D u + d. */
typedef struct partial {
    size_t n, lost;
    gsl_matrix Rom, Gt, Ft, FP, within; /* views of the workspace */
} partial;

static partial part_of(elbo_kalman *k, size_t n)
{
    const size_t lost = k->ny - n;

    gsl_matrix_set_zero(k->Rom);
    gsl_matrix_set_zero(k->Gt);
    gsl_matrix_set_zero(k->Ft);
    gsl_matrix_set_zero(k->within);
    return (partial){.n = n,
                     .lost = lost,
                     .Rom = elbo_kalman_part(*k->Rom, n, lost),
                     .Gt = elbo_kalman_part(*k->Gt, n, lost),
                     .Ft = elbo_kalman_part(*k->Ft, k->nx, lost),
                     .FP = elbo_kalman_part(*k->FP, lost, k->nx),
                     .within = elbo_kalman_part(*k->within, lost, lost)};
}

/* Which are lost; R_om, C_m' and R_mm in their places. */
static void gather(elbo_kalman *k, const double y[], partial *p)
{
    size_t j = 0;

    for (size_t c = 0; c < k->ny; c++)
        if (isnan(y[c])) k->lost[j++] = c;
    for (j = 0; j < p->lost; j++) {
        const size_t c = k->lost[j];

        for (size_t i = 0; i < p->n; i++)
            gsl_matrix_set(&p->Rom, i, j, gsl_matrix_get(k->R, k->seen[i], c));
        for (size_t i = 0; i < k->nx; i++)
            gsl_matrix_set(&p->Ft, i, j, gsl_matrix_get(k->Ct, i, c));
        for (size_t i = 0; i < p->lost; i++)
            gsl_matrix_set(&p->within, i, j,
                           gsl_matrix_get(k->R, k->lost[i], c));
    }
}

/* G, F, F P = Cov(y_m, x) and Cov(y_m) = R_mm - G R_om + F P F'. */
static elbo_status regress_lost(elbo_kalman *k, const gsl_matrix *P, partial *p)
{
    elbo_kalman_emission seen;

    ELBO_TRY(elbo_kalman_emission_of(k, p->n, &seen));
    if (seen.triangular) {
        elbo_dense_copy(&p->Gt, &p->Rom);
        elbo_dense_solve_transposed(&seen.Ur, &p->Gt);
        elbo_dense_solve(&seen.Ur, &p->Gt);
    } else {
        elbo_dense_nn(ELBO_DENSE_SET, &seen.inverse, &p->Rom, &p->Gt);
    }
    elbo_dense_nn(ELBO_DENSE_SUB, &seen.Ct, &p->Gt, &p->Ft);
    elbo_dense_tn(ELBO_DENSE_SET, &p->Ft, P, &p->FP);
    elbo_dense_tn(ELBO_DENSE_SUB, &p->Rom, &p->Gt, &p->within);
    elbo_dense_nn(ELBO_DENSE_ADD, &p->FP, &p->Ft, &p->within);
    elbo_dense_symmetrise(&p->within);
    return ELBO_OK;
}

/* Means in the places of y that are lost; their covariances into S. */
static elbo_status fill_missing(elbo_kalman *k, size_t t, const gsl_matrix *P,
                                double y[], elbo_moments *S)
{
    partial p = part_of(k, elbo_kalman_look(k, t));
    double *const w = k->row_w;

    ELBO_TRY(elbo_kalman_prepare(k, t));
    gather(k, y, &p);
    ELBO_TRY(regress_lost(k, P, &p));
    elbo_kalman_output(k, t, k->m->data + t * k->m->tda, w);
    for (size_t j = 0; j < p.lost; j++) {
        const size_t c = k->lost[j];

        y[c] = w[c];
        for (size_t i = 0; i < p.n; i++)
            y[c] +=
                gsl_matrix_get(&p.Gt, i, j) * (y[k->seen[i]] - w[k->seen[i]]);
        for (size_t i = 0; i < k->nx; i++)
            S->Syz->data[c * S->Syz->tda + i] += gsl_matrix_get(&p.FP, j, i);
        for (size_t i = 0; i < p.lost; i++)
            S->Syy->data[c * S->Syy->tda + k->lost[i]] +=
                gsl_matrix_get(&p.within, j, i);
    }
    return ELBO_OK;
}

/* Rows that have no channel are left out; the others move up. */
static elbo_status emission_moments(elbo_kalman *k, elbo_moments *S)
{
    size_t rows = 0;

    for (size_t t = 0; t < k->T; t++) {
        const size_t n = k->row_seen[t];
        double *const y = k->Y->data + rows * k->Y->tda;
        const gsl_matrix P = elbo_kalman_covariance(k, t);

        if (n == 0) continue;
        memcpy(y, k->x.Y->data + t * k->x.Y->tda, k->ny * sizeof(double));
        if (rows < t)
            memcpy(k->Z->data + rows * k->Z->tda, k->Z->data + t * k->Z->tda,
                   k->nz * sizeof(double));
        if (n < k->ny) ELBO_TRY(fill_missing(k, t, &P, y, S));
        if (!k->complete) add_block(S->Szz, &P);
        rows++;
    }
    if (k->complete) {
        const gsl_matrix first = elbo_kalman_covariance(k, 0);
        const gsl_matrix last = elbo_kalman_covariance(k, k->T - 1);

        add_block(S->Szz, &first);
        if (k->T > 1) {
            add_block(S->Szz, k->sum);
            add_block(S->Szz, &last);
        }
    }

    const gsl_matrix Y = rows_of(k->Y, 0, rows), Z = rows_of(k->Z, 0, rows);

    if (rows > 0) add_rows(S, &Y, &Z, k->yy, k->yz, k->zz);
    return ELBO_OK;
}

elbo_status elbo_kalman_moments(elbo_kalman *k, elbo_moments *start,
                                elbo_moments *transition,
                                elbo_moments *emission)
{
    assert(k->smoothed);
    for (size_t t = 0; t < k->T; t++)
        elbo_kalman_regressor(k, t, k->m->data + t * k->m->tda,
                              k->Z->data + t * k->Z->tda);
    if (start) start_moments(k, start);
    if (transition && k->T > 1) transition_moments(k, transition);
    if (emission) return emission_moments(k, emission);
    return ELBO_OK;
}
