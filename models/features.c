/* models/features.c -- a few parameters, shared by all states through features.
 *
 *   p(s'|s,a) ~ exp(offset(s,a,s') + sum_k theta_k f_k(s,a,s'))
 *   rhat(s,a) = sum_k w_k g_k(s,a)            theta, w ~ N(0, 1 / precision)
 *
 * over the outcomes that the file of f lists; those it does not list cannot
 * happen. `mixtures` ties the rows of some states to those of others:
 *   p(.|b,a) = sum_s weight(b,s) p(.|s,a)
 * which is a belief b whose state shows itself after one step: the assumption
 * of QMDP (Littman, Cassandra and Kaelbling 1995).
 */
#include <math.h>
#include <string.h>

#include "inference/core/textfile.h"
#include "models/logits.h"
#include "models/registry.h"
#include "models/sparse_table.h"
#include "models/support.h"

/* Lists of (number, value), one a place. */
typedef struct lists {
    size_t *first; /* [places + 1] */
    uint32_t *number;
    double *value;
} lists;

typedef struct features {
    size_t nS, nA;
    const uint8_t *known; /* [rows] */
    const elbo_pattern *pattern;
    /* Kernel: outcomes o of row i are outcome[i] .. outcome[i + 1] - 1. */
    size_t *outcome; /* [rows + 1] */
    uint32_t *entry; /* [outcomes] in the pattern */
    double *offset;  /* [outcomes] */
    lists f;         /* an outcome's */
    lists parts;     /* a state's; none: its rows are its own */
    double *x, *g;   /* [outcomes] logits; scratch: dF/dx */
    double *G;       /* [nnz] scratch */
    double *rhat;    /* [rows] */
    lists reward;    /* a row's; first NULL: rewards are known */
    double precision;
} features;

static const elbo_option options[] = {
    {.name = "transitions",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc = "CSV: state,action,next_state,feature,value; next_state nS is the "
            "end; without it the kernel is the world's own, known"},
    {.name = "offsets",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc =
         "CSV in the same columns: value is added to the logit, feature is 0"},
    {.name = "mixtures",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc = "CSV: state,part,weight; the rows of state are mixtures of its "
            "parts' rows"},
    {.name = "rewards",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc = "CSV: state,action,feature,value; the reward is learned, linear in "
            "them"},
    {.name = "prior_precision",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "1e-3",
     .doc = "precision of the Gaussian prior on a parameter of the kernel"},
    {.name = "reward_precision",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "1e-3",
     .doc = "precision of the Gaussian prior on a parameter of the rewards"},
    {.name = "init_scale",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0,
     .high = 1e3,
     .fallback = "0",
     .doc = "standard deviation of the first parameters of the kernel"},
    {0                                                              },
};

static size_t rows_of(const features *self)
{
    return self->nS * self->nA;
}

static bool is_mixture(const features *self, size_t s)
{
    return self->parts.first && self->parts.first[s + 1] > self->parts.first[s];
}

static double sum_list(const lists *l, size_t place, const double theta[])
{
    double sum = 0;

    for (size_t i = l->first[place]; i < l->first[place + 1]; i++)
        sum += l->value[i] * theta[l->number[i]];
    return sum;
}

static void add_list(const lists *l, size_t place, double slope, double grad[])
{
    for (size_t i = l->first[place]; i < l->first[place + 1]; i++)
        grad[l->number[i]] += l->value[i] * slope;
}

/* ---- theta to the kernel and rewards ---- */

static void update_row(const features *self, const double theta[], size_t row,
                       double p[])
{
    const size_t begin = self->outcome[row], end = self->outcome[row + 1];

    for (size_t o = begin; o < end; o++)
        self->x[o] = self->offset[o] + sum_list(&self->f, o, theta);
    if (end > begin)
        elbo_logits_softmax(self->x + begin, self->entry + begin, end - begin,
                            p);
}

