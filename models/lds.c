/* models/lds.c -- a latent linear-Gaussian system of the sequences
 * (inference/messages/lds.h).
 *
 *   em            a point: maximum likelihood, covariances no less than `floor`
 *   variational   matrix-normal inverse-Wishart posteriors of start, transition and
 *                 emission
 *
 * Learning starts from the principal components of windows of y.
 */
#include <math.h>
#include <string.h>

#include "inference/messages/lds.h"
#include "inference/observed.h"
#include "models/registry.h"

static const struct {
    const char *name;
    unsigned hold;
} parts[] = {
    {"start",      ELBO_LDS_HOLD_START     },
    {"transition", ELBO_LDS_HOLD_TRANSITION},
    {"emission",   ELBO_LDS_HOLD_EMISSION  },
};
enum { PARTS = sizeof parts / sizeof *parts };

/* "none", or names apart by commas or blanks. */
static elbo_status read_known(const char *text, unsigned *hold, size_t *column,
                              const char **nearest)
{
    static const char *const names[] = {"start", "transition", "emission"};

    *hold = 0;
    if (nearest) *nearest = NULL;
    if (strcmp(text, "none") == 0) return ELBO_OK;
    for (size_t at = 0, n; text[at]; at += n) {
        char word[16];
        size_t i = 0;

        if ((n = strspn(text + at, ", ")) > 0) continue;
        n = strcspn(text + at, ", ");
        while (i < PARTS
               && (strlen(parts[i].name) != n
                   || strncmp(parts[i].name, text + at, n) != 0))
            i++;
        if (i < PARTS) {
            *hold |= parts[i].hold;
            continue;
        }
        memset(word, 0, sizeof word);
        memcpy(word, text + at, n < sizeof word ? n : sizeof word - 1);
        if (column) *column = at;
        if (nearest) *nearest = elbo_name_nearest(word, names, PARTS);
        return ELBO_FAIL(ELBO_EINVAL,
                         "known must be none, or of start, transition, emission, "
                         "not \"%s\"",
                         word);
    }
    return ELBO_OK;
}

static elbo_status check_known(const char *text, size_t *column,
                               const char **nearest)
{
    unsigned hold;

    return read_known(text, &hold, column, nearest);
}

static const elbo_option options[] = {
    {.name = "states",
     .type = ELBO_INT,
     .unit = "",
     .low = 1,
     .high = 200,
     .fallback = "3",
     .doc = "nx of the model"},
    {.name = "estimate",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "em|variational",
     .fallback = "em",
     .doc = "a point of maximum likelihood, or a posterior"},
    {.name = "known",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "none",
     .doc = "parts that are the world's own and not learnt: of start, transition, "
            "emission",
     .check = check_known},
    {.name = "feedthrough",
     .type = ELBO_BOOL,
     .unit = "",
     .fallback = "true",
     .doc = "inputs reach y at once (D); false: D = 0, variational: within 1e-6 of "
            "the noise's standard deviation"},
    {.name = "floor",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-300,
     .high = 1e6,
     .fallback = "1e-6",
     .doc = "em: the least eigenvalue of covariances, in units of a state's or an "
            "output's variance"},
    {.name = "prior_precision",
     .type = ELBO_REAL,
     .unit = "samples",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "0.1",
     .doc = "variational: of the columns of A, B, b and C, D, d, about 0"},
    {.name = "prior_variance",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "0.1",
     .doc = "variational: the prior's mean of covariances, in the same units as "
            "floor"},
    {0},
};

/* VB holds a part as a whole: D is then 0 by its prior, of 1e-12 of the noise's
 * variance. */
static const double no_feedthrough = 1e12;

typedef struct latent {
    elbo_lds_config config;
    const elbo_lgssm *truth; /* NULL: not known */
    bool feedthrough;
    size_t ny, nu;
    elbo_arena *arena;
    elbo_lds *lds;             /* NULL before the start */
    elbo_observed_view *view;  /* [most] */
    elbo_sequence *sequence;   /* [most] */
    size_t rows;               /* of the data that lds has */
    size_t floored, deficient; /* of the last M-step */
} latent;

/* ---- opening ---- */

