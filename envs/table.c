/* envs/table.c -- a world read from files.
 *
 * `transitions` has the columns state, action, probability, next_state, reward,
 * terminated in any order; a row is one outcome, and several may name one
 * successor. States and actions count from 0 and every pair has rows. `initial`
 * has the columns state, probability; without it all states are equally likely
 * to be the first but those that are over: where every action ends the episode
 * at once, in place and for nothing. `start` is the same for the data, where they
 * are collected elsewhere than policies are judged. `coordinates` has the columns
 * state, axis, cell: one row for each state and axis.
 */
#include <math.h>
#include <string.h>

#include "envs/layout.h"
#include "envs/registry.h"
#include "inference/core/csv.h"

enum { STATE, ACTION, PROBABILITY, NEXT_STATE, REWARD, TERMINATED, N_COLUMNS };

static const char *const columns[N_COLUMNS] = {
    "state", "action", "probability", "next_state", "reward", "terminated"};
static const char *const initial_columns[] = {"state", "probability"};
static const char *const cell_columns[] = {"state", "axis", "cell"};

static const double tolerance = 1e-9; /* of a sum of probabilities */
static const double largest = 1e300;  /* of a reward */

static const elbo_option options[] = {
    {.name = "transitions",
     .type = ELBO_PATH,
     .unit = "",
     .doc = "CSV: state,action,probability,next_state,reward,terminated"},
    {.name = "initial",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc = "CSV: state,probability; without it, uniform over states not over"},
    {.name = "start",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc = "CSV as initial: where data start; without it, as policies do"},
    {.name = "coordinates",
     .type = ELBO_PATH,
     .unit = "",
     .fallback = "",
     .doc = "CSV: state,axis,cell: where states lie; without it, nowhere"},
    {0                    },
};

typedef struct table {
    size_t nS, nA;
    size_t *start;         /* [nS x nA + 1] */
    elbo_outcome *outcome; /* in the order of the file in each row */
} table;

/* One line of the file, with the places that a later fault may name. */
typedef struct entry {
    size_t state, action;
    size_t line, prob_column, next_column;
    elbo_outcome outcome;
} entry;

typedef struct entries {
    const char *path;
    size_t n, last_line;
    entry *at;
} entries;

static elbo_status read_entry(const elbo_csv *csv, size_t most, entry *e)
{
    size_t next, terminated;

    /* Each pair has a row, so a number beyond the number of rows is wrong. */
    ELBO_TRY(elbo_csv_index(csv, STATE, most, &e->state));
    ELBO_TRY(elbo_csv_index(csv, ACTION, most, &e->action));
    ELBO_TRY(elbo_csv_double(csv, PROBABILITY, 0, 1, &e->outcome.prob));
    ELBO_TRY(elbo_csv_index(csv, NEXT_STATE, most, &next));
    ELBO_TRY(
        elbo_csv_double(csv, REWARD, -largest, largest, &e->outcome.reward));
    ELBO_TRY(elbo_csv_index(csv, TERMINATED, 2, &terminated));
    e->outcome.next = (uint32_t)next;
    e->outcome.terminal = terminated;
    e->line = csv->line;
    e->prob_column = csv->column[PROBABILITY];
    e->next_column = csv->column[NEXT_STATE];
    return ELBO_OK;
}

static elbo_status read_entries(const char *path, entries *in,
                                elbo_arena *scratch)
{
    elbo_csv csv;
    bool more;

    ELBO_TRY(elbo_csv_open(&csv, path, columns, N_COLUMNS, scratch));

    const size_t most = elbo_csv_most_rows(&csv);

    *in = (entries){.path = path};
    in->at = elbo_arena_take(scratch, most, sizeof *in->at);
    ELBO_TRY(elbo_arena_check(scratch, path));
    for (;;) {
        ELBO_TRY(elbo_csv_next(&csv, &more));
        if (!more) break;
        ELBO_TRY(read_entry(&csv, most, in->at + in->n++));
    }
    in->last_line = csv.line;
    if (in->n == 0)
        return ELBO_FAIL(ELBO_EDATA, "%s:%zu:1: no rows below the header", path,
                         csv.line);
    return ELBO_OK;
}

