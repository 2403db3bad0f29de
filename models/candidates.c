/* models/candidates.c -- a posterior over a finite set of given kernels.
 *
 *   theta_k = q(k)      prior 1 / K      mean = sum_k theta_k P_k
 *                                        geo  = exp(sum_k theta_k log P_k)
 *
 * Any likelihood is averaged over k, so that the M-step
 *   argmax sum_k theta_k L_k - KL(theta || prior),  L_k = lambda E_D[w l_k(x)]
 * is theta_k ~ exp(L_k): Bayes' rule where l = log p, and where l is minus a
 * loss the exponential weights (Hedge) of rate lambda / |D|, since the L_k add
 * up over the rounds of data (Freund and Schapire 1997).
 */
#include <math.h>
#include <string.h>

#include "inference/core/parallel.h"
#include "models/members.h"
#include "models/registry.h"

typedef struct candidates {
    elbo_members members;
    double *value; /* [K] scratch of fit */
} candidates;

static const elbo_option options[] = {
    ELBO_MEMBERS_OPTIONS,
    {0},
};

/* One pass over the entries. */
typedef struct pass {
    const candidates *self;
    const elbo_belief *belief;
    const double *C; /* [nnz], or NULL */
    size_t k;
} pass;

static void update_entries(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const elbo_members *const m = &x->self->members;
    const double *const q = x->belief->theta;

    (void)chunk;
    for (size_t i = first; i < last; i++) {
        double sum = 0;

        for (size_t k = 0; k < m->K; k++)
            if (q[k] > 0) sum += q[k] * log(m->prob[k * m->pattern->nnz + i]);
        x->belief->geo.prob[i] = exp(sum);
    }
}

static void update(elbo_belief *belief)
{
    const candidates *const self = belief->self;
    const size_t nnz = self->members.pattern->nnz;
    pass x = {self, belief, NULL, 0};

    elbo_members_mix(&self->members, belief->theta, belief->mean.prob);
    elbo_parallel(nnz, nnz * self->members.K * 20, &x, update_entries);
}

static double add_logs(void *arg, size_t first, size_t last)
{
    const pass *const x = arg;
    const elbo_members *const m = &x->self->members;
    const double *const p = m->prob + x->k * m->pattern->nnz;
    double sum = 0;

    for (size_t i = first; i < last; i++)
        if (x->C[i] > 0) sum += x->C[i] * log(p[i]);
    return sum;
}

/* sum C log P_k; -inf where a count stands on probability 0. */
static double log_likelihood(const elbo_belief *belief, const double C[],
                             size_t k)
{
    const candidates *const self = belief->self;
    const size_t nnz = self->members.pattern->nnz;
    pass x = {self, belief, C, k};

    return elbo_parallel_sum(nnz, nnz * 4, &x, add_logs);
}

static elbo_status weigh(elbo_belief *belief, const double value[])
{
    const size_t K = belief->n;
    double best = -HUGE_VAL, sum = 0;

    for (size_t k = 0; k < K; k++) {
        if (isnan(value[k]) || value[k] == HUGE_VAL)
            return ELBO_FAIL(ELBO_ENOTFINITE, "candidate %zu is worth %g", k,
                             value[k]);
        best = fmax(best, value[k]);
    }
    if (!isfinite(best))
        return ELBO_FAIL(ELBO_ENOTFINITE,
                         "the data are impossible under all %zu candidates", K);
    for (size_t k = 0; k < K; k++)
        sum += belief->theta[k] = exp(value[k] - best);
    for (size_t k = 0; k < K; k++) belief->theta[k] /= sum;
    update(belief);
    return ELBO_OK;
}

static elbo_status fit(elbo_belief *belief, const double C[])
{
    const candidates *const self = belief->self;

    for (size_t k = 0; k < belief->n; k++)
        self->value[k] = log_likelihood(belief, C, k);
    return weigh(belief, self->value);
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const double K = (double)belief->n;
    double kl = 0;

    (void)grad; /* a posterior is weighed, never followed by its gradient */
    for (size_t k = 0; k < belief->n; k++)
        if (belief->theta[k] > 0) kl += belief->theta[k] * log(K * belief->theta[k]);
    return -kl;
}

static double expect_log(const elbo_belief *belief, const double C[])
{
    double sum = 0;

    for (size_t k = 0; k < belief->n; k++)
        if (belief->theta[k] > 0)
            sum += belief->theta[k] * log_likelihood(belief, C, k);
    return sum;
}

static elbo_kernel member(const elbo_belief *belief, size_t k)
{
    const candidates *const self = belief->self;
    const elbo_pattern *const pattern = self->members.pattern;

    return (elbo_kernel){.pattern = pattern,
                         .prob = self->members.prob + k * pattern->nnz};
}

static elbo_status load(elbo_belief *belief, elbo_reader *in)
{
    double sum = 0;

    (void)in;
    for (size_t k = 0; k < belief->n; k++)
        sum += belief->theta[k] >= 0 ? belief->theta[k] : (double)NAN;
    if (fabs(sum - 1) <= 1e-9) return ELBO_OK;
    return ELBO_FAIL(ELBO_EDATA, "probabilities of %zu candidates sum to %g",
                     belief->n, sum);
}

static size_t columns(const elbo_belief *belief, double out[])
{
    const size_t n = belief->n < ELBO_MODEL_COLUMNS ? belief->n
                                                    : ELBO_MODEL_COLUMNS;

    if (out) memcpy(out, belief->theta, n * sizeof *out);
    return n;
}

static const char *const column_names[ELBO_MODEL_COLUMNS] = {
    "member_0", "member_1", "member_2", "member_3"};

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    candidates *const self = elbo_arena_take(arena, 1, sizeof *self);

    ELBO_TRY(elbo_arena_check(arena, "candidates"));
    ELBO_TRY(elbo_members_open(values, context, arena, &self->members));

    const elbo_pattern *const pattern = self->members.pattern;
    const size_t K = self->members.K;

    self->value = elbo_arena_doubles(arena, K);
    *out = (elbo_belief){
        .model = &elbo_model_candidates,
        .self = self,
        .n = K,
        .theta = elbo_arena_doubles(arena, K),
        .mean = {.pattern = pattern,
                 .prob = elbo_arena_doubles(arena, pattern->nnz)},
        .geo = {.pattern = pattern,
                .prob = elbo_arena_doubles(arena, pattern->nnz),
                .partial = true},
    };
    ELBO_TRY(elbo_arena_check(arena, "the candidates' kernels"));
    for (size_t k = 0; k < K; k++) out->theta[k] = 1 / (double)K;
    update(out);
    return ELBO_OK;
}

const elbo_model elbo_model_candidates = {
    .name = "candidates",
    .source = "Freund, Schapire (1997); as a model class Vemula et al. (2023)",
    .doc = "a posterior over a finite set of given kernels",
    .options = options,
    .open = open_model,
    .update = update,
    .fit = fit,
    .log_prior = log_prior,
    .expect_log = expect_log,
    .member = member,
    .weigh = weigh,
    .load = load,
    .column_names = column_names,
    .columns = columns,
};
