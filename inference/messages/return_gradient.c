#include <gsl/gsl_blas.h>

#include "inference/messages/lqr_gradient.h"

/* What a return is made of, stage by stage. */
typedef struct return_parts {
    elbo_quadratic *V;
    elbo_linear_moments *moments;
} return_parts;

static elbo_status take_parts(const elbo_linear_chain *chain,
                              const elbo_quadratic *reward, size_t nreward,
                              const elbo_quadratic *terminal,
                              const gsl_vector *m0, const gsl_matrix *P0,
                              return_parts *out, elbo_arena *ws)
{
    const size_t n = chain->T ? chain->T : 1;

    *out = (return_parts){
        .V = elbo_arena_take(ws, n, sizeof *out->V),
        .moments = elbo_arena_take(ws, n, sizeof *out->moments),
    };
    ELBO_TRY(elbo_arena_check(ws, "a return's gradient"));
    for (size_t t = 0; t < n; t++) {
        out->V[t] = elbo_quadratic_take(ws, chain->nx);
        out->moments[t] = elbo_linear_moments_take(ws, chain->nx, chain->nu);
    }
    ELBO_TRY(elbo_arena_check(ws, "a return's gradient"));
    ELBO_TRY(elbo_linear_evaluate(chain, reward, nreward, terminal, out->V, ws));
    return elbo_linear_occupancy(chain, m0, P0, out->moments, ws);
}

/* E of the slope of Q in u, h_u - Q_u. z, is the gradient of k; times x' that of K. */
static void policy_gradient(const elbo_quadratic *Q, const elbo_linear_moments *m,
                            elbo_linear_policy *out)
{
    const size_t nu = out->k->size, nx = Q->p->size - nu;
    const gsl_matrix_const_view Qu =
        gsl_matrix_const_submatrix(Q->P, nx, 0, nu, nx + nu);
    const gsl_matrix_const_view Quu =
        gsl_matrix_const_submatrix(Q->P, nx, nx, nu, nu);
    const gsl_vector_const_view qu = gsl_vector_const_subvector(Q->p, nx, nu);
    const gsl_matrix_const_view zx =
        gsl_matrix_const_submatrix(m->zz, 0, 0, nx + nu, nx);
    const gsl_vector_const_view x = gsl_vector_const_subvector(m->z, 0, nx);

    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, -1, &Qu.matrix, &zx.matrix, 0,
                   out->K);
    gsl_blas_dger(1, &qu.vector, &x.vector, out->K);
    gsl_vector_memcpy(out->k, &qu.vector);
    gsl_blas_dgemv(CblasNoTrans, -1, &Qu.matrix, m->z, m->mass, out->k);
    gsl_matrix_memcpy(out->S, &Quu.matrix);
    gsl_matrix_scale(out->S, -0.5 * m->mass);
}

/* The moments as the cotangent of Q. */
static void as_cotangent(const elbo_linear_moments *m, elbo_quadratic *Q)
{
    gsl_matrix_memcpy(Q->P, m->zz);
    gsl_matrix_scale(Q->P, -0.5);
    gsl_vector_memcpy(Q->p, m->z);
    Q->c = m->mass;
}

static elbo_status stage_gradient(const elbo_linear_chain *chain, size_t t,
                                  const elbo_quadratic *r,
                                  const elbo_quadratic *next,
                                  const elbo_linear_moments *m,
                                  elbo_linear_policy *policy,
                                  elbo_lqr_gradient *world, elbo_arena *ws)
{
    const elbo_linear_dynamics *p =
        &chain->dynamics[elbo_lqr_stage_of(chain->ndynamics, t)];
    elbo_quadratic Q = elbo_quadratic_take(ws, chain->nx + chain->nu);

    ELBO_TRY(elbo_arena_check(ws, "a return's gradient"));
    if (policy) {
        ELBO_TRY(elbo_quadratic_through(r, chain->gamma, p, next, &Q, ws));
        policy_gradient(&Q, m, policy);
    }
    if (!world) return ELBO_OK;
    as_cotangent(m, &Q);
    return elbo_linear_transition_reverse(p, chain->gamma, 0, next, &Q, world, NULL,
                                          ws);
}

static elbo_status return_gradient(const elbo_linear_chain *chain,
                                   const elbo_quadratic *reward, size_t nreward,
                                   const elbo_quadratic *terminal,
                                   const return_parts *parts,
                                   elbo_linear_policy policy[],
                                   elbo_lqr_gradient world[], elbo_arena *ws)
{
    const size_t n = chain->T ? chain->T : 1;
    elbo_quadratic zero = elbo_quadratic_take(ws, chain->nx);

    ELBO_TRY(elbo_arena_check(ws, "a return's gradient"));
    elbo_quadratic_zero(&zero);
    for (size_t t = 0; t < n; t++) {
        const elbo_mark mark = elbo_arena_mark(ws);
        const elbo_quadratic *next = chain->T == 0 ? &parts->V[0]
                                     : t + 1 < n   ? &parts->V[t + 1]
                                     : terminal    ? terminal
                                                   : &zero;

        ELBO_TRY(stage_gradient(chain, t, &reward[elbo_lqr_stage_of(nreward, t)],
                                next, &parts->moments[t],
                                policy ? &policy[t] : NULL,
                                world ? &world[t] : NULL, ws));
        elbo_arena_release(ws, mark);
    }
    return ELBO_OK;
}

elbo_status elbo_linear_return_gradient(const elbo_linear_chain *chain,
                                        const elbo_quadratic *reward,
                                        size_t nreward,
                                        const elbo_quadratic *terminal,
                                        const gsl_vector *m0, const gsl_matrix *P0,
                                        elbo_linear_policy policy[],
                                        elbo_lqr_gradient world[], elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    return_parts parts;
    elbo_status s = take_parts(chain, reward, nreward, terminal, m0, P0, &parts, ws);

    if (s == ELBO_OK)
        s = return_gradient(chain, reward, nreward, terminal, &parts, policy, world,
                            ws);
    elbo_arena_release(ws, mark);
    return s;
}
