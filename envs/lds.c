/* envs/lds.c -- a linear-Gaussian world whose states are not seen.
 *
 *   x' ~ N(A x + B u + b, Q),   y ~ N(C x + d, R)
 *
 * Matrices that are not given are drawn: A has entries N(0, 1) and is scaled to its
 * spectral radius, B and C have entries N(0, 1) over sqrt(nx): stream ("lds",
 * instance).
 */
#include <math.h>
#include <string.h>

#include "envs/instance.h"
#include "envs/registry.h"
#include "inference/core/matrix_text.h"
#include "inference/observed.h"

static const char drawn[] = "drawn";

/* "drawn", or a matrix. */
static elbo_status check_drawn(const char *text, size_t *column,
                               const char **nearest)
{
    if (strcmp(text, drawn) != 0) return elbo_matrix_check(text, column, nearest);
    return ELBO_OK;
}

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 200,
     .fallback = "3",
     .doc = "nx, where neither A nor C is given"},
    {.name = "outputs",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 200,
     .fallback = "2",
     .doc = "ny, where C is not given"},
    {.name = "inputs",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 200,
     .fallback = "1",
     .doc = "nu, where B is not given"},
    {.name = "radius",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 10,
     .fallback = "0.95",
     .doc = "the largest modulus of the eigenvalues of a drawn A"},
    ELBO_INSTANCE_OPTION,
    {.name = "A",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = drawn,
     .doc = "drawn, or nx x nx, as \"1 0.1; 0 1\"",
     .check = check_drawn},
    {.name = "B",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = drawn,
     .doc = "drawn, or nx x nu",
     .check = check_drawn},
    {.name = "C",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = drawn,
     .doc = "drawn, or ny x nx",
     .check = check_drawn},
    {.name = "drift",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "0",
     .doc = "b: one number for all, or nx",
     .check = elbo_matrix_check},
    {.name = "offset",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "0",
     .doc = "d: one number for all, or ny",
     .check = elbo_matrix_check},
    {.name = "noise",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "0.1",
     .doc = "Q: a number, a diagonal, or a matrix \"1 0; 0 1\"",
     .check = elbo_matrix_check},
    {.name = "output_noise",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "0.1",
     .doc = "R, written alike, positive definite",
     .check = elbo_matrix_check},
    {.name = "start",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "0",
     .doc = "the mean of the first state",
     .check = elbo_matrix_check},
    {.name = "start_covariance",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "1",
     .doc = "its covariance, as noise",
     .check = elbo_matrix_check},
    {.name = "missing",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1,
     .fallback = "0",
     .doc = "the probability that a value of y is not seen"},
    {.name = "output_cost",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "1",
     .doc = "of the reward -1/2 (y - goal)' it (y - goal) - 1/2 u' action_cost u, "
            "as noise",
     .check = elbo_matrix_check},
    {.name = "action_cost",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "1",
     .doc = "written alike, positive definite",
     .check = elbo_matrix_check},
    {.name = "goal",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "0",
     .doc = "the observation that costs nothing: one number for all, or ny",
     .check = elbo_matrix_check},
    {0},
};

/* The matrix that was given, or NULL. */
static elbo_status read_matrix(const elbo_values *values, const char *name,
                               elbo_arena *arena, gsl_matrix **out)
{
    *out = NULL;
    if (strcmp(elbo_text(values, name), drawn) == 0) return ELBO_OK;
    return elbo_matrix_parse(elbo_text(values, name), arena, out);
}

/* A drawn matrix takes its place in the stream whether or not it was given, so that
 * giving one leaves the others as they were. */
static elbo_status draw(gsl_matrix **M, size_t rows, size_t cols, double scale,
                        elbo_rng *rng, elbo_arena *arena)
{
    gsl_matrix *const drawn_one = elbo_arena_mat(arena, rows, cols);

    ELBO_TRY(elbo_arena_check(arena, "env lds"));
    elbo_rng_normals(rng, drawn_one->data, rows * cols);
    if (*M) return ELBO_OK;
    gsl_matrix_scale(drawn_one, scale);
    *M = drawn_one;
    return ELBO_OK;
}

static elbo_status shrink(gsl_matrix *A, double radius, elbo_arena *arena)
{
    double largest;

    ELBO_TRY(elbo_spectral_radius(A, &largest, arena));
    if (!(largest > 0))
        return ELBO_FAIL(ELBO_ESINGULAR, "env lds: A has no eigenvalue");
    gsl_matrix_scale(A, radius / largest);
    return ELBO_OK;
}