static elbo_status measure(const entries *in, table *t)
{
    t->nS = t->nA = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (in->at[i].state >= t->nS) t->nS = in->at[i].state + 1;
        if (in->at[i].action >= t->nA) t->nA = in->at[i].action + 1;
    }
    for (size_t i = 0; i < in->n; i++) {
        const entry *const e = &in->at[i];

        if (e->outcome.next >= t->nS)
            return ELBO_FAIL(ELBO_EDATA,
                             "%s:%zu:%zu: next_state %u is not in 0 .. %zu: it "
                             "has no rows of its own",
                             in->path, e->line, e->next_column,
                             (unsigned)e->outcome.next, t->nS - 1);
    }
    return ELBO_OK;
}

/* With more pairs than lines, one of the first n + 1 pairs is without. */
static elbo_status count(const entries *in, table *t, elbo_arena *arena)
{
    const size_t pairs = t->nS * t->nA; /* both at most in->n < 2^30 */
    const size_t rows = pairs > in->n ? in->n + 1 : pairs;

    t->start = elbo_arena_sizes(arena, rows + 1);
    ELBO_TRY(elbo_arena_check(arena, in->path));
    for (size_t i = 0; i < in->n; i++) {
        const size_t row = in->at[i].state * t->nA + in->at[i].action;

        if (row < rows) t->start[row + 1]++;
    }
    for (size_t row = 0; row < rows; row++) {
        if (t->start[row + 1] == 0)
            return ELBO_FAIL(ELBO_EDATA,
                             "%s:%zu:1: ends without a row for state %zu, "
                             "action %zu",
                             in->path, in->last_line, row / t->nA, row % t->nA);
        t->start[row + 1] += t->start[row];
    }
    return ELBO_OK;
}

/* Sort the outcomes by (s, a), stably. */
static elbo_status distribute(const entries *in, table *t, elbo_arena *arena,
                              elbo_arena *scratch)
{
    const size_t rows = t->nS * t->nA;
    size_t *const end = elbo_arena_sizes(scratch, rows);

    t->outcome = elbo_arena_take(arena, in->n, sizeof *t->outcome);
    ELBO_TRY(elbo_arena_check(arena, in->path));
    ELBO_TRY(elbo_arena_check(scratch, in->path));
    memcpy(end, t->start, rows * sizeof *end);
    for (size_t i = 0; i < in->n; i++) {
        const entry *const e = &in->at[i];

        t->outcome[end[e->state * t->nA + e->action]++] = e->outcome;
    }
    return ELBO_OK;
}

/* The last line of a pair is where its sum goes wrong. */
static elbo_status check_sums(const entries *in, const table *t,
                              elbo_arena *scratch)
{
    const size_t rows = t->nS * t->nA;
    const entry **const last = elbo_arena_take(scratch, rows, sizeof *last);

    ELBO_TRY(elbo_arena_check(scratch, in->path));
    for (size_t i = 0; i < in->n; i++)
        last[in->at[i].state * t->nA + in->at[i].action] = &in->at[i];
    for (size_t row = 0; row < rows; row++) {
        double sum = 0;

        for (size_t i = t->start[row]; i < t->start[row + 1]; i++)
            sum += t->outcome[i].prob;
        if (!(fabs(sum - 1) <= tolerance))
            return ELBO_FAIL(ELBO_EDATA,
                             "%s:%zu:%zu: the probabilities of state %zu, "
                             "action %zu sum to %.12g, %.3g %s 1",
                             in->path, last[row]->line, last[row]->prob_column,
                             row / t->nA, row % t->nA, sum, fabs(sum - 1),
                             sum < 1 ? "short of" : "more than");
    }
    return ELBO_OK;
}

static elbo_status read_transitions(const char *path, table *t,
                                    elbo_arena *arena, elbo_arena *scratch)
{
    entries in;

    ELBO_TRY(read_entries(path, &in, scratch));
    ELBO_TRY(measure(&in, t));
    ELBO_TRY(count(&in, t, arena));
    ELBO_TRY(distribute(&in, t, arena, scratch));
    return check_sums(&in, t, scratch);
}

