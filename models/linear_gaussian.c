/* models/linear_gaussian.c -- x' ~ N(A x + B u + c, W) with all of A, B, c, W
 * unknown.
 *
 *   posterior            (A B c), W ~ MNIW: exact weighted updates, its KL to the
 *                        prior, and exp(E log theta) for tilts
 *                        (inference/messages/mniw.h)
 *   maximum_likelihood   a point: the regression, W no less than `floor`
 *   point                a point that follows the gradient of any likelihood
 *                        (models/linear_point.c), with a ridge as its prior
 *
 * With time_varying there is one of either for each stage of the horizon.
 */
#include <gsl/gsl_blas.h>
#include <math.h>

#include "models/linear_gaussian.h"
#include "models/registry.h"

static const elbo_option options[] = {
    {.name = "estimate",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "posterior|maximum_likelihood|point",
     .fallback = "posterior",
     .doc = "a matrix-normal inverse-Wishart posterior; the regression; or a point "
            "that follows the gradient of the likelihood, whatever it is"},
    {.name = "prior_precision",
     .type = ELBO_REAL,
     .unit = "samples",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "0.01",
     .doc = "of (A B c), in units of W^-1: a ridge about prior_mean"},
    {.name = "prior_mean",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "zero|identity|both",
     .fallback = "zero",
     .doc = "of A: 0, or the identity; both: B has ones on its diagonal too; where a "
            "point starts"},
    {.name = "prior_noise",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-300,
     .high = 1e300,
     .fallback = "1",
     .doc = "the prior's mean of W is so much times the identity; where a point "
            "starts"},
    {.name = "prior_count",
     .type = ELBO_REAL,
     .unit = "samples",
     .low = 1e-6,
     .high = 1e12,
     .fallback = "1",
     .doc = "what prior_noise weighs: the degrees of freedom are nx + 1 + this"},
    {.name = "floor",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-300,
     .high = 1e300,
     .fallback = "1e-9",
     .doc = "the least eigenvalue of W under maximum_likelihood"},
    {.name = "ridge",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e12,
     .fallback = "0",
     .doc = "of a point: log p(theta) = -ridge/2 |(A B c) - ridge_to|^2"},
    {.name = "ridge_to",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "prior_mean|zero",
     .fallback = "prior_mean",
     .doc = "what the ridge pulls a point to"},
    {.name = "spread",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "standard deviation of A about prior_mean where a point starts, by the "
            "run's seed"},
    {.name = "input_spread",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e6,
     .fallback = "0",
     .doc = "likewise of B"},
    {.name = "learn",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "all|map|gains",
     .fallback = "all",
     .doc = "of a point: A, B, c and W; A, B and c; or A and B: the rest stays "
            "where it starts"},
    {.name = "time_varying",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "false",
     .doc = "one regression for each stage of env.horizon"},
    {0},
};

typedef elbo_linear_regression regression;
typedef elbo_linear_gaussian gaussian;

/* ---- theta to maps ---- */

static void split(const gsl_matrix *M, regression *r)
{
    const size_t nx = M->size1, nu = r->B->size2;

    for (size_t i = 0; i < nx; i++) {
        for (size_t j = 0; j < nx; j++)
            gsl_matrix_set(r->A, i, j, gsl_matrix_get(M, i, j));
        for (size_t j = 0; j < nu; j++)
            gsl_matrix_set(r->B, i, j, gsl_matrix_get(M, i, nx + j));
        gsl_vector_set(r->c, i, gsl_matrix_get(M, i, nx + nu));
    }
}

/* A posterior's maps: its mean, and exp(E log theta). */
static elbo_status update(elbo_linear_belief *belief, size_t t)
{
    const gaussian *g = belief->self;
    regression *const r = &g->stage[t];
    elbo_linear_dynamics *const geo = &belief->geo[t];

    ELBO_TRY(elbo_mniw_kernel_of(&r->post, &r->kernel));
    ELBO_TRY(elbo_mniw_covariance(&r->post, r->W));
    split(r->post.M, r);
    gsl_matrix_memcpy(r->G, r->kernel.V);
    gsl_matrix_scale(r->G, (double)g->nx);
    *geo = belief->mean[t];
    geo->W = r->kernel.W;
    geo->G = r->G;
    geo->g0 = r->kernel.constant;
    return ELBO_OK;
}

