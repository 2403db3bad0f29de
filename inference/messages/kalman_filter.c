/* inference/messages/kalman_filter.c -- forward: covariances and means. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/messages/kalman_parts.h"

static const double log_2pi = 1.8378770664093454836;

static const double most_information = 1e5; /* digits lost: its logarithm */
static const double safe_difference = 1e-6; /* of the minuend */

static void identity(gsl_matrix *A)
{
    gsl_matrix_set_zero(A);
    for (size_t i = 0; i < A->size1; i++) A->data[i * A->tda + i] = 1;
}

static void of_seen(elbo_kalman *k, size_t n, elbo_kalman_emission *out)
{
    gsl_matrix_set_zero(k->Ct_seen);
    gsl_matrix_set_zero(k->Ur_seen);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k->nx; j++)
            gsl_matrix_set(&out->Ct, j, i,
                           gsl_matrix_get(k->Ct, j, k->seen[i]));
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(&out->R, i, j,
                           gsl_matrix_get(k->R, k->seen[i], k->seen[j]));
    }
}

elbo_status elbo_kalman_emission_of(elbo_kalman *k, size_t n,
                                    elbo_kalman_emission *out)
{
    const bool all = n == k->ny;
    elbo_kalman_root root = {.U = &out->Ur, .inverse = &out->inverse};

    out->inverse = elbo_kalman_part(*k->of_y.inverse, n, n);
    out->Ct = elbo_kalman_part(all ? *k->Ct : *k->Ct_seen, k->nx, n);
    out->Ur = elbo_kalman_part(all ? *k->Ur : *k->Ur_seen, n, n);
    out->R = elbo_kalman_part(all ? *k->R : *k->R_seen, n, n);
    out->triangular = k->Ur_triangular;
    if (all) return ELBO_OK;
    of_seen(k, n, out);
    ELBO_TRY(elbo_kalman_root_of(&out->R, &root, k->scratch));
    out->triangular = root.triangular;
    return ELBO_OK;
}

/* With S = U' U predicted, H = U C', Us' Us = C S C' + R:
 *   K' = (C S C' + R)^-1 H' U,   F = U - H K',   V = Ur K',   P = F' F + V' V
 */
static elbo_status condition(elbo_kalman *k, size_t t, size_t n)
{
    gsl_matrix H = elbo_kalman_part(*k->H, k->nx, n);
    gsl_matrix Us = elbo_kalman_part(*k->Us, n, n);
    gsl_matrix V = elbo_kalman_part(*k->V, n, k->nx);
    gsl_matrix Kt = elbo_kalman_part(elbo_kalman_slot(&k->Kt, t), n, k->nx);
    gsl_matrix Ui = elbo_kalman_part(elbo_kalman_slot(&k->Ui, t), n, n);
    elbo_kalman_emission y;

    ELBO_TRY(elbo_kalman_emission_of(k, n, &y));
    elbo_dense_nn(ELBO_DENSE_SET, k->root.U, &y.Ct, &H);
    elbo_dense_copy(&Us, &y.R);
    elbo_dense_square(ELBO_DENSE_ADD, &H, &Us);
    if (!elbo_dense_chol(&Us, 0))
        return ELBO_FAIL(
            ELBO_ENOTPD,
            "row %zu: the covariance of y is not positive definite", t);
    k->logdet[t] = elbo_dense_logdiag(&Us);
    elbo_dense_tn(ELBO_DENSE_SET, &H, k->root.U, &Kt);
    elbo_dense_solve_transposed(&Us, &Kt);
    elbo_dense_solve(&Us, &Kt);
    for (size_t i = 0; i < n; i++) {
        memset(Ui.data + i * Ui.tda, 0, Ui.tda * sizeof(double));
        Ui.data[i * Ui.tda + i] = 1;
    }
    elbo_dense_solve(&Us, &Ui);

    elbo_dense_nn(ELBO_DENSE_SUB, &H, &Kt, k->F);
    elbo_dense_nn(ELBO_DENSE_SET, &y.Ur, &Kt, &V);
    elbo_dense_square(ELBO_DENSE_SET, k->F, k->P_now);
    elbo_dense_square(ELBO_DENSE_ADD, &V, k->P_now);
    k->V_rows = n;
    return ELBO_OK;
}