static elbo_status read_initial(const char *path, size_t nS, double mu[],
                                elbo_arena *scratch)
{
    elbo_csv csv;
    bool more;
    size_t s;
    double sum = 0;
    uint8_t *const seen = elbo_arena_take(scratch, nS, 1);

    ELBO_TRY(elbo_arena_check(scratch, path));
    ELBO_TRY(elbo_csv_open(&csv, path, initial_columns, 2, scratch));
    for (;;) {
        ELBO_TRY(elbo_csv_next(&csv, &more));
        if (!more) break;
        ELBO_TRY(elbo_csv_index(&csv, 0, nS, &s));
        if (seen[s])
            return elbo_csv_fault(&csv, 0, "state %zu stands twice", s);
        seen[s] = 1;
        ELBO_TRY(elbo_csv_double(&csv, 1, 0, 1, &mu[s]));
        sum += mu[s];
    }
    if (!(fabs(sum - 1) <= tolerance))
        return ELBO_FAIL(ELBO_EDATA,
                         "%s:%zu:1: the probabilities sum to %.12g, %.3g %s 1",
                         path, csv.line, sum, fabs(sum - 1),
                         sum < 1 ? "short of" : "more than");
    return ELBO_OK;
}

/* Over: all that may happen here ends the episode, in place, for nothing. */
static bool is_over(const table *t, size_t s)
{
    for (size_t i = t->start[s * t->nA]; i < t->start[(s + 1) * t->nA]; i++) {
        const elbo_outcome *const o = &t->outcome[i];
        const bool nothing = o->terminal && o->next == s && !(o->reward != 0);

        if (o->prob > 0 && !nothing) return false;
    }
    return true;
}

static elbo_status find_start(const table *t, const char *path, double mu[],
                              elbo_arena *scratch)
{
    uint8_t *const may = elbo_arena_take(scratch, t->nS, 1);
    size_t n = 0;

    ELBO_TRY(elbo_arena_check(scratch, path));
    for (size_t s = 0; s < t->nS; s++) n += may[s] = !is_over(t, s);
    if (n == 0)
        return ELBO_FAIL(ELBO_EDATA,
                         "%s:1:1: no state to start in: in all of them the "
                         "episode is over",
                         path);
    for (size_t s = 0; s < t->nS; s++) mu[s] = may[s] ? 1 / (double)n : 0;
    return ELBO_OK;
}

static size_t most_outcomes(const table *t)
{
    size_t most = 0;

    for (size_t row = 0; row < t->nS * t->nA; row++) {
        const size_t n = t->start[row + 1] - t->start[row];

        if (n > most) most = n;
    }
    return most;
}

static elbo_status load_start(const elbo_values *values, const char *folder,
                              elbo_world *out, elbo_arena *arena,
                              elbo_arena *scratch)
{
    const char *const path = elbo_text(values, "start");

    if (!path[0]) return ELBO_OK;

    double *const start = elbo_arena_take(arena, out->nS, sizeof *start);

    ELBO_TRY(elbo_arena_check(arena, "table"));
    out->start = start;

    const char *const file = elbo_textfile_path(folder, path, scratch);

    ELBO_TRY(elbo_arena_check(scratch, "table"));
    return read_initial(file, out->nS, start, scratch);
}

enum { AXES = 16, CELLS = 1 << 30 };

/* cell [nS x AXES], -1 where the file names none; *dim: one more than its largest
 * axis. */
static elbo_status read_cells(const char *path, size_t nS, int32_t cell[],
                              size_t *dim, elbo_arena *scratch)
{
    elbo_csv csv;
    bool more;
    size_t s, axis, at;

    ELBO_TRY(elbo_csv_open(&csv, path, cell_columns, 3, scratch));
    for (;;) {
        ELBO_TRY(elbo_csv_next(&csv, &more));
        if (!more) break;
        ELBO_TRY(elbo_csv_index(&csv, 0, nS, &s));
        ELBO_TRY(elbo_csv_index(&csv, 1, AXES, &axis));
        ELBO_TRY(elbo_csv_index(&csv, 2, CELLS, &at));
        if (cell[s * AXES + axis] >= 0)
            return elbo_csv_fault(&csv, 0, "state %zu, axis %zu stands twice",
                                  s, axis);
        cell[s * AXES + axis] = (int32_t)at;
        if (axis >= *dim) *dim = axis + 1;
    }
    for (size_t i = 0; i < nS * *dim; i++)
        if (cell[i / *dim * AXES + i % *dim] < 0)
            return ELBO_FAIL(ELBO_EDATA, "%s:%zu:1: state %zu has no axis %zu",
                             path, csv.line, i / *dim, i % *dim);
    return ELBO_OK;
}

