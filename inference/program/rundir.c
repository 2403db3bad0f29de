#include "inference/program/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/program/folder.h"
#include "inference/program/lock.h"

/* The places that a creation touches. */
typedef struct site {
    const elbo_rundir_request *request;
    const char *path, *parent, *prefix; /* prefix: ".elbo-NAME." */
    const char *fresh, *old;
    elbo_arena *arena;
} site;

const char *elbo_rundir_seed(const char *dir, uint64_t seed, elbo_arena *arena)
{
    return elbo_path(arena, "%s/seed-%" PRIu64, dir, seed);
}

static elbo_status fail(const char *path)
{
    return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
}

/* A folder of this name that a process which is no more left behind. */
static bool is_stale(const site *s, const char *name)
{
    const size_t n = strlen(s->prefix);
    char *end;
    long pid;

    if (strncmp(name, s->prefix, n) != 0) return false;
    pid = strtol(name + n, &end, 10);
    if (end == name + n || pid <= 0) return false;
    if (strcmp(end, ".new") != 0 && strcmp(end, ".old") != 0) return false;
    return pid == (long)getpid()
           || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

static void remove_stale(const site *s)
{
    DIR *const dir = opendir(s->parent);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!is_stale(s, entry->d_name)) continue;

        const char *const path =
            elbo_path(s->arena, "%s/%s", s->parent, entry->d_name);

        if (path) elbo_folder_remove(path); /* if it cannot be, it may stay */
    }
    if (dir) closedir(dir);
}

static elbo_status put_text(const site *s, const char *name, const char *text,
                            size_t bytes)
{
    const char *const path = elbo_path(s->arena, "%s/%s", s->fresh, name);

    ELBO_TRY(elbo_arena_check(s->arena, "the run directory"));
    return elbo_file_replace(path, text, bytes);
}

static elbo_status fill(const site *s)
{
    const elbo_rundir_request *const r = s->request;
    const elbo_experiment *const e = r->experiment;
    const char *const plots = elbo_path(s->arena, "%s/plots", s->fresh);
    const char *const manifest =
        elbo_path(s->arena, "%s/manifest.json", s->fresh);

    ELBO_TRY(elbo_arena_check(s->arena, "the run directory"));
    ELBO_TRY(elbo_folder_make(s->fresh));
    ELBO_TRY(put_text(s, "experiment.yaml", e->source, e->source_bytes));
    ELBO_TRY(put_text(s, "resolved.yaml", e->resolved, strlen(e->resolved)));
    ELBO_TRY(elbo_manifest_write(e, r->overrides, r->n_overrides, manifest,
                                 s->arena));
    ELBO_TRY(elbo_folder_make(plots));
    for (size_t i = 0; i < e->n_seeds; i++) {
        const char *const seed =
            elbo_rundir_seed(s->fresh, e->seeds[i], s->arena);
        const char *const checkpoint =
            elbo_path(s->arena, "%s/checkpoint", seed ? seed : "");

        ELBO_TRY(elbo_arena_check(s->arena, "the run directory"));
        ELBO_TRY(elbo_folder_make(seed));
        ELBO_TRY(elbo_folder_make(checkpoint));
    }
    return elbo_folder_sync(s->fresh);
}

elbo_status elbo_rundir_lock(const char *path, elbo_arena *arena,
                             elbo_rundir *out)
{
    const char *const file = elbo_path(arena, "%s/manifest.json", path);

    *out = (elbo_rundir){.path = path, .lock = -1};
    ELBO_TRY(elbo_arena_check(arena, "the run directory"));
    return elbo_lock_take(file, path, &out->lock);
}

void elbo_rundir_close(elbo_rundir *dir)
{
    if (dir->lock >= 0) close(dir->lock);
    dir->lock = -1;
}