static void mix_row(const features *self, size_t s, size_t a, double p[])
{
    const size_t width = self->nS + 1, row = s * self->nA + a;
    const lists *const parts = &self->parts;

    if (self->known[row]) return;
    memset(p + row * width, 0, width * sizeof *p);
    for (size_t i = parts->first[s]; i < parts->first[s + 1]; i++) {
        const double *const from =
            p + (parts->number[i] * self->nA + a) * width;

        for (size_t k = 0; k < width; k++)
            p[row * width + k] += parts->value[i] * from[k];
    }
}

static void update(elbo_belief *belief)
{
    const features *const self = belief->self;
    const double *const theta = belief->theta;
    const size_t rows = rows_of(self);

    for (size_t row = 0; self->outcome && row < rows; row++)
        update_row(self, theta, row, belief->mean.prob);
    for (size_t s = 0; s < self->nS; s++)
        for (size_t a = 0; is_mixture(self, s) && a < self->nA; a++)
            mix_row(self, s, a, belief->mean.prob);
    for (size_t row = 0; self->reward.first && row < rows; row++)
        self->rhat[row] =
            sum_list(&self->reward, row, theta + belief->n_kernel);
}

/* ---- derivatives back to theta ---- */

/* What a mixture's rows are asked for, its parts' rows are. */
static void unmix(const features *self, const double G[])
{
    const size_t width = self->nS + 1;
    const lists *const parts = &self->parts;

    memcpy(self->G, G, rows_of(self) * width * sizeof *G);
    for (size_t s = 0; s < self->nS; s++)
        for (size_t i = is_mixture(self, s) ? parts->first[s]
                                            : parts->first[s + 1];
             i < parts->first[s + 1]; i++)
            for (size_t a = 0; a < self->nA; a++) {
                const size_t from = s * self->nA + a;
                double *const to =
                    self->G + (parts->number[i] * self->nA + a) * width;

                if (self->known[from]) continue;
                for (size_t k = 0; k < width; k++)
                    to[k] += parts->value[i] * G[from * width + k];
            }
}

static void pull_kernel(const elbo_belief *belief, const double G[],
                        double grad[])
{
    const features *const self = belief->self;

    for (size_t row = 0; row < rows_of(self); row++) {
        const size_t begin = self->outcome[row], end = self->outcome[row + 1];

        memset(self->g + begin, 0, (end - begin) * sizeof *self->g);
        elbo_logits_pullback(belief->mean.prob, G, self->entry + begin,
                             end - begin, self->g + begin);
        for (size_t o = begin; o < end; o++)
            add_list(&self->f, o, self->g[o], grad);
    }
}

static void pullback(const elbo_belief *belief, const double G[], double grad[])
{
    const features *const self = belief->self;
    const double *const of_r = G + belief->mean.pattern->nnz;

    if (self->parts.first) unmix(self, G);
    if (self->outcome)
        pull_kernel(belief, self->parts.first ? self->G : G, grad);
    for (size_t row = 0; self->reward.first && row < rows_of(self); row++)
        add_list(&self->reward, row, of_r[row], grad + belief->n_kernel);
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const features *const self = belief->self;
    const size_t n = belief->n_kernel;

    return elbo_logits_log_prior(belief->theta, n, self->precision, grad)
           + elbo_logits_log_prior(belief->theta + n, belief->n_reward,
                                   belief->reward_precision,
                                   grad ? grad + n : NULL);
}

/* ---- opening ---- */

/* The lines of a table, which ascend in their place, as lists. */
static elbo_status take_lists(lists *l, const elbo_sparse_table *table,
                              size_t places, elbo_arena *arena)
{
    l->first = elbo_arena_sizes(arena, places + 1);
    l->number = elbo_arena_u32(arena, table->n);
    l->value = elbo_arena_doubles(arena, table->n);
    ELBO_TRY(elbo_arena_check(arena, table->path));
    for (size_t i = 0; i < table->n; i++) {
        l->first[table->at[i].place + 1]++;
        l->number[i] = (uint32_t)table->at[i].feature;
        l->value[i] = table->at[i].value;
    }
    for (size_t p = 0; p < places; p++) l->first[p + 1] += l->first[p];
    return ELBO_OK;
}

