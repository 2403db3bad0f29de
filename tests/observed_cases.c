#include "tests/observed_cases.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

elbo_engine *observed_open(case_setup *c, const case_text *given, unsigned instance)
{
    case_text text = *given;
    elbo_engine *engine;
    char own[200];

    if (!text.env) text.env = "lds";
    if (!text.env_own || text.env_own[0] != '!') {
        snprintf(own, sizeof own, "%s instance=%u",
                 text.env_own ? text.env_own : "states=2 outputs=3 inputs=2",
                 instance);
        text.env_own = own;
    } else {
        text.env_own++;
    }
    if (!text.model) text.model = text.env;
    if (!text.control) text.control = "none";
    case_open(c, &text);
    c->setup.folder = "/tmp"; /* of files */

    const char *section, *key;

    case_ok(elbo_setup_check(&c->setup, 0, &section, &key));
    case_ok(elbo_engine_open(&c->setup, instance, &engine));
    return engine;
}

void observed_close(case_setup *c, elbo_engine *engine)
{
    case_stop(c, engine);
}

void observed_iterate(elbo_engine *engine, elbo_row *row, int n)
{
    while (n-- > 0) case_ok(elbo_engine_iterate(engine, row));
}
