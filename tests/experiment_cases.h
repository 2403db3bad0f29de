/* tests/experiment_cases.h -- what the tests of the experiment file share: a
 * file that is right, one line of which is replaced at a time.
 */
#ifndef ELBO_EXPERIMENT_CASES_H
#define ELBO_EXPERIMENT_CASES_H

#include <check.h>

#include "inference/program/experiment.h"

enum { CASE_TEXT = 1 << 13 };

/* Of the last parse; freed by the fixture. */
extern elbo_complaints case_complaints;
extern elbo_experiment *case_experiment;

void case_set_up(void);
void case_tear_down(void);

/* The right file with one line (from 1; 0: none) replaced, into
 * out [CASE_TEXT]. */
void case_build(char *out, size_t line, const char *by);

/* Parse as "x.yaml"; what the parse before it left is freed. */
elbo_status case_parse(const char *text, size_t bytes);
/* The right file with overrides. */
elbo_status case_parse_with(char *const overrides[], size_t n);

TCase *tcase_experiment_bad(void);
TCase *tcase_experiment_hostile(void);
TCase *tcase_experiment_files(void);
TCase *tcase_experiment_typos(void);
TCase *tcase_experiment_resolved(void);

#endif