static size_t count_parameters(const latent *m)
{
    const size_t nx = m->config.nx, ny = m->ny, nz = nx + m->nu + 1;
    const unsigned hold = m->config.hold;
    size_t n = 0;

    if (!(hold & ELBO_LDS_HOLD_m0)) n += nx + nx * (nx + 1) / 2;
    if (!(hold & ELBO_LDS_HOLD_A)) n += nx * nz + nx * (nx + 1) / 2;
    if (hold & ELBO_LDS_HOLD_C) return n;
    return n + ny * (m->feedthrough ? nz : nx + 1) + ny * (ny + 1) / 2;
}

static elbo_status check_fit(const latent *m, const elbo_observed_world *world)
{
    const elbo_lgssm *const truth = world->lds;

    if (world->symbols > 0)
        return ELBO_FAIL(ELBO_EINVAL, "observations are symbols: must be hmm");
    if (m->config.hold && !truth)
        return ELBO_FAIL(ELBO_EINVAL,
                         "known: the law of this world is not known: must be none");
    if (m->config.hold && truth->nx != m->config.nx)
        return ELBO_FAIL(ELBO_EINVAL,
                         "known: the world has %zu states, the model %zu: must be "
                         "the same",
                         truth->nx, m->config.nx);
    return ELBO_OK;
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_observed_context *context,
                              elbo_arena *arena, elbo_observed_belief *out)
{
    const elbo_observed_world *const world = context->world;
    latent *const m = elbo_arena_take(arena, 1, sizeof *m);
    elbo_lds_config c = elbo_lds_defaults;

    ELBO_TRY(elbo_arena_check(arena, "model lds"));
    c.nx = (size_t)elbo_int(values, "states");
    c.method = elbo_choice_is(values, "estimate", "em") ? ELBO_LDS_EM : ELBO_LDS_VB;
    c.floor = elbo_real(values, "floor");
    c.prior_precision = elbo_real(values, "prior_precision");
    c.prior_variance = elbo_real(values, "prior_variance");
    c.seed = context->seed;
    ELBO_TRY(read_known(elbo_text(values, "known"), &c.hold, NULL, NULL));
    if (!elbo_flag(values, "feedthrough")) c.feedthrough_precision = no_feedthrough;
    *m = (latent){
        .config = c,
        .truth = world->lds,
        .feedthrough = elbo_flag(values, "feedthrough") || world->nu == 0,
        .ny = world->ny,
        .nu = world->nu,
        .arena = arena,
    };
    *out = (elbo_observed_belief){.model = elbo_model_lds.observed,
                                  .self = m,
                                  .n = count_parameters(m),
                                  .states = c.nx,
                                  .feedthrough = m->feedthrough && m->nu > 0};
    return check_fit(m, world);
}

/* ---- the start ---- */

/* The sequences that teach, into m->sequence; returns how many. */
static size_t take_sequences(latent *m, const elbo_observed_data *data)
{
    size_t n = 0;

    for (size_t i = 0; i < data->n; i++) {
        if (data->learnt[i] == 0) continue;
        elbo_observed_sequence(data, i, data->learnt[i], &m->view[n]);
        m->sequence[n] = m->view[n].sequence;
        n++;
    }
    m->rows = data->rows;
    return n;
}

/* What is not held starts where the data say, the rest at the truth, D at 0. */
static elbo_status start_held(latent *m, size_t n)
{
    const elbo_lgssm *const from = elbo_lds_point(m->lds);
    const elbo_lgssm *const truth = m->truth;
    const unsigned hold = m->config.hold;
    elbo_lds_config c = m->config;
    elbo_lgssm initial = *from;
    elbo_lgssm_step step = *from->steps;

    initial.steps = &step;
    if (hold & ELBO_LDS_HOLD_A) {
        step.A = truth->steps->A;
        step.B = truth->steps->B;
        step.b = truth->steps->b;
        step.Q = truth->steps->Q;
    }
    if (hold & ELBO_LDS_HOLD_C) {
        step.C = truth->steps->C;
        step.D = truth->steps->D;
        step.d = truth->steps->d;
        step.R = truth->steps->R;
    }
    if (hold & ELBO_LDS_HOLD_m0) {
        initial.m0 = truth->m0;
        initial.P0 = truth->P0;
    }
    if (!m->feedthrough) step.D = NULL;
    if (!m->feedthrough && c.method == ELBO_LDS_EM) c.hold |= ELBO_LDS_HOLD_D;
    c.initial = &initial;
    return elbo_lds_open(&c, m->sequence, n, m->arena, &m->lds);
}