/* P = G' G,  N = I + (O G')' (O G') = N' N,  (P^-1 + O' O)^-1 = (N'^-1 G)'
 * (N'^-1 G) */
static elbo_status penalise(elbo_kalman *k, size_t t, const gsl_matrix *O)
{
    gsl_matrix *const G = k->of_x.U, *const Gt = k->n1, *const Y = k->n2;
    gsl_matrix *const N = k->n3;

    ELBO_TRY(elbo_kalman_root_of(k->P_now, &k->of_x, k->scratch));
    elbo_dense_copy_transposed(Gt, G);
    elbo_dense_nn(ELBO_DENSE_SET, O, Gt, Y);
    identity(N);
    elbo_dense_square(ELBO_DENSE_ADD, Y, N);
    if (!elbo_dense_chol(N, 0))
        return ELBO_FAIL(ELBO_ENOTFINITE, "row %zu: penalty", t);
    k->logdet[t] += elbo_dense_logdiag(N);
    elbo_dense_solve_transposed(N, G);
    elbo_dense_square(ELBO_DENSE_SET, G, k->P_now);
    elbo_dense_copy(k->F, G);
    k->V_rows = 0;
    return ELBO_OK;
}

/* Data and penalty at once, by their information J = C' R^-1 C + V_xx = O' O:
 * N = I + (O U')' (O U') = N' N,  P = (N'^-1 U)' (N'^-1 U). Half the work of
 * one after the other; not where N loses digits, beside noise far below the
 * prediction. */
static bool inform(elbo_kalman *k, size_t t, const gsl_matrix *O)
{
    gsl_matrix *const Ut = k->n1, *const Y = k->n2, *const N = k->n3;

    elbo_dense_copy_transposed(Ut, k->root.U);
    elbo_dense_nn(ELBO_DENSE_SET, O, Ut, Y);
    identity(N);
    elbo_dense_square(ELBO_DENSE_ADD, Y, N);
    for (size_t i = 0; i < k->nx; i++)
        if (!(N->data[i * N->tda + i] < most_information)) return false;
    if (!elbo_dense_chol(N, 0)) return false;
    k->logdet[t] = k->logdetR + elbo_dense_logdiag(N);
    elbo_dense_solve_transposed(N, k->F);
    elbo_dense_square(ELBO_DENSE_SET, k->F, k->P_now);
    return true;
}

static size_t kind_of(const elbo_kalman *k, size_t t)
{
    return (size_t)(t + 1 < k->T ? ELBO_ON_TRANSITION : 0)
           + (size_t)(k->row_seen[t] ? ELBO_ON_EMISSION : 0);
}

/* Row t given k->S, k->root: k->P_now and its slots. */
static elbo_status update(elbo_kalman *k, size_t t)
{
    const elbo_kalman_penalty *const p = &k->penalty[kind_of(k, t)];
    const size_t n = k->complete ? k->ny : elbo_kalman_look(k, t);

    k->logdet[t] = 0;
    k->V_rows = 0;
    elbo_dense_copy(k->F, k->root.U);
    k->informed[t] = n == k->ny && p->is_informed && inform(k, t, p->informed);
    if (k->informed[t]) return ELBO_OK;
    if (n > 0)
        ELBO_TRY(condition(k, t, n));
    else
        elbo_dense_copy(k->P_now, k->S);
    if (p->some) ELBO_TRY(penalise(k, t, p->O));
    return ELBO_OK;
}

