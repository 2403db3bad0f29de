/* models/low_rank.c -- one row-stochastic factorisation of rank k an action.
 *
 *   P_a = D_a K_a      D_a [nS x k], K_a [k x (nS + 1)], rows by softmax
 *   logits ~ N(0, 1 / prior_precision)
 *
 * theta holds the logits of D, k a learnt row (s, a) in row order, then those
 * of K, nS + 1 a factor in the order (a, i). Logits must start apart from each
 * other: where all factors are equal they stay so.
 *
 * Reference: Grimm, Barreto, Farquhar, Silver, Singh, Proper Value Equivalence
 * (2021), whose capacity experiment uses this class.
 */
#include <string.h>

#include "inference/core/alloc.h"
#include "inference/core/parallel.h"
#include "models/logits.h"
#include "models/registry.h"
#include "models/rewards.h"
#include "models/support.h"

typedef struct low_rank {
    size_t nS, nA, k;
    size_t rows;       /* nS * nA */
    size_t K_logits;   /* where those of K begin in theta */
    const size_t *row; /* [rows] D's row, or not_learnt */
    double *D;         /* [learnt rows x k] */
    double *K;         /* [nA * k x (nS + 1)] */
    double *G_D, *G_K; /* scratch of the pullback: dF/dD, dF/dK */
    double precision;
} low_rank;

static const size_t not_learnt = SIZE_MAX;

/* One pass over the rows of the kernel or the factors. */
typedef struct pass {
    const low_rank *self;
    const elbo_belief *belief;
    const double *G; /* [nnz] */
    double *grad;    /* [n] */
} pass;

static const elbo_option options[] = {
    {"rank", ELBO_INT, "", 1, 65536, NULL, "8", "factors an action", NULL},
    {"prior_precision",    ELBO_REAL, "", 1e-12, 1e12, NULL, "1e-3",
     "precision of the Gaussian prior on a logit", NULL},
    {"init_scale", ELBO_REAL, "", 1e-6, 1e3, NULL, "1",
     "standard deviation of the first logits", NULL},
    ELBO_REWARD_OPTIONS,
    {0},
};

static void update_factors(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const size_t width = x->self->nS + 1;
    const double *const logits = x->belief->theta + x->self->K_logits;

    (void)chunk;
    for (size_t i = first; i < last; i++)
        elbo_logits_softmax(logits + i * width, NULL, width,
                            x->self->K + i * width);
}

/* p(.|s,a) = D(s,a) K_a */
static void update_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const low_rank *const self = x->self;
    const size_t k = self->k, width = self->nS + 1;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        if (self->row[row] == not_learnt) continue;

        double *const d = self->D + self->row[row] * k;
        double *const p = x->belief->mean.prob + row * width;
        const double *const K = self->K + (row % self->nA) * k * width;

        elbo_logits_softmax(x->belief->theta + self->row[row] * k, NULL, k, d);
        memset(p, 0, width * sizeof *p);
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < width; j++) p[j] += d[i] * K[i * width + j];
    }
}

static void update(elbo_belief *belief)
{
    const low_rank *const self = belief->self;
    const size_t width = self->nS + 1;
    pass x = {self, belief, NULL, NULL};

    elbo_parallel(self->nA * self->k, belief->n_kernel * 20, &x, update_factors);
    elbo_parallel(self->rows, self->rows * self->k * width * 2, &x,
                  update_rows);
    elbo_rewards_update(belief);
}

/* dF/dD(s,a)_i = K_ai G(s,a) */
static void pullback_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const low_rank *const self = x->self;
    const size_t k = self->k, width = self->nS + 1;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        if (self->row[row] == not_learnt) continue;

        const size_t at = self->row[row] * k;
        const double *const K = self->K + (row % self->nA) * k * width;

        for (size_t i = 0; i < k; i++)
            self->G_D[at + i] =
                elbo_dot(K + i * width, x->G + row * width, width);
        elbo_logits_pullback(self->D + at, self->G_D + at, NULL, k,
                             x->grad + at);
    }
}

