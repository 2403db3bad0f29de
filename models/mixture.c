/* models/mixture.c -- a linear mixture of given kernels.
 *
 *   P_theta = sum_k w_k P_k      w = softmax(x)      x ~ N(0, 1 / prior_precision)
 *
 * The class of Ayoub et al. (2020); the mixture stands inside the likelihood,
 * where a posterior over `candidates` stands outside.
 */
#include "inference/core/parallel.h"
#include "models/logits.h"
#include "models/members.h"
#include "models/registry.h"
#include "models/rewards.h"

typedef struct mixture {
    elbo_members members;
    double precision;
    double *w; /* [K] */
    double *g; /* [K] scratch of the pullback: dF/dw */
} mixture;

static const elbo_option options[] = {
    ELBO_MEMBERS_OPTIONS,
    {.name = "prior_precision",
     .type = ELBO_REAL,
     .unit = "",
     .low = 1e-12,
     .high = 1e12,
     .fallback = "1e-3",
     .doc = "precision of the Gaussian prior on a logit"},
    ELBO_REWARD_OPTIONS,
    {0},
};

static void update(elbo_belief *belief)
{
    const mixture *const self = belief->self;

    elbo_logits_softmax(belief->theta, NULL, self->members.K, self->w);
    elbo_members_mix(&self->members, self->w, belief->mean.prob);
    elbo_rewards_update(belief);
}

/* dF/dw_k = <G, P_k> */
static void pullback(const elbo_belief *belief, const double G[], double grad[])
{
    const mixture *const self = belief->self;
    const size_t nnz = self->members.pattern->nnz;

    for (size_t k = 0; k < self->members.K; k++)
        self->g[k] = elbo_dot(G, self->members.prob + k * nnz, nnz);
    elbo_logits_pullback(self->w, self->g, NULL, self->members.K, grad);
    elbo_rewards_pullback(belief, G, grad);
}

static double log_prior(const elbo_belief *belief, double grad[])
{
    const mixture *const self = belief->self;

    return elbo_logits_log_prior(belief->theta, belief->n_kernel,
                                 self->precision, grad)
           + elbo_rewards_log_prior(belief, grad);
}

static elbo_status open_model(const elbo_values *values,
                              const elbo_model_context *context,
                              elbo_arena *arena, elbo_belief *out)
{
    mixture *const self = elbo_arena_take(arena, 1, sizeof *self);

    ELBO_TRY(elbo_arena_check(arena, "a mixture"));
    ELBO_TRY(elbo_members_open(values, context, arena, &self->members));
    self->precision = elbo_real(values, "prior_precision");
    self->w = elbo_arena_doubles(arena, self->members.K);
    self->g = elbo_arena_doubles(arena, self->members.K);

    const elbo_kernel P = {
        .pattern = self->members.pattern,
        .prob = elbo_arena_doubles(arena, self->members.pattern->nnz)};

    *out = (elbo_belief){.model = &elbo_model_mixture,
                         .self = self,
                         .n = self->members.K,
                         .mean = P,
                         .geo = P};
    elbo_rewards_open(values, context, arena, out);
    ELBO_TRY(elbo_arena_check(arena, "a mixture's kernel"));
    update(out);
    return ELBO_OK;
}

const elbo_model elbo_model_mixture = {
    .name = "mixture",
    .source = "Ayoub, Jia, Szepesvari, Wang, Yang (2020)",
    .doc = "a linear mixture of given kernels",
    .options = options,
    .open = open_model,
    .update = update,
    .pullback = pullback,
    .log_prior = log_prior,
};
