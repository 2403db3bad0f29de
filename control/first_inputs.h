/* control/first_inputs.h -- where trajectory controls start from. */
#ifndef ELBO_FIRST_INPUTS_H
#define ELBO_FIRST_INPUTS_H

#include "inference/core/options.h"

/* Options, for a control's table. */
#define ELBO_FIRST_INPUTS \
    {.name = "first_inputs", \
     .type = ELBO_CHOICE, \
     .unit = "", \
     .choices = "normal|sine|cosine|zero", \
     .fallback = "normal", \
     .doc = "the inputs before the first round"}, \
    {.name = "amplitude", \
     .type = ELBO_REAL, \
     .unit = "", \
     .low = 0, \
     .high = 1e6, \
     .fallback = "0.01", \
     .doc = "of the first inputs"}, \
    {.name = "frequency", \
     .type = ELBO_REAL, \
     .unit = "1/step", \
     .low = 0, \
     .high = 100, \
     .fallback = "1", \
     .doc = "of sine and cosine"}

/* mu [T x nu] as the options say; normal: stream (seed, "control", 0). */
void elbo_first_inputs(const elbo_values *values, uint64_t seed, gsl_matrix *mu);

#endif