/* The path of an option, or NULL where it is not given. */
static const char *path_of(const elbo_values *values, const char *option,
                           const elbo_model_context *context,
                           elbo_arena *scratch)
{
    const char *const text = elbo_text(values, option);

    return text[0] ? elbo_textfile_path(context->folder, text, scratch) : NULL;
}

/* Number the outcomes: lines of one (row, next) are one outcome. Place of line
 * i becomes its outcome. */
static elbo_status number_outcomes(features *self, elbo_sparse_table *table,
                                   elbo_arena *arena)
{
    const size_t rows = rows_of(self), width = self->nS + 1;
    size_t n = 0;

    self->outcome = elbo_arena_sizes(arena, rows + 1);
    self->entry = elbo_arena_u32(arena, table->n);
    ELBO_TRY(elbo_arena_check(arena, table->path));
    for (size_t i = 0; i < table->n; i++) {
        elbo_sparse_entry *const e = table->at + i;
        const size_t entry = e->place * width + e->next;

        if (self->known[e->place] || is_mixture(self, e->place / self->nA))
            return ELBO_FAIL(ELBO_EDATA,
                             "%s:%zu:1: the row of state %zu, action %zu is "
                             "not free: it ends for sure, or is a mixture",
                             table->path, e->line, e->place / self->nA,
                             e->place % self->nA);
        if (n == 0 || self->entry[n - 1] != entry) {
            self->entry[n++] = (uint32_t)entry;
            self->outcome[e->place + 1]++;
        }
        e->place = n - 1;
    }
    for (size_t row = 0; row < rows; row++) {
        if (self->outcome[row + 1] == 0 && !self->known[row]
            && !is_mixture(self, row / self->nA))
            return ELBO_FAIL(ELBO_EDATA,
                             "%s: no outcome of state %zu, action %zu",
                             table->path, row / self->nA, row % self->nA);
        self->outcome[row + 1] += self->outcome[row];
    }
    return ELBO_OK;
}

/* offset[o] from a file whose lines name outcomes. */
static elbo_status read_offsets(features *self, const char *path,
                                elbo_arena *scratch)
{
    const size_t width = self->nS + 1;
    elbo_sparse_table table;

    if (!path) return ELBO_OK;
    ELBO_TRY(elbo_sparse_table_read(path, self->nS, self->nA, true, scratch,
                                    &table));
    for (size_t i = 0; i < table.n; i++) {
        const elbo_sparse_entry *const e = table.at + i;
        const size_t end = self->outcome[e->place + 1];
        size_t o = self->outcome[e->place];

        while (o < end && self->entry[o] != e->place * width + e->next) o++;
        if (o == end)
            return ELBO_FAIL(ELBO_EDATA,
                             "%s:%zu:1: transitions lists no such outcome",
                             path, e->line);
        self->offset[o] = e->value;
    }
    return ELBO_OK;
}

/* States whose rows are mixtures; a part must have rows of its own. */
static elbo_status read_mixtures(features *self, const char *path,
                                 elbo_arena *arena, elbo_arena *scratch)
{
    elbo_sparse_table table;

    if (!path) return ELBO_OK;
    ELBO_TRY(elbo_mixtures_read(path, self->nS, scratch, &table));
    ELBO_TRY(take_lists(&self->parts, &table, self->nS, arena));
    for (size_t i = 0; i < table.n; i++)
        if (is_mixture(self, table.at[i].feature))
            return ELBO_FAIL(ELBO_EDATA,
                             "%s:%zu:1: part %zu is a mixture itself", path,
                             table.at[i].line, table.at[i].feature);
    return ELBO_OK;
}