static elbo_status load_coordinates(const elbo_values *values,
                                    const char *folder, elbo_world *out,
                                    elbo_arena *arena, elbo_arena *scratch)
{
    const char *const path = elbo_text(values, "coordinates");
    size_t dim = 0;

    if (!path[0]) return ELBO_OK;

    int32_t *const cell = elbo_arena_take(scratch, out->nS * AXES, sizeof *cell);
    const char *const file = elbo_textfile_path(folder, path, scratch);

    ELBO_TRY(elbo_arena_check(scratch, "table"));
    for (size_t i = 0; i < out->nS * AXES; i++) cell[i] = -1;
    ELBO_TRY(read_cells(file, out->nS, cell, &dim, scratch));

    int32_t *const coord = elbo_arena_take(arena, out->nS * dim, sizeof *coord);

    ELBO_TRY(elbo_arena_check(arena, "table"));
    for (size_t i = 0; i < out->nS * dim; i++)
        coord[i] = cell[i / dim * AXES + i % dim];
    out->coord = dim > 0 ? coord : NULL;
    out->dim = dim;
    return ELBO_OK;
}

static elbo_status load(const elbo_values *values, const char *folder,
                        elbo_world *out, elbo_arena *arena, elbo_arena *scratch)
{
    const char *const initial = elbo_text(values, "initial");
    const char *const transitions =
        elbo_textfile_path(folder, elbo_text(values, "transitions"), scratch);
    const char *const first = elbo_textfile_path(folder, initial, scratch);
    table *const t = elbo_arena_take(arena, 1, sizeof *t);

    ELBO_TRY(elbo_arena_check(arena, "table"));
    ELBO_TRY(elbo_arena_check(scratch, "table"));
    ELBO_TRY(read_transitions(transitions, t, arena, scratch));

    double *const mu = elbo_arena_take(arena, t->nS, sizeof *mu);

    ELBO_TRY(elbo_arena_check(arena, "table"));
    *out = (elbo_world){.env = &elbo_table,
                        .self = t,
                        .nS = t->nS,
                        .nA = t->nA,
                        .most = most_outcomes(t),
                        .mu = mu};
    ELBO_TRY(initial[0] ? read_initial(first, t->nS, mu, scratch)
                        : find_start(t, transitions, mu, scratch));
    ELBO_TRY(load_start(values, folder, out, arena, scratch));
    return load_coordinates(values, folder, out, arena, scratch);
}

static elbo_status open_world(const elbo_values *values, const char *folder,
                              elbo_arena *arena, elbo_world *out)
{
    /* The text of the files is many times the size of what is kept. */
    elbo_arena *const scratch = elbo_arena_alloc(1 << 16);

    if (!scratch) return ELBO_FAIL(ELBO_ENOMEM, "table");

    const elbo_status status = load(values, folder, out, arena, scratch);

    elbo_arena_free(scratch);
    return status;
}

static size_t outcomes(const void *world, size_t s, size_t a,
                       elbo_outcome out[])
{
    const table *const t = world;
    const size_t row = s * t->nA + a;
    size_t n = 0;

    for (size_t i = t->start[row]; i < t->start[row + 1]; i++)
        n = elbo_outcome_add(out, n, t->outcome[i]);
    return n;
}

const elbo_env elbo_table = {
    .name = "table",
    .source = "the transition tables of Gymnasium's toy-text worlds, as CSV",
    .doc = "a world read from CSV files",
    .options = options,
    .open = open_world,
    .outcomes = outcomes,
};
