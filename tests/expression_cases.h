/* tests/expression_cases.h -- what the tests of the objective language share.
 */
#ifndef ELBO_EXPRESSION_CASES_H
#define ELBO_EXPRESSION_CASES_H

#include <check.h>

#include "inference/language/expression.h"

/* Made and freed by the fixture. */
extern elbo_arena *case_arena;
extern const elbo_scope case_coordinates, case_bare;

void case_expression_set_up(void);
void case_expression_tear_down(void);

/* The tree of a text that must parse, and one that must also check. */
elbo_expr *case_parse_expression(const char *text);
elbo_expr *case_check_expression(const char *text, const elbo_scope *scope);

TCase *tcase_expression_types(void);
TCase *tcase_expression_wrong(void);
TCase *tcase_expression_random(void);
TCase *tcase_expression_named(void);

#endif
