#include "inference/messages/emission.h"

#include <math.h>
#include <string.h>

const elbo_emission_config elbo_emission_defaults = {
    .symbols = 2,
    .missing = (double)NAN,
    .prior = 1,
    .ny = 1,
    .strength = 1e-2,
    .scale = 1,
    .nu = 0,
    .floor = 1e-8,
};

const elbo_emission *const elbo_emissions[] = {
    &elbo_emission_categorical,
    &elbo_emission_gaussian,
    NULL,
};

const elbo_emission *elbo_emission_find(const char *name)
{
    for (size_t i = 0; elbo_emissions[i]; i++)
        if (strcmp(elbo_emissions[i]->name, name) == 0)
            return elbo_emissions[i];
    return NULL;
}
