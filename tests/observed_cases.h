/* tests/observed_cases.h -- experiments in observed worlds as lines of text. */
#ifndef ELBO_TEST_OBSERVED_CASES_H
#define ELBO_TEST_OBSERVED_CASES_H

#include "inference/observed_state.h"
#include "tests/engine_cases.h"

/* An experiment on a drawn world, number `instance`: lds, the model of its name and
 * no control where the text names none. env_own that begins with '!' is taken as it
 * is. */
elbo_engine *observed_open(case_setup *c, const case_text *given, unsigned instance);
void observed_close(case_setup *c, elbo_engine *engine);
/* n times; *row is the last. */
void observed_iterate(elbo_engine *engine, elbo_row *row, int n);

#endif
