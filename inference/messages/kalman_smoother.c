/* inference/messages/kalman_smoother.c -- backward, and expected moments. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "inference/messages/kalman_parts.h"

/* A += w B, padding included */
static void add(gsl_matrix *A, double w, const gsl_matrix *B)
{
    for (size_t i = 0; i < A->size1; i++) {
        double *const a = A->data + i * A->tda;
        const double *const b = B->data + i * B->tda;

        for (size_t j = 0; j < A->size2; j++) a[j] += w * b[j];
    }
}

static const gsl_matrix *noise(const elbo_kalman *k, size_t t)
{
    return k->sys->varying ? k->sys->steps[t].Q : k->Q;
}

/* E += J P J' or J (Q + P) J', P of t + 1; X = P J' or (Q + P) J' stays in n2.
 */
static void covariance_back(elbo_kalman *k, size_t t)
{
    const size_t slot = elbo_kalman_gains(k, t);
    const gsl_matrix Jt = elbo_kalman_slot(&k->Jt, slot);
    gsl_matrix E = elbo_kalman_slot(&k->E, t);
    gsl_matrix P = elbo_kalman_slot(&k->E, k->back[t + 1]);
    gsl_matrix *const X = k->n2;

    if (t != slot) {
        const gsl_matrix from = elbo_kalman_slot(&k->E, slot);

        elbo_dense_copy(&E, &from);
    }
    if (!k->whole[slot]) {
        elbo_dense_copy(k->n1, &P);
        add(k->n1, 1, noise(k, t));
        P = *k->n1;
    }
    elbo_dense_nn(ELBO_DENSE_SET, &P, &Jt, X);
    elbo_dense_tn(ELBO_DENSE_ADD, &Jt, X, &E);
    elbo_dense_symmetrise(&E);
    k->back[t] = t;
}

/* Add `times` rows t like this one: P_t, and P_(t+1) J', which is X or X - Q
 * J'. */
static void count(elbo_kalman *k, size_t t, size_t times)
{
    const size_t slot = elbo_kalman_gains(k, t);
    const gsl_matrix Jt = elbo_kalman_slot(&k->Jt, slot);
    const gsl_matrix P = elbo_kalman_slot(&k->E, k->back[t]);

    if (t > 0) add(k->sum, (double)times, &P);
    add(k->lag, (double)times, k->n2);
    if (k->whole[slot]) return;
    if (k->sys->varying == 0) {
        add(k->n3, (double)times, &Jt);
        return;
    }
    elbo_dense_copy(k->n1, noise(k, t));
    elbo_dense_nn(ELBO_DENSE_SUB, k->n1, &Jt, k->lag);
}

static void covariances_back(elbo_kalman *k)
{
    bool settled = false;
    size_t repeated = 0;

    gsl_matrix_set_zero(k->sum);
    gsl_matrix_set_zero(k->lag);
    gsl_matrix_set_zero(k->n3); /* sum of J' */
    k->back[k->T - 1] = k->T - 1;
    for (size_t t = k->T - 1; t-- > 0;) {
        if (settled && t >= k->held && t > 0) {
            k->back[t] = k->back[t + 1];
            repeated++;
            continue;
        }
        if (repeated > 0) count(k, t + 1, repeated);
        repeated = 0;
        settled = false;
        covariance_back(k, t);
        count(k, t, 1);
        if (t >= k->held && t + 2 < k->T) {
            const gsl_matrix P = elbo_kalman_slot(&k->E, k->back[t]);
            const gsl_matrix next = elbo_kalman_slot(&k->E, k->back[t + 1]);

            settled = elbo_kalman_settled(k, &P, &next);
        }
    }
    if (k->sys->varying == 0)
        elbo_dense_nn(ELBO_DENSE_SUB, k->Q, k->n3, k->lag);
}

/* m_t += (m_(t+1) - predicted) J' */
static void means_back(elbo_kalman *k)
{
    double *const gap = k->row_z;

    for (size_t t = k->T - 1; t-- > 0;) {
        const gsl_matrix Jt = elbo_kalman_slot(&k->Jt, elbo_kalman_gains(k, t));
        const double *next = k->m->data + (t + 1) * k->m->tda;
        const double *from = k->predicted->data + (t + 1) * k->predicted->tda;

        for (size_t i = 0; i < k->nx; i++) gap[i] = next[i] - from[i];
        elbo_dense_row(1, gap, &Jt, k->m->data + t * k->m->tda);
    }
}

void elbo_kalman_backward(elbo_kalman *k)
{
    if (k->cached == 0) covariances_back(k);
    means_back(k);
    if (k->complete && k->sys->varying == 0) {
        k->cached = k->T;
        k->cached_smoother = true;
    }
}
