/* models/softmax.c -- a softmax over the outcomes of every row.
 *
 *   p(.|s,a) = softmax(x(s,a))      x ~ N(0, 1 / prior_precision)
 */
#include "inference/core/parallel.h"
#include "models/logits.h"
#include "models/registry.h"
#include "models/rewards.h"
#include "models/support.h"

/* Floating-point operations an exponential is worth, about. */
enum { EXPONENTIAL = 20 };

typedef struct softmax {
    elbo_support support;
    double precision;
} softmax;

/* One pass over the rows. */
typedef struct pass {
    const elbo_support *support;
    const elbo_belief *belief;
    const double *G; /* [nnz] */
    double *grad;    /* [n] */
} pass;

static const elbo_option options[] = {
    {"support", ELBO_CHOICE, "", 0, 0, "all|world", "all",
     "outcomes that may follow (s, a): all, or the reachable ones", NULL},
    {"prior_precision",       ELBO_REAL, "", 1e-12, 1e12, NULL, "1e-3",
     "precision of the Gaussian prior on a logit", NULL},
    {"init_scale",        ELBO_REAL, "", 0, 1e3, NULL, "0",
     "standard deviation of the first logits", NULL},
    ELBO_REWARD_OPTIONS,
    {0},
};

static void update_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const size_t *const start = x->support->first;

    (void)chunk;
    for (size_t row = first; row < last; row++)
        if (start[row + 1] > start[row])
            elbo_logits_softmax(
                x->belief->theta + start[row], x->support->entry + start[row],
                start[row + 1] - start[row], x->belief->mean.prob);
}

static void update(elbo_belief *belief)
{
    const softmax *const self = belief->self;
    pass x = {&self->support, belief, NULL, NULL};

    elbo_parallel(self->support.rows, belief->n_kernel * EXPONENTIAL, &x, update_rows);
}

static void pullback_rows(void *arg, size_t chunk, size_t first, size_t last)
{
    const pass *const x = arg;
    const size_t *const start = x->support->first;

    (void)chunk;
    for (size_t row = first; row < last; row++)
        elbo_logits_pullback(x->belief->mean.prob, x->G,
                             x->support->entry + start[row],
                             start[row + 1] - start[row], x->grad + start[row]);
}

static void pullback(const elbo_belief *belief, const double G[], double grad[])
{
    const softmax *const self = belief->self;
    pass x = {&self->support, belief, G, grad};

    elbo_parallel(self->support.rows, belief->n_kernel * 4, &x, pullback_rows);
    elbo_rewards_pullback(belief, G, grad);
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

    const size_t n = self->support.first[self->support.rows];
    const elbo_kernel P =
        elbo_support_kernel(self->support.pattern, context->known, arena);

    *out = (elbo_belief){
        .model = &elbo_model_softmax,
        .self = self,
        .n = n,
        .mean = P,
        .geo = P,
    };
    elbo_rewards_open(values, context, arena, out);
    ELBO_TRY(elbo_arena_check(arena, "a softmax model's kernel"));
    elbo_logits_init(out->theta, out->n_kernel, elbo_real(values, "init_scale"),
                     context->seed);
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
    .log_prior = log_prior,
};
