/* elbo resume DIR: continue, to the same bits. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/core/linalg.h"
#include "inference/program/command.h"
#include "inference/program/diagnostics.h"
#include "inference/program/folder.h"
#include "inference/program/lock.h"
#include "inference/program/reopen.h"
#include "inference/program/rundir.h"
#include "inference/program/session.h"
#include "inference/program/signals.h"
#include "inference/program/version.h"

/* Read the manifest, then lock it: in the gate none is put in its place. */
static elbo_status lock_run(const char *dir, elbo_arena *arena,
                            elbo_manifest *manifest, elbo_rundir *lock)
{
    const char *const path = elbo_path(arena, "%s/manifest.json", dir);

    ELBO_TRY(elbo_arena_check(arena, "the run"));
    ELBO_TRY(elbo_manifest_read(path, arena, manifest));
    return elbo_rundir_lock(dir, arena, lock);
}

/* Where nothing may be put beside the run, nobody can replace it either. */
static elbo_status enter_gate(const char *dir, elbo_arena *arena,
                              elbo_gate *gate)
{
    char *const real = realpath(dir, NULL);
    const char *const place = elbo_path(arena, "%s", real ? real : dir);

    free(real);
    ELBO_TRY(elbo_arena_check(arena, "the run"));

    const char *const parent = elbo_path_parent(arena, place);
    const char *const name = elbo_path_base(arena, place);

    ELBO_TRY(elbo_arena_check(arena, "the run"));
    if (access(dir, F_OK) != 0 || access(parent, W_OK) != 0) return ELBO_OK;
    return elbo_gate_enter(parent, name, arena, gate);
}

static elbo_status open_run(const char *dir, elbo_arena *arena,
                            elbo_rundir *lock, elbo_experiment **out)
{
    elbo_manifest manifest;
    elbo_gate gate = {.fd = -1};

    ELBO_TRY(enter_gate(dir, arena, &gate));

    const elbo_status s = lock_run(dir, arena, &manifest, lock);

    elbo_gate_leave(&gate);
    ELBO_TRY(s);
    ELBO_TRY(elbo_manifest_verify(&manifest, dir, arena));
    if (strcmp(manifest.version, ELBO_VERSION) != 0)
        elbo_say("%s: begun by elbo %s, continued by %s: the numbers may "
                 "differ",
                 dir, manifest.version, ELBO_VERSION);
    return elbo_reopen_experiment(dir, &manifest, arena, out);
}

int elbo_resume_main(const elbo_command *command)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 14);
    elbo_session session = {.dir = command->word[0], .resume = true};
    elbo_rundir lock = {.lock = -1};
    elbo_experiment *experiment = NULL;
    elbo_status s;
    int code;

    if (!arena) return elbo_say_failure(ELBO_ENOMEM);
    elbo_signals_start();
    s = open_run(command->word[0], arena, &lock, &experiment);
    if (s == ELBO_OK) s = elbo_linalg_start();
    session.experiment = experiment;
    code = s == ELBO_OK ? elbo_session_main(&session, NULL, command->quiet)
                        : elbo_say_failure(s);
    elbo_rundir_close(&lock);
    elbo_experiment_free(experiment);
    elbo_arena_free(arena);
    return code;
}
