/* inference/core/names.c -- the nearest right name for a wrong one. */
#include "inference/core/options.h"

#include <string.h>

#include "inference/core/alloc.h"

/* One row of the distance table from the two before it (optimal string
 * alignment: no piece of the text is edited twice). */
static void distance_row(const char *a, const char *b, size_t i,
                         size_t *const row[3])
{
    const size_t nb = strlen(b);

    row[0][0] = i;
    for (size_t j = 1; j <= nb; j++) {
        size_t d = row[1][j - 1] + (a[i - 1] != b[j - 1]);

        if (row[1][j] + 1 < d) d = row[1][j] + 1;
        if (row[0][j - 1] + 1 < d) d = row[0][j - 1] + 1;
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
            && row[2][j - 2] + 1 < d)
            d = row[2][j - 2] + 1;
        row[0][j] = d;
    }
}

/* Without memory for the table nothing is near: the caller only loses a
 * suggestion. */
size_t elbo_name_distance(const char *a, const char *b)
{
    const size_t na = strlen(a), nb = strlen(b);
    size_t *table = elbo_alloc(3 * (nb + 1), sizeof *table);

    if (!table) return SIZE_MAX;

    size_t *row[3] = {table, table + nb + 1, table + 2 * (nb + 1)};

    for (size_t j = 0; j <= nb; j++) row[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *const oldest = row[2];

        row[2] = row[1];
        row[1] = row[0];
        row[0] = oldest;
        distance_row(a, b, i, row);
    }

    const size_t distance = row[0][nb];

    elbo_free(table);
    return distance;
}

/* The best candidate so far for a name that was not found. */
typedef struct search {
    const char *name, *best;
    size_t distance; /* of the best, or one more than is near */
} search;

static search search_for(const char *name)
{
    const size_t third = strlen(name) / 3;

    return (search){.name = name, .distance = 1 + (third > 2 ? third : 2)};
}

static void consider(search *s, const char *candidate)
{
    const size_t d = elbo_name_distance(s->name, candidate);

    if (d >= s->distance) return;
    s->distance = d;
    s->best = candidate;
}

const char *elbo_name_nearest(const char *name, const char *const names[],
                              size_t n)
{
    search s = search_for(name);

    for (size_t i = 0; i < n; i++) consider(&s, names[i]);
    return s.best;
}
