#include "tests/linear_cases.h"

#include <stdio.h>
#include <string.h>

case_text linear_text(const case_text *given, unsigned instance,
                      char own[LINEAR_OWN])
{
    case_text text = *given;

    snprintf(own, LINEAR_OWN,
             "states=3 inputs=2 noise=0.05 start=1 instance=%u", instance);
    if (!text.env) text.env = "random_linear";
    if (!text.env_own && strcmp(text.env, "random_linear") == 0)
        text.env_own = own;
    if (!text.model) text.model = "linear_gaussian";
    if (!text.control) text.control = "lqr";
    return text;
}

elbo_engine *linear_open(case_setup *c, const case_text *given, unsigned instance)
{
    char own[LINEAR_OWN];
    const case_text text = linear_text(given, instance, own);

    return case_start(c, &text, instance);
}
