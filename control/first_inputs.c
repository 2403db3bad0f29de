#include "control/first_inputs.h"

#include <math.h>

#include "inference/core/rng.h"

void elbo_first_inputs(const elbo_values *values, uint64_t seed, gsl_matrix *mu)
{
    const double a = elbo_real(values, "amplitude");
    const double f = elbo_real(values, "frequency");
    const size_t nu = mu->size2;
    elbo_rng rng = elbo_rng_stream(seed, "control", 0);

    gsl_matrix_set_zero(mu);
    if (elbo_choice_is(values, "first_inputs", "normal"))
        elbo_rng_normals(&rng, mu->data, mu->size1 * nu);
    for (size_t t = 0; t < mu->size1; t++)
        for (size_t j = 0; j < nu; j++) {
            if (elbo_choice_is(values, "first_inputs", "sine"))
                gsl_matrix_set(mu, t, j, sin(f * (double)t));
            if (elbo_choice_is(values, "first_inputs", "cosine"))
                gsl_matrix_set(mu, t, j, cos(f * (double)t));
        }
    gsl_matrix_scale(mu, a);
}
