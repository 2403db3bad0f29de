/* tests/engine_parts.h -- the parts of suite `engine`.
 */
#ifndef ELBO_ENGINE_PARTS_H
#define ELBO_ENGINE_PARTS_H

#include <check.h>

TCase *engine_check(void);

#endif