static elbo_status start(elbo_observed_belief *belief,
                         const elbo_observed_data *data, elbo_arena *ws)
{
    latent *const m = belief->self;
    elbo_lds_config free = m->config;
    size_t n;

    (void)ws;
    m->view = elbo_arena_take(m->arena, data->most, sizeof *m->view);
    m->sequence = elbo_arena_take(m->arena, data->most, sizeof *m->sequence);
    ELBO_TRY(elbo_arena_check(m->arena, "model lds"));
    n = take_sequences(m, data);
    m->config.sequences = free.sequences = data->most;
    free.hold = 0;
    ELBO_TRY(elbo_lds_open(&free, m->sequence, n, m->arena, &m->lds));
    if (m->config.hold || !m->feedthrough) ELBO_TRY(start_held(m, n));
    belief->lds = elbo_lds_point(m->lds);
    return ELBO_OK;
}

/* ---- EM ---- */

static elbo_status infer(elbo_observed_belief *belief,
                         const elbo_observed_data *data,
                         elbo_observed_evidence *out, elbo_arena *ws)
{
    latent *const m = belief->self;
    elbo_lds_info info;

    (void)ws;
    if (data->rows != m->rows)
        ELBO_TRY(elbo_lds_data(m->lds, m->sequence, take_sequences(m, data)));
    ELBO_TRY(elbo_lds_infer(m->lds, &info));
    out->value = info.evidence;
    return elbo_lds_rounding(m->lds, &out->rounding);
}

/* Channels of z that are learnt from. */
static size_t free_channels(const latent *m, elbo_lds_part p)
{
    static const unsigned whole[] = {ELBO_LDS_HOLD_m0, ELBO_LDS_HOLD_A,
                                     ELBO_LDS_HOLD_C};
    const size_t nz = m->config.nx + m->nu + 1;

    if (m->config.hold & whole[p]) return 0;
    if (p == ELBO_LDS_START) return 1;
    return p == ELBO_LDS_EMISSION && !m->feedthrough ? nz - m->nu : nz;
}

static elbo_status fit(elbo_observed_belief *belief, elbo_arena *ws)
{
    latent *const m = belief->self;
    elbo_lds_info info = {0};

    (void)ws;
    ELBO_TRY(elbo_lds_learn(m->lds, &info));
    m->floored = m->deficient = 0;
    for (size_t p = 0; p < ELBO_LDS_PARTS; p++) {
        m->floored += info.floored[p];
        m->deficient += free_channels(m, (elbo_lds_part)p) - info.rank[p];
    }
    return ELBO_OK;
}

static elbo_status log_prior(const elbo_observed_belief *belief, double *value,
                             elbo_arena *ws)
{
    const latent *const m = belief->self;

    (void)ws;
    *value = m->config.method == ELBO_LDS_VB ? -elbo_lds_kl(m->lds) : 0;
    return ELBO_OK;
}

static elbo_status predict(const elbo_observed_belief *belief,
                           const elbo_sequence *x, double *loglik, elbo_arena *ws)
{
    return elbo_lds_predict(belief->lds, x, loglik, ws);
}

/* ---- the record ---- */

static const char *const column_names[] = {"model_floored", "model_deficient", NULL};

static size_t columns(const elbo_observed_belief *belief, double out[])
{
    const latent *const m = belief->self;

    if (m->config.method == ELBO_LDS_VB) return 0;
    if (!out) return 2;
    out[0] = (double)m->floored;
    out[1] = (double)m->deficient;
    return 2;
}

static void save(const elbo_observed_belief *belief, elbo_writer *out)
{
    const latent *const m = belief->self;

    elbo_lds_save(m->lds, out);
}

static elbo_status load(elbo_observed_belief *belief, elbo_reader *in,
                        elbo_arena *ws)
{
    const latent *const m = belief->self;

    (void)ws;
    return elbo_lds_load(m->lds, in);
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

const elbo_model elbo_model_lds = {
    .name = "lds",
    .source = "Shumway and Stoffer 1982; Ghahramani and Hinton 1996; Beal 2003, "
              "chapter 5",
    .doc = "a latent linear dynamical system of the sequences of an observed world",
    .options = options,
    .observed = &observed,
};
