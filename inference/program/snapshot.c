#include "inference/program/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inference/program/folder.h"

enum { LISTED = 64, KEPT = 2 };

static const char *path_of(const char *dir, uint64_t iteration, elbo_arena *ws)
{
    return elbo_path(ws, "%s/%08" PRIu64 ".ck", dir, iteration);
}

static int newest_first(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a < b) - (a > b);
}

elbo_status elbo_snapshot_list(const char *dir, uint64_t iterations[64],
                               size_t *n)
{
    DIR *const folder = opendir(dir);
    const struct dirent *entry;

    *n = 0;
    if (!folder)
        return errno == ENOENT
                   ? ELBO_OK
                   : ELBO_FAIL(ELBO_EIO, "%s: %s", dir, strerror(errno));
    while (*n < LISTED && (entry = readdir(folder))) {
        const char *const name = entry->d_name;
        const size_t digits = strspn(name, "0123456789");

        if (digits >= 8 && digits < 20 && strcmp(name + digits, ".ck") == 0)
            iterations[(*n)++] = strtoull(name, NULL, 10);
    }
    closedir(folder);
    qsort(iterations, *n, sizeof *iterations, newest_first);
    return ELBO_OK;
}

static elbo_status drop(const char *dir, uint64_t iteration, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const char *const path = path_of(dir, iteration, ws);
    elbo_status s = elbo_arena_check(ws, "a path");

    if (s == ELBO_OK && unlink(path) != 0 && errno != ENOENT)
        s = ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
    elbo_arena_release(ws, mark);
    return s;
}

elbo_status elbo_snapshot_drop_after(const char *dir, uint64_t iteration,
                                     elbo_arena *ws)
{
    uint64_t list[LISTED];
    size_t n;

    ELBO_TRY(elbo_snapshot_list(dir, list, &n));
    for (size_t i = 0; i < n && list[i] > iteration; i++)
        ELBO_TRY(drop(dir, list[i], ws));
    return ELBO_OK;
}

static elbo_status prune(const char *dir, elbo_arena *ws)
{
    uint64_t list[LISTED];
    size_t n;

    ELBO_TRY(elbo_snapshot_list(dir, list, &n));
    for (size_t i = KEPT; i < n; i++) ELBO_TRY(drop(dir, list[i], ws));
    return ELBO_OK;
}

elbo_status elbo_snapshot_save(const char *dir, const elbo_engine *engine,
                               const elbo_record *record, elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const char *const path = path_of(dir, elbo_engine_iteration(engine), ws);
    elbo_writer *const out = elbo_writer_alloc();
    elbo_status s = elbo_arena_check(ws, "a checkpoint");

    if (!out) s = ELBO_FAIL(ELBO_ENOMEM, "a checkpoint");
    if (s == ELBO_OK) {
        elbo_engine_save(engine, out);
        elbo_writer_section(out, "run");
        elbo_put_u64(out, record->n);
        elbo_put_u64(out, record->rows);
        elbo_put_u64(out, record->bytes);
        elbo_put_doubles(out, record->last, record->n);
        elbo_put_doubles(out, record->best, record->n);
        s = elbo_writer_commit(out, path);
    }
    elbo_writer_free(out);
    elbo_arena_release(ws, mark);
    return s == ELBO_OK ? prune(dir, ws) : s;
}

static elbo_status load(elbo_reader *in, uint64_t iteration,
                        elbo_engine *engine, elbo_record *record)
{
    uint64_t n;

    ELBO_TRY(elbo_engine_load(engine, in));
    ELBO_TRY(elbo_reader_section(in, "run"));
    ELBO_TRY(elbo_get_u64(in, &n));
    ELBO_TRY(elbo_get_u64(in, &record->rows));
    ELBO_TRY(elbo_get_u64(in, &record->bytes));
    if (n != record->n)
        return ELBO_FAIL(ELBO_EDATA, "%" PRIu64 " columns, not %zu", n,
                         record->n);
    if (record->rows != iteration || elbo_engine_iteration(engine) != iteration)
        return ELBO_FAIL(ELBO_EDATA, "it is of iteration %" PRIu64,
                         elbo_engine_iteration(engine));
    ELBO_TRY(elbo_get_doubles(in, record->last, record->n));
    return elbo_get_doubles(in, record->best, record->n);
}

elbo_status elbo_snapshot_load(const char *dir, uint64_t iteration,
                               elbo_engine *engine, elbo_record *record,
                               elbo_arena *ws)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    const char *const path = path_of(dir, iteration, ws);
    elbo_status s = elbo_arena_check(ws, "a checkpoint");
    elbo_reader *in = NULL;

    if (s == ELBO_OK) s = elbo_reader_open(path, &in);
    if (s == ELBO_OK) s = load(in, iteration, engine, record);
    elbo_reader_free(in);
    elbo_arena_release(ws, mark);
    return s;
}
