/* envs/boeing747.c -- the longitudinal motion of a large aeroplane.
 *
 * A Boeing 747 at 40 000 ft and 774 ft/s, level: deviations x = (forward speed
 * ft/s, downward speed ft/s, pitch rate 0.01 rad/s, pitch 0.01 rad), u = (elevator
 * 0.01 rad, thrust 10^4 lbf); continuous time, u held for dt.
 */
#include "envs/linear_world.h"
#include "envs/registry.h"
#include "inference/core/matrix_text.h"

static const double F[4][4] = {
    {-.003, .039,  0,     -.322},
    {-.065, -.319, 7.74,  0    },
    {.020,  -.101, -.429, 0    },
    {0,     0,     1,     0    },
};
static const double G[4][2] = {
    {.01,   1   },
    {-.18,  -.04},
    {-1.16, .598},
    {0,     0   },
};

static const elbo_option options[] = {
    {.name = "dt",
     .type = ELBO_REAL,
     .unit = "s",
     .low = 1e-6,
     .high = 100,
     .fallback = "1",
     .doc = "the length of a step"},
    ELBO_LINEAR_OPTIONS("1", "1", "0", "0", "0.1", "0", "1"),
    {0},
};

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_linear_world *out)
{
    gsl_matrix *A, *B;
    gsl_vector *c;

    (void)folder;
    ELBO_TRY(elbo_linear_world_take(out, 4, 2, arena, &A, &B, &c));
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < 4; j++) gsl_matrix_set(A, i, j, F[i][j]);
        for (size_t j = 0; j < 2; j++) gsl_matrix_set(B, i, j, G[i][j]);
    }
    ELBO_TRY(elbo_zero_order_hold(A, B, elbo_real(values, "dt"), arena));
    return elbo_linear_world_read(values, arena, out);
}

const elbo_env elbo_boeing747 = {
    .name = "boeing747",
    .source = "Boyd, Linear Dynamical Systems (EE263), aircraft dynamics, after "
              "Bryson, Control of Spacecraft and Aircraft, 1994",
    .doc = "longitudinal motion of a large aeroplane, 4 states, 2 inputs",
    .options = options,
    .linear = open_world,
};
