/* inference/language/fault.h -- where a run stopped being finite.
 */
#ifndef ELBO_FAULT_H
#define ELBO_FAULT_H

#include "inference/language/compile.h"

/* After a run whose value is not finite: ELBO_ENOTFINITE with the place in the
 * text and the first transition of the first value that is not. */
elbo_status elbo_fault_value(elbo_program *program, double total,
                             size_t *sample);

/* The same for the derivatives in the intakes' g; ELBO_OK: all are finite. */
elbo_status elbo_fault_derivative(const elbo_program *program, size_t *sample);

/* The same for a twin's derivatives at every word of the text. */
elbo_status elbo_fault_slope(const elbo_program *twin, size_t *sample);

#endif
