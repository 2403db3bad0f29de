#define _XOPEN_SOURCE 700 /* realpath */
#include "inference/program/manifest.h"

#include <errno.h>
#include <jansson.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "inference/core/linalg.h"
#include "inference/program/folder.h"
#include "inference/program/json_file.h"
#include "inference/program/source.h"
#include "inference/program/version.h"

enum { LINE = 512 };

/* Any bytes as a JSON string. */
static json_t *string(const char *text, elbo_arena *arena)
{
    return json_string(elbo_escaped(text, strlen(text), arena));
}

static json_t *digest(const void *bytes, size_t n)
{
    char text[ELBO_DIGEST_TEXT];

    elbo_digest_text(bytes, n, text);
    return json_string(text);
}

static json_t *cpu(elbo_arena *arena)
{
    char line[LINE];
    json_t *out = NULL;
    FILE *const file = fopen("/proc/cpuinfo", "r");

    while (file && !out && fgets(line, sizeof line, file)) {
        const char *const colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = '\0';
        out = string(colon + 1 + (colon[1] == ' '), arena);
    }
    if (file) fclose(file);
    return out ? out : json_string("unknown");
}

static json_t *now(void)
{
    char text[32] = "";
    const time_t t = time(NULL);
    struct tm utc;

    if (gmtime_r(&t, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

static json_t *seed_list(const elbo_experiment *e)
{
    json_t *const list = json_array();

    for (size_t i = 0; i < e->n_seeds; i++)
        json_array_append_new(list, json_integer((json_int_t)e->seeds[i]));
    return list;
}

static json_t *override_list(char *const overrides[], size_t n,
                             elbo_arena *arena)
{
    json_t *const list = json_array();

    for (size_t i = 0; i < n; i++)
        if (overrides[i])
            json_array_append_new(list, string(overrides[i], arena));
    return list;
}

static json_t *input_list(const elbo_input inputs[], size_t n)
{
    json_t *const list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "path", inputs[i].path,
                                        "xxh3", inputs[i].digest));
    return list;
}

static json_t *digests(const elbo_experiment *e)
{
    return json_pack("{s:o, s:o, s:o}", "experiment",
                     digest(e->source, e->source_bytes), "resolved",
                     digest(e->resolved, strlen(e->resolved)), "settings",
                     digest(e->settings, strlen(e->settings)));
}

static json_t *oracle_list(const elbo_experiment *e, elbo_arena *arena)
{
    const char *const *names;

    if (elbo_setup_oracles(&e->setup, arena, &names) != ELBO_OK) return NULL;

    json_t *const list = json_array();

    for (size_t i = 0; names[i]; i++)
        json_array_append_new(list, string(names[i], arena));
    return list;
}

/* The way from one folder to another, both absolute and without links: "../../"
 * or "../data". */
static const char *way(const char *from, const char *to, elbo_arena *arena)
{
    size_t same = 0; /* bytes of the folder that both are in */
    const char *out = "";

    for (size_t i = 0;; i++) {
        if (strchr("/", from[i]) && strchr("/", to[i])) same = i;
        if (!from[i] || from[i] != to[i]) break;
    }
    for (const char *c = from + same; *c && out; c++)
        if (*c == '/') out = elbo_path(arena, "../%s", out);
    return out ? elbo_path(arena, "%s%s", out, to + same + (to[same] == '/'))
               : NULL;
}

/* From the run directory, whose manifest is `path`, to the experiment's folder;
 * NULL when there is none to be found. */
static json_t *relative(const char *path, const char *folder, elbo_arena *arena)
{
    const char *const dir = elbo_path_parent(arena, path);
    char *const home = dir ? realpath(dir, NULL) : NULL;
    const char *const text = home && folder ? way(home, folder, arena) : NULL;

    free(home);
    return text ? string(text, arena) : json_null();
}

/* ELBO_ENOMEM when any part could not be made: a key is then missing. */
static elbo_status fill(json_t *root, const elbo_experiment *e,
                        const char *path, elbo_arena *arena)
{
    char *const folder = realpath(e->folder, NULL);
    const char *const git = ELBO_GIT;
    int bad = 0;

    bad |= json_object_set_new(root, "elbo_run",
                               json_integer(ELBO_MANIFEST_SCHEMA));
    bad |= json_object_set_new(root, "elbo", json_string(ELBO_VERSION));
    bad |=
        json_object_set_new(root, "git", *git ? json_string(git) : json_null());
    bad |= json_object_set_new(root, "compiler", json_string(__VERSION__));
    bad |= json_object_set_new(root, "cpu", cpu(arena));
    bad |= json_object_set_new(root, "blas", json_string(elbo_blas_name()));
    bad |= json_object_set_new(root, "threads",
                               json_integer(omp_get_max_threads()));
    bad |= json_object_set_new(root, "start", now());
    bad |= json_object_set_new(root, "name", json_string(e->name));
    bad |= json_object_set_new(root, "objective",
                               json_string(elbo_setup_kind(&e->setup)));
    bad |= json_object_set_new(root, "oracles", oracle_list(e, arena));
    bad |= json_object_set_new(root, "seeds", seed_list(e));
    bad |= json_object_set_new(root, "folder",
                               string(folder ? folder : e->folder, arena));
    bad |= json_object_set_new(root, "way", relative(path, folder, arena));
    bad |= json_object_set_new(root, "file", string(e->path, arena));
    bad |= json_object_set_new(root, "xxh3", digests(e));
    free(folder);
    return bad ? ELBO_FAIL(ELBO_ENOMEM, "the manifest") : ELBO_OK;
}

static elbo_status write_json(json_t *root, const char *path)
{
    char *const text = json_dumps(root, JSON_INDENT(2));
    elbo_status s = ELBO_FAIL(ELBO_ENOMEM, "the manifest");

    if (text) s = elbo_file_replace(path, text, strlen(text));
    free(text);
    return s;
}

elbo_status elbo_manifest_write(const elbo_experiment *experiment,
                                char *const overrides[], size_t n_overrides,
                                const char *path, elbo_arena *arena)
{
    elbo_input *inputs;
    size_t n;

    ELBO_TRY(elbo_inputs(experiment, arena, &inputs, &n));

    json_t *const root = json_object();
    elbo_status s = fill(root, experiment, path, arena);

    if (s == ELBO_OK
        && (json_object_set_new(root, "overrides",
                                override_list(overrides, n_overrides, arena))
            || json_object_set_new(root, "inputs", input_list(inputs, n))))
        s = ELBO_FAIL(ELBO_ENOMEM, "the manifest");
    if (s == ELBO_OK) s = write_json(root, path);
    json_decref(root);
    return s;
}

static elbo_status read_inputs(const json_t *list, elbo_arena *arena,
                               elbo_manifest *out)
{
    const size_t n = json_array_size(list);

    out->inputs = elbo_arena_take(arena, n, sizeof *out->inputs);
    out->n_inputs = n;
    ELBO_TRY(elbo_arena_check(arena, "the manifest"));
    for (size_t i = 0; i < n; i++) {
        const json_t *const item = json_array_get(list, i);
        const char *const path =
            json_string_value(json_object_get(item, "path"));
        const char *const hex =
            json_string_value(json_object_get(item, "xxh3"));

        if (!path || !hex || strlen(hex) != ELBO_DIGEST_TEXT - 1)
            return ELBO_FAIL(ELBO_EDATA, "inputs[%zu] is not readable", i);
        out->inputs[i].path = elbo_arena_text(arena, path);
        memcpy(out->inputs[i].digest, hex, ELBO_DIGEST_TEXT);
    }
    return elbo_arena_check(arena, "the manifest");
}

static elbo_status read_seeds(const json_t *list, elbo_arena *arena,
                              elbo_manifest *out)
{
    const size_t n = json_array_size(list);

    if (n == 0) return ELBO_FAIL(ELBO_EDATA, "\"seeds\" is missing");
    out->seeds = elbo_arena_take(arena, n, sizeof *out->seeds);
    out->n_seeds = n;
    ELBO_TRY(elbo_arena_check(arena, "the manifest"));
    for (size_t i = 0; i < n; i++) {
        const json_t *const seed = json_array_get(list, i);

        if (!json_is_integer(seed) || json_integer_value(seed) < 0)
            return ELBO_FAIL(ELBO_EDATA, "seeds[%zu] is no whole number", i);
        out->seeds[i] = (uint64_t)json_integer_value(seed);
    }
    return ELBO_OK;
}

static elbo_status take(const json_t *root, const char *key, elbo_arena *arena,
                        const char **out)
{
    const char *const text = json_string_value(json_object_get(root, key));

    if (!text) return ELBO_FAIL(ELBO_EDATA, "\"%s\" is missing", key);
    *out = elbo_arena_text(arena, text);
    return elbo_arena_check(arena, "the manifest");
}

static elbo_status parse(const json_t *root, elbo_arena *arena,
                         elbo_manifest *out)
{
    const json_t *const schema = json_object_get(root, "elbo_run");
    const json_t *const xxh3 = json_object_get(root, "xxh3");

    if (json_integer_value(schema) != ELBO_MANIFEST_SCHEMA)
        return ELBO_FAIL(ELBO_EDATA, "no manifest of schema %d",
                         ELBO_MANIFEST_SCHEMA);
    ELBO_TRY(take(root, "elbo", arena, &out->version));
    ELBO_TRY(take(root, "name", arena, &out->name));
    ELBO_TRY(take(root, "folder", arena, &out->folder));
    ELBO_TRY(take(root, "file", arena, &out->file));
    ELBO_TRY(take(xxh3, "experiment", arena, &out->experiment));
    ELBO_TRY(take(xxh3, "resolved", arena, &out->resolved));
    ELBO_TRY(take(xxh3, "settings", arena, &out->settings));
    ELBO_TRY(read_seeds(json_object_get(root, "seeds"), arena, out));
    return read_inputs(json_object_get(root, "inputs"), arena, out);
}

static bool is_folder(const char *path)
{
    struct stat info;

    return path && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The experiment's folder may have moved, and the run with it. */
static elbo_status find_folder(const json_t *root, const char *path,
                               elbo_arena *arena, elbo_manifest *out)
{
    const char *const text = json_string_value(json_object_get(root, "way"));
    const char *const dir = elbo_path_parent(arena, path);
    const char *moved;

    if (!text || is_folder(out->folder)) return ELBO_OK;
    moved = elbo_path(arena, "%s/%s", dir ? dir : "", text);
    ELBO_TRY(elbo_arena_check(arena, "the manifest"));
    if (is_folder(moved)) out->folder = moved;
    return ELBO_OK;
}

elbo_status elbo_manifest_read(const char *path, elbo_arena *arena,
                               elbo_manifest *out)
{
    json_t *root;
    elbo_status s;

    ELBO_TRY(elbo_json_read(path, arena, &root));
    s = parse(root, arena, out);
    if (s == ELBO_OK) s = find_folder(root, path, arena, out);
    json_decref(root);
    if (s == ELBO_EDATA) elbo_fail_prefix("%s", path);
    return s;
}

elbo_status elbo_manifest_same(const elbo_manifest *manifest,
                               const elbo_experiment *experiment,
                               elbo_arena *arena, bool *same)
{
    char hex[ELBO_DIGEST_TEXT];
    elbo_input *inputs;
    size_t n;

    *same = false;
    ELBO_TRY(elbo_inputs(experiment, arena, &inputs, &n));
    elbo_digest_text(experiment->settings, strlen(experiment->settings), hex);
    if (strcmp(hex, manifest->settings) != 0 || n != manifest->n_inputs)
        return ELBO_OK;
    for (size_t i = 0; i < n; i++)
        if (strcmp(inputs[i].digest, manifest->inputs[i].digest) != 0)
            return ELBO_OK;
    *same = true;
    return ELBO_OK;
}

static elbo_status verify(const char *path, const char *expected)
{
    char hex[ELBO_DIGEST_TEXT];

    ELBO_TRY(elbo_digest_file(path, hex));
    if (strcmp(hex, expected) == 0) return ELBO_OK;
    return ELBO_FAIL(ELBO_EDATA,
                     "%s: changed since the run began: its digest is %s, the "
                     "manifest has %s",
                     path, hex, expected);
}

elbo_status elbo_manifest_verify(const elbo_manifest *manifest, const char *dir,
                                 elbo_arena *arena)
{
    const char *const experiment = elbo_path(arena, "%s/experiment.yaml", dir);
    const char *const resolved = elbo_path(arena, "%s/resolved.yaml", dir);

    ELBO_TRY(elbo_arena_check(arena, "the manifest"));
    ELBO_TRY(verify(experiment, manifest->experiment));
    ELBO_TRY(verify(resolved, manifest->resolved));
    for (size_t i = 0; i < manifest->n_inputs; i++) {
        const elbo_input *const input = &manifest->inputs[i];
        const char *const path =
            elbo_path(arena, "%s/%s", manifest->folder, input->path);

        ELBO_TRY(elbo_arena_check(arena, "the manifest"));
        ELBO_TRY(verify(path, input->digest));
    }
    return ELBO_OK;
}
