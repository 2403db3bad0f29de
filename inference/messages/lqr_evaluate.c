#include <assert.h>
#include <gsl/gsl_blas.h>
#include <math.h>

#include "inference/messages/closed_loop.h"
#include "inference/messages/lqr.h"

static const elbo_linear_dynamics *dynamics_at(const elbo_linear_chain *c,
                                               size_t t)
{
    return &c->dynamics[elbo_lqr_stage_of(c->ndynamics, t)];
}

static const elbo_linear_policy *policy_at(const elbo_linear_chain *c, size_t t)
{
    return &c->policy[elbo_lqr_stage_of(c->npolicy, t)];
}

/* V = E_pi (r + gamma E_p V): P by doubling, p by one solve, c by division. */
static elbo_status evaluate_for_ever(const elbo_linear_chain *chain,
                                     const elbo_quadratic *r, elbo_quadratic *V,
                                     elbo_arena *ws)
{
    const size_t nx = chain->nx;
    elbo_quadratic Q = elbo_quadratic_take(ws, nx + chain->nu);
    elbo_quadratic step = elbo_quadratic_take(ws, nx);
    gsl_matrix *D = elbo_arena_mat(ws, nx, nx);
    elbo_closed_loop loop;
    elbo_lu lu;

    ELBO_TRY(elbo_closed_loop_take(chain->dynamics, chain->policy, &loop, ws));

    /* P = P_r + gamma M'P M */
    ELBO_TRY(elbo_quadratic_under(r, chain->policy, V, ws));
    gsl_matrix_transpose_memcpy(D, loop.M);
    ELBO_TRY(elbo_sum_powers(chain->gamma, D, V->P, ws));

    /* p = p_0 + gamma M'p, c = c_0 + gamma c */
    gsl_vector_set_zero(V->p);
    V->c = 0;
    ELBO_TRY(elbo_quadratic_through(r, chain->gamma, chain->dynamics, V, &Q, ws));
    ELBO_TRY(elbo_quadratic_under(&Q, chain->policy, &step, ws));
    gsl_matrix_set_identity(D);
    gsl_matrix_scale(loop.M, chain->gamma);
    gsl_matrix_sub(D, loop.M);
    ELBO_TRY(elbo_lu_factor(D, ws, &lu));
    gsl_vector_memcpy(V->p, step.p);
    ELBO_TRY(elbo_lu_solve_transposed(&lu, V->p));
    ELBO_TRY(elbo_quadratic_through(r, chain->gamma, chain->dynamics, V, &Q, ws));
    ELBO_TRY(elbo_quadratic_under(&Q, chain->policy, &step, ws));
    V->c = step.c / (1 - chain->gamma);
    return ELBO_OK;
}

static elbo_status evaluate_stages(const elbo_linear_chain *chain,
                                   const elbo_quadratic *reward, size_t nreward,
                                   const elbo_quadratic *terminal,
                                   elbo_quadratic values[], elbo_arena *ws)
{
    elbo_quadratic Q = elbo_quadratic_take(ws, chain->nx + chain->nu);
    elbo_quadratic zero = elbo_quadratic_take(ws, chain->nx);
    const elbo_quadratic *next = terminal ? terminal : &zero;

    ELBO_TRY(elbo_arena_check(ws, "an evaluation"));
    elbo_quadratic_zero(&zero);
    for (size_t t = chain->T; t-- > 0; next = &values[t]) {
        ELBO_TRY(elbo_quadratic_through(&reward[elbo_lqr_stage_of(nreward, t)],
                                        chain->gamma, dynamics_at(chain, t), next,
                                        &Q, ws));
        ELBO_TRY(elbo_quadratic_under(&Q, policy_at(chain, t), &values[t], ws));
    }
    return ELBO_OK;
}