static elbo_status read_map(const elbo_values *values, uint64_t seed,
                            elbo_arena *arena, gsl_matrix **A, gsl_matrix **B,
                            gsl_matrix **C)
{
    elbo_rng rng = elbo_rng_stream(elbo_instance(values, seed), "lds", 0);

    ELBO_TRY(read_matrix(values, "A", arena, A));
    ELBO_TRY(read_matrix(values, "B", arena, B));
    ELBO_TRY(read_matrix(values, "C", arena, C));

    const bool given = *A != NULL;
    const size_t nx = given ? (*A)->size1
                      : *C  ? (*C)->size2
                            : (size_t)elbo_int(values, "states");
    const size_t ny = *C ? (*C)->size1 : (size_t)elbo_int(values, "outputs");
    const size_t nu = *B ? (*B)->size2 : (size_t)elbo_int(values, "inputs");
    const double scale = 1 / sqrt((double)nx);

    ELBO_TRY(draw(A, nx, nx, 1, &rng, arena));
    if (!given) ELBO_TRY(shrink(*A, elbo_real(values, "radius"), arena));
    ELBO_TRY(draw(C, ny, nx, scale, &rng, arena));
    if (nu > 0) ELBO_TRY(draw(B, nx, nu, scale, &rng, arena));
    if ((*A)->size2 != nx || (*C)->size2 != nx || (*B && (*B)->size1 != nx))
        return ELBO_FAIL(ELBO_EINVAL,
                         "A must be square, B have as many rows and C as many "
                         "columns: A is %zu x %zu, B %zu x %zu, C %zu x %zu",
                         nx, (*A)->size2, *B ? (*B)->size1 : nx, nu, ny,
                         (*C)->size2);
    return ELBO_OK;
}

static elbo_status read_law(const elbo_values *values, elbo_arena *arena,
                            elbo_lgssm *sys, elbo_lgssm_step *step)
{
    gsl_vector *b, *d, *m0;
    gsl_matrix *Q, *R, *P0;

    ELBO_TRY(elbo_vector_setting("drift", elbo_text(values, "drift"), sys->nx, arena,
                                 &b));
    ELBO_TRY(elbo_vector_setting("offset", elbo_text(values, "offset"), sys->ny,
                                 arena, &d));
    ELBO_TRY(elbo_vector_setting("start", elbo_text(values, "start"), sys->nx, arena,
                                 &m0));
    ELBO_TRY(elbo_covariance_setting("noise", elbo_text(values, "noise"), sys->nx,
                                     false, arena, &Q));
    ELBO_TRY(elbo_covariance_setting("output_noise",
                                     elbo_text(values, "output_noise"), sys->ny,
                                     true, arena, &R));
    ELBO_TRY(elbo_covariance_setting("start_covariance",
                                     elbo_text(values, "start_covariance"), sys->nx,
                                     false, arena, &P0));
    step->b = b;
    step->d = d;
    step->Q = Q;
    step->R = R;
    sys->m0 = m0;
    sys->P0 = P0;
    return ELBO_OK;
}

static elbo_status read_cost(const elbo_values *values, elbo_arena *arena,
                             elbo_observed_world *out)
{
    elbo_observed_cost *const cost = elbo_arena_take(arena, 1, sizeof *cost);

    ELBO_TRY(elbo_arena_check(arena, "env lds"));
    if (out->nu == 0) return ELBO_OK;
    ELBO_TRY(elbo_covariance_setting("output_cost",
                                     elbo_text(values, "output_cost"), out->ny,
                                     false, arena, &cost->Q));
    ELBO_TRY(elbo_covariance_setting("action_cost",
                                     elbo_text(values, "action_cost"), out->nu, true,
                                     arena, &cost->R));
    ELBO_TRY(elbo_vector_setting("goal", elbo_text(values, "goal"), out->ny, arena,
                                 &cost->goal));
    out->cost = cost;
    return ELBO_OK;
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_observed_world *out)
{
    elbo_lgssm *const sys = elbo_arena_take(arena, 1, sizeof *sys);
    elbo_lgssm_step *const step = elbo_arena_take(arena, 1, sizeof *step);
    gsl_matrix *A, *B, *C;

    (void)folder;
    ELBO_TRY(elbo_arena_check(arena, "env lds"));
    ELBO_TRY(read_map(values, out->seed, arena, &A, &B, &C));
    *step = (elbo_lgssm_step){.A = A, .B = B, .C = C};
    *sys = (elbo_lgssm){.nx = A->size1,
                        .ny = C->size1,
                        .nu = B ? B->size2 : 0,
                        .steps = step};
    ELBO_TRY(read_law(values, arena, sys, step));
    out->ny = sys->ny;
    out->nu = sys->nu;
    out->lds = sys;
    out->missing = elbo_real(values, "missing");
    return read_cost(values, arena, out);
}

const elbo_env elbo_env_lds = {
    .name = "lds",
    .source = "Ghahramani and Hinton, Parameter Estimation for Linear Dynamical "
              "Systems, CRG-TR-96-2, 1996",
    .doc = "a linear-Gaussian world of which outputs alone are seen, given by its "
           "matrices or drawn",
    .options = options,
    .observed = open_world,
};
