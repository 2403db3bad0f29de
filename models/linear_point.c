/* models/linear_point.c -- theta of a linear-Gaussian map as numbers.
 *
 *   theta, a stage = (A | B | c) row by row, then L row by row, W = L L' with
 *   log L_ii on the diagonal
 * so that every theta is a model. `learn` leaves the last parts out. The prior is
 * N(ridge_to, 1/ridge) for each number of (A | B | c), up to its constant.
 */
#include <math.h>

#include "models/linear_gaussian.h"

/* Columns of (A | B | c) that move. */
static size_t columns_of(const elbo_linear_gaussian *g)
{
    return g->learnt == ELBO_LEARN_GAINS ? g->nz - 1 : g->nz;
}

static size_t stage_size(const elbo_linear_gaussian *g)
{
    const size_t noise = g->learnt == ELBO_LEARN_ALL ? g->nx * (g->nx + 1) / 2 : 0;

    return g->nx * columns_of(g) + noise;
}

size_t elbo_linear_point_size(const elbo_linear_gaussian *g)
{
    return stage_size(g);
}

/* Entry (i, j) of (A | B | c). */
static double *entry(const elbo_linear_regression *r, size_t i, size_t j)
{
    const size_t nx = r->A->size1, nu = r->B->size2;

    if (j < nx) return gsl_matrix_ptr(r->A, i, j);
    return j < nx + nu ? gsl_matrix_ptr(r->B, i, j - nx) : gsl_vector_ptr(r->c, i);
}

void elbo_linear_point_get(const elbo_linear_belief *belief, double theta[])
{
    const elbo_linear_gaussian *const g = belief->self;

    for (size_t t = 0; t < belief->stages; t++) {
        const elbo_linear_regression *const r = &g->stage[t];
        double *x = theta + t * stage_size(g);

        for (size_t i = 0; i < g->nx; i++)
            for (size_t j = 0; j < columns_of(g); j++) *x++ = *entry(r, i, j);
        for (size_t i = 0; g->learnt == ELBO_LEARN_ALL && i < g->nx; i++)
            for (size_t j = 0; j <= i; j++) {
                const double l = gsl_matrix_get(r->L, i, j);

                *x++ = i == j ? log(l) : l;
            }
    }
}

/* W = L L' */
static void square(elbo_linear_regression *r)
{
    const size_t n = r->L->size1;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;

            for (size_t k = 0; k <= j; k++)
                sum += gsl_matrix_get(r->L, i, k) * gsl_matrix_get(r->L, j, k);
            gsl_matrix_set(r->W, i, j, sum);
            gsl_matrix_set(r->W, j, i, sum);
        }
}

/* How far entry (i, j) is from where the ridge pulls it. */
static double off_ridge(const elbo_linear_gaussian *g, const elbo_linear_regression *r,
                        size_t i, size_t j)
{
    const double at = *entry(r, i, j);

    return g->to_zero ? at : at - gsl_matrix_get(r->prior.M, i, j);
}

/* Keeps what it is about to write finite. */
static elbo_status check(const double theta[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(theta[i]))
            return ELBO_FAIL(ELBO_ENOTFINITE, "parameter %zu is %g", i, theta[i]);
    return ELBO_OK;
}

elbo_status elbo_linear_point_set(elbo_linear_belief *belief, const double theta[])
{
    const elbo_linear_gaussian *const g = belief->self;

    ELBO_TRY(check(theta, belief->n));
    for (size_t t = 0; t < belief->stages; t++) {
        elbo_linear_regression *const r = &g->stage[t];
        const double *x = theta + t * stage_size(g);

        for (size_t i = 0; i < g->nx; i++)
            for (size_t j = 0; j < columns_of(g); j++) *entry(r, i, j) = *x++;
        if (g->learnt != ELBO_LEARN_ALL) continue;
        for (size_t i = 0; i < g->nx; i++)
            for (size_t j = 0; j <= i; j++, x++)
                gsl_matrix_set(r->L, i, j, i == j ? exp(*x) : *x);
        square(r);
    }
    return ELBO_OK;
}

/* dF/dL = (dF/dW + dF/dW') L, its lower triangle. */
static void noise_slope(const elbo_linear_regression *r, const gsl_matrix *W,
                        double grad[])
{
    const size_t n = r->L->size1;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;

            for (size_t k = j; k < n; k++)
                sum += (gsl_matrix_get(W, i, k) + gsl_matrix_get(W, k, i))
                       * gsl_matrix_get(r->L, k, j);
            *grad++ += i == j ? sum * gsl_matrix_get(r->L, i, i) : sum;
        }
}

void elbo_linear_point_pullback(const elbo_linear_belief *belief,
                                const elbo_linear_slope slope[], double grad[])
{
    const elbo_linear_gaussian *const g = belief->self;

    for (size_t t = 0; t < belief->stages; t++) {
        const elbo_linear_regression *const r = &g->stage[t];
        double *x = grad + t * stage_size(g);

        for (size_t i = 0; i < g->nx; i++)
            for (size_t j = 0; j < columns_of(g); j++)
                *x++ += gsl_matrix_get(slope[t].M, i, j)
                        - g->ridge * off_ridge(g, r, i, j);
        if (g->learnt == ELBO_LEARN_ALL) noise_slope(r, slope[t].W, x);
    }
}

double elbo_linear_point_log_prior(const elbo_linear_belief *belief)
{
    const elbo_linear_gaussian *const g = belief->self;
    double sum = 0;

    for (size_t t = 0; t < belief->stages; t++)
        for (size_t i = 0; i < g->nx; i++)
            for (size_t j = 0; j < columns_of(g); j++) {
                const double off = off_ridge(g, &g->stage[t], i, j);

                sum -= g->ridge * off * off / 2;
            }
    return sum;
}
