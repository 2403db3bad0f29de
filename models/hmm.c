/* models/hmm.c -- a hidden Markov chain of the sequences
 * (inference/messages/hmm_learn.h): symbols where the world has them, else Gaussian
 * vectors.
 *
 *   em            a point: maximum likelihood (Baum-Welch)
 *   variational   Dirichlet posteriors of start, transitions and symbols, normal
 *                 inverse-Wishart ones of Gaussians
 */
#include <math.h>

#include "inference/messages/hmm_learn.h"
#include "inference/observed.h"
#include "models/registry.h"

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 1000,
     .fallback = "3",
     .doc = "K of the model"},
    {.name = "estimate",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "em|variational",
     .fallback = "em",
     .doc = "a point of maximum likelihood, or a posterior"},
    {.name = "prior_count",
     .type = ELBO_REAL,
     .unit = "samples",
     .low = 1e-6,
     .high = 1e9,
     .fallback = "1",
     .doc = "variational: the Dirichlet concentration of every state and symbol"},
    {.name = "prior_strength",
     .type = ELBO_REAL,
     .unit = "samples",
     .low = 1e-9,
     .high = 1e9,
     .fallback = "0.01",
     .doc = "variational: what the prior's means, 0, weigh"},
    {.name = "prior_variance",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "1",
     .doc = "variational: the prior's mean of a Gaussian's covariance is so much "
            "times the identity"},
    {.name = "floor",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-300,
     .high = 1e6,
     .fallback = "1e-6",
     .doc = "em: the least eigenvalue of a Gaussian's covariance"},
    {0},
};

typedef struct hidden {
    elbo_hmm_config config;
    uint64_t seed;
    elbo_arena *arena;
    elbo_hmm_learner *learner;   /* NULL before the start */
    elbo_hmm_sequence *sequence; /* [most], those that teach */
    size_t n, rows;              /* of them, and of the data they are from */
    size_t floored;              /* of the last M-step */
} hidden;

static size_t count_parameters(const elbo_hmm_config *c)
{
    const size_t ny = c->emission_config.ny;
    const size_t each = c->emission == &elbo_emission_categorical
                            ? c->emission_config.symbols - 1
                            : ny + ny * (ny + 1) / 2;

    return (c->K + 1) * (c->K - 1) + c->K * each;
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_observed_context *context,
                              elbo_arena *arena, elbo_observed_belief *out)
{
    const elbo_observed_world *const world = context->world;
    hidden *const m = elbo_arena_take(arena, 1, sizeof *m);
    elbo_hmm_config c = elbo_hmm_defaults;

    ELBO_TRY(elbo_arena_check(arena, "model hmm"));
    if (world->nu > 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "this world has %zu inputs, which hmm does not read: must "
                         "be lds",
                         world->nu);
    c.K = (size_t)elbo_int(values, "states");
    c.variational = elbo_choice_is(values, "estimate", "variational");
    c.start_prior = c.transition_prior = elbo_real(values, "prior_count");
    c.emission = world->symbols > 0 ? &elbo_emission_categorical
                                    : &elbo_emission_gaussian;
    c.emission_config.symbols = world->symbols;
    c.emission_config.prior = elbo_real(values, "prior_count");
    c.emission_config.ny = world->ny;
    c.emission_config.strength = elbo_real(values, "prior_strength");
    c.emission_config.scale = elbo_real(values, "prior_variance");
    c.emission_config.floor = elbo_real(values, "floor");
    *m = (hidden){.config = c, .seed = context->seed, .arena = arena};
    *out = (elbo_observed_belief){.model = elbo_model_hmm.observed,
                                  .self = m,
                                  .n = count_parameters(&c),
                                  .states = c.K};
    return ELBO_OK;
}

static void take_sequences(hidden *m, const elbo_observed_data *data)
{
    m->n = 0;
    for (size_t i = 0; i < data->n; i++)
        if (data->learnt[i] > 0)
            m->sequence[m->n++] = (elbo_hmm_sequence){
                .T = data->learnt[i], .y = data->y + data->first[i] * data->ny};
    m->rows = data->rows;
}

static elbo_status start(elbo_observed_belief *belief,
                         const elbo_observed_data *data, elbo_arena *ws)
{
    hidden *const m = belief->self;

    (void)ws;
    m->sequence = elbo_arena_take(m->arena, data->most, sizeof *m->sequence);
    ELBO_TRY(elbo_arena_check(m->arena, "model hmm"));
    take_sequences(m, data);
    return elbo_hmm_open(&m->config, m->sequence, m->n, m->seed, m->arena,
                         &m->learner);
}

static elbo_status infer(elbo_observed_belief *belief,
                         const elbo_observed_data *data,
                         elbo_observed_evidence *out, elbo_arena *ws)
{
    hidden *const m = belief->self;
    elbo_hmm_info info;

    if (data->rows != m->rows) take_sequences(m, data);
    ELBO_TRY(elbo_hmm_infer(m->learner, m->sequence, m->n, &info, ws));
    *out = (elbo_observed_evidence){.value = info.likelihood};
    return ELBO_OK;
}

static elbo_status fit(elbo_observed_belief *belief, elbo_arena *ws)
{
    hidden *const m = belief->self;
    elbo_hmm_info info = {0};

    ELBO_TRY(elbo_hmm_learn(m->learner, &info, ws));
    m->floored = info.floored;
    return ELBO_OK;
}

static elbo_status log_prior(const elbo_observed_belief *belief, double *value,
                             elbo_arena *ws)
{
    const hidden *const m = belief->self;
    double kl;

    ELBO_TRY(elbo_hmm_kl(m->learner, &kl, ws));
    *value = m->config.variational ? -kl : 0;
    return ELBO_OK;
}

static elbo_status predict(const elbo_observed_belief *belief,
                           const elbo_sequence *x, double *loglik, elbo_arena *ws)
{
    const hidden *const m = belief->self;
    const elbo_hmm_sequence sequence = {.T = x->Y->size1, .y = x->Y->data};
    elbo_hmm_prediction out;

    ELBO_TRY(elbo_hmm_predict(m->learner, &sequence, 1, &out, ws));
    *loglik = out.plug_in;
    return ELBO_OK;
}

static const char *const column_names[] = {"model_floored", NULL};

static size_t columns(const elbo_observed_belief *belief, double out[])
{
    const hidden *const m = belief->self;

    if (m->config.variational || m->config.emission == &elbo_emission_categorical)
        return 0;
    if (out) out[0] = (double)m->floored;
    return 1;
}

static void save(const elbo_observed_belief *belief, elbo_writer *out)
{
    const hidden *const m = belief->self;

    elbo_hmm_save(m->learner, out);
}

static elbo_status load(elbo_observed_belief *belief, elbo_reader *in,
                        elbo_arena *ws)
{
    const hidden *const m = belief->self;

    return elbo_hmm_load(m->learner, in, ws);
}

static const elbo_observed_model observed = {
    .kind = elbo_observed_learnt_kind,
    .named = elbo_observed_learnt_named,
    .open = open_model,
    .start = start,
    .infer = infer,
    .fit = fit,
    .log_prior = log_prior,
    .predict = predict,
    .column_names = column_names,
    .columns = columns,
    .save = save,
    .load = load,
};

const elbo_model elbo_model_hmm = {
    .name = "hmm",
    .source = "Baum, Petrie, Soules and Weiss 1970; MacKay 1997; Beal 2003, chapter "
              "3",
    .doc = "a hidden Markov chain of the sequences of an observed world; values "
           "missing beside others of a row are latent, empty rows left out",
    .options = options,
    .observed = &observed,
};