/* ---- opening ---- */

static elbo_status take_stage(const elbo_values *values, const gaussian *g,
                              elbo_arena *arena, regression *r)
{
    const size_t nx = g->nx, nu = g->nz - nx - 1;
    const double count = elbo_real(values, "prior_count");

    *r = (regression){
        .A = elbo_arena_mat(arena, nx, nx),
        .B = elbo_arena_mat(arena, nx, nu),
        .W = elbo_arena_mat(arena, nx, nx),
        .G = elbo_arena_mat(arena, g->nz, g->nz),
        .c = elbo_arena_vec(arena, nx),
        .L = elbo_arena_mat(arena, nx, nx),
    };
    ELBO_TRY(elbo_arena_check(arena, "model linear_gaussian"));
    ELBO_TRY(elbo_mniw_init(&r->prior, nx, g->nz, arena));
    ELBO_TRY(elbo_mniw_init(&r->post, nx, g->nz, arena));
    ELBO_TRY(elbo_mniw_kernel_init(&r->kernel, nx, g->nz, arena));
    elbo_mniw_isotropic(&r->prior, elbo_real(values, "prior_precision"),
                        count * elbo_real(values, "prior_noise"),
                        (double)nx + 1 + count);
    if (!elbo_choice_is(values, "prior_mean", "zero"))
        for (size_t i = 0; i < nx; i++) gsl_matrix_set(r->prior.M, i, i, 1);
    if (elbo_choice_is(values, "prior_mean", "both"))
        for (size_t i = 0; i < nx && i < nu; i++)
            gsl_matrix_set(r->prior.M, i, nx + i, 1);
    elbo_mniw_copy(&r->post, &r->prior);
    return ELBO_OK;
}

static elbo_estimate read_estimate(const elbo_values *values)
{
    if (elbo_choice_is(values, "estimate", "posterior")) return ELBO_POSTERIOR;
    return elbo_choice_is(values, "estimate", "point") ? ELBO_POINT
                                                       : ELBO_REGRESSION;
}

static bool is_point(const gaussian *g)
{
    return g->estimate != ELBO_POSTERIOR;
}

static void scatter(gsl_matrix *M, double spread, elbo_rng *rng)
{
    for (size_t i = 0; spread > 0 && i < M->size1; i++)
        for (size_t j = 0; j < M->size2; j++) {
            double e;

            elbo_rng_normals(rng, &e, 1);
            *gsl_matrix_ptr(M, i, j) += spread * e;
        }
}

