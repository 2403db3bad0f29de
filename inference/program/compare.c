/* elbo compare METHOD...: statistics over the seeds of finished runs. A method is a
 * run, or several, DIR,DIR,..., of it on one task each: the bootstrap then draws
 * seeds within tasks. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inference/program/command.h"
#include "inference/program/diagnostics.h"
#include "inference/program/scores.h"
#include "inference/program/source.h"
#include "inference/program/worlds.h"

enum { FEW = 5, ALL_PAIRS = 4, CELL = 64, COLUMNS = 5 };

const elbo_option elbo_compare_options[] = {
    {.name = "metric",
     .type = ELBO_TEXT,
     .unit = "",
     .fallback = "return_real",
     .doc = "the column of metrics.csv"},
    {.name = "at",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "last|best|mean",
     .fallback = "last",
     .doc = "its value in the last row, in that of the best elbo, or the mean "
            "of all"},
    {.name = "seed",
     .type = ELBO_INT,
     .unit = "",
     .low = 0,
     .high = 0x1p53,
     .fallback = "0",
     .doc = "of the bootstrap"},
    {.name = "bootstrap",
     .type = ELBO_INT,
     .unit = "",
     .low = 100,
     .high = 1e6,
     .fallback = "10000",
     .doc = "replications"},
    {.name = "interval",
     .type = ELBO_CHOICE,
     .unit = "",
     .choices = "percentile|bca",
     .fallback = "percentile",
     .doc = "kind of the intervals"},
    {.name = "level",
     .type = ELBO_REAL,
     .unit = "",
     .low = 0.01,
     .high = 0.9999,
     .fallback = "0.95",
     .doc = "the share that an interval should cover"},
    {0                                 }
};

typedef struct comparison {
    const elbo_values *values;
    elbo_bootstrap plan;
    char *const *word; /* [n] as given */
    const char **dir;  /* [n x tasks] */
    elbo_sample *run;  /* [n x tasks], each method's tasks behind each other */
    size_t n, tasks;
    bool quiet;
    elbo_arena *arena;
} comparison;

/* ---- a table of text, columns as wide as they need ---- */

typedef struct table {
    char **cell; /* [rows x columns] */
    size_t columns, room, n;
    elbo_arena *arena;
} table;

static elbo_status table_start(table *t, size_t rows, size_t columns,
                               elbo_arena *arena)
{
    *t = (table){.columns = columns, .room = rows * columns, .arena = arena};
    t->cell = elbo_arena_take(arena, t->room, sizeof *t->cell);
    return elbo_arena_check(arena, "a table");
}

/* Without memory the cell stays NULL, and the arena tells. */
static void put_text(table *t, const char *text)
{
    t->cell[t->n++] = elbo_arena_text(t->arena, text);
}