bool elbo_kalman_settled(const elbo_kalman *k, const gsl_matrix *S,
                         const gsl_matrix *before)
{
    double largest = 0, change = 0;

    for (size_t i = 0; i < S->size1; i++) {
        const double *a = S->data + i * S->tda,
                     *b = before->data + i * before->tda;

        for (size_t j = 0; j <= i; j++) {
            largest = fmax(largest, fabs(a[j]));
            change = fmax(change, fabs(a[j] - b[j]));
        }
    }
    return change <= k->config.steady * largest;
}

/* E = P - W' W, unless a pivot is so far below P that digits are lost. */
static bool by_difference(elbo_kalman *k, const gsl_matrix *W, gsl_matrix *E)
{
    gsl_matrix *const U = k->n3, *const P = k->P_now;

    elbo_dense_copy(E, P);
    elbo_dense_square(ELBO_DENSE_SUB, W, E);
    elbo_dense_copy(U, E);
    if (!elbo_dense_chol(U, 0)) return false;
    for (size_t i = 0; i < k->nx; i++) {
        const double u = U->data[i * U->tda + i];

        if (!(u * u > safe_difference * P->data[i * P->tda + i])) return false;
    }
    return true;
}

/* E = (I - JA) P (I - JA)' = (F Z)' (F Z) + (V Z)' (V Z), Z = I - A' J'. */
static void by_squares(elbo_kalman *k, const gsl_matrix *Jt, gsl_matrix *E)
{
    gsl_matrix V = elbo_kalman_part(*k->V, k->V_rows, k->nx);
    gsl_matrix VZ = elbo_kalman_part(*k->VZ, k->V_rows, k->nx);
    gsl_matrix *const Z = k->n2, *const FZ = k->n3;

    identity(Z);
    elbo_dense_nn(ELBO_DENSE_SUB, k->At, Jt, Z);
    elbo_dense_nn(ELBO_DENSE_SET, k->F, Z, FZ);
    elbo_dense_square(ELBO_DENSE_SET, FZ, E);
    if (k->V_rows == 0) return;
    elbo_dense_nn(ELBO_DENSE_SET, &V, Z, &VZ);
    elbo_dense_square(ELBO_DENSE_ADD, &VZ, E);
}

/* J' = S^-1 A P with S = U' U the next prediction, and E: the covariance of x_t
 * given x_(t+1) = P - W' W, W = U'^-1 A P, or its part without J Q J'. */
static void gain(elbo_kalman *k, size_t t, const gsl_matrix *AP)
{
    gsl_matrix Jt = elbo_kalman_slot(&k->Jt, t), E = elbo_kalman_slot(&k->E, t);

    k->whole[t] = false;
    if (k->root.triangular) {
        elbo_dense_copy(&Jt, AP);
        elbo_dense_solve_transposed(k->root.U, &Jt);
        k->whole[t] = by_difference(k, &Jt, &E);
        elbo_dense_solve(k->root.U, &Jt);
    } else {
        elbo_dense_nn(ELBO_DENSE_SET, k->root.inverse, AP, &Jt);
    }
    if (!k->whole[t]) by_squares(k, &Jt, &E);
}

/* S = A P A' + Q, its root, and what the smoother asks of this step. */
static elbo_status predict(elbo_kalman *k, size_t t, bool for_smoother)
{
    gsl_matrix *const AP = k->n1, *const before = k->S;

    k->S = k->S_before;
    k->S_before = before;
    elbo_dense_nn(ELBO_DENSE_SET, k->A, k->P_now, AP);
    elbo_dense_copy(k->S, k->Q);
    elbo_dense_nn(ELBO_DENSE_ADD, AP, k->At, k->S);
    elbo_dense_symmetrise(k->S);
    if (elbo_kalman_root_of(k->S, &k->root, k->scratch) != ELBO_OK)
        return elbo_fail_prefix("row %zu: predicted covariance", t + 1);
    if (!k->root.triangular) k->singular++;
    if (for_smoother) gain(k, t, AP);
    if (k->config.steady > 0 && k->complete && k->sys->varying == 0
        && elbo_kalman_settled(k, k->S, before))
        k->held = t;
    return ELBO_OK;
}

