/* inference/linear_learn.c -- what the M-step maximises in linear-Gaussian worlds,
 * and theta along its gradient.
 *
 *   kappa charge E_{pi,q} log p_theta + lambda E_D[w l_theta] + log p(theta)
 *
 * Of moments S of (z, 1) and y and a map (M, W):
 *   d/dM sum log p = W^-1 (Syz - M Szz)
 *   d/dW sum log p = (W^-1 R W^-1 - n W^-1) / 2,  R = sum (y - M z)(y - M z)'
 */
#include <gsl/gsl_blas.h>
#include <math.h>
#include <string.h>

#include "inference/linear_state.h"

/* ---- moments ---- */

/* M [nx x nz + 1] */
static void fill_map(const elbo_linear_dynamics *map, gsl_matrix *M)
{
    const size_t nx = map->A->size1, nu = map->B->size2;

    for (size_t i = 0; i < nx; i++) {
        for (size_t j = 0; j < nx; j++)
            gsl_matrix_set(M, i, j, gsl_matrix_get(map->A, i, j));
        for (size_t j = 0; j < nu; j++)
            gsl_matrix_set(M, i, nx + j, gsl_matrix_get(map->B, i, j));
        gsl_matrix_set(M, i, nx + nu, map->c ? gsl_vector_get(map->c, i) : 0);
    }
}

/* out += the slopes of sum log p(S). */
static elbo_status add_slope(const elbo_linear_dynamics *map, const elbo_moments *S,
                             elbo_linear_slope *out, elbo_arena *ws)
{
    const size_t nx = map->A->size1, nz = S->Szz->size1;
    gsl_matrix *M = elbo_arena_mat(ws, nx, nz), *E = elbo_arena_mat(ws, nx, nz);
    gsl_matrix *P = elbo_arena_mat(ws, nx, nx), *R = elbo_arena_mat(ws, nx, nx);
    gsl_matrix *PR = elbo_arena_mat(ws, nx, nx);

    ELBO_TRY(elbo_arena_check(ws, "a likelihood's slope"));
    fill_map(map, M);
    gsl_matrix_memcpy(P, map->W);
    ELBO_TRY(elbo_chol(P));
    ELBO_TRY(elbo_chol_inverse(P));
    /* E = Syz - M Szz,  R = Syy - Syz M' - E M' up to symmetry */
    gsl_matrix_memcpy(E, S->Syz);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, -1, M, S->Szz, 1, E);
    gsl_matrix_memcpy(R, S->Syy);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, -1, E, M, 1, R);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, -1, M, S->Syz, 1, R);
    elbo_sym_mean(R);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, P, E, 1, out->M);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, P, R, 0, PR);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 0.5, PR, P, 1, out->W);
    gsl_matrix_scale(P, 0.5 * S->n);
    gsl_matrix_sub(out->W, P);
    return ELBO_OK;
}

/* sum log p over the moments of all stages; slopes added to. */
static elbo_status moments_value(elbo_engine *e, const elbo_moments S[],
                                 double *value, elbo_linear_slope slope[])
{
    const elbo_linear_belief *const belief = &e->linear->belief;

    ELBO_TRY(elbo_linear_belief_likelihood(belief, S, value, e->ws));
    for (size_t t = 0; slope && t < belief->stages; t++)
        ELBO_TRY(add_slope(&belief->mean[t], &S[t], &slope[t], e->ws));
    return ELBO_OK;
}

/* ---- the data term ---- */

/* Slopes written. */
static elbo_status data_value(elbo_engine *e, double *value,
                              elbo_linear_slope slope[])
{
    elbo_linear *const l = e->linear;

    if (!elbo_route_stops(&l->route))
        return elbo_linear_outer_value(e, value, slope);
    ELBO_TRY(elbo_linear_objective_model(l->objective, &l->belief, e->ws));
    ELBO_TRY(elbo_linear_gradient_error(e));
    ELBO_TRY(elbo_linear_objective_value(l->objective, value, slope, NULL));
    return elbo_linear_gradient_error_slope(e, slope);
}

