/* envs/spring_mass.c -- a chain of masses between two walls.
 *
 * x = (positions, velocities) of n unit masses joined by springs k and dampers d to
 * their neighbours, the outer ones to walls; a force on each mass, or on the first:
 *   p'' = -k L p - d L p' + u,  L = tridiag(-1, 2, -1), u held for dt.
 */
#include "envs/linear_world.h"
#include "envs/registry.h"
#include "inference/core/matrix_text.h"

static const elbo_option options[] = {
    {.name = "masses",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 500,
     .fallback = "4",
     .doc = "how many"},
    {.name = "stiffness",
     .type = ELBO_REAL,
     .unit = "1/s^2",
     .low = 0,
     .high = 1e6,
     .fallback = "1",
     .doc = "k of each spring"},
    {.name = "damping",
     .type = ELBO_REAL,
     .unit = "1/s",
     .low = 0,
     .high = 1e6,
     .fallback = "0.1",
     .doc = "d of each damper"},
    {.name = "forces",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "all|first",
     .fallback = "all",
     .doc = "which masses are pushed"},
    {.name = "dt",
     .type = ELBO_REAL,
     .unit = "s",
     .low = 1e-6,
     .high = 100,
     .fallback = "0.5",
     .doc = "the length of a step"},
    ELBO_LINEAR_OPTIONS("1", "1", "0", "0", "0.001", "0", "1"),
    {0},
};

static void fill(gsl_matrix *F, gsl_matrix *G, size_t n, double k, double d)
{
    for (size_t i = 0; i < n; i++) {
        gsl_matrix_set(F, i, n + i, 1);
        for (size_t j = i ? i - 1 : 0; j < n && j <= i + 1; j++) {
            const double L = i == j ? 2 : -1;

            gsl_matrix_set(F, n + i, j, -k * L);
            gsl_matrix_set(F, n + i, n + j, -d * L);
        }
        if (i < G->size2) gsl_matrix_set(G, n + i, i, 1);
    }
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_linear_world *out)
{
    const size_t n = (size_t)elbo_int(values, "masses");
    const size_t nu = elbo_choice_is(values, "forces", "all") ? n : 1;
    gsl_matrix *A, *B;
    gsl_vector *c;

    (void)folder;
    ELBO_TRY(elbo_linear_world_take(out, 2 * n, nu, arena, &A, &B, &c));
    fill(A, B, n, elbo_real(values, "stiffness"), elbo_real(values, "damping"));
    ELBO_TRY(elbo_zero_order_hold(A, B, elbo_real(values, "dt"), arena));
    return elbo_linear_world_read(values, arena, out);
}

const elbo_env elbo_spring_mass = {
    .name = "spring_mass",
    .source = "a standard test of large-scale control",
    .doc = "a chain of masses, springs and dampers between two walls",
    .options = options,
    .linear = open_world,
};