/* What stands at the path may be replaced? *before keeps others off it. */
static elbo_status may_replace(const site *s, elbo_rundir *before)
{
    const char *const file = elbo_path(s->arena, "%s/manifest.json", s->path);
    elbo_manifest manifest;
    bool same;

    ELBO_TRY(elbo_arena_check(s->arena, "the run directory"));
    if (elbo_manifest_read(file, s->arena, &manifest) != ELBO_OK)
        return ELBO_FAIL(ELBO_EIO,
                         "%s: not empty and no run of elbo; choose another "
                         "directory with -o",
                         s->path);
    ELBO_TRY(
        elbo_manifest_same(&manifest, s->request->experiment, s->arena, &same));
    if (!same && !s->request->force)
        return ELBO_FAIL(ELBO_EIO,
                         "%s: holds the run of another experiment; choose "
                         "another directory with -o or replace it with "
                         "--force",
                         s->path);
    return elbo_rundir_lock(s->path, s->arena, before);
}

static elbo_status put_in_place(const site *s, bool replace)
{
    if (replace && rename(s->path, s->old) != 0) return fail(s->path);
    if (rename(s->fresh, s->path) != 0) {
        const int reason = errno;

        if (replace && rename(s->old, s->path) != 0) return fail(s->old);
        errno = reason;
        return fail(s->path);
    }
    ELBO_TRY(elbo_folder_sync(s->parent));
    return replace ? elbo_folder_remove(s->old) : ELBO_OK;
}

/* The lock on what is replaced lasts until the new run, locked, is in place. */
static elbo_status create(const site *s, elbo_rundir *out)
{
    elbo_rundir before = {.lock = -1};
    elbo_folder_kind kind;

    ELBO_TRY(elbo_folder_look(s->path, &kind));
    if (kind == ELBO_FOLDER_FILLED) ELBO_TRY(may_replace(s, &before));
    remove_stale(s);

    elbo_status status = fill(s);

    if (status == ELBO_OK) status = elbo_rundir_lock(s->fresh, s->arena, out);
    out->replaced = kind == ELBO_FOLDER_FILLED;
    if (status == ELBO_OK) status = put_in_place(s, out->replaced);
    if (status != ELBO_OK) {
        const elbo_error error = *elbo_last_error();

        elbo_rundir_close(out);
        elbo_folder_remove(s->fresh);
        elbo_error_restore(&error);
    }
    elbo_rundir_close(&before);
    return status;
}

/* One process at a time decides, fills and replaces. */
static elbo_status create_alone(const site *s, const char *name,
                                elbo_rundir *out)
{
    elbo_folder_kind kind;
    elbo_gate gate;

    ELBO_TRY(elbo_folder_look(s->path, &kind));
    if (kind == ELBO_FOLDER_NOT)
        return ELBO_FAIL(ELBO_EIO, "%s: exists and is no directory", s->path);
    ELBO_TRY(elbo_folder_make_all(s->parent));
    ELBO_TRY(elbo_gate_enter(s->parent, name, s->arena, &gate));

    const elbo_status status = create(s, out);

    elbo_gate_leave(&gate);
    return status;
}

elbo_status elbo_rundir_create(const elbo_rundir_request *request,
                               elbo_arena *arena, elbo_rundir *out)
{
    site s = {.request = request, .arena = arena};
    const char *base;

    *out = (elbo_rundir){.lock = -1};
    s.path = request->path
                 ? request->path
                 : elbo_path(arena, "runs/%s", request->experiment->name);
    ELBO_TRY(elbo_arena_check(arena, "the run directory"));
    s.parent = elbo_path_parent(arena, s.path);
    base = elbo_path_base(arena, s.path);
    ELBO_TRY(elbo_arena_check(arena, "the run directory"));
    if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
        return ELBO_FAIL(ELBO_EIO, "%s: name the directory itself", s.path);
    s.prefix = elbo_path(arena, ".elbo-%s.", base);
    ELBO_TRY(elbo_arena_check(arena, "the run directory"));
    s.fresh =
        elbo_path(arena, "%s/%s%ld.new", s.parent, s.prefix, (long)getpid());
    s.old =
        elbo_path(arena, "%s/%s%ld.old", s.parent, s.prefix, (long)getpid());
    ELBO_TRY(elbo_arena_check(arena, "the run directory"));
    ELBO_TRY(create_alone(&s, base, out));
    out->path = s.path;
    return ELBO_OK;
}
