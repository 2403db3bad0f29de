#include "inference/program/reopen.h"

#include <inttypes.h>

#include "inference/program/folder.h"
#include "inference/program/snapshot.h"
#include "inference/program/source.h"
#include "inference/program/version.h"

enum { LISTED = 64 };

elbo_status elbo_reopen_experiment(const char *dir,
                                   const elbo_manifest *manifest,
                                   elbo_arena *arena, elbo_experiment **out)
{
    const char *const path = elbo_path(arena, "%s/resolved.yaml", dir);
    const char *const name =
        elbo_path(arena, "%s/resolved.yaml", manifest->folder);
    elbo_complaints complaints;
    elbo_source source;

    ELBO_TRY(elbo_arena_check(arena, "the run"));
    ELBO_TRY(elbo_source_read(path, ELBO_SOURCE_LIMIT, arena, &source));
    ELBO_TRY(elbo_complaints_init(&complaints));

    elbo_status s = elbo_experiment_parse(name, source.text, source.bytes, NULL,
                                          0, &complaints, out);

    elbo_complaints_free(&complaints);
    if (s == ELBO_ECONFIG) /* it was right when this version wrote it */
        s = ELBO_FAIL(ELBO_EDATA, "%s: elbo %s wrote it, this is %s: %s", path,
                      manifest->version, ELBO_VERSION, elbo_last_error()->text);
    return s;
}

static elbo_status load(const elbo_experiment *experiment, const char *folder,
                        uint64_t seed, uint64_t iteration, elbo_arena *arena,
                        elbo_engine **out)
{
    elbo_record record;

    ELBO_TRY(elbo_engine_open(&experiment->setup, seed, out));
    elbo_record_init(&record, elbo_engine_columns(*out));

    const elbo_status s =
        elbo_snapshot_load(folder, iteration, *out, &record, arena);

    if (s == ELBO_OK) return s;
    elbo_engine_free(*out);
    *out = NULL;
    return s;
}

elbo_status elbo_reopen_engine(const elbo_experiment *experiment,
                               const char *dir, uint64_t seed,
                               elbo_arena *arena, elbo_engine **out)
{
    const char *const folder =
        elbo_path(arena, "%s/seed-%" PRIu64 "/checkpoint", dir, seed);
    uint64_t list[LISTED];
    size_t n;
    elbo_status s;

    *out = NULL;
    ELBO_TRY(elbo_arena_check(arena, "the run"));
    ELBO_TRY(elbo_snapshot_list(folder, list, &n));
    s = ELBO_FAIL(ELBO_ENOINPUT, "%s: no checkpoint", folder);
    for (size_t i = 0; i < n && s != ELBO_OK; i++)
        s = load(experiment, folder, seed, list[i], arena, out);
    return s;
}
