/* tests/program_parts.h -- the parts of suite `program`.
 */
#ifndef ELBO_PROGRAM_PARTS_H
#define ELBO_PROGRAM_PARTS_H

#include <check.h>

TCase *program_faults(void);
TCase *program_large(void); /* its rows differ */
TCase *program_even(void);  /* many alike */
TCase *program_samples(void);
TCase *program_slopes(void);
TCase *program_stages(void);

#endif
