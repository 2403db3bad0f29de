#include "tests/i2c_cases.h"

#include <check.h>
#include <gsl/gsl_blas.h>

#include "inference/core/linalg.h"

void i2c_task_link(i2c_task *w)
{
    w->p.f = linear_map_of(&w->f);
    w->p.h = linear_map_of(&w->h);
    if (w->h_end.M) w->p.h_end = linear_map_of(&w->h_end);
}

void i2c_lqr_task(i2c_task *w, double variance_u, double noise, elbo_arena *ws)
{
    static const double goal[] = {10, 10, 0}, start[] = {5, 5};
    static const double weight[] = {10, 10, 1};
    gsl_matrix *const mu = elbo_arena_mat(ws, LQ_T, LQ_NU);

    gsl_matrix_set_zero(mu);
    *w = (i2c_task){
        .f = lq_dynamics(goal, lq_A, lq_B, ws),
        .h = identity_map(LQ_NX + LQ_NU, ws),
        .h_end = identity_map(LQ_NX, ws),
        .p = {.nx = LQ_NX,
              .nu = LQ_NU,
              .T = LQ_T,
              .m0 = vector_of(LQ_NX, start, ws),
              .P0 = identity(LQ_NX, noise, ws),
              .Sigma = identity(LQ_NX, noise, ws),
              .goal = vector_of(LQ_NX + LQ_NU, goal, ws),
              .goal_end = vector_of(LQ_NX, goal, ws),
              .W = diagonal(weight, LQ_NX + LQ_NU, 1, ws),
              .W_end = diagonal(weight, LQ_NX, 1, ws),
              .mu = mu,
              .Sigma_u = identity(LQ_NU, variance_u, ws)},
    };
    i2c_task_link(w);
}

void i2c_drawn_task(i2c_task *w, size_t nx, size_t nu, size_t T, elbo_rng *rng,
                    elbo_arena *ws)
{
    const size_t n = nx + nu, nz = n;
    linear_map *const maps[] = {&w->f, &w->h, &w->h_end};
    const size_t rows[] = {nx, nz, nx}, cols[] = {n, n, nx};
    gsl_matrix *const mu = elbo_arena_mat(ws, T, nu);
    gsl_vector *const m0 = elbo_arena_vec(ws, nx);
    gsl_vector *const goal = elbo_arena_vec(ws, nz);
    gsl_matrix *spd[5];
    const size_t sizes[] = {nx, nx, nz, nx, nu};

    for (size_t i = 0; i < 3; i++) {
        *maps[i] = (linear_map){elbo_arena_mat(ws, rows[i], cols[i]),
                                elbo_arena_vec(ws, rows[i])};
        elbo_rng_normals(rng, maps[i]->M->data, rows[i] * cols[i]);
        elbo_rng_normals(rng, maps[i]->c->data, rows[i]);
        gsl_matrix_scale(maps[i]->M, 0.6);
    }
    for (size_t i = 0; i < 5; i++) {
        gsl_matrix *const G = elbo_arena_mat(ws, sizes[i], sizes[i]);

        elbo_rng_normals(rng, G->data, sizes[i] * sizes[i]);
        spd[i] = identity(sizes[i], 0.2385, ws);
        gsl_blas_dgemm(CblasNoTrans, CblasTrans, 0.5, G, G, 1, spd[i]);
        elbo_sym_from_lower(spd[i]);
    }
    elbo_rng_normals(rng, mu->data, T * nu);
    elbo_rng_normals(rng, m0->data, nx);
    elbo_rng_normals(rng, goal->data, nz);
    w->p = (elbo_i2c_problem){.nx = nx,
                              .nu = nu,
                              .T = T,
                              .m0 = m0,
                              .P0 = spd[0],
                              .Sigma = spd[1],
                              .goal = goal,
                              .goal_end = vector_of(nx, goal->data, ws),
                              .W = spd[2],
                              .W_end = spd[3],
                              .mu = mu,
                              .Sigma_u = spd[4]};
    i2c_task_link(w);
}

elbo_i2c *i2c_one_iteration(i2c_task *w, double alpha,
                            const elbo_transform_rule *rule,
                            elbo_i2c_info *info, elbo_arena *ws)
{
    elbo_i2c_config config = elbo_i2c_defaults;
    elbo_i2c *i2c;

    config.alpha = alpha;
    config.transform.rule = rule;
    ck_assert_int_eq(elbo_i2c_open(&config, &w->p, ws, &i2c), ELBO_OK);
    ck_assert_int_eq(elbo_i2c_iterate(i2c, info, ws), ELBO_OK);
    return i2c;
}
