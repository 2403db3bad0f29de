#include "inference/linear.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_math.h>

const elbo_linear_dynamics *elbo_linear_world_map(const elbo_linear_world *world,
                                                  size_t t)
{
    return world->period > 1 ? &world->cycle[t % world->period] : &world->dynamics;
}

void elbo_quadratic_add_square(elbo_quadratic *f, size_t at,
                               const gsl_matrix *Q, const gsl_vector *g)
{
    const size_t n = Q->size1;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            const double q = gsl_matrix_get(Q, i, j);

            *gsl_matrix_ptr(f->P, at + i, at + j) += q;
            if (!g) continue;
            *gsl_vector_ptr(f->p, at + i) += q * gsl_vector_get(g, j);
            f->c -= q * gsl_vector_get(g, i) * gsl_vector_get(g, j) / 2;
        }
}

/* M = (A B c) [nx x (nx + nu + 1)]. */
static void join(const elbo_linear_dynamics *map, gsl_matrix *M)
{
    const size_t nx = map->A->size1, nu = map->B->size2;

    for (size_t i = 0; i < nx; i++)
        for (size_t j = 0; j <= nx + nu; j++)
            gsl_matrix_set(M, i, j,
                           j < nx        ? gsl_matrix_get(map->A, i, j)
                           : j < nx + nu ? gsl_matrix_get(map->B, i, j - nx)
                           : map->c      ? gsl_vector_get(map->c, i)
                                         : 0);
}

/* In the directions of W's eigenvectors; those without noise must be without
 * residual, and have no share in the density. */
static elbo_status loglik(const elbo_linear_dynamics *map, const elbo_moments *S,
                          double *value, elbo_arena *ws)
{
    const size_t nx = map->A->size1;
    gsl_matrix *const M = elbo_arena_mat(ws, nx, nx + map->B->size2 + 1);
    gsl_matrix *const R = elbo_arena_mat(ws, nx, nx);
    gsl_matrix *const V = elbo_arena_mat(ws, nx, nx);
    gsl_vector *const w = elbo_arena_vec(ws, nx);
    gsl_vector *const Rv = elbo_arena_vec(ws, nx);
    double sum = 0;

    ELBO_TRY(elbo_arena_check(ws, "a linear model's likelihood"));
    join(map, M);
    ELBO_TRY(elbo_moments_residual(S, M, R, ws));
    gsl_matrix_memcpy(V, map->W);
    ELBO_TRY(elbo_eig_sym(V, w, ws));

    const double largest = gsl_vector_get(w, nx - 1);

    for (size_t i = 0; i < nx; i++) {
        const double noise = gsl_vector_get(w, i);
        gsl_vector_const_view v = gsl_matrix_const_row(V, i);
        double square;

        gsl_blas_dgemv(CblasNoTrans, 1, R, &v.vector, 0, Rv);
        gsl_blas_ddot(&v.vector, Rv, &square);
        if (noise > 1e-14 * largest) {
            sum -= (S->n * log(2 * M_PI * noise) + square / noise) / 2;
            continue;
        }
        gsl_blas_dgemv(CblasNoTrans, 1, S->Syy, &v.vector, 0, Rv);

        double scale;

        gsl_blas_ddot(&v.vector, Rv, &scale);
        if (fabs(square) > 1e-10 * fabs(scale))
            return ELBO_FAIL(ELBO_ENOTPD,
                             "the data leave the range of the noise W, whose "
                             "eigenvalue %zu is %g",
                             i + 1, noise);
    }
    *value = sum;
    return ELBO_OK;
}

elbo_status elbo_linear_loglik(const elbo_linear_dynamics *map,
                               const elbo_moments *S, double *value,
                               elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const elbo_status s = loglik(map, S, value, ws);

    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_linear_belief_likelihood(const elbo_linear_belief *belief,
                                          const elbo_moments S[], double *value,
                                          elbo_arena *ws)
{
    double sum = 0;

    for (size_t t = 0; t < belief->stages; t++) {
        double one = 0;

        ELBO_TRY(elbo_linear_loglik(&belief->mean[t], &S[t], &one, ws));
        sum += one;
    }
    *value = sum;
    return ELBO_OK;
}