static elbo_status open_kernel(features *self, const elbo_values *values,
                               const elbo_model_context *context,
                               elbo_arena *arena, elbo_arena *scratch,
                               elbo_belief *out)
{
    const char *const path = path_of(values, "transitions", context, scratch);
    elbo_sparse_table table;

    out->mean = out->geo = context->mdp->P;
    if (!path) return ELBO_OK;
    ELBO_TRY(elbo_support_dense(context, arena, &self->pattern));
    ELBO_TRY(read_mixtures(self, path_of(values, "mixtures", context, scratch),
                           arena, scratch));
    ELBO_TRY(elbo_sparse_table_read(path, self->nS, self->nA, true, scratch,
                                    &table));
    ELBO_TRY(number_outcomes(self, &table, arena));

    const size_t n = self->outcome[rows_of(self)];

    ELBO_TRY(take_lists(&self->f, &table, n, arena));
    self->offset = elbo_arena_take(arena, n, sizeof *self->offset);
    self->x = elbo_arena_doubles(arena, n);
    self->g = elbo_arena_doubles(arena, n);
    self->G =
        elbo_arena_doubles(arena, self->parts.first ? self->pattern->nnz : 0);
    ELBO_TRY(elbo_arena_check(arena, "a model of features"));
    ELBO_TRY(read_offsets(self, path_of(values, "offsets", context, scratch),
                          scratch));
    out->mean = out->geo =
        elbo_support_kernel(self->pattern, context->known, arena);
    out->n_kernel = table.features;
    return ELBO_OK;
}

static elbo_status open_rewards(features *self, const elbo_values *values,
                                const elbo_model_context *context,
                                elbo_arena *arena, elbo_arena *scratch,
                                elbo_belief *out)
{
    const char *const path = path_of(values, "rewards", context, scratch);
    elbo_sparse_table table;

    if (!path) return ELBO_OK;
    ELBO_TRY(elbo_sparse_table_read(path, self->nS, self->nA, false, scratch,
                                    &table));
    ELBO_TRY(take_lists(&self->reward, &table, rows_of(self), arena));
    self->rhat = elbo_arena_doubles(arena, rows_of(self));
    out->reward = self->rhat;
    out->n_reward = table.features;
    return ELBO_OK;
}

static elbo_status check_options(const elbo_values *values)
{
    const bool kernel = elbo_text(values, "transitions")[0];
    const char *const needy = elbo_text(values, "mixtures")[0]  ? "mixtures"
                              : elbo_text(values, "offsets")[0] ? "offsets"
                                                                : NULL;

    if (!kernel && needy)
        return ELBO_FAIL(ELBO_EINVAL, "%s need transitions", needy);
    if (!kernel && !elbo_text(values, "rewards")[0])
        return ELBO_FAIL(ELBO_EINVAL,
                         "neither transitions nor rewards: nothing to learn");
    return ELBO_OK;
}

static elbo_status open_parts(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_arena *scratch,
                              elbo_belief *out)
{
    features *const self = elbo_arena_take(arena, 1, sizeof *self);

    ELBO_TRY(elbo_arena_check(arena, "a model of features"));
    ELBO_TRY(check_options(values));
    *self = (features){
        .nS = context->mdp->nS,
        .nA = context->mdp->nA,
        .known = context->known,
        .precision = elbo_real(values, "prior_precision"),
    };
    *out = (elbo_belief){
        .model = &elbo_model_features,
        .self = self,
        .reward_precision = elbo_real(values, "reward_precision"),
    };
    ELBO_TRY(open_kernel(self, values, context, arena, scratch, out));
    ELBO_TRY(open_rewards(self, values, context, arena, scratch, out));
    out->n = out->n_kernel + out->n_reward;
    out->theta = elbo_arena_doubles(arena, out->n);
    ELBO_TRY(elbo_arena_check(arena, "a model of features"));
    elbo_logits_init(out->theta, out->n_kernel, elbo_real(values, "init_scale"),
                     context->seed);
    memset(out->theta + out->n_kernel, 0, out->n_reward * sizeof *out->theta);
    update(out);
    return ELBO_OK;
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    elbo_arena *const scratch = elbo_arena_alloc(1 << 16);

    if (!scratch) return ELBO_FAIL(ELBO_ENOMEM, "a model of features");

    const elbo_status s = open_parts(values, context, arena, scratch, out);

    elbo_arena_free(scratch);
    return s;
}

const elbo_model elbo_model_features = {
    .name = "features",
    .source = "log-linear transitions and linear rewards over given features",
    .doc = "few parameters, shared by all states through features from files",
    .options = options,
    .open = open_model,
    .update = update,
    .pullback = pullback,
    .log_prior = log_prior,
};
