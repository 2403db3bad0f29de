/* tests/backup_cases.h -- parts of the suite `backup`. */
#ifndef ELBO_BACKUP_CASES_H
#define ELBO_BACKUP_CASES_H

#include <check.h>

TCase *tcase_rough(void); /* rows that are read in single precision first */
TCase *tcase_solve(void); /* elbo_solve, and the posterior it fills */

#endif
