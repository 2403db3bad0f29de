/* elbo run FILE: one experiment. */
#include "inference/program/command.h"
#include "inference/program/diagnostics.h"
#include "inference/program/rundir.h"
#include "inference/program/session.h"
#include "inference/program/signals.h"

/* The first seed's engine is opened before anything is written: what does not
 * open leaves no directory. */
static int run(const elbo_command *command, const elbo_experiment *experiment,
               elbo_arena *arena)
{
    const elbo_rundir_request request = {.experiment = experiment,
                                         .overrides = command->overrides,
                                         .n_overrides = command->n_overrides,
                                         .path = command->output,
                                         .force = command->force};
    elbo_engine *first = NULL;
    elbo_rundir dir;
    int code = elbo_experiment_begin(experiment, &first);
    elbo_status s;

    if (code) return code;
    s = elbo_rundir_create(&request, arena, &dir);
    if (s != ELBO_OK) {
        code = elbo_say_failure(s);
        elbo_engine_free(first);
        return code;
    }
    if (dir.replaced && !command->quiet)
        elbo_say("%s: the run that stood there is replaced", dir.path);

    elbo_session session = {.experiment = experiment, .dir = dir.path};

    code = elbo_session_main(&session, first, command->quiet);
    elbo_rundir_close(&dir);
    return code;
}

int elbo_run_main(const elbo_command *command)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 14);
    elbo_experiment *experiment;
    int code;

    if (!arena) return elbo_say_failure(ELBO_ENOMEM);
    elbo_signals_start();
    code = elbo_experiment_load(command->word[0], command->overrides,
                                command->n_overrides, &experiment);
    if (code == 0) {
        code = run(command, experiment, arena);
        elbo_experiment_free(experiment);
    }
    elbo_arena_free(arena);
    return code;
}
