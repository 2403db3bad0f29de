/* models/random_features.c -- Bayesian linear regression on random features, for
 * continuous worlds (inference/messages/features.h).
 *
 *   x' - x = M phi(x, u) + N(0, W),   (M, W) ~ MNIW
 *
 * Length scales are the spread of the first data's columns; features are drawn once
 * they are there, from stream (seed, "features", 0).
 */
#include <math.h>

#include "inference/messages/features.h"
#include "inference/plant_model.h"
#include "models/registry.h"

static const elbo_option options[] = {
    {.name = "kind",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "fourier|rbf",
     .fallback = "fourier",
     .doc = "cosines of random frequencies, or Gaussian bumps about data"},
    {.name = "features",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 2000,
     .fallback = "100",
     .doc = "how many, beside 1, x and u; 0: a linear model"},
    {.name = "prior_precision",
     .type = ELBO_REAL,
     .unit = "samples",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "0.01",
     .doc = "of M about 0, in units of W^-1"},
    {.name = "prior_noise",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-300,
     .high = 1e300,
     .fallback = "1e-4",
     .doc = "the prior's mean of W is so much times the identity"},
    {.name = "prior_count",
     .type = ELBO_REAL,
     .unit = "samples",
     .low = 1e-6,
     .high = 1e12,
     .fallback = "1",
     .doc = "what prior_noise weighs"},
    {0},
};

typedef struct regression {
    const elbo_feature_kind *kind;
    elbo_features features;
    elbo_feature_model map;
    elbo_mniw prior, post;
    size_t nx, nz;
    uint64_t seed;
    bool drawn;
    elbo_arena *arena; /* that features are drawn into */
} regression;

static elbo_status draw(elbo_plant_belief *belief, const gsl_matrix *Z)
{
    regression *const r = belief->self;

    ELBO_TRY(elbo_features_open(r->kind, r->prior.K->size1 - 1 - r->nz, Z, NULL,
                                r->seed, r->arena, &r->features));
    r->drawn = true;
    return ELBO_OK;
}

static elbo_status open_model(const elbo_values *values, const elbo_plant *plant,
                              uint64_t seed, elbo_arena *arena,
                              elbo_plant_belief *out)
{
    const size_t nx = plant->dynamics->nx, nz = nx + plant->dynamics->nu;
    const size_t m = 1 + nz + (size_t)elbo_int(values, "features");
    const double count = elbo_real(values, "prior_count");
    regression *const r = elbo_arena_take(arena, 1, sizeof *r);
    gsl_matrix *const W = elbo_arena_mat(arena, nx, nx);

    ELBO_TRY(elbo_arena_check(arena, "model random_features"));
    *r = (regression){.kind = elbo_feature_find(elbo_text(values, "kind")),
                      .nx = nx,
                      .nz = nz,
                      .seed = seed,
                      .arena = arena};
    ELBO_TRY(elbo_mniw_init(&r->prior, nx, m, arena));
    ELBO_TRY(elbo_mniw_init(&r->post, nx, m, arena));
    elbo_mniw_isotropic(&r->prior, elbo_real(values, "prior_precision"),
                        count * elbo_real(values, "prior_noise"),
                        (double)nx + 1 + count);
    elbo_mniw_copy(&r->post, &r->prior);
    r->map = (elbo_feature_model){
        .features = &r->features, .M = r->post.M, .change = true};
    *out = (elbo_plant_belief){
        .model = elbo_model_random_features.continuous,
        .self = r,
        .n = nx * m + nx * (nx + 1) / 2,
        .W = W,
    };
    ELBO_TRY(elbo_mniw_covariance(&r->post, W));
    /* until there are data: features of the origin alone, whose M is 0 */
    gsl_matrix *const origin = elbo_arena_mat(arena, 1, nz);

    ELBO_TRY(elbo_arena_check(arena, "model random_features"));
    gsl_matrix_set_zero(origin);
    ELBO_TRY(draw(out, origin));
    r->drawn = false;
    out->f = elbo_feature_model_map(&r->map);
    return ELBO_OK;
}

/* S = the moments of (phi, x' - x). */
static elbo_status moments(const regression *r, const elbo_plant_data *data,
                           elbo_moments *S, elbo_arena *ws)
{
    const size_t n = data->Z->size1;
    gsl_matrix *const Phi = elbo_arena_mat(ws, n, r->features.m);
    gsl_matrix *const D = elbo_arena_mat(ws, n, r->nx);

    ELBO_TRY(elbo_arena_check(ws, "model random_features"));
    elbo_features_rows(&r->features, data->Z, Phi);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < r->nx; j++)
            gsl_matrix_set(D, i, j,
                           gsl_matrix_get(data->Y, i, j)
                               - gsl_matrix_get(data->Z, i, j));
    ELBO_TRY(elbo_moments_init(S, r->nx, r->features.m, ws));
    return elbo_moments_rows(S, D, Phi, data->w);
}

static elbo_status fit(elbo_plant_belief *belief, const elbo_plant_data *data,
                       elbo_arena *ws)
{
    regression *const r = belief->self;
    elbo_moments S;

    if (!r->drawn) ELBO_TRY(draw(belief, data->Z));
    ELBO_TRY(moments(r, data, &S, ws));
    ELBO_TRY(elbo_mniw_posterior(&r->prior, &S, &r->post, ws));
    return elbo_mniw_covariance(&r->post, belief->W);
}

static elbo_status learnt(const elbo_plant_belief *belief,
                          const elbo_plant_data *data, double *likelihood,
                          double *prior, elbo_arena *ws)
{
    const regression *const r = belief->self;
    elbo_moments S;
    double kl;

    ELBO_TRY(moments(r, data, &S, ws));
    ELBO_TRY(elbo_mniw_loglik(&r->post, &S, likelihood, ws));
    ELBO_TRY(elbo_mniw_kl(&r->post, &r->prior, &kl, ws));
    *prior = -kl;
    return ELBO_OK;
}

static void save(const elbo_plant_belief *belief, elbo_writer *out)
{
    const regression *const r = belief->self;

    elbo_put_u64(out, r->drawn);
    elbo_features_save(&r->features, out);
    elbo_mniw_save(&r->post, out);
}

static elbo_status load(elbo_plant_belief *belief, elbo_reader *in)
{
    regression *const r = belief->self;
    uint64_t drawn = 0;

    ELBO_TRY(elbo_get_u64(in, &drawn));
    if (drawn > 1)
        return ELBO_FAIL(ELBO_EDATA, "model: drawn %llu",
                         (unsigned long long)drawn);
    ELBO_TRY(elbo_features_load(&r->features, in));
    ELBO_TRY(elbo_mniw_load(&r->post, in));
    r->drawn = drawn;
    return elbo_mniw_covariance(&r->post, belief->W);
}

static const elbo_plant_model continuous = {
    .open = open_model,
    .fit = fit,
    .learnt = learnt,
    .save = save,
    .load = load,
};

const elbo_model elbo_model_random_features = {
    .name = "random_features",
    .source = "Rahimi and Recht, NIPS 2007; Bishop, Pattern Recognition and Machine "
              "Learning, 2006, 3.3",
    .doc = "Bayesian linear regression of x' - x on random features of (x, u), in "
           "continuous worlds",
    .options = options,
    .continuous = &continuous,
};