void elbo_kalman_regressor(const elbo_kalman *k, size_t t, const double m[],
                           double z[])
{
    memcpy(z, m, k->nx * sizeof(double));
    if (k->nu > 0)
        memcpy(z + k->nx, k->x.U->data + t * k->x.U->tda,
               k->nu * sizeof(double));
    z[k->nz - 1] = 1;
}

void elbo_kalman_output(const elbo_kalman *k, size_t t, const double m[],
                        double y[])
{
    memcpy(y, k->d, k->ny * sizeof(double));
    elbo_dense_row(1, m, k->Ct, y);
    if (k->nu > 0) elbo_dense_row(1, k->x.U->data + t * k->x.U->tda, k->Dt, y);
}

/* m += K (y - C m - D u - d), and log N(y) */
static void observe(elbo_kalman *k, size_t t, size_t slot, double m[])
{
    const size_t n = k->complete ? k->ny : elbo_kalman_look(k, t);
    const double *y = k->x.Y->data + t * k->x.Y->tda;
    double *const e = k->row_e, *const w = k->row_w;
    double sum = 0;
    const gsl_matrix Kt =
        elbo_kalman_part(elbo_kalman_slot(&k->Kt, slot), n, k->nx);
    const gsl_matrix Ui =
        elbo_kalman_part(elbo_kalman_slot(&k->Ui, slot), n, n);

    elbo_kalman_output(k, t, m, w);
    for (size_t i = 0; i < n; i++) {
        const size_t c = k->complete ? i : k->seen[i];

        e[i] = y[c] - w[c];
    }
    memset(w, 0, elbo_dense_width(n) * sizeof(double));
    elbo_dense_row(1, e, &Ui, w);
    for (size_t i = 0; i < n; i++) sum += w[i] * w[i];
    elbo_dense_row(1, e, &Kt, m);
    k->loglik -= 0.5 * ((double)n * log_2pi + sum);
}

/* z' V z, and its gradient V z in row_v, at x = m. */
static double penalty_at(elbo_kalman *k, size_t t, const gsl_matrix *V,
                         const double m[])
{
    double *const z = k->row_z, *const v = k->row_v;
    double sum = 0;

    elbo_kalman_regressor(k, t, m, z);
    memset(v, 0, elbo_dense_width(k->nz) * sizeof(double));
    elbo_dense_row(1, z, V, v);
    for (size_t i = 0; i < k->nz; i++) sum += z[i] * v[i];
    return sum;
}

/* m += P h; returns h' P h. */
static double step(elbo_kalman *k, const double h[], const gsl_matrix *P,
                   double m[])
{
    double *const move = k->row_z;
    double sum = 0;

    memset(move, 0, elbo_dense_width(k->nx) * sizeof(double));
    elbo_dense_row(1, h, P, move);
    for (size_t i = 0; i < k->nx; i++) {
        sum += move[i] * h[i];
        m[i] += move[i];
    }
    return sum;
}

/* f(x) = z'Vz = g0 + 2 g'(x - m) + (x - m)' V_xx (x - m) around m, and
 * m -= P g,  log factor -1/2 (g0 - g' P g); P = (P_before^-1 + V_xx)^-1. */
static void discourage(elbo_kalman *k, size_t t, size_t slot,
                       const gsl_matrix *V, double m[])
{
    const gsl_matrix P = elbo_kalman_slot(&k->P, slot);
    const double g0 = penalty_at(k, t, V, m);

    for (size_t i = 0; i < k->nx; i++) k->row_x[i] = -k->row_v[i];
    k->loglik -= 0.5 * (g0 - step(k, k->row_x, &P, m));
}

/* Both at once: with e = y - C m - D u - d and h = C' R^-1 e - g, m += P h and
 * -1/2 (ny log 2 pi + e' R^-1 e + g0 - h' P h). */
