/* envs/double_integrator.c -- a unit mass on a line, pushed by a force.
 *
 * x = (position, velocity), u = force, held for dt:
 *   A = [1 dt; 0 1], B = [dt^2/2; dt].
 */
#include "envs/linear_world.h"
#include "envs/registry.h"
#include "inference/core/matrix_text.h"

static const elbo_option options[] = {
    {.name = "dt",
     .type = ELBO_REAL,
     .unit = "s",
     .low = 1e-6,
     .high = 10,
     .fallback = "0.1",
     .doc = "the length of a step"},
    ELBO_LINEAR_OPTIONS("1", "0.1", "1", "0", "1e-4 0; 0 0.01", "1 0", "0.1"),
    {0},
};

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_linear_world *out)
{
    const double dt = elbo_real(values, "dt");
    gsl_matrix *A, *B;
    gsl_vector *c;

    (void)folder;
    ELBO_TRY(elbo_linear_world_take(out, 2, 1, arena, &A, &B, &c));
    gsl_matrix_set_identity(A);
    gsl_matrix_set(A, 0, 1, dt);
    gsl_matrix_set(B, 0, 0, dt * dt / 2);
    gsl_matrix_set(B, 1, 0, dt);
    return elbo_linear_world_read(values, arena, out);
}

const elbo_env elbo_double_integrator = {
    .name = "double_integrator",
    .source = "Recht, Annual Review of Control 2019, 2.1",
    .doc = "a unit mass on a line, pushed by a force",
    .options = options,
    .linear = open_world,
};
