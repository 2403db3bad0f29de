/* envs/random_linear.c -- linear-Gaussian worlds drawn at random.
 *
 * A has entries N(0, 1) and is scaled to its spectral radius, B has entries N(0, 1)
 * over sqrt(nx): stream ("random_linear", instance).
 */
#include <complex.h>
#include <math.h>

#include "envs/instance.h"
#include "envs/linear_world.h"
#include "envs/registry.h"
#include "inference/core/matrix_text.h"

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 500,
     .fallback = "4",
     .doc = "nx"},
    {.name = "inputs",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 500,
     .fallback = "2",
     .doc = "nu"},
    {.name = "radius",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 10,
     .fallback = "0.95",
     .doc = "the largest modulus of A's eigenvalues"},
    ELBO_INSTANCE_OPTION,
    ELBO_LINEAR_OPTIONS("1", "1", "0", "0", "0.01", "0", "1"),
    {0},
};

static elbo_status draw(gsl_matrix *A, gsl_matrix *B, double radius,
                        uint64_t instance, elbo_arena *arena)
{
    const size_t nx = A->size1;
    elbo_rng rng = elbo_rng_stream(instance, "random_linear", 0);
    double largest;

    elbo_rng_normals(&rng, A->data, nx * nx);
    elbo_rng_normals(&rng, B->data, nx * B->size2);
    gsl_matrix_scale(B, 1 / sqrt((double)nx));
    ELBO_TRY(elbo_spectral_radius(A, &largest, arena));
    if (!(largest > 0))
        return ELBO_FAIL(ELBO_ESINGULAR, "random_linear: A has no eigenvalue");
    gsl_matrix_scale(A, radius / largest);
    return ELBO_OK;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_linear_world *out)
{
    gsl_matrix *A, *B;
    gsl_vector *c;

    (void)folder;
    ELBO_TRY(elbo_linear_world_take(out, (size_t)elbo_int(values, "states"),
                                    (size_t)elbo_int(values, "inputs"), arena, &A,
                                    &B, &c));
    ELBO_TRY(draw(A, B, elbo_real(values, "radius"),
                  elbo_instance(values, out->seed), arena));
    return elbo_linear_world_read(values, arena, out);
}

const elbo_env elbo_random_linear = {
    .name = "random_linear",
    .source = "after Dean, Mania, Matni, Recht, Tu, FoCM 2020",
    .doc = "a linear-Gaussian world drawn at random",
    .options = options,
    .linear = open_world,
};