static void observe_and_discourage(elbo_kalman *k, size_t t, size_t slot,
                                   const gsl_matrix *V, double m[])
{
    const gsl_matrix P = elbo_kalman_slot(&k->P, slot);
    const double *y = k->x.Y->data + t * k->x.Y->tda;
    double *const e = k->row_e, *const w = k->row_w, *const h = k->row_x;
    double sum = penalty_at(k, t, V, m);

    elbo_kalman_output(k, t, m, w);
    for (size_t i = 0; i < k->ny; i++) e[i] = y[i] - w[i];
    memset(w, 0, elbo_dense_width(k->ny) * sizeof(double));
    elbo_dense_row(1, e, k->Uri, w);
    for (size_t i = 0; i < k->ny; i++) sum += w[i] * w[i];
    for (size_t i = 0; i < k->nx; i++) h[i] = -k->row_v[i];
    elbo_dense_row(1, e, k->RiC, h);
    sum -= step(k, h, &P, m);
    k->loglik -= 0.5 * ((double)k->ny * log_2pi + sum);
}

static void mean_step(elbo_kalman *k, size_t t)
{
    const size_t slot = elbo_kalman_gains(k, t);
    const elbo_kalman_penalty *const p = &k->penalty[kind_of(k, t)];
    double *const m = k->m->data + t * k->m->tda;
    double *const next = k->predicted->data + (t + 1) * k->predicted->tda;

    memcpy(m, k->predicted->data + t * k->predicted->tda,
           k->nx * sizeof(double));
    if (k->informed[slot]) {
        observe_and_discourage(k, t, slot, p->V, m);
    } else {
        if (k->row_seen[t] > 0) observe(k, t, slot, m);
        if (p->some) discourage(k, t, slot, p->V, m);
    }
    k->loglik -= k->logdet[slot];
    if (t + 1 == k->T) return;
    memcpy(next, k->b, k->nx * sizeof(double));
    elbo_dense_row(1, m, k->At, next);
    if (k->nu > 0)
        elbo_dense_row(1, k->x.U->data + t * k->x.U->tda, k->Bt, next);
}

/* The covariances of row t, unless an earlier one stands for them. */
static elbo_status covariance_step(elbo_kalman *k, size_t t, bool for_smoother)
{
    const bool last = t + 1 == k->T;

    if (!last && t > k->held) return ELBO_OK;
    ELBO_TRY(update(k, t));
    if (!for_smoother || k->penalty[kind_of(k, t)].some) {
        gsl_matrix P = elbo_kalman_slot(&k->P, t);

        elbo_dense_copy(&P, k->P_now);
    }
    if (last && for_smoother) {
        gsl_matrix E = elbo_kalman_slot(&k->E, t);

        elbo_dense_copy(&E, k->P_now);
    }
    return last ? ELBO_OK : predict(k, t, for_smoother);
}

static bool is_cached(const elbo_kalman *k, bool for_smoother)
{
    return k->complete && k->cached == k->T
           && k->cached_smoother == for_smoother;
}

elbo_status elbo_kalman_forward(elbo_kalman *k, bool for_smoother)
{
    const bool cached = is_cached(k, for_smoother);

    k->loglik = 0;
    memcpy(k->predicted->data, k->m0, k->nx * sizeof(double));
    if (!cached) {
        k->cached = 0;
        k->held = SIZE_MAX;
        k->singular = 0;
        elbo_dense_copy(k->S, k->P0);
        ELBO_TRY(elbo_kalman_root_of(k->S, &k->root, k->scratch));
    }
    for (size_t t = 0; t < k->T; t++) {
        ELBO_TRY(elbo_kalman_prepare(k, t));
        if (!cached) ELBO_TRY(covariance_step(k, t, for_smoother));
        mean_step(k, t);
    }
    return ELBO_OK;
}