/* At the prior's means, A and B about them. */
static void start_point(const elbo_values *values, regression *r, elbo_rng *rng)
{
    const double noise = elbo_real(values, "prior_noise");

    split(r->prior.M, r);
    scatter(r->A, elbo_real(values, "spread"), rng);
    scatter(r->B, elbo_real(values, "input_spread"), rng);
    gsl_matrix_set_identity(r->W);
    gsl_matrix_scale(r->W, noise);
    gsl_matrix_set_identity(r->L);
    gsl_matrix_scale(r->L, sqrt(noise));
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_linear_context *context,
                              elbo_arena *arena, elbo_linear_belief *out)
{
    const size_t nx = context->world->nx, nu = context->world->nu;
    const bool varying = elbo_flag(values, "time_varying");
    const size_t stages = varying ? context->horizon : 1;
    elbo_rng rng = elbo_rng_stream(context->seed, "model", 0);
    gaussian *const g = elbo_arena_take(arena, 1, sizeof *g);

    if (varying && stages == 0)
        return ELBO_FAIL(ELBO_EINVAL, "time_varying needs env.horizon");
    *out = (elbo_linear_belief){
        .model = elbo_model_linear_gaussian.linear,
        .self = g,
        .stages = stages,
        .n = stages * (nx * (nx + nu + 1) + nx * (nx + 1) / 2),
        .mean = elbo_arena_take(arena, stages, sizeof *out->mean),
    };
    ELBO_TRY(elbo_arena_check(arena, "model linear_gaussian"));
    *g = (gaussian){
        .nx = nx,
        .nz = nx + nu + 1,
        .estimate = read_estimate(values),
        .learnt = elbo_choice_is(values, "learn", "all")   ? ELBO_LEARN_ALL
                  : elbo_choice_is(values, "learn", "map") ? ELBO_LEARN_MAP
                                                           : ELBO_LEARN_GAINS,
        .floor = elbo_real(values, "floor"),
        .ridge = elbo_real(values, "ridge"),
        .to_zero = elbo_choice_is(values, "ridge_to", "zero"),
        .stage = elbo_arena_take(arena, stages, sizeof *g->stage),
    };
    if (g->estimate == ELBO_POINT) {
        out->follows = true;
        out->n = stages * elbo_linear_point_size(g);
    }
    out->geo = is_point(g) ? out->mean
                           : elbo_arena_take(arena, stages, sizeof *out->geo);
    ELBO_TRY(elbo_arena_check(arena, "model linear_gaussian"));
    for (size_t t = 0; t < stages; t++) {
        regression *const r = &g->stage[t];

        ELBO_TRY(take_stage(values, g, arena, r));
        out->mean[t] = (elbo_linear_dynamics){
            .A = r->A, .B = r->B, .W = r->W, .c = r->c};
        if (!is_point(g)) ELBO_TRY(update(out, t));
        if (is_point(g)) start_point(values, r, &rng);
    }
    return ELBO_OK;
}

/* ---- the M-step ---- */

/* A stage that no row reaches keeps its theta. */
static elbo_status fit_point(elbo_linear_belief *belief, size_t t,
                             const elbo_moments *S, elbo_arena *ws)
{
    const gaussian *g = belief->self;
    regression *const r = &g->stage[t];
    gsl_matrix *const M = elbo_arena_mat(ws, g->nx, g->nz);
    gsl_matrix *const W = elbo_arena_mat(ws, g->nx, g->nx);
    elbo_mniw_ml_info info;

    ELBO_TRY(elbo_arena_check(ws, "model linear_gaussian"));
    if (!(S->n > 0)) return ELBO_OK;
    ELBO_TRY(elbo_mniw_ml(S, g->floor, M, W, &info, ws));
    split(M, r);
    gsl_matrix_memcpy(r->W, W);
    r->rank = info.rank;
    r->floored = info.floored;
    return ELBO_OK;
}

static elbo_status fit_posterior(elbo_linear_belief *belief, size_t t,
                                 const elbo_moments *S, elbo_arena *ws)
{
    const gaussian *g = belief->self;
    regression *const r = &g->stage[t];

    ELBO_TRY(elbo_mniw_posterior(&r->prior, S, &r->post, ws));
    return update(belief, t);
}

static elbo_status fit(elbo_linear_belief *belief, const elbo_moments S[],
                       elbo_arena *ws)
{
    const gaussian *g = belief->self;
    const elbo_mark mark = elbo_arena_mark(ws);
    elbo_status s = ELBO_OK;

    for (size_t t = 0; s == ELBO_OK && t < belief->stages; t++) {
        s = is_point(g) ? fit_point(belief, t, &S[t], ws)
                        : fit_posterior(belief, t, &S[t], ws);
        elbo_arena_release(ws, mark);
        if (s != ELBO_OK && belief->stages > 1)
            return elbo_fail_prefix("stage %zu", t);
    }
    return s;
}

static elbo_status likelihood(const elbo_linear_belief *belief,
                              const elbo_moments S[], double *value,
                              elbo_arena *ws)
{
    const gaussian *g = belief->self;
    double sum = 0;

    for (size_t t = 0; t < belief->stages; t++) {
        double one = 0;

        if (is_point(g))
            ELBO_TRY(elbo_linear_loglik(&belief->mean[t], &S[t], &one, ws));
        else
            ELBO_TRY(
                elbo_mniw_loglik(&g->stage[t].post, &S[t], &one, ws));
        sum += one;
    }
    *value = sum;
    return ELBO_OK;
}

