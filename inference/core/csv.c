#include "inference/core/csv.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands in a field, made fit for a message: cut, printable ASCII only. */
enum { SHOWN = 41 };

static const char *shown(const char *text, char out[SHOWN])
{
    size_t n = 0;

    for (; text[n] && n < SHOWN - 1; n++) out[n] = text[n];
    if (text[n]) memcpy(out + n - 3, "...", 3);
    for (size_t i = 0; i < n; i++)
        if (out[i] < ' ' || out[i] > '~') out[i] = '?';
    out[n] = '\0';
    return out;
}

static elbo_status fail_at(const elbo_csv *csv, size_t column, const char *text)
{
    return ELBO_FAIL(ELBO_EDATA, "%s:%zu:%zu: %s", csv->file.path, csv->line,
                     column, text);
}

elbo_status elbo_csv_fault(const elbo_csv *csv, size_t i, const char *format,
                           ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return fail_at(csv, csv->column[i], text);
}

/* Cut the next line off; NULL at the end of the file. */
static char *take_line(elbo_csv *csv)
{
    char *const line = csv->rest;
    char *const end = strchr(line, '\n');

    csv->line++;
    if (*line == '\0') return NULL;
    csv->rest = end ? end + 1 : line + strlen(line);
    if (end) *end = '\0';
    if (end > line && end[-1] == '\r') end[-1] = '\0';
    return line;
}

/* Cut the next field off a line; *line is NULL after the last. */
static char *take_field(char **line)
{
    char *const field = *line;
    char *const comma = strchr(field, ',');

    if (comma) *comma = '\0';
    *line = comma ? comma + 1 : NULL;
    return field;
}

static size_t find_name(const elbo_csv *csv, const char *name)
{
    size_t i = 0;

    while (i < csv->n && strcmp(csv->names[i], name) != 0) i++;
    return i;
}

static elbo_status name_column(elbo_csv *csv, size_t k, char *name,
                               size_t column)
{
    char text[80], seen[SHOWN];
    const size_t i = find_name(csv, name);

    if (i == csv->n) {
        snprintf(text, sizeof text, "unknown column '%s'", shown(name, seen));
        return fail_at(csv, column, text);
    }
    if (csv->field[i]) {
        snprintf(text, sizeof text, "column '%s' stands twice", csv->names[i]);
        return fail_at(csv, column, text);
    }
    csv->field[i] = name;
    csv->column[i] = column;
    csv->order[k] = i;
    return ELBO_OK;
}

static elbo_status read_header(elbo_csv *csv)
{
    char text[80];
    char *const line = take_line(csv);
    char *rest = line;

    for (size_t k = 0; rest; k++) {
        const size_t column = (size_t)(rest - line) + 1;

        ELBO_TRY(name_column(csv, k, take_field(&rest), column));
    }
    for (size_t i = 0; i < csv->n; i++)
        if (!csv->field[i]) {
            snprintf(text, sizeof text, "column '%s' is missing",
                     csv->names[i]);
            return fail_at(csv, 1, text);
        }
    return ELBO_OK;
}

elbo_status elbo_csv_open(elbo_csv *csv, const char *path,
                          const char *const names[], size_t n,
                          elbo_arena *arena)
{
    assert(n > 0 && n <= ELBO_CSV_COLUMNS);
    *csv = (elbo_csv){.names = names, .n = n};
    ELBO_TRY(elbo_textfile_read(&csv->file, path, arena));
    csv->rest = csv->file.text;
    return read_header(csv);
}

size_t elbo_csv_most_rows(const elbo_csv *csv)
{
    const char *line = csv->rest, *end;
    size_t n = 0;

    for (; (end = strchr(line, '\n')); line = end + 1) n++;
    return *line ? n + 1 : n;
}

elbo_status elbo_csv_next(elbo_csv *csv, bool *more)
{
    char text[80];
    char *const line = take_line(csv);
    char *rest = line;
    size_t k = 0;

    *more = line != NULL;
    for (; rest && k < csv->n; k++) {
        const size_t i = csv->order[k];

        csv->column[i] = (size_t)(rest - line) + 1;
        csv->field[i] = take_field(&rest);
    }
    if (rest) {
        snprintf(text, sizeof text, "more than %zu fields", csv->n);
        return fail_at(csv, (size_t)(rest - line) + 1, text);
    }
    if (line && k < csv->n) {
        snprintf(text, sizeof text, "only %zu of %zu fields", k, csv->n);
        return fail_at(csv, csv->column[csv->order[k - 1]], text);
    }
    return ELBO_OK;
}

elbo_status elbo_csv_double(const elbo_csv *csv, size_t i, double low,
                            double high, double *out)
{
    char seen[SHOWN];
    const char *const field = csv->field[i];
    char *end;
    const double x = strtod(field, &end);

    if (isnan(x) || isinf(x))
        return elbo_csv_fault(csv, i, "%s '%s' is not finite", csv->names[i],
                              shown(field, seen));
    if (end == field || *end || field[strspn(field, "0123456789+-.eE")])
        return elbo_csv_fault(csv, i, "%s '%s' is not a number", csv->names[i],
                              shown(field, seen));
    if (x < low || x > high)
        return elbo_csv_fault(csv, i, "%s %s is not in [%g, %g]", csv->names[i],
                              shown(field, seen), low, high);
    *out = x;
    return ELBO_OK;
}

bool elbo_csv_missing(const elbo_csv *csv, size_t i)
{
    const char *const f = csv->field[i];

    return !*f
           || ((f[0] == 'n' || f[0] == 'N') && (f[1] == 'a' || f[1] == 'A')
               && (f[2] == 'n' || f[2] == 'N') && !f[3]);
}

elbo_status elbo_csv_index(const elbo_csv *csv, size_t i, size_t limit,
                           size_t *out)
{
    char seen[SHOWN];
    const char *const field = csv->field[i];
    const size_t digits = strspn(field, "0123456789");

    if (digits == 0 || field[digits])
        return elbo_csv_fault(csv, i,
                              "%s '%s' is not a whole number in 0 .. "
                              "%zu",
                              csv->names[i], shown(field, seen), limit - 1);
    errno = 0;

    const unsigned long long x = strtoull(field, NULL, 10);

    if (errno || x >= limit)
        return elbo_csv_fault(csv, i, "%s %s is not in 0 .. %zu", csv->names[i],
                              shown(field, seen), limit - 1);
    *out = (size_t)x;
    return ELBO_OK;
}
