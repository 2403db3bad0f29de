/* models/random.c -- rows drawn once, evenly from the simplex: nothing is
 * learnt.
 *
 *   p(.|s,a) ~ Dir(1) on the support, row i from stream (seed, "model", i)
 *
 * In observed worlds it has as many states as the world's own law: a latent linear
 * system with A, B, C of entries N(0, 1/nx), all covariances I and no offsets, or a
 * chain with rows ~ Dir(1) and means N(0, 1), covariance I: stream (seed, "model", 0).
 *
 * In control tasks it is an untrained network (models/random_task.c).
 *
 * In linear-Gaussian worlds A and B have entries N(0, 1/nx), c = 0 and W = I:
 * stream (seed, "model", 0).
 */
#include <gsl/gsl_randist.h>
#include <math.h>

#include "inference/linear.h"
#include "inference/observed.h"
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

/* ---- observed worlds ---- */

static gsl_matrix *draw_matrix(size_t rows, size_t cols, double scale, elbo_rng *rng,
                               elbo_arena *arena)
{
    gsl_matrix *const M = elbo_arena_mat(arena, rows, cols);

    if (!M) return NULL;
    elbo_rng_normals(rng, M->data, rows * cols);
    gsl_matrix_scale(M, scale);
    return M;
}

static gsl_matrix *unit(size_t n, elbo_arena *arena)
{
    gsl_matrix *const M = elbo_arena_mat(arena, n, n);

    if (M) gsl_matrix_set_identity(M);
    return M;
}

static elbo_status draw_lds(const elbo_lgssm *truth, elbo_rng *rng,
                            elbo_arena *arena, elbo_observed_belief *out)
{
    const size_t nx = truth->nx, ny = truth->ny, nu = truth->nu;
    const double scale = 1 / sqrt((double)nx);
    elbo_lgssm *const sys = elbo_arena_take(arena, 1, sizeof *sys);
    elbo_lgssm_step *const step = elbo_arena_take(arena, 1, sizeof *step);
    gsl_vector *const m0 = elbo_arena_vec(arena, nx);

    ELBO_TRY(elbo_arena_check(arena, "a random model"));
    step->A = draw_matrix(nx, nx, scale, rng, arena);
    step->B = nu > 0 ? draw_matrix(nx, nu, scale, rng, arena) : NULL;
    step->C = draw_matrix(ny, nx, scale, rng, arena);
    step->Q = unit(nx, arena);
    step->R = unit(ny, arena);
    gsl_vector_set_zero(m0);
    *sys = (elbo_lgssm){.nx = nx,
                        .ny = ny,
                        .nu = nu,
                        .steps = step,
                        .m0 = m0,
                        .P0 = unit(nx, arena)};
    out->lds = sys;
    out->states = nx;
    return elbo_arena_check(arena, "a random model");
}

/* Rows ~ Dir(1). */
static double *draw_rows(size_t rows, size_t cols, elbo_rng *rng, elbo_arena *arena)
{
    double *const ones = elbo_arena_doubles(arena, cols);
    double *const p = elbo_arena_doubles(arena, rows * cols);
    elbo_gsl_rng adaptor;

    if (!elbo_arena_ok(arena)) return NULL;
    for (size_t j = 0; j < cols; j++) ones[j] = 1;
    for (size_t i = 0; i < rows; i++)
        gsl_ran_dirichlet(elbo_rng_gsl(&adaptor, rng), cols, ones, p + i * cols);
    return p;
}

static elbo_status draw_chain(const elbo_observed_chain *truth, elbo_rng *rng,
                              elbo_arena *arena, elbo_observed_belief *out)
{
    const size_t K = truth->chain.K, ny = truth->ny;
    elbo_observed_chain *const c = elbo_arena_take(arena, 1, sizeof *c);
    double *mean = elbo_arena_doubles(arena, K * ny);

    ELBO_TRY(elbo_arena_check(arena, "a random model"));
    *c = (elbo_observed_chain){.symbols = truth->symbols, .ny = ny};
    c->chain.K = K;
    c->chain.start = draw_rows(1, K, rng, arena);
    c->chain.transition = draw_rows(K, K, rng, arena);
    if (c->symbols > 0)
        c->symbol = draw_rows(K, c->symbols, rng, arena);
    else
        elbo_rng_normals(rng, mean, K * ny);
    c->mean = mean;
    c->covariance = unit(ny, arena);
    out->hmm = c;
    out->states = K;
    return elbo_arena_check(arena, "a random model");
}

static elbo_status open_observed(const elbo_values *values,
                                 const elbo_observed_context *context,
                                 elbo_arena *arena, elbo_observed_belief *out)
{
    const elbo_observed_world *const world = context->world;
    elbo_rng rng = elbo_rng_stream(context->seed, "model", 0);

    (void)values;
    *out = (elbo_observed_belief){.model = elbo_model_random.observed};
    if (world->lds) return draw_lds(world->lds, &rng, arena, out);
    if (world->hmm) return draw_chain(world->hmm, &rng, arena, out);
    return ELBO_FAIL(ELBO_EINVAL,
                     "the law of this world is not known: must not be random");
}

static const elbo_observed_model observed = {
    .kind = elbo_observed_fixed_kind,
    .named = elbo_observed_fixed_named,
    .open = open_observed,
    .infer = elbo_observed_infer,
    .predict = elbo_observed_predict,
};

const elbo_model elbo_model_random = {
    .name = "random",
    .source = "a control of every figure",
    .doc = "rows drawn once, evenly from the simplex",
    .options = options,
    .open = open_model,
    .task = &elbo_task_random,
    .linear = &linear,
    .observed = &observed,
};
