#include "inference/program/series.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/program/folder.h"
#include "inference/program/source.h"

enum { CSV_LIMIT = 1 << 30, MOST_SEEDS = 4096 };

static size_t count(const char *text, char c)
{
    size_t n = 0;

    for (; *text; text++) n += *text == c;
    return n;
}

/* Cut the header into names; `text` is a copy. */
static elbo_status cut_header(char *text, elbo_arena *arena, elbo_series *out)
{
    out->n_columns = count(text, ',') + 1;
    out->column = elbo_arena_take(arena, out->n_columns, sizeof *out->column);
    ELBO_TRY(elbo_arena_check(arena, "a header"));
    for (size_t i = 0; i < out->n_columns; i++) {
        const size_t n = strcspn(text, ",");

        text[n] = '\0';
        out->column[i] = text;
        text += n + 1;
    }
    return ELBO_OK;
}

/* One line of numbers; returns the character behind it, or NULL. */
static const char *read_line(const char *line, size_t n, double x[])
{
    for (size_t i = 0; i < n; i++) {
        char *end;

        x[i] = strtod(line, &end);
        if (end == line || *end != (i + 1 < n ? ',' : '\n')) return NULL;
        if (!isfinite(x[i])) return NULL;
        line = end + 1;
    }
    return line;
}

elbo_status elbo_series_read(const char *path, elbo_arena *arena,
                             elbo_series *out)
{
    elbo_source file;
    const char *line;
    size_t n;
    char *header;

    ELBO_TRY(elbo_source_read(path, CSV_LIMIT, arena, &file));
    *out = (elbo_series){0};
    n = strcspn(file.text, "\n");
    if (!file.text[n]) return ELBO_FAIL(ELBO_EDATA, "%s:1: no header", path);
    header = elbo_arena_take(arena, n + 1, 1);
    ELBO_TRY(elbo_arena_check(arena, path));
    memcpy(header, file.text, n);
    header[n] = '\0';
    ELBO_TRY(cut_header(header, arena, out));
    line = file.text + n + 1;
    /* A line without its end is one that is being written. */
    n = count(line, '\n');
    out->x = elbo_arena_doubles(arena, n * out->n_columns);
    ELBO_TRY(elbo_arena_check(arena, path));
    for (; out->n_rows < n; out->n_rows++) {
        line = read_line(line, out->n_columns,
                         out->x + out->n_rows * out->n_columns);
        if (!line)
            return ELBO_FAIL(ELBO_EDATA, "%s:%zu: not %zu finite numbers", path,
                             out->n_rows + 2, out->n_columns);
    }
    return ELBO_OK;
}

elbo_status elbo_series_column(const elbo_series *series, const char *path,
                               const char *name, size_t *out)
{
    for (*out = 0; *out < series->n_columns; ++*out)
        if (strcmp(series->column[*out], name) == 0) return ELBO_OK;
    return ELBO_FAIL(ELBO_EDATA, "%s:1: no column \"%s\"", path, name);
}

static int ascending(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return (a > b) - (a < b);
}

static elbo_status list_seeds(const char *dir, uint64_t seeds[], size_t *n)
{
    DIR *const folder = opendir(dir);
    const struct dirent *entry;

    *n = 0;
    if (!folder)
        return ELBO_FAIL(ELBO_ENOINPUT, "%s: %s", dir, strerror(errno));
    while (*n < MOST_SEEDS && (entry = readdir(folder))) {
        const char *const digits = entry->d_name + 5;

        if (strncmp(entry->d_name, "seed-", 5) != 0 || !*digits) continue;
        if (strspn(digits, "0123456789") != strlen(digits)) continue;
        seeds[(*n)++] = strtoull(digits, NULL, 10);
    }
    closedir(folder);
    qsort(seeds, *n, sizeof *seeds, ascending);
    return ELBO_OK;
}

elbo_status elbo_run_series_read(const char *dir, elbo_arena *arena,
                                 elbo_run_series *out)
{
    uint64_t *seeds = elbo_arena_take(arena, MOST_SEEDS, sizeof *seeds);
    size_t n;

    ELBO_TRY(elbo_arena_check(arena, dir));
    ELBO_TRY(list_seeds(dir, seeds, &n));
    *out = (elbo_run_series){.label = dir};
    out->seed = elbo_arena_take(arena, n, sizeof *out->seed);
    out->path = elbo_arena_take(arena, n, sizeof *out->path);
    ELBO_TRY(elbo_arena_check(arena, dir));
    for (size_t i = 0; i < n; i++) {
        const char *const path = elbo_path(arena, "%s/seed-%ju/metrics.csv",
                                           dir, (uintmax_t)seeds[i]);
        elbo_series *const s = &out->seed[out->n_seeds];

        ELBO_TRY(elbo_arena_check(arena, dir));
        ELBO_TRY(elbo_series_read(path, arena, s));
        if (s->n_rows == 0) continue;
        out->path[out->n_seeds++] = path;
        if (s->n_rows > out->n_rows) out->n_rows = s->n_rows;
    }
    if (out->n_seeds == 0)
        return ELBO_FAIL(ELBO_EDATA, "%s: no seed has a finished iteration",
                         dir);
    return ELBO_OK;
}

elbo_band elbo_run_series_band(const elbo_run_series *run, size_t column,
                               size_t t)
{
    elbo_band band = {.low = INFINITY, .high = -INFINITY};

    for (size_t i = 0; i < run->n_seeds; i++) {
        const elbo_series *const s = &run->seed[i];
        const size_t row = t < s->n_rows ? t : s->n_rows - 1;
        const double x = s->x[row * s->n_columns + column];

        band.mean += x / (double)run->n_seeds;
        band.low = fmin(band.low, x);
        band.high = fmax(band.high, x);
    }
    return band;
}