elbo_status elbo_linear_evaluate(const elbo_linear_chain *chain,
                                 const elbo_quadratic *reward, size_t nreward,
                                 const elbo_quadratic *terminal,
                                 elbo_quadratic values[], elbo_arena *ws)
{
    assert(chain->T || chain->gamma < 1);

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s =
        chain->T
            ? evaluate_stages(chain, reward, nreward, terminal, values, ws)
            : evaluate_for_ever(chain, reward, values, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_linear_moments elbo_linear_moments_take(elbo_arena *arena, size_t nx,
                                             size_t nu)
{
    return (elbo_linear_moments){.z = elbo_arena_vec(arena, nx + nu),
                                 .y = elbo_arena_vec(arena, nx),
                                 .zz = elbo_arena_mat(arena, nx + nu, nx + nu),
                                 .yz = elbo_arena_mat(arena, nx, nx + nu),
                                 .yy = elbo_arena_mat(arena, nx, nx)};
}

double elbo_linear_moments_mean(const elbo_linear_moments *m,
                                const elbo_quadratic *f)
{
    const size_t n = f->p->size;
    double sum = f->c * m->mass;

    for (size_t i = 0; i < n; i++) {
        double row = 0;

        for (size_t j = 0; j < n; j++)
            row += gsl_matrix_get(f->P, i, j) * gsl_matrix_get(m->zz, i, j);
        sum += gsl_vector_get(f->p, i) * gsl_vector_get(m->z, i) - 0.5 * row;
    }
    return sum;
}

void elbo_linear_moments_add(elbo_linear_moments *into,
                             const elbo_linear_moments *part)
{
    into->mass += part->mass;
    gsl_vector_add(into->z, part->z);
    gsl_vector_add(into->y, part->y);
    gsl_matrix_add(into->zz, part->zz);
    gsl_matrix_add(into->yz, part->yz);
    gsl_matrix_add(into->yy, part->yy);
}

/* Second moments are kept as covariance parts and products of means, so that a
 * state far from 0 loses no digits: weight w, mean m, central second moment C with
 * E x x' = w (m m' + C). For the discounted sum, of weight 1/(1 - gamma), m and C
 * are those of the normalised occupancy. */
typedef struct state_moments {
    double w;
    gsl_vector *m;
    gsl_matrix *C;
} state_moments;

/* out: moments of (z, y), x ~ (m, C). With T = [I; K], z = T x + (0, k) + (0, e):
 *   cov z = T C T' + (0, S),  y = F z + c + noise. */
static elbo_status spread_out(const elbo_linear_dynamics *p,
                              const elbo_linear_policy *pi,
                              const state_moments *x, elbo_linear_moments *out,
                              elbo_arena *ws)
{
    const size_t nx = x->m->size, nu = pi->K->size1, nz = nx + nu;
    gsl_matrix *KC = elbo_arena_mat(ws, nu, nx);
    gsl_matrix *F = elbo_arena_mat(ws, nx, nz);

    ELBO_TRY(elbo_arena_check(ws, "an occupancy"));
    gsl_matrix_view A = gsl_matrix_submatrix(F, 0, 0, nx, nx);
    gsl_matrix_view B = gsl_matrix_submatrix(F, 0, nx, nx, nu);
    gsl_matrix_view xx = gsl_matrix_submatrix(out->zz, 0, 0, nx, nx);
    gsl_matrix_view ux = gsl_matrix_submatrix(out->zz, nx, 0, nu, nx);
    gsl_matrix_view uu = gsl_matrix_submatrix(out->zz, nx, nx, nu, nu);
    gsl_vector_view mx = gsl_vector_subvector(out->z, 0, nx);
    gsl_vector_view mu = gsl_vector_subvector(out->z, nx, nu);

    gsl_matrix_memcpy(&A.matrix, p->A);
    gsl_matrix_memcpy(&B.matrix, p->B);

    /* Central moments of z ... */
    gsl_vector_memcpy(&mx.vector, x->m);
    gsl_vector_memcpy(&mu.vector, pi->k);
    gsl_blas_dgemv(CblasNoTrans, 1, pi->K, x->m, 1, &mu.vector);
    gsl_matrix_memcpy(&xx.matrix, x->C);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, pi->K, x->C, 0, KC);
    gsl_matrix_memcpy(&ux.matrix, KC);
    gsl_matrix_memcpy(&uu.matrix, pi->S);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, KC, pi->K, 1, &uu.matrix);
    elbo_sym_from_lower(out->zz);

    /* ... and of y */
    gsl_vector_set_zero(out->y);
    if (p->c) gsl_vector_memcpy(out->y, p->c);
    gsl_blas_dgemv(CblasNoTrans, 1, F, out->z, 1, out->y);
    gsl_blas_dgemm(CblasNoTrans, CblasNoTrans, 1, F, out->zz, 0, out->yz);
    gsl_matrix_memcpy(out->yy, p->W);
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, out->yz, F, 1, out->yy);
    elbo_sym_mean(out->yy);
    return ELBO_OK;
}

/* Central moments of weight 1 into raw ones of weight w. */
static void weigh(elbo_linear_moments *m, double w)
{
    gsl_blas_dger(1, m->z, m->z, m->zz);
    gsl_blas_dger(1, m->y, m->z, m->yz);
    gsl_blas_dger(1, m->y, m->y, m->yy);
    gsl_matrix_scale(m->zz, w);
    gsl_matrix_scale(m->yz, w);
    gsl_matrix_scale(m->yy, w);
    gsl_vector_scale(m->z, w);
    gsl_vector_scale(m->y, w);
    m->mass = w;
}