static void put(table *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(table *t, const char *format, ...)
{
    char text[CELL];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_text(t, text);
}

static void put_interval(table *t, double estimate, elbo_interval i)
{
    put(t, "%.6g [%.6g, %.6g]", estimate, i.low, i.high);
}

/* Characters of a text: bytes that do not continue one. */
static size_t width(const char *text)
{
    size_t n = 0;

    for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static elbo_status table_print(const table *t)
{
    size_t widest[COLUMNS] = {0};

    ELBO_TRY(elbo_arena_check(t->arena, "a table"));
    for (size_t i = 0; i < t->n; i++) {
        const size_t w = width(t->cell[i]), k = i % t->columns;

        if (w > widest[k]) widest[k] = w;
    }
    for (size_t i = 0; i < t->n; i++) {
        const size_t k = i % t->columns;
        const bool last = k + 1 == t->columns;
        const size_t gap = last ? 0 : widest[k] + 2 - width(t->cell[i]);

        printf("%s%*s%s", t->cell[i], (int)gap, "", last ? "\n" : "");
    }
    return ELBO_OK;
}

/* ---- what is said ---- */

static const char *name_of(const comparison *c, size_t i)
{
    return elbo_escaped(c->word[i], strlen(c->word[i]), c->arena);
}

static void print_head(const comparison *c)
{
    static const struct {
        const char *at, *text;
    } rows[] = {
        {"last", "in the last row"            },
        {"best", "in the row of the best elbo"},
        {"mean", "averaged over all rows"     }
    };
    const char *const at = elbo_text(c->values, "at");
    size_t i = 0;

    while (strcmp(rows[i].at, at) != 0) i++;
    printf("%s %s; bootstrap: %zu replications, %s intervals, level %g, "
           "seed %ju\n\n",
           elbo_text(c->values, "metric"), rows[i].text, c->plan.replicates,
           elbo_text(c->values, "interval"), c->plan.level,
           (uintmax_t)c->plan.seed);
    if (c->tasks > 1)
        printf("%zu tasks: means of their means, the IQM of all, P and "
               "differences within each\n\n",
               c->tasks);
}

static size_t seeds_of(const comparison *c, size_t i)
{
    size_t n = 0;

    for (size_t k = 0; k < c->tasks; k++) n += c->run[i * c->tasks + k].n;
    return n;
}

static elbo_status print_runs(const comparison *c)
{
    table t;

    ELBO_TRY(table_start(&t, c->n + 1, 5, c->arena));
    put_text(&t, "run");
    put_text(&t, "seeds");
    put_text(&t, "mean +- se");
    put_text(&t, "median");
    put_text(&t, "IQM [interval]");
    for (size_t i = 0; i < c->n; i++) {
        const elbo_sample *const run = &c->run[i * c->tasks];
        elbo_interval iqm;

        ELBO_TRY(elbo_bootstrap_interval(&c->plan, elbo_tasks_iqm, run,
                                         c->tasks, &iqm, c->arena));
        put_text(&t, name_of(c, i));
        put(&t, "%zu", seeds_of(c, i));
        put(&t, "%.6g +- %.3g", elbo_tasks_mean(run, c->tasks),
            elbo_tasks_error(run, c->tasks));
        put(&t, "%.6g", elbo_tasks_median(run, c->tasks));
        put_interval(&t, elbo_tasks_iqm(run, c->tasks), iqm);
    }
    return table_print(&t);
}

static elbo_status put_pair(const comparison *c, size_t i, size_t k, table *t)
{
    const size_t n = c->tasks;
    elbo_sample *const pair = elbo_arena_take(c->arena, 2 * n, sizeof *pair);
    elbo_interval improvement, difference;

    ELBO_TRY(elbo_arena_check(c->arena, "a pair"));
    memcpy(pair, c->run + i * n, n * sizeof *pair);
    memcpy(pair + n, c->run + k * n, n * sizeof *pair);
    ELBO_TRY(elbo_bootstrap_interval(&c->plan, elbo_improvement, pair, 2 * n,
                                     &improvement, c->arena));
    ELBO_TRY(elbo_bootstrap_interval(&c->plan, elbo_mean_difference, pair,
                                     2 * n, &difference, c->arena));
    if (improvement.low == improvement.high && !c->quiet)
        elbo_say("%s, %s: P(left > right) is the same in every replication; "
                 "that is the bootstrap's limit, not certainty",
                 c->word[i], c->word[k]);
    put_text(t, name_of(c, i));
    put_text(t, name_of(c, k));
    put_interval(t, elbo_improvement(pair, 2 * n), improvement);
    put_interval(t, elbo_mean_difference(pair, 2 * n), difference);
    return ELBO_OK;
}

/* All pairs of a few runs; of more, the first against the others. */
static elbo_status print_pairs(const comparison *c)
{
    const size_t lefts = c->n <= ALL_PAIRS ? c->n - 1 : 1;
    table t;

    ELBO_TRY(table_start(&t, lefts * c->n + 1, 4, c->arena));
    put_text(&t, "left");
    put_text(&t, "right");
    put_text(&t, "P(left > right)");
    put_text(&t, "mean left - mean right");
    for (size_t i = 0; i < lefts; i++)
        for (size_t k = i + 1; k < c->n; k++) ELBO_TRY(put_pair(c, i, k, &t));
    puts("");
    return table_print(&t);
}

static elbo_scores_at row_of(const elbo_values *values)
{
    if (elbo_choice_is(values, "at", "best")) return ELBO_AT_BEST;
    return elbo_choice_is(values, "at", "mean") ? ELBO_AT_MEAN : ELBO_AT_LAST;
}

/* Numbers of different worlds are compared, but not silently. */
static elbo_status say_worlds(const comparison *c)
{
    for (size_t i = c->tasks; i < c->n * c->tasks; i++) {
        const char *const first = c->dir[i % c->tasks], *difference;

        ELBO_TRY(elbo_worlds_differ(first, c->dir[i], c->arena, &difference));
        if (difference && !c->quiet)
            elbo_say("%s, %s: not the same environment: %s", first, c->dir[i],
                     difference);
    }
    return ELBO_OK;
}

static size_t count_tasks(const char *word)
{
    size_t n = 1;

    for (; *word; word++) n += *word == ',';
    return n;
}

/* Each word's directories, which commas part; as many for each. */
static elbo_status list_tasks(comparison *c)
{
    c->tasks = count_tasks(c->word[0]);
    c->dir = elbo_arena_take(c->arena, c->n * c->tasks, sizeof *c->dir);
    ELBO_TRY(elbo_arena_check(c->arena, "the runs"));
    for (size_t i = 0; i < c->n; i++) {
        char *rest = elbo_arena_text(c->arena, c->word[i]);

        ELBO_TRY(elbo_arena_check(c->arena, "the runs"));
        if (count_tasks(rest) != c->tasks)
            return ELBO_FAIL(ELBO_EUSAGE,
                             "%s: %zu tasks, %s: %zu: methods are compared "
                             "over the same tasks, in the same order",
                             c->word[0], c->tasks, c->word[i],
                             count_tasks(rest));
        for (size_t k = 0; k < c->tasks; k++) {
            char *const comma = strchr(rest, ',');

            c->dir[i * c->tasks + k] = rest;
            if (comma) *comma = '\0';
            rest = comma ? comma + 1 : rest;
        }
    }
    return ELBO_OK;
}

static elbo_status compare(comparison *c)
{
    ELBO_TRY(list_tasks(c));
    c->run = elbo_arena_take(c->arena, c->n * c->tasks, sizeof *c->run);
    ELBO_TRY(elbo_arena_check(c->arena, "the runs"));
    for (size_t i = 0; i < c->n * c->tasks; i++) {
        ELBO_TRY(elbo_scores_read(c->dir[i], elbo_text(c->values, "metric"),
                                  row_of(c->values), c->arena, &c->run[i]));
        if (c->run[i].n < FEW && !c->quiet)
            elbo_say("%s: only %zu seeds: its intervals are rough and mostly "
                     "too short",
                     c->dir[i], c->run[i].n);
    }
    ELBO_TRY(say_worlds(c));
    print_head(c);
    ELBO_TRY(print_runs(c));
    return c->n > 1 ? print_pairs(c) : ELBO_OK;
}

int elbo_compare_main(const elbo_command *command)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 16);
    elbo_values values;
    int code;

    if (!arena) return elbo_say_failure(ELBO_ENOMEM);
    code = elbo_command_values(command, arena, &values);
    if (code == 0) {
        comparison c = {
            .values = &values,
            .word = command->word,
            .n = command->n_words,
            .quiet = command->quiet,
            .arena = arena,
            .plan = {.seed = (uint64_t)elbo_int(&values, "seed"),
                     .replicates = (size_t)elbo_int(&values, "bootstrap"),
                     .level = elbo_real(&values, "level"),
                     .bca = elbo_choice_is(&values, "interval", "bca")}
        };
        const elbo_status s = compare(&c);

        if (s != ELBO_OK) code = elbo_say_failure(s);
    }
    elbo_arena_free(arena);
    return code;
}
