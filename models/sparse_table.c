#include "models/sparse_table.h"

#include <math.h>
#include <stdlib.h>

#include "inference/core/csv.h"

static const double most = 1e12; /* of a value */

enum { FEATURES = 1 << 20 }; /* numbers of features are below this */

static int compare(const void *a, const void *b)
{
    const elbo_sparse_entry *const x = a, *const y = b;

    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    if (x->next != y->next) return x->next < y->next ? -1 : 1;
    if (x->feature != y->feature) return x->feature < y->feature ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

/* Sorts the lines; a place that stands twice is a fault. */
static elbo_status order(elbo_sparse_table *table)
{
    qsort(table->at, table->n, sizeof *table->at, compare);
    for (size_t i = 0; i < table->n; i++) {
        const elbo_sparse_entry *const e = table->at + i;

        if (e->feature >= table->features) table->features = e->feature + 1;
        if (i > 0 && e[-1].place == e->place && e[-1].next == e->next
            && e[-1].feature == e->feature)
            return ELBO_FAIL(ELBO_EDATA, "%s:%zu:1: repeats line %zu",
                             table->path, e->line, e[-1].line);
    }
    return ELBO_OK;
}

typedef elbo_status read_line(const elbo_csv *csv, size_t nS, size_t nA,
                              elbo_sparse_entry *e);

static elbo_status read_lines(const char *path, const char *const names[],
                              size_t n, size_t nS, size_t nA, read_line *line,
                              elbo_arena *arena, elbo_sparse_table *out)
{
    elbo_csv csv;
    bool more;

    *out = (elbo_sparse_table){.path = path};
    ELBO_TRY(elbo_csv_open(&csv, path, names, n, arena));
    out->at = elbo_arena_take(arena, elbo_csv_most_rows(&csv), sizeof *out->at);
    ELBO_TRY(elbo_arena_check(arena, path));
    for (;;) {
        ELBO_TRY(elbo_csv_next(&csv, &more));
        if (!more) return order(out);

        elbo_sparse_entry *const e = out->at + out->n++;

        e->line = csv.line;
        ELBO_TRY(line(&csv, nS, nA, e));
    }
}

static elbo_status read_pair(const elbo_csv *csv, size_t nS, size_t nA,
                             elbo_sparse_entry *e)
{
    size_t state, action;

    ELBO_TRY(elbo_csv_index(csv, 0, nS, &state));
    ELBO_TRY(elbo_csv_index(csv, 1, nA, &action));
    e->place = state * nA + action;
    ELBO_TRY(elbo_csv_index(csv, 2, FEATURES, &e->feature));
    return elbo_csv_double(csv, 3, -most, most, &e->value);
}

static elbo_status read_outcome(const elbo_csv *csv, size_t nS, size_t nA,
                                elbo_sparse_entry *e)
{
    ELBO_TRY(read_pair(csv, nS, nA, e));
    return elbo_csv_index(csv, 4, nS + 1, &e->next);
}

elbo_status elbo_sparse_table_read(const char *path, size_t nS, size_t nA,
                                   bool outcomes, elbo_arena *arena,
                                   elbo_sparse_table *out)
{
    static const char *const names[] = {"state", "action", "feature", "value",
                                        "next_state"};

    return read_lines(path, names, outcomes ? 5 : 4, nS, nA,
                      outcomes ? read_outcome : read_pair, arena, out);
}

static elbo_status read_part(const elbo_csv *csv, size_t nS, size_t nA,
                             elbo_sparse_entry *e)
{
    (void)nA;
    ELBO_TRY(elbo_csv_index(csv, 0, nS, &e->place));
    ELBO_TRY(elbo_csv_index(csv, 1, nS, &e->feature));
    ELBO_TRY(elbo_csv_double(csv, 2, 0, 1, &e->value));
    if (e->value > 0) return ELBO_OK;
    return elbo_csv_fault(csv, 2, "a weight of 0");
}

elbo_status elbo_mixtures_read(const char *path, size_t nS, elbo_arena *arena,
                               elbo_sparse_table *out)
{
    static const char *const names[] = {"state", "part", "weight"};
    static const double tolerance = 1e-9;
    double sum = 0;

    ELBO_TRY(read_lines(path, names, 3, nS, 1, read_part, arena, out));
    for (size_t i = 0; i < out->n; i++) {
        const elbo_sparse_entry *const e = out->at + i;

        sum += e->value;
        if (i + 1 < out->n && e[1].place == e->place) continue;
        if (!(fabs(sum - 1) <= tolerance))
            return ELBO_FAIL(ELBO_EDATA,
                             "%s:%zu:1: the weights of state %zu sum to %.12g",
                             path, e->line, e->place, sum);
        sum = 0;
    }
    return ELBO_OK;
}
