/* inference/linear_policy.c -- gradJ_error in linear-Gaussian worlds: how far the
 * model's gradient of the policy's return is from the world's.
 *
 *   |g(theta) - g|,  g = dJ / d(K_t, k_t), all stages
 * at the planner's policy, which stands still. With v the unit vector along the
 * difference its slope is that of v'g(theta): how dJ/dtheta moves as the policy moves
 * along v, read off a central difference of fourth order of dJ/dtheta, itself in
 * closed form (inference/messages/lqr_gradient.h).
 */
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/linear_state.h"
#include "inference/messages/lqr_gradient.h"

/* Of the difference, in units of |v| = 1. */
static const double step = 1e-3;

elbo_status elbo_linear_open_policy(elbo_engine *e)
{
    elbo_linear *const l = e->linear;

    if (!l->objective
        || !elbo_expr_reads(elbo_linear_objective_expression(l->objective),
                            "gradJ_error"))
        return ELBO_OK;
    l->slope_real = elbo_arena_take(e->arena, l->stages, sizeof *l->slope_real);
    ELBO_TRY(elbo_arena_check(e->arena, "a policy gradient"));
    for (size_t t = 0; t < l->stages; t++)
        l->slope_real[t] =
            elbo_linear_policy_take(e->arena, l->world.nx, l->world.nu);
    return elbo_arena_check(e->arena, "a policy gradient");
}

static elbo_linear_policy *take_policy(const elbo_engine *e)
{
    const elbo_linear *const l = e->linear;
    elbo_linear_policy *const pi = elbo_arena_take(e->ws, l->stages, sizeof *pi);

    for (size_t t = 0; pi && t < l->stages; t++)
        pi[t] = elbo_linear_policy_take(e->ws, l->world.nx, l->world.nu);
    return pi;
}

/* dJ / d policy and, unless NULL, d theta, at pi under n maps. */
static elbo_status gradients(elbo_engine *e, const elbo_linear_policy pi[],
                             const elbo_linear_dynamics *map, size_t n,
                             elbo_linear_policy policy[], elbo_lqr_gradient world[])
{
    const elbo_linear *const l = e->linear;
    elbo_linear_chain chain = elbo_linear_chain_in(l, map, n);

    chain.policy = pi;
    return elbo_linear_return_gradient(&chain, &l->world.reward, 1,
                                       l->horizon ? &l->world.terminal : NULL,
                                       l->world.m0, l->world.P0, policy, world, e->ws);
}

elbo_status elbo_linear_real_gradient(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const elbo_mark mark = elbo_arena_mark(e->ws);

    if (!l->slope_real) return ELBO_OK;

    const elbo_status s = gradients(e, l->pi, l->truth, l->ntruth, l->slope_real, NULL);

    elbo_arena_release(e->ws, mark);
    return s == ELBO_OK ? s : elbo_fail_prefix("gradJ_error");
}

/* v -= the world's gradient; its norm. */
static double error_of(const elbo_linear *l, elbo_linear_policy v[])
{
    double sum = 0;

    for (size_t t = 0; t < l->stages; t++) {
        double k;

        gsl_matrix_sub(v[t].K, l->slope_real[t].K);
        gsl_vector_sub(v[t].k, l->slope_real[t].k);
        gsl_blas_ddot(v[t].k, v[t].k, &k);
        sum += k;
        for (size_t i = 0; i < v[t].K->size1; i++)
            for (size_t j = 0; j < v[t].K->size2; j++)
                sum += pow(gsl_matrix_get(v[t].K, i, j), 2);
    }
    return sqrt(sum);
}

elbo_status elbo_linear_gradient_error(elbo_engine *e)
{
    elbo_linear *const l = e->linear;
    const elbo_mark mark = elbo_arena_mark(e->ws);

    if (!l->slope_real) return ELBO_OK;

    elbo_linear_policy *const v = take_policy(e);
    elbo_status s = elbo_arena_check(e->ws, "a policy gradient");

    if (s == ELBO_OK)
        s = gradients(e, l->pi, l->belief.mean, l->belief.stages, v, NULL);
    if (s == ELBO_OK) elbo_linear_objective_error(l->objective, error_of(l, v));
    elbo_arena_release(e->ws, mark);
    return s == ELBO_OK ? s : elbo_fail_prefix("gradJ_error");
}

/* slope += scale dJ/dtheta at the policy moved by h v. */
static elbo_status add_moved(elbo_engine *e, const elbo_linear_policy v[], double h,
                             double scale, elbo_linear_slope slope[])
{
    elbo_linear *const l = e->linear;
    const elbo_mark mark = elbo_arena_mark(e->ws);
    elbo_linear_policy *const pi = take_policy(e);
    elbo_lqr_gradient *const out = elbo_arena_take(e->ws, l->stages, sizeof *out);
    elbo_status s;

    for (size_t t = 0; out && t < l->stages; t++)
        out[t] = elbo_lqr_gradient_take(e->ws, l->world.nx, l->world.nu);
    s = elbo_arena_check(e->ws, "a policy gradient's slopes");
    for (size_t t = 0; s == ELBO_OK && t < l->stages; t++) {
        gsl_matrix_memcpy(pi[t].K, v[t].K);
        gsl_matrix_scale(pi[t].K, h);
        gsl_matrix_add(pi[t].K, l->pi[t].K);
        gsl_vector_memcpy(pi[t].k, l->pi[t].k);
        gsl_blas_daxpy(h, v[t].k, pi[t].k);
        gsl_matrix_memcpy(pi[t].S, l->pi[t].S);
    }
    if (s == ELBO_OK)
        s = gradients(e, pi, l->belief.mean, l->belief.stages, NULL, out);
    for (size_t t = 0; s == ELBO_OK && t < l->stages; t++)
        elbo_linear_slope_add(&slope[t % l->belief.stages], scale, &out[t]);
    elbo_arena_release(e->ws, mark);
    return s;
}

static elbo_status pull(elbo_engine *e, double scale, elbo_linear_slope slope[])
{
    static const double at[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
    elbo_linear *const l = e->linear;
    elbo_linear_policy *const v = take_policy(e);
    double norm;

    ELBO_TRY(elbo_arena_check(e->ws, "a policy gradient"));
    ELBO_TRY(gradients(e, l->pi, l->belief.mean, l->belief.stages, v, NULL));
    norm = error_of(l, v);
    if (norm == 0) return ELBO_OK; /* at 0 a norm has no slope */
    for (size_t t = 0; t < l->stages; t++) {
        gsl_matrix_scale(v[t].K, 1 / norm);
        gsl_blas_dscal(1 / norm, v[t].k);
    }
    for (size_t i = 0; i < 4; i++)
        ELBO_TRY(add_moved(e, v, at[i] * step, scale * weight[i] / (12 * step), slope));
    return ELBO_OK;
}

elbo_status elbo_linear_gradient_error_slope(elbo_engine *e, elbo_linear_slope slope[])
{
    elbo_linear *const l = e->linear;
    const elbo_mark mark = elbo_arena_mark(e->ws);

    if (!l->slope_real || !slope) return ELBO_OK;

    const elbo_status s =
        pull(e, elbo_linear_objective_error_slope(l->objective), slope);

    elbo_arena_release(e->ws, mark);
    return s == ELBO_OK ? s : elbo_fail_prefix("gradJ_error");
}
