/* models/random.c -- rows drawn once, evenly from the simplex: nothing is
 * learnt.
 *
 *   p(.|s,a) ~ Dir(1) on the support, row i from stream (seed, "model", i)
 *
 * In linear-Gaussian worlds A and B have entries N(0, 1/nx), c = 0 and W = I:
 * stream (seed, "model", 0).
 */
#include <gsl/gsl_randist.h>
#include <math.h>

#include "inference/linear.h"
#include "models/registry.h"
#include "models/support.h"

static const elbo_option options[] = {
    {"support", ELBO_CHOICE, "", 0, 0, "all|world", "all",
     "outcomes that may follow (s, a): all, or the reachable ones", NULL},
    {0      },
};

static size_t longest_row(const elbo_support *support)
{
    size_t most = 0;

    for (size_t row = 0; row < support->rows; row++) {
        const size_t n = support->first[row + 1] - support->first[row];

        most = n > most ? n : most;
    }
    return most;
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    elbo_support support;

    ELBO_TRY(elbo_support_init(values, context, arena, &support));

    const size_t most = longest_row(&support);
    double *const ones = elbo_arena_doubles(arena, most);
    double *const draw = elbo_arena_doubles(arena, most);
    const elbo_kernel P =
        elbo_support_kernel(support.pattern, context->known, arena);

    *out = (elbo_belief){
        .model = &elbo_model_random,
        .theta = elbo_arena_doubles(arena, 0),
        .mean = P,
        .geo = P,
    };
    ELBO_TRY(elbo_arena_check(arena, "a random model"));

    for (size_t k = 0; k < most; k++) ones[k] = 1;
    for (size_t row = 0; row < support.rows; row++) {
        const size_t first = support.first[row];
        const size_t n = support.first[row + 1] - first;
        elbo_rng rng = elbo_rng_stream(context->seed, "model", row);
        elbo_gsl_rng adaptor;

        if (n == 0) continue;
        gsl_ran_dirichlet(elbo_rng_gsl(&adaptor, &rng), n, ones, draw);
        for (size_t k = 0; k < n; k++)
            P.prob[support.entry[first + k]] = draw[k];
    }
    return ELBO_OK;
}

static elbo_status open_linear(const elbo_values *values,
                               const elbo_linear_context *context,
                               elbo_arena *arena, elbo_linear_belief *out)
{
    const size_t nx = context->world->nx, nu = context->world->nu;
    gsl_matrix *const A = elbo_arena_mat(arena, nx, nx);
    gsl_matrix *const B = elbo_arena_mat(arena, nx, nu);
    gsl_matrix *const W = elbo_arena_mat(arena, nx, nx);
    elbo_rng rng = elbo_rng_stream(context->seed, "model", 0);

    (void)values;
    *out = (elbo_linear_belief){
        .model = elbo_model_random.linear,
        .stages = 1,
        .mean = elbo_arena_take(arena, 1, sizeof *out->mean),
    };
    ELBO_TRY(elbo_arena_check(arena, "a random model"));
    elbo_rng_normals(&rng, A->data, nx * nx);
    elbo_rng_normals(&rng, B->data, nx * nu);
    gsl_matrix_scale(A, 1 / sqrt((double)nx));
    gsl_matrix_scale(B, 1 / sqrt((double)nx));
    gsl_matrix_set_identity(W);
    out->mean[0] = (elbo_linear_dynamics){.A = A, .B = B, .W = W};
    out->geo = out->mean;
    return ELBO_OK;
}

static const elbo_linear_model linear = {
    .open = open_linear,
    .likelihood = elbo_linear_belief_likelihood,
};

const elbo_model elbo_model_random = {
    .name = "random",
    .source = "a control of every figure",
    .doc = "rows drawn once, evenly from the simplex",
    .options = options,
    .open = open_model,
    .linear = &linear,
};
