#include "envs/linear_world.h"

#include <gsl/gsl_linalg.h>

#include "inference/core/matrix_text.h"

elbo_status elbo_linear_world_take(elbo_linear_world *world, size_t nx, size_t nu,
                                   elbo_arena *arena, gsl_matrix **A,
                                   gsl_matrix **B, gsl_vector **c)
{
    world->nx = nx;
    world->nu = nu;
    *A = elbo_arena_mat(arena, nx, nx);
    *B = elbo_arena_mat(arena, nx, nu);
    *c = elbo_arena_vec(arena, nx);
    ELBO_TRY(elbo_arena_check(arena, "a linear world"));
    gsl_matrix_set_zero(*A);
    gsl_matrix_set_zero(*B);
    gsl_vector_set_zero(*c);
    world->dynamics = (elbo_linear_dynamics){.A = *A, .B = *B, .c = *c};
    return ELBO_OK;
}

static elbo_status take_costs(elbo_linear_world *world, elbo_arena *arena)
{
    world->reward = elbo_quadratic_take(arena, world->nx + world->nu);
    world->terminal = elbo_quadratic_take(arena, world->nx);
    ELBO_TRY(elbo_arena_check(arena, "a linear world's costs"));
    elbo_quadratic_zero(&world->reward);
    elbo_quadratic_zero(&world->terminal);
    return ELBO_OK;
}

static elbo_status read_costs(const elbo_values *options, elbo_arena *arena,
                              elbo_linear_world *world)
{
    const size_t nx = world->nx, nu = world->nu;
    gsl_vector *goal;
    gsl_matrix *Q, *R, *end;

    ELBO_TRY(elbo_vector_setting("goal", elbo_text(options, "goal"), nx, arena,
                                 &goal));
    ELBO_TRY(elbo_covariance_setting(
        "state_cost", elbo_text(options, "state_cost"), nx, false, arena, &Q));
    ELBO_TRY(elbo_covariance_setting("action_cost",
                                     elbo_text(options, "action_cost"), nu, true,
                                     arena, &R));
    ELBO_TRY(elbo_covariance_setting("terminal_cost",
                                     elbo_text(options, "terminal_cost"), nx,
                                     false, arena, &end));
    ELBO_TRY(take_costs(world, arena));
    elbo_quadratic_add_square(&world->reward, 0, Q, goal);
    elbo_quadratic_add_square(&world->reward, nx, R, NULL);
    elbo_quadratic_add_square(&world->terminal, 0, end, goal);
    return ELBO_OK;
}

elbo_status elbo_linear_world_read(const elbo_values *options, elbo_arena *arena,
                                   elbo_linear_world *world)
{
    const size_t nx = world->nx;
    gsl_matrix *W;

    ELBO_TRY(read_costs(options, arena, world));
    ELBO_TRY(elbo_covariance_setting("noise", elbo_text(options, "noise"), nx,
                                     false, arena, &W));
    ELBO_TRY(elbo_vector_setting("start", elbo_text(options, "start"), nx, arena,
                                 &world->m0));
    ELBO_TRY(elbo_covariance_setting("start_covariance",
                                     elbo_text(options, "start_covariance"), nx,
                                     false, arena, &world->P0));
    world->dynamics.W = W;
    return ELBO_OK;
}

elbo_status elbo_zero_order_hold(gsl_matrix *A, gsl_matrix *B, double dt,
                                 elbo_arena *arena)
{
    const size_t nx = A->size1, nu = B->size2, n = nx + nu;
    gsl_matrix *const M = elbo_arena_mat(arena, n, n);
    gsl_matrix *const E = elbo_arena_mat(arena, n, n);

    ELBO_TRY(elbo_arena_check(arena, "a zero-order hold"));
    gsl_matrix_set_zero(M);
    for (size_t i = 0; i < nx; i++)
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(M, i, j,
                           dt * (j < nx ? gsl_matrix_get(A, i, j)
                                        : gsl_matrix_get(B, i, j - nx)));
    if (gsl_linalg_exponential_ss(M, E, GSL_PREC_DOUBLE) != GSL_SUCCESS)
        return ELBO_FAIL(ELBO_ENOTFINITE, "a zero-order hold over %g", dt);
    for (size_t i = 0; i < nx; i++)
        for (size_t j = 0; j < n; j++)
            gsl_matrix_set(j < nx ? A : B, i, j < nx ? j : j - nx,
                           gsl_matrix_get(E, i, j));
    return ELBO_OK;
}
