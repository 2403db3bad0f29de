#include "models/registry.h"

#include <string.h>

const elbo_model *const elbo_models[] = {
    &elbo_model_tabular,
    &elbo_model_softmax,
    &elbo_model_low_rank,
    &elbo_model_aliased,
    &elbo_model_candidates,
    &elbo_model_mixture,
    &elbo_model_features,
    &elbo_model_gaussian,
    &elbo_model_true,
    &elbo_model_random,
    &elbo_model_linear_gaussian,
    &elbo_model_lds,
    &elbo_model_hmm,
    &elbo_model_random_features,
    &elbo_model_ensemble,
    NULL,
};

const elbo_model *elbo_model_find(const char *name)
{
    for (size_t i = 0; elbo_models[i]; i++)
        if (strcmp(elbo_models[i]->name, name) == 0) return elbo_models[i];
    return NULL;
}
