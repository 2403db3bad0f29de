#include "inference/program/summary.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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
