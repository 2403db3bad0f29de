#include "tests/experiment_cases.h"

#include <stdio.h>
#include <string.h>

enum { LINES = 9 };

static const char *const good[LINES] = {
    "name: good",
    "seed: 3",
    "env: {name: chain, slip: 0.25}",
    "model: {name: tabular}",
    "control: {name: soft_value_iteration}",
    "inference:",
    "  iterations: 7",
    "  data:",
    "    steps: 385",
};

void case_build(char *out, size_t line, const char *by)
{
    size_t n = 0;

    for (size_t i = 0; i < LINES; i++)
        n += (size_t)snprintf(out + n, CASE_TEXT - n, "%s\n",
                              i + 1 == line ? by : good[i]);
}

elbo_complaints case_complaints;
elbo_experiment *case_experiment;

void case_set_up(void)
{
    ck_assert_int_eq(elbo_complaints_init(&case_complaints), ELBO_OK);
    case_experiment = NULL;
}

void case_tear_down(void)
{
    elbo_experiment_free(case_experiment);
    elbo_complaints_free(&case_complaints);
}

elbo_status case_parse(const char *text, size_t bytes)
{
    elbo_experiment_free(case_experiment);
    elbo_complaints_free(&case_complaints);
    ck_assert_int_eq(elbo_complaints_init(&case_complaints), ELBO_OK);
    return elbo_experiment_parse("x.yaml", text, bytes, NULL, 0,
                                 &case_complaints, &case_experiment);
}

elbo_status case_parse_with(char *const overrides[], size_t n)
{
    char text[CASE_TEXT];

    case_build(text, 0, NULL);
    return elbo_experiment_parse("x.yaml", text, strlen(text), overrides, n,
                                 &case_complaints, &case_experiment);
}
