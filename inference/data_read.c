/* inference/data_read.c -- transitions from a CSV file. */
#include <math.h>

#include "inference/core/csv.h"
#include "inference/data.h"

enum { STATE, ACTION, REWARD, NEXT, TERMINATED, COLUMNS };

static const char *const columns[COLUMNS] = {"state", "action", "reward",
                                             "next_state", "terminated"};

/* The current row of the file as sample number data->n. */
static elbo_status append(elbo_data *data, const elbo_csv *csv,
                          const elbo_world *world, const uint8_t known[])
{
    const size_t i = data->n;
    size_t s, a, next, terminal;

    ELBO_TRY(elbo_csv_index(csv, STATE, world->nS, &s));
    ELBO_TRY(elbo_csv_index(csv, ACTION, world->nA, &a));
    ELBO_TRY(elbo_csv_double(csv, REWARD, -HUGE_VAL, HUGE_VAL, &data->r[i]));
    ELBO_TRY(elbo_csv_index(csv, NEXT, world->nS, &next));
    ELBO_TRY(elbo_csv_index(csv, TERMINATED, 2, &terminal));
    if (!terminal && known && known[s * world->nA + a])
        return elbo_csv_fault(csv, TERMINATED,
                              "terminated must be 1: state %zu, action %zu "
                              "ends the episode for sure in this world",
                              s, a);
    data->s[i] = (uint32_t)s;
    data->a[i] = (uint32_t)a;
    data->next[i] = (uint32_t)next;
    data->terminal[i] = (uint8_t)terminal;
    data->w[i] = 1;
    data->step[i] = 0;
    data->n++;
    return ELBO_OK;
}

elbo_status elbo_data_read(elbo_data *data, const char *path,
                           const elbo_world *world, const uint8_t known[],
                           size_t extra, elbo_arena *arena)
{
    elbo_csv csv;
    bool more = true;

    ELBO_TRY(elbo_csv_open(&csv, path, columns, COLUMNS, arena));

    const size_t rows = elbo_csv_most_rows(&csv);

    if (extra > SIZE_MAX - rows)
        return ELBO_FAIL(ELBO_ESIZE, "%s: %zu transitions and %zu more", path,
                         rows, extra);
    ELBO_TRY(elbo_data_init(data, rows + extra, arena));
    for (;;) {
        ELBO_TRY(elbo_csv_next(&csv, &more));
        if (!more) return ELBO_OK;
        ELBO_TRY(append(data, &csv, world, known));
    }
}