static elbo_status log_prior(const elbo_linear_belief *belief, double *value,
                             elbo_arena *ws)
{
    const gaussian *g = belief->self;
    double sum = 0;

    *value = g->estimate == ELBO_POINT ? elbo_linear_point_log_prior(belief) : 0;
    if (is_point(g)) return ELBO_OK;
    for (size_t t = 0; t < belief->stages; t++) {
        double kl;

        ELBO_TRY(
            elbo_mniw_kl(&g->stage[t].post, &g->stage[t].prior, &kl, ws));
        sum -= kl;
    }
    *value = sum;
    return ELBO_OK;
}

/* ---- the record ---- */

static const char *const column_names[] = {"model_rank", "model_floored", NULL};

static size_t columns(const elbo_linear_belief *belief, double out[])
{
    const gaussian *g = belief->self;
    size_t rank = 0, floored = 0;

    if (g->estimate != ELBO_REGRESSION) return 0;
    if (!out) return 2;
    for (size_t t = 0; t < belief->stages; t++) {
        if (t == 0 || g->stage[t].rank < rank) rank = g->stage[t].rank;
        floored += g->stage[t].floored;
    }
    out[0] = (double)rank;
    out[1] = (double)floored;
    return 2;
}

static void save(const elbo_linear_belief *belief, elbo_writer *out)
{
    const gaussian *g = belief->self;

    for (size_t t = 0; t < belief->stages; t++) {
        const regression *r = &g->stage[t];

        if (!is_point(g)) {
            elbo_mniw_save(&r->post, out);
            continue;
        }
        elbo_put_doubles(out, r->A->data, g->nx * g->nx);
        elbo_put_doubles(out, r->B->data, g->nx * r->B->size2);
        elbo_put_doubles(out, r->c->data, g->nx);
        elbo_put_doubles(out, r->W->data, g->nx * g->nx);
        elbo_put_doubles(out, r->L->data, g->nx * g->nx);
        elbo_put_u64(out, r->rank);
        elbo_put_u64(out, r->floored);
    }
}

static elbo_status load_point(const gaussian *g, regression *r, elbo_reader *in)
{
    uint64_t rank = 0, floored = 0;

    ELBO_TRY(elbo_get_doubles(in, r->A->data, g->nx * g->nx));
    ELBO_TRY(elbo_get_doubles(in, r->B->data, g->nx * r->B->size2));
    ELBO_TRY(elbo_get_doubles(in, r->c->data, g->nx));
    ELBO_TRY(elbo_get_doubles(in, r->W->data, g->nx * g->nx));
    ELBO_TRY(elbo_get_doubles(in, r->L->data, g->nx * g->nx));
    ELBO_TRY(elbo_get_u64(in, &rank));
    ELBO_TRY(elbo_get_u64(in, &floored));
    if (rank > g->nz || floored > g->nx)
        return ELBO_FAIL(ELBO_EDATA, "model: rank %llu of %zu",
                         (unsigned long long)rank, g->nz);
    r->rank = (size_t)rank;
    r->floored = (size_t)floored;
    return ELBO_OK;
}

static elbo_status load(elbo_linear_belief *belief, elbo_reader *in)
{
    const gaussian *g = belief->self;

    for (size_t t = 0; t < belief->stages; t++) {
        if (is_point(g)) ELBO_TRY(load_point(g, &g->stage[t], in));
        if (is_point(g)) continue;
        ELBO_TRY(elbo_mniw_load(&g->stage[t].post, in));
        ELBO_TRY(update(belief, t));
    }
    return ELBO_OK;
}

static const elbo_linear_model linear = {
    .open = open_model,
    .fit = fit,
    .likelihood = likelihood,
    .log_prior = log_prior,
    .get = elbo_linear_point_get,
    .set = elbo_linear_point_set,
    .pullback = elbo_linear_point_pullback,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
};

const elbo_model elbo_model_linear_gaussian = {
    .name = "linear_gaussian",
    .source = "West and Harrison, Bayesian Forecasting and Dynamic Models, 1997, "
              "16.4",
    .doc = "x' ~ N(A x + B u + c, W), all unknown, in linear-Gaussian worlds",
    .options = options,
    .linear = &linear,
};