elbo_status elbo_linear_learnt(elbo_engine *e, double *likelihood, double *prior)
{
    const elbo_linear_belief *const belief = &e->linear->belief;
    const elbo_linear_model *const model = belief->model;
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_status s = e->linear->objective
                        ? data_value(e, likelihood, NULL)
                        : model->likelihood(belief, e->linear->D, likelihood, e->ws);

    *prior = 0;
    if (s == ELBO_OK && model->log_prior)
        s = model->log_prior(belief, prior, e->ws);
    elbo_arena_release(e->ws, mark);
    return s;
}

/* ---- theta along the gradient ---- */

static elbo_status take_slopes(elbo_engine *e, elbo_linear_slope **out)
{
    const elbo_linear *const l = e->linear;
    const size_t nx = l->world.nx, nz1 = nx + l->world.nu + 1;

    *out = elbo_arena_take(e->ws, l->belief.stages, sizeof **out);
    ELBO_TRY(elbo_arena_check(e->ws, "the M-step's slopes"));
    for (size_t t = 0; t < l->belief.stages; t++) {
        (*out)[t] = (elbo_linear_slope){.M = elbo_arena_mat(e->ws, nx, nz1),
                                        .W = elbo_arena_mat(e->ws, nx, nx)};
        ELBO_TRY(elbo_arena_check(e->ws, "the M-step's slopes"));
        gsl_matrix_set_zero((*out)[t].M);
        gsl_matrix_set_zero((*out)[t].W);
    }
    return ELBO_OK;
}

/* S holds what counts as logp: D's moments where that is the likelihood, and what
 * feedback expects. */
static elbo_status value_at(elbo_engine *e, const double theta[], double *value,
                            double grad[])
{
    elbo_linear *const l = e->linear;
    elbo_linear_belief *const belief = &l->belief;
    elbo_linear_slope *slope = NULL;
    double counted = 0, prior = 0;

    ELBO_TRY(belief->model->set(belief, theta));
    if (grad) ELBO_TRY(take_slopes(e, &slope));
    *value = 0;
    if (l->objective) ELBO_TRY(data_value(e, value, slope));
    if (!l->objective || e->set.kappa != 0)
        ELBO_TRY(moments_value(e, l->S, &counted, slope));
    if (belief->model->log_prior)
        ELBO_TRY(belief->model->log_prior(belief, &prior, e->ws));
    *value += counted + prior;
    if (!isfinite(*value))
        return ELBO_FAIL(ELBO_ENOTFINITE, "the M-step's objective is %g", *value);
    if (!grad) return ELBO_OK;
    memset(grad, 0, belief->n * sizeof *grad);
    belief->model->pullback(belief, slope, grad);
    return ELBO_OK;
}

elbo_status elbo_linear_objective_at(elbo_engine *e, const double theta[],
                                     double *value, double grad[])
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = value_at(e, theta, value, grad);

    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status summit_value(void *self, const double x[], double *value,
                                double grad[])
{
    return elbo_linear_objective_at(self, x, value, grad);
}

static double mass_of(const elbo_linear *l)
{
    double mass = 0;

    for (size_t t = 0; t < l->belief.stages; t++) mass += fabs(l->D[t].n);
    return fmax(1, mass);
}

static elbo_status follow(elbo_engine *e, elbo_mstep_info *info)
{
    elbo_linear *const l = e->linear;
    elbo_linear_belief *const belief = &l->belief;
    double *const theta = elbo_arena_doubles(e->ws, belief->n);
    const elbo_summit summit = {
        .self = e, .n = belief->n, .scale = mass_of(l), .value = summit_value};
    elbo_ascent_info how = {0};
    elbo_status s;

    ELBO_TRY(elbo_arena_check(e->ws, "the M-step's search"));
    belief->model->get(belief, theta);
    s = elbo_ascend(&e->set.ascent, &summit, theta, &how, e->ws);
    ELBO_TRY(belief->model->set(belief, theta));
    *info = (elbo_mstep_info){.before = how.before,
                              .after = how.after,
                              .iterations = how.iterations,
                              .converged = how.converged};
    return s;
}

elbo_status elbo_linear_follow(elbo_engine *e, elbo_mstep_info *info)
{
    const elbo_mark mark = elbo_arena_mark(e->ws);
    const elbo_status s = follow(e, info);

    elbo_arena_release(e->ws, mark);
    return s;
}
