/* envs/linear.c -- a linear-Gaussian world given by its matrices. */
#include <string.h>

#include "envs/linear_world.h"
#include "envs/registry.h"
#include "inference/core/matrix_text.h"

static const elbo_option options[] = {
    {.name = "A",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = NULL,
     .doc = "x' = A x + B u + c: nx x nx, as \"1 0.1; 0 1\"",
     .check = elbo_matrix_check},
    {.name = "B",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = NULL,
     .doc = "nx x nu",
     .check = elbo_matrix_check},
    {.name = "drift",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "0",
     .doc = "c: one number for all, or nx",
     .check = elbo_matrix_check},
    ELBO_LINEAR_OPTIONS("1", "1", "0", "0", "0.01", "0", "1"),
    {0},
};

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_linear_world *out)
{
    gsl_matrix *A, *B, *to_A, *to_B;
    gsl_vector *c, *to_c;

    (void)folder;
    ELBO_TRY(elbo_matrix_parse(elbo_text(values, "A"), arena, &A));
    ELBO_TRY(elbo_matrix_parse(elbo_text(values, "B"), arena, &B));
    if (A->size1 != A->size2 || B->size1 != A->size1)
        return ELBO_FAIL(ELBO_EINVAL,
                         "A must be square and B have as many rows: A is %zu x "
                         "%zu, B %zu x %zu",
                         A->size1, A->size2, B->size1, B->size2);
    ELBO_TRY(elbo_linear_world_take(out, A->size1, B->size2, arena, &to_A, &to_B,
                                    &to_c));
    gsl_matrix_memcpy(to_A, A);
    gsl_matrix_memcpy(to_B, B);
    ELBO_TRY(elbo_vector_setting("drift", elbo_text(values, "drift"), A->size1,
                                 arena, &c));
    gsl_vector_memcpy(to_c, c);
    return elbo_linear_world_read(values, arena, out);
}

const elbo_env elbo_linear = {
    .name = "linear",
    .source = "Anderson and Moore, Optimal Control, 1990",
    .doc = "a linear-Gaussian world, x' ~ N(A x + B u + c, W), given by its "
           "matrices",
    .options = options,
    .linear = open_world,
};
