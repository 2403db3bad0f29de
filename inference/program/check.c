/* elbo check FILE: is it right, and what is its objective? */
#include <inttypes.h>
#include <stdio.h>

#include "inference/program/command.h"
#include "inference/program/diagnostics.h"

static const double mebi = 1048576;

static void print_experiment(const elbo_experiment *e,
                             const elbo_engine *engine)
{
    const elbo_setup *const s = &e->setup;
    const char *const named = elbo_setup_named(s);

    printf("experiment   %s, %zu seed%s from %" PRIu64 "\n", e->name,
           e->n_seeds, e->n_seeds == 1 ? "" : "s", e->seeds[0]);
    printf("env          %s\n", s->env->name);
    printf("model        %s\n", s->model->name);
    printf("control      %s\n", s->control->name);
    printf("objective    %s\n", elbo_setup_kind(s));
    printf("named        %s\n", named ? named : "no published objective");
    if (elbo_setup_unwatched(s))
        printf("watchdog     %s\n", elbo_setup_unwatched(s));
    printf("weight       %s\n", elbo_text(s->inference, "weight"));
    printf("likelihood   %s\n", elbo_text(s->inference, "likelihood"));
    printf("transition   %s\n", elbo_text(s->inference, "transition"));
    printf("gradient     %s\n", elbo_text(s->inference, "gradient"));
    printf("feedback     %g\n", elbo_engine_feedback(engine));
}

/* Its own objective against central differences. */
static int check_gradient(elbo_engine *engine)
{
    elbo_derivative_check found;

    if (elbo_engine_check_gradient(engine, &found) != ELBO_OK) {
        elbo_say("check: %s", elbo_last_error()->text);
        return ELBO_EXIT_CHECK;
    }
    if (found.skipped) {
        printf("derivatives  not compared: %s\n", found.skipped);
        return ELBO_EXIT_OK;
    }
    printf("derivatives  %zu compared with differences: off by %.2g of the "
           "largest%s\n",
           found.n, found.relative,
           found.approximate ? " (approximate by its own setting)" : "");
    if (found.approximate || found.relative <= elbo_derivative_tolerance)
        return ELBO_EXIT_OK;
    elbo_say("check: parameter %zu: the derivative is %.10g, the difference "
             "quotient %.10g",
             found.worst, found.got, found.want);
    return ELBO_EXIT_CHECK;
}

/* The parts may still refuse what the schema cannot see: a bad table. */
static int open_and_print(const elbo_experiment *e)
{
    elbo_engine *engine;
    int code = elbo_experiment_begin(e, &engine);

    if (code) return code;
    print_experiment(e, engine);

    const elbo_extent extent = elbo_engine_extent(engine);

    printf("world        %s\n", extent.world);
    printf("parameters   %zu\n", extent.parameters);
    printf("memory       about %.3g MiB a seed\n", extent.bytes / mebi);
    code = check_gradient(engine);
    elbo_engine_free(engine);
    return code;
}

int elbo_check_main(const elbo_command *command)
{
    elbo_experiment *experiment;
    int code = elbo_experiment_load(command->word[0], command->overrides,
                                    command->n_overrides, &experiment);

    if (code) return code;
    code = open_and_print(experiment);
    elbo_experiment_free(experiment);
    return code;
}
