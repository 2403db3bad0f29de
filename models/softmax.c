/* models/softmax.c -- a softmax over the outcomes of every row.
 *
 *   p(.|s,a) = softmax(x(s,a) / temperature)    x ~ N(0, 1 / prior_precision)
 */
#include <string.h>

#include "inference/core/parallel.h"
#include "models/logits.h"
#include "models/registry.h"
#include "models/rewards.h"
#include "models/support.h"

/* Floating-point operations an exponential is worth, about. */
enum { EXPONENTIAL = 20 };

typedef struct softmax {
    elbo_support support;
    double temperature; /* of the logits */
    double *x, *g;      /* [n_kernel] theta / temperature; scratch: dF/dx */
    double precision;
} softmax;

/* One pass over the rows. */
typedef struct pass {
    const softmax *self;
    const elbo_belief *belief;
    const double *G; /* [nnz] */
    double *grad;    /* [n] */
} pass;

static const elbo_option options[] = {
    {"support", ELBO_CHOICE, "", 0, 0, "all|states|world", "all",
     "outcomes that may follow (s, a): all, all states but no end, or the "
     "reachable ones", NULL},
    {"prior_precision",       ELBO_REAL, "", 1e-12, 1e12, NULL, "1e-3",
     "precision of the Gaussian prior on a logit", NULL},
    {"init_scale",        ELBO_REAL, "", 0, 1e3, NULL, "0",
     "standard deviation of the first logits", NULL},
    {"init", ELBO_CHOICE, "", 0, 0, "normal|uniform", "normal",
     "logits from N(0, init_scale^2), rewards 0; or all of them uniform on "
     "[0, init_scale)", NULL},
    {"temperature",    ELBO_REAL, "", 1e-6, 1e6, NULL, "1",
     "what logits are divided by: OMD's code writes them on this scale", NULL},
    ELBO_REWARD_OPTIONS,
    {0    },
};

static void update_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const elbo_support *const support = &x->self->support;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        const size_t begin = support->first[row], end = support->first[row + 1];

        for (size_t j = begin; j < end; j++)
            x->self->x[j] = x->belief->theta[j] / x->self->temperature;
        if (end > begin)
            elbo_logits_softmax(x->self->x + begin, support->entry + begin,
                                end - begin, x->belief->mean.prob);
    }
}

static void update(elbo_belief *belief)
{
    const softmax *const self = belief->self;
    pass x = {self, belief, NULL, NULL};

    elbo_parallel(self->support.rows, belief->n_kernel * EXPONENTIAL, &x,
                  update_rows);
    elbo_rewards_update(belief);
}

static void pullback_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const elbo_support *const support = &x->self->support;
    double *const g = x->self->g;

    (void)chunk;
    for (size_t row = first; row < last; row++) {
        const size_t begin = support->first[row], end = support->first[row + 1];

        memset(g + begin, 0, (end - begin) * sizeof *g);
        elbo_logits_pullback(x->belief->mean.prob, x->G, support->entry + begin,
                             end - begin, g + begin);
        for (size_t j = begin; j < end; j++)
            x->grad[j] += g[j] / x->self->temperature;
    }
}

static void pullback(const elbo_belief *belief, const double G[], double grad[])
{
    const softmax *const self = belief->self;
    pass x = {self, belief, G, grad};

    elbo_parallel(self->support.rows, belief->n_kernel * 4, &x, pullback_rows);
    elbo_rewards_pullback(belief, G, grad);
}

/* The action of parameter j, by its row. */
static size_t action(const elbo_belief *belief, size_t j)
{
    const elbo_support *const support =
        &((const softmax *)belief->self)->support;
    size_t low = 0, high = support->rows;

    while (low + 1 < high) {
        const size_t middle = low + (high - low) / 2;

        if (support->first[middle] <= j)
            low = middle;
        else
            high = middle;
    }
    return low % support->pattern->nA;
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const softmax *const self = belief->self;

    return elbo_logits_log_prior(belief->theta, belief->n_kernel,
                                 self->precision, grad)
           + elbo_rewards_log_prior(belief, grad);
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    softmax *const self = elbo_arena_take(arena, 1, sizeof *self);

    ELBO_TRY(elbo_arena_check(arena, "a softmax model"));
    ELBO_TRY(elbo_support_init(values, context, arena, &self->support));
    self->precision = elbo_real(values, "prior_precision");
    self->temperature = elbo_real(values, "temperature");

    const size_t n = self->support.first[self->support.rows];
    const elbo_kernel P =
        elbo_support_kernel(self->support.pattern, context->known, arena);

    self->x = elbo_arena_doubles(arena, n);
    self->g = elbo_arena_doubles(arena, n);
    *out = (elbo_belief){
        .model = &elbo_model_softmax,
        .self = self,
        .n = n,
        .mean = P,
        .geo = P,
    };
    elbo_rewards_open(values, context, arena, out);
    ELBO_TRY(elbo_arena_check(arena, "a softmax model's kernel"));
    if (elbo_choice_is(values, "init", "uniform"))
        elbo_logits_init_uniform(out->theta, out->n,
                                 elbo_real(values, "init_scale"),
                                 context->seed);
    else
        elbo_logits_init(out->theta, out->n_kernel,
                         elbo_real(values, "init_scale"), context->seed);
    update(out);
    return ELBO_OK;
}

const elbo_model elbo_model_softmax = {
    .name = "softmax",
    .source = "categorical rows with a Gaussian prior on their logits",
    .doc = "a softmax over the outcomes of every row",
    .options = options,
    .open = open_model,
    .update = update,
    .pullback = pullback,
    .action = action,
    .log_prior = log_prior,
};