static elbo_status occupancy_stages(const elbo_linear_chain *chain,
                                    state_moments *x, elbo_linear_moments out[],
                                    elbo_arena *ws)
{
    for (size_t t = 0; t < chain->T; t++) {
        const elbo_mark mark = elbo_arena_mark(ws);

        ELBO_TRY(spread_out(dynamics_at(chain, t), policy_at(chain, t), x,
                            &out[t], ws));
        elbo_arena_release(ws, mark);
        gsl_vector_memcpy(x->m, out[t].y);
        gsl_matrix_memcpy(x->C, out[t].yy);
        weigh(&out[t], x->w);
        x->w *= chain->gamma;
    }
    return ELBO_OK;
}

/* The normalised occupancy of x: m = (1 - gamma) m0 + gamma (M m + d), and with the
 * raw second moment X = (1 - gamma) X0 + gamma E[y y'] about any fixed centre. The
 * centre m makes the source terms small:
 *   C = gamma M C M' + (1 - gamma) (P0 + e0 e0') + gamma (N + e1 e1')
 *       + gamma (M-terms of first moments, which vanish about m),
 * e0 = m0 - m, e1 = M m + d - m. */
static elbo_status occupancy_for_ever(const elbo_linear_chain *chain,
                                      state_moments *x, elbo_arena *ws)
{
    const size_t nx = chain->nx;
    const double gamma = chain->gamma;
    gsl_matrix *D = elbo_arena_mat(ws, nx, nx);
    gsl_vector *m = elbo_arena_vec(ws, nx);
    elbo_closed_loop loop;
    elbo_lu lu;

    ELBO_TRY(elbo_closed_loop_take(chain->dynamics, chain->policy, &loop, ws));
    gsl_matrix_set_identity(D);
    for (size_t i = 0; i < nx; i++)
        for (size_t j = 0; j < nx; j++)
            *gsl_matrix_ptr(D, i, j) -= gamma * gsl_matrix_get(loop.M, i, j);
    ELBO_TRY(elbo_lu_factor(D, ws, &lu));
    gsl_vector_memcpy(m, x->m);
    gsl_vector_scale(m, 1 - gamma);
    gsl_blas_daxpy(gamma, loop.m, m);
    ELBO_TRY(elbo_lu_solve(&lu, m));

    gsl_vector_sub(x->m, m);                                     /* e0 */
    gsl_blas_dgemv(CblasNoTrans, 1, loop.M, m, 1, loop.m);
    gsl_vector_sub(loop.m, m);                                   /* e1 */
    gsl_blas_dger(1, x->m, x->m, x->C);
    gsl_blas_dger(1, loop.m, loop.m, loop.N);
    gsl_matrix_scale(x->C, 1 - gamma);
    gsl_matrix_scale(loop.N, gamma);
    gsl_matrix_add(x->C, loop.N);
    gsl_vector_memcpy(x->m, m);
    ELBO_TRY(elbo_sum_powers(gamma, loop.M, x->C, ws));
    x->w = 1 / (1 - gamma);
    return ELBO_OK;
}

static elbo_status occupancy(const elbo_linear_chain *chain,
                             const gsl_vector *m0, const gsl_matrix *P0,
                             elbo_linear_moments out[], elbo_arena *ws)
{
    const size_t nx = chain->nx;
    state_moments x = {.w = 1,
                       .m = elbo_arena_vec(ws, nx),
                       .C = elbo_arena_mat(ws, nx, nx)};

    ELBO_TRY(elbo_arena_check(ws, "an occupancy"));
    gsl_vector_memcpy(x.m, m0);
    gsl_matrix_set_zero(x.C);
    if (P0) gsl_matrix_memcpy(x.C, P0);
    if (chain->T) return occupancy_stages(chain, &x, out, ws);
    ELBO_TRY(occupancy_for_ever(chain, &x, ws));
    ELBO_TRY(spread_out(chain->dynamics, chain->policy, &x, &out[0], ws));
    weigh(&out[0], x.w);
    return ELBO_OK;
}

elbo_status elbo_linear_occupancy(const elbo_linear_chain *chain,
                                  const gsl_vector *m0, const gsl_matrix *P0,
                                  elbo_linear_moments out[], elbo_arena *ws)
{
    assert(chain->T || chain->gamma < 1);

    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = occupancy(chain, m0, P0, out, ws);

    elbo_arena_release(ws, mark);
    return s;
}
