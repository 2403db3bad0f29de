#include "inference/program/scores.h"

#include <gsl/gsl_sort.h>
#include <inttypes.h>

#include "inference/core/options.h"
#include "inference/program/folder.h"
#include "inference/program/manifest.h"
#include "inference/program/rundir.h"
#include "inference/program/series.h"
#include "inference/program/summary.h"

/* What is asked of every seed of a run. */
typedef struct question {
    const char *dir, *metric;
    elbo_scores_at at;
    elbo_arena *arena;
} question;

/* The seed ran to its end, and metrics.csv is of that run. */
static elbo_status check_finished(const question *q, uint64_t seed,
                                  uint64_t *rows)
{
    const char *const folder = elbo_rundir_seed(q->dir, seed, q->arena);
    const char *const path =
        elbo_path(q->arena, "%s/summary.json", folder ? folder : "");
    elbo_ending ending;

    ELBO_TRY(elbo_arena_check(q->arena, "a seed"));

    const elbo_status s = elbo_summary_read(path, q->arena, &ending);

    if (s == ELBO_ENOINPUT)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s: seed %" PRIu64 " is not finished: no "
                         "summary.json; to continue: elbo resume %s",
                         q->dir, seed, q->dir);
    ELBO_TRY(s);
    *rows = ending.iterations;
    if (ending.finished) return ELBO_OK;
    return ELBO_FAIL(ELBO_EDATA, "%s: seed %" PRIu64 " did not finish: %s",
                     q->dir, seed, ending.why);
}

static elbo_status find_column(const question *q, const elbo_series *series,
                               const char *path, size_t *out)
{
    if (elbo_series_column(series, path, q->metric, out) == ELBO_OK)
        return ELBO_OK;

    const char *const nearest =
        elbo_name_nearest(q->metric, series->column, series->n_columns);

    if (nearest)
        return ELBO_FAIL(ELBO_EUSAGE,
                         "%s has no column \"%s\"; did you mean \"%s\"?", path,
                         q->metric, nearest);
    return ELBO_FAIL(ELBO_EUSAGE,
                     "%s has no column \"%s\"; its first line names all", path,
                     q->metric);
}

/* The first row with the largest value in a column. */
static size_t best_row(const elbo_series *series, size_t column)
{
    const size_t n = series->n_columns;
    size_t best = 0;

    for (size_t t = 1; t < series->n_rows; t++)
        if (series->x[t * n + column] > series->x[best * n + column]) best = t;
    return best;
}

static double mean_of_rows(const elbo_series *series, size_t column)
{
    const size_t n = series->n_rows;
    double mean = 0;

    for (size_t t = 0; t < n; t++)
        mean += series->x[t * series->n_columns + column] / (double)n;
    return mean;
}

static elbo_status read_seed(const question *q, uint64_t seed, double *out)
{
    const char *const folder = elbo_rundir_seed(q->dir, seed, q->arena);
    const char *const path =
        elbo_path(q->arena, "%s/metrics.csv", folder ? folder : "");
    elbo_series series;
    size_t column, elbo;
    uint64_t rows = 0;

    ELBO_TRY(elbo_arena_check(q->arena, "a seed"));
    ELBO_TRY(check_finished(q, seed, &rows));
    ELBO_TRY(elbo_series_read(path, q->arena, &series));
    ELBO_TRY(find_column(q, &series, path, &column));
    ELBO_TRY(elbo_series_column(&series, path, "elbo", &elbo));
    if (series.n_rows == 0 || series.n_rows != rows)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s: %zu rows, where summary.json has %" PRIu64
                         " iterations",
                         path, series.n_rows, rows);

    const size_t row =
        q->at == ELBO_AT_BEST ? best_row(&series, elbo) : series.n_rows - 1;

    *out = q->at == ELBO_AT_MEAN ? mean_of_rows(&series, column)
                                 : series.x[row * series.n_columns + column];
    return ELBO_OK;
}

elbo_status elbo_scores_read(const char *dir, const char *metric,
                             elbo_scores_at at, elbo_arena *arena,
                             elbo_sample *out)
{
    const question q = {dir, metric, at, arena};
    const char *const path = elbo_path(arena, "%s/manifest.json", dir);
    elbo_manifest manifest;

    ELBO_TRY(elbo_arena_check(arena, dir));
    ELBO_TRY(elbo_manifest_read(path, arena, &manifest));
    if (manifest.n_seeds < 2)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s: a run of %zu seed: statistics over seeds need at "
                         "least 2, better 5 or more",
                         dir, manifest.n_seeds);

    double *const x = elbo_arena_doubles(arena, manifest.n_seeds);

    ELBO_TRY(elbo_arena_check(arena, dir));
    for (size_t i = 0; i < manifest.n_seeds; i++) {
        const elbo_mark mark = elbo_arena_mark(arena);
        const elbo_status s = read_seed(&q, manifest.seeds[i], &x[i]);

        elbo_arena_release(arena, mark);
        ELBO_TRY(s);
    }
    gsl_sort(x, 1, manifest.n_seeds);
    *out = (elbo_sample){x, manifest.n_seeds};
    return ELBO_OK;
}
