#include "inference/program/summary.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "inference/program/json_file.h"
#include "inference/program/source.h"

enum { DIGITS = 17, COUNTS = 2 }; /* iteration and env_steps are whole */

/* A row by column names; null before the first iteration. */
static json_t *row(const elbo_record *record, const double x[])
{
    json_t *const out = json_object();

    if (record->rows == 0) {
        json_decref(out);
        return json_null();
    }
    for (size_t i = 0; i < record->n; i++)
        json_object_set_new(out, record->columns[i],
                            i < COUNTS ? json_integer((json_int_t)x[i])
                                       : json_real(x[i]));
    return out;
}

elbo_status elbo_summary_write(const elbo_summary *summary, const char *path)
{
    const elbo_record *const record = summary->record;
    json_t *const root =
        json_pack("{s:I, s:s, s:s, s:s, s:I, s:o, s:o}", "seed",
                  (json_int_t)summary->seed, "objective", summary->objective,
                  "verdict", summary->verdict, "why", summary->why,
                  "iterations", (json_int_t)record->rows, "last",
                  row(record, record->last), "best", row(record, record->best));
    char *const text =
        json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(DIGITS));
    elbo_status s = ELBO_ENOMEM;

    if (text)
        s = elbo_file_replace(path, text, strlen(text));
    else
        ELBO_FAIL(ELBO_ENOMEM, "%s", path);
    free(text);
    json_decref(root);
    return s;
}

static elbo_status parse(const json_t *root, elbo_arena *arena,
                         elbo_ending *out)
{
    const json_t *const iterations = json_object_get(root, "iterations");
    const char *const verdict =
        json_string_value(json_object_get(root, "verdict"));
    const char *const why = json_string_value(json_object_get(root, "why"));

    if (!verdict || !why || json_integer_value(iterations) < 0
        || !json_is_integer(iterations))
        return ELBO_FAIL(ELBO_EDATA,
                         "\"verdict\", \"why\" or \"iterations\" is missing");
    *out = (elbo_ending){.iterations = (uint64_t)json_integer_value(iterations),
                         .finished = strcmp(verdict, "converged") == 0
                                     || strcmp(verdict, "budget") == 0,
                         .why = elbo_arena_text(arena, why)};
    return elbo_arena_check(arena, "a summary");
}

elbo_status elbo_summary_read(const char *path, elbo_arena *arena,
                              elbo_ending *out)
{
    json_t *root;
    elbo_status s;

    ELBO_TRY(elbo_json_read(path, arena, &root));
    s = parse(root, arena, out);
    json_decref(root);
    if (s == ELBO_EDATA) elbo_fail_prefix("%s", path);
    return s;
}
