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
     .doc = "x' = A x + B u + c: nx x nx, as \"1 0.1; 0 1\"; or p such matrices, "
            "one below the other, of which step t has number t mod p",
     .check = elbo_matrix_check},
    {.name = "B",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = NULL,
     .doc = "nx x nu, or p of them as of A",
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

/* Block k of matrices one below the other; of one alone: that. */
static void copy_block(gsl_matrix *to, const gsl_matrix *from, size_t k)
{
    const size_t n = to->size1, at = from->size1 > n ? k * n : 0;
    const gsl_matrix_const_view block =
        gsl_matrix_const_submatrix(from, at, 0, n, to->size2);

    gsl_matrix_memcpy(to, &block.matrix);
}

/* One map a block; c and W are those of all. */
static elbo_status take_cycle(const gsl_matrix *A, const gsl_matrix *B,
                              elbo_arena *arena, elbo_linear_world *out)
{
    const size_t period = A->size1 / out->nx;
    elbo_linear_dynamics *cycle = elbo_arena_take(arena, period, sizeof *cycle);

    for (size_t k = 0; k < period; k++) {
        gsl_matrix *const to_A = elbo_arena_mat(arena, out->nx, out->nx);
        gsl_matrix *const to_B = elbo_arena_mat(arena, out->nx, out->nu);

        ELBO_TRY(elbo_arena_check(arena, "a linear world's maps"));
        copy_block(to_A, A, k);
        copy_block(to_B, B, k);
        cycle[k] = out->dynamics;
        cycle[k].A = to_A;
        cycle[k].B = to_B;
    }
    out->cycle = cycle;
    out->period = period;
    return ELBO_OK;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_linear_world *out)
{
    gsl_matrix *A, *B, *to_A, *to_B;
    gsl_vector *c, *to_c;
    size_t nx;

    (void)folder;
    ELBO_TRY(elbo_matrix_parse(elbo_text(values, "A"), arena, &A));
    ELBO_TRY(elbo_matrix_parse(elbo_text(values, "B"), arena, &B));
    nx = A->size2;
    if (A->size1 % nx != 0 || (B->size1 != nx && B->size1 != A->size1))
        return ELBO_FAIL(ELBO_EINVAL,
                         "A must be square (or squares below one another) and B have "
                         "as many rows: A is %zu x %zu, B %zu x %zu",
                         A->size1, A->size2, B->size1, B->size2);
    ELBO_TRY(elbo_linear_world_take(out, nx, B->size2, arena, &to_A, &to_B, &to_c));
    copy_block(to_A, A, 0);
    copy_block(to_B, B, 0);
    ELBO_TRY(elbo_vector_setting("drift", elbo_text(values, "drift"), nx, arena, &c));
    gsl_vector_memcpy(to_c, c);
    ELBO_TRY(elbo_linear_world_read(values, arena, out));
    return A->size1 == nx ? ELBO_OK : take_cycle(A, B, arena, out);
}

const elbo_env elbo_linear = {
    .name = "linear",
    .source = "Anderson and Moore, Optimal Control, 1990",
    .doc = "a linear-Gaussian world, x' ~ N(A x + B u + c, W), given by its "
           "matrices",
    .options = options,
    .linear = open_world,
};
