#include <string.h>

#include "inference/likelihood.h"

const elbo_likelihood *const elbo_likelihoods[] = {
    &elbo_likelihood_logp,
    NULL,
};

enum { LIKELIHOODS = sizeof elbo_likelihoods / sizeof *elbo_likelihoods - 1 };

elbo_status elbo_likelihood_parse(const char *text, const elbo_likelihood **out,
                                  size_t *column, const char **nearest)
{
    const char *names[LIKELIHOODS];

    for (size_t i = 0; i < LIKELIHOODS; i++) {
        names[i] = elbo_likelihoods[i]->name;
        if (strcmp(text, names[i]) != 0) continue;
        *out = elbo_likelihoods[i];
        return ELBO_OK;
    }
    if (column) *column = 0;
    if (nearest) *nearest = elbo_name_nearest(text, names, LIKELIHOODS);
    return ELBO_FAIL(ELBO_EINVAL, "unknown likelihood '%s'", text);
}

elbo_status elbo_likelihood_check(const char *text, size_t *column,
                                  const char **nearest)
{
    const elbo_likelihood *unused;

    return elbo_likelihood_parse(text, &unused, column, nearest);
}
