/* tests/linear_cases.h -- experiments in linear-Gaussian worlds as lines of text. */
#ifndef ELBO_TEST_LINEAR_CASES_H
#define ELBO_TEST_LINEAR_CASES_H

#include "inference/linear_state.h"
#include "tests/engine_cases.h"

enum { LINEAR_OWN = 96 };

/* The text with what it leaves out: the drawn world of 3 states and 2 inputs number
 * `instance` (its options into own), linear_gaussian, lqr. */
case_text linear_text(const case_text *given, unsigned instance,
                      char own[LINEAR_OWN]);
/* Its engine, with the seed `instance`; case_stop ends it. */
elbo_engine *linear_open(case_setup *c, const case_text *given, unsigned instance);

#endif
