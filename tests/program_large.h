/* tests/program_large.h -- the part of suite `program` with large batches.
 */
#ifndef ELBO_PROGRAM_LARGE_H
#define ELBO_PROGRAM_LARGE_H

#include <check.h>

TCase *program_large(void);

#endif
