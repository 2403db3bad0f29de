/* tests/transition_cases.h -- parts of the suite `transition`. */
#ifndef ELBO_TRANSITION_CASES_H
#define ELBO_TRANSITION_CASES_H

#include <check.h>

TCase *tcase_transition_settings(void); /* as text: parse, check, charge */
TCase *tcase_row_kl(void);              /* elbo_row_kl */
TCase *tcase_explog(void);              /* inference/core/explog.h */

#endif