/* dF/dK_ai = sum_s D(s,a)_i G(s,a) */
static void pullback_factors(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const low_rank *const self = x->self;
    const size_t k = self->k, width = self->nS + 1;

    (void)chunk;
    for (size_t i = first; i < last; i++) {
        double *const g = self->G_K + i * width;

        memset(g, 0, width * sizeof *g);
        for (size_t s = 0; s < self->nS; s++) {
            const size_t row = s * self->nA + i / k;

            if (self->row[row] == not_learnt) continue;

            const double d = self->D[self->row[row] * k + i % k];

            for (size_t j = 0; j < width; j++)
                g[j] += d * x->G[row * width + j];
        }
        elbo_logits_pullback(self->K + i * width, g, NULL, width,
                             x->grad + self->K_logits + i * width);
    }
}

static void pullback(const elbo_belief *belief, const double G[], double grad[])
{
    const low_rank *const self = belief->self;
    const size_t work = self->rows * self->k * (self->nS + 1) * 2;
    pass x = {self, belief, G, grad};

    elbo_parallel(self->rows, work * 2, &x, pullback_rows);
    elbo_parallel(self->nA * self->k, work, &x, pullback_factors);
    elbo_rewards_pullback(belief, G, grad);
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const low_rank *const self = belief->self;

    return elbo_logits_log_prior(belief->theta, belief->n_kernel,
                                 self->precision, grad)
           + elbo_rewards_log_prior(belief, grad);
}

/* Gives every learnt row its place in D; returns their number. */
static size_t place_rows(const uint8_t known[], size_t rows, size_t place[])
{
    size_t learnt = 0;

    for (size_t row = 0; row < rows; row++)
        place[row] = known[row] ? not_learnt : learnt++;
    return learnt;
}

static elbo_status check_size(const low_rank *self)
{
    size_t D, K;

    if (elbo_size_mul(self->rows, self->k, &D)
        && elbo_size_mul(self->nA * self->k, self->nS + 1, &K)
        && D <= ELBO_DENSE_ENTRIES && K <= ELBO_DENSE_ENTRIES)
        return ELBO_OK;
    return ELBO_FAIL(ELBO_EINVAL,
                     "rank %zu over %zu states and %zu actions: a factor has "
                     "more than %d entries",
                     self->k, self->nS, self->nA, ELBO_DENSE_ENTRIES);
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    const size_t nS = context->mdp->nS, nA = context->mdp->nA;
    low_rank *const self = elbo_arena_take(arena, 1, sizeof *self);
    size_t *const place = elbo_arena_sizes(arena, nS * nA);
    const elbo_pattern *pattern;

    ELBO_TRY(elbo_arena_check(arena, "a low-rank model"));
    ELBO_TRY(elbo_support_dense(context, arena, &pattern));
    *self = (low_rank){
        .nS = nS,
        .nA = nA,
        .k = (size_t)elbo_int(values, "rank"),
        .rows = nS * nA,
        .row = place,
        .precision = elbo_real(values, "prior_precision"),
    };
    ELBO_TRY(check_size(self));

    const size_t factors = nA * self->k * (nS + 1);
    const elbo_kernel P = elbo_support_kernel(pattern, context->known, arena);

    self->K_logits = place_rows(context->known, self->rows, place) * self->k;
    self->D = elbo_arena_doubles(arena, self->K_logits);
    self->K = elbo_arena_doubles(arena, factors);
    self->G_D = elbo_arena_doubles(arena, self->K_logits);
    self->G_K = elbo_arena_doubles(arena, factors);
    *out = (elbo_belief){
        .model = &elbo_model_low_rank,
        .self = self,
        .n = self->K_logits + factors,
        .mean = P,
        .geo = P,
    };
    elbo_rewards_open(values, context, arena, out);
    ELBO_TRY(elbo_arena_check(arena, "a low-rank model's factors"));
    elbo_logits_init(out->theta, out->n_kernel, elbo_real(values, "init_scale"),
                     context->seed);
    update(out);
    return ELBO_OK;
}

const elbo_model elbo_model_low_rank = {
    .name = "low_rank",
    .source = "Grimm, Barreto, Farquhar, Silver, Singh (2021)",
    .doc = "a row-stochastic factorisation an action",
    .options = options,
    .open = open_model,
    .update = update,
    .pullback = pullback,
    .log_prior = log_prior,
};
