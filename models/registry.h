/* models/registry.h -- the members of this room; each is one file. */
#ifndef ELBO_MODELS_REGISTRY_H
#define ELBO_MODELS_REGISTRY_H

#include "inference/model.h"
#include "inference/task_model.h"

extern const elbo_model elbo_model_tabular, elbo_model_softmax,
    elbo_model_low_rank, elbo_model_aliased, elbo_model_candidates,
    elbo_model_mixture, elbo_model_features, elbo_model_gaussian,
    elbo_model_linear_gaussian, elbo_model_true, elbo_model_random,
    elbo_model_random_features, elbo_model_lds, elbo_model_hmm,
    elbo_model_ensemble;

/* What `true` and `random` are in control tasks. */
extern const elbo_task_model elbo_task_true, elbo_task_random;

#endif
