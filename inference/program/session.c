#include "inference/program/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "inference/program/diagnostics.h"
#include "inference/program/folder.h"
#include "inference/program/rundir.h"
#include "inference/program/signals.h"
#include "inference/program/snapshot.h"
#include "inference/program/summary.h"

static const double checkpoint_seconds = 2;

enum { WHY = ELBO_ERROR_TEXT + 64 };

/* One seed on its way. */
typedef struct seed_run {
    elbo_session *session;
    elbo_seed_report *report;
    const char *dir, *checkpoints;
    elbo_record record;
    elbo_metrics metrics;
    struct timespec saved; /* when the last checkpoint was taken */
    uint64_t saved_at;     /* ... and at which iteration */
    uint64_t began_at;
    elbo_arena *arena;
} seed_run;

static elbo_status open_engine(seed_run *run)
{
    elbo_seed_report *const report = run->report;
    elbo_status s = ELBO_OK;

    if (!report->engine)
        s = elbo_engine_open(&run->session->experiment->setup, report->seed,
                             &report->engine);
    if (s == ELBO_ENOMEM)
        s = ELBO_FAIL(ELBO_ECONFIG,
                      "needs more memory than this machine has: %s",
                      elbo_last_error()->text);
    ELBO_TRY(s);
    elbo_record_init(&run->record, elbo_engine_columns(report->engine));
    return ELBO_OK;
}

static void say_refused(const seed_run *run, uint64_t iteration, bool last)
{
    elbo_say("seed %" PRIu64 ": checkpoint %" PRIu64 " is refused: %s; %s",
             run->report->seed, iteration, elbo_last_error()->text,
             last ? "starting from the beginning" : "taking the one before");
}

/* The newest checkpoint that can be read; none: the beginning. */
static elbo_status restore(seed_run *run)
{
    elbo_seed_report *const report = run->report;
    uint64_t list[64], used = 0;
    size_t n;

    ELBO_TRY(elbo_snapshot_list(run->checkpoints, list, &n));
    for (size_t i = 0; i < n && used == 0; i++) {
        const elbo_status s =
            elbo_snapshot_load(run->checkpoints, list[i], report->engine,
                               &run->record, run->arena);

        if (s == ELBO_OK) {
            used = list[i];
            continue;
        }
        if (s != ELBO_EDATA && s != ELBO_ENOINPUT) return s;
        say_refused(run, list[i], i + 1 == n);
        elbo_engine_free(report->engine);
        report->engine = NULL;
        ELBO_TRY(open_engine(run));
    }
    return elbo_snapshot_drop_after(run->checkpoints, used, run->arena);
}

static elbo_status save(seed_run *run)
{
    ELBO_TRY(elbo_metrics_sync(&run->metrics));
    ELBO_TRY(elbo_snapshot_save(run->checkpoints, run->report->engine,
                                &run->record, run->arena));
    run->saved_at = run->record.rows;
    clock_gettime(CLOCK_MONOTONIC, &run->saved);
    return ELBO_OK;
}

static bool save_is_due(const seed_run *run)
{
    const elbo_setup *const setup = &run->session->experiment->setup;
    const int64_t every = elbo_int(setup->inference, "checkpoint_every");

    if (every > 0) return run->record.rows % (uint64_t)every == 0;
    return elbo_seconds_since(&run->saved) >= checkpoint_seconds;
}

static void say_warning(const seed_run *run, const elbo_row *row)
{
    if (!row->warning[0]) return;
#pragma omp critical(elbo_progress)
    {
        elbo_progress_end(&run->session->progress);
        elbo_say("seed %" PRIu64 ": iteration %" PRIu64 ": warning: %s",
                 run->report->seed, row->iteration, row->warning);
    }
}

/* Iterate to the end, a signal or a failure. */
static elbo_status iterate(seed_run *run)
{
    elbo_engine *const engine = run->report->engine;
    const elbo_optimality optimality = elbo_engine_optimality(engine);
    const uint64_t budget = elbo_engine_budget(engine);
    bool running = elbo_engine_verdict(engine) == ELBO_RUNNING;

    while (running && !elbo_signal_pending()) {
        elbo_row row = {0};

        ELBO_TRY(elbo_engine_iterate(engine, &row));
        ELBO_TRY(
            elbo_metrics_append(&run->metrics, &run->record, &row, optimality));
        say_warning(run, &row);
        elbo_progress_show(&run->session->progress, run->report->seed, &row,
                           row.iteration - run->began_at, budget);
        running = elbo_engine_verdict(engine) == ELBO_RUNNING;
        if (!running || save_is_due(run)) ELBO_TRY(save(run));
    }
    if (!running) return ELBO_OK;
    if (run->saved_at < run->record.rows) ELBO_TRY(save(run));
    return ELBO_FAIL(ELBO_ESTOPPED, "%s after iteration %" PRIu64,
                     elbo_signal_name(elbo_signal_pending()), run->record.rows);
}

static void describe(const seed_run *run, elbo_status status, char why[WHY])
{
    const elbo_engine *const engine = run->report->engine;
    const double tolerance =
        elbo_real(run->session->experiment->setup.inference, "tolerance");

    run->report->verdict = "stopped";
    if (status != ELBO_OK) {
        snprintf(why, WHY, "%s", elbo_last_error()->text);
    } else if (elbo_engine_verdict(engine) == ELBO_CONVERGED) {
        run->report->verdict = "converged";
        snprintf(why, WHY, "F changed by no more than %g (1 + |F|)", tolerance);
    } else {
        run->report->verdict = "budget";
        snprintf(why, WHY, "all %" PRIu64 " iterations are done",
                 elbo_engine_budget(engine));
    }
}

/* Write the summary, also of a run that was stopped; keep `status`'s reason. */
static elbo_status conclude(seed_run *run, elbo_status status)
{
    const elbo_error error = *elbo_last_error();
    const elbo_record *const record = &run->record;
    elbo_seed_report *const report = run->report;
    const char *const path = elbo_path(run->arena, "%s/summary.json", run->dir);
    char why[WHY];
    elbo_status written;

    describe(run, status, why);
    report->iterations = record->rows;
    report->elbo = record->last[elbo_record_column(record, "elbo")];
    report->return_model =
        record->last[elbo_record_column(record, "return_model")];
    report->return_real =
        record->last[elbo_record_column(record, "return_real")];
    ELBO_TRY(elbo_arena_check(run->arena, "the summary"));

    const elbo_summary summary = {
        .seed = report->seed,
        .verdict = report->verdict,
        .why = why,
        .objective = elbo_setup_kind(&run->session->experiment->setup),
        .record = record};

    written = elbo_summary_write(&summary, path);
    if (status == ELBO_OK) return written;
    elbo_error_restore(&error);
    return status;
}

static elbo_status run_one(seed_run *run)
{
    const char *const dir = run->session->dir;

    run->dir = elbo_rundir_seed(dir, run->report->seed, run->arena);
    ELBO_TRY(elbo_arena_check(run->arena, "a seed"));
    run->checkpoints = elbo_path(run->arena, "%s/checkpoint", run->dir);
    ELBO_TRY(elbo_arena_check(run->arena, "a seed"));
    ELBO_TRY(open_engine(run));
    if (run->session->resume) {
        ELBO_TRY(elbo_folder_make(run->dir)); /* a seed that was lost starts over */
        ELBO_TRY(elbo_folder_make(run->checkpoints));
        ELBO_TRY(restore(run));
    }
    run->saved_at = run->began_at = run->record.rows;
    clock_gettime(CLOCK_MONOTONIC, &run->saved);
    ELBO_TRY(
        elbo_metrics_open(run->dir, &run->record, run->arena, &run->metrics));
    run->report->nothing_left =
        elbo_engine_verdict(run->report->engine) != ELBO_RUNNING;

    const elbo_status s = conclude(run, iterate(run));

    elbo_metrics_close(&run->metrics);
    return s;
}

static void run_seed(elbo_session *session, elbo_seed_report *report)
{
    seed_run run = {.session = session,
                    .report = report,
                    .arena = elbo_arena_alloc(1 << 12)};

    report->verdict = "stopped";
    if (run.arena)
        report->status = run_one(&run);
    else
        report->status = ELBO_FAIL(ELBO_ENOMEM, "a seed");
    if (report->status != ELBO_OK) report->error = *elbo_last_error();
    elbo_engine_free(report->engine);
    report->engine = NULL;
    elbo_arena_free(run.arena);
}

void elbo_session_run(elbo_session *session, elbo_seed_report reports[])
{
    const size_t n = session->experiment->n_seeds;

    /* One seed keeps the threads to itself; several share them out. */
#pragma omp parallel for schedule(dynamic, 1) if (n > 1)
    for (size_t i = 0; i < n; i++) run_seed(session, &reports[i]);
}

static void print_result(const elbo_session *session, const elbo_seed_report *r)
{
    printf("seed %" PRIu64 "  %s after %" PRIu64
           "  elbo %.10g  return_model %.10g  return_real %.10g  "
           "%s/seed-%" PRIu64 "%s\n",
           r->seed, r->verdict, r->iterations, r->elbo, r->return_model,
           r->return_real, session->dir, r->seed,
           r->nothing_left ? "  (was finished)" : "");
}

int elbo_session_report(const elbo_session *session,
                        const elbo_seed_report reports[])
{
    const int signal = elbo_signal_pending();
    bool stopped = false;
    int code = ELBO_EXIT_OK;

    for (size_t i = 0; i < session->experiment->n_seeds; i++) {
        const elbo_seed_report *const r = &reports[i];

        if (r->status == ELBO_OK || r->iterations > 0) print_result(session, r);
        if (r->status == ELBO_OK) continue;
        elbo_say("seed %" PRIu64 ": %s", r->seed, r->error.text);
        stopped |= r->status == ELBO_ESTOPPED;
        if (r->status != ELBO_ESTOPPED && code == ELBO_EXIT_OK)
            code = elbo_exit_code(r->status);
    }
    if (!stopped) return code;
    elbo_say("to continue: elbo resume %s", session->dir);
    return ELBO_EXIT_SIGNAL + signal;
}

int elbo_session_main(elbo_session *session, elbo_engine *first, bool quiet)
{
    const elbo_experiment *const e = session->experiment;
    elbo_arena *const arena = elbo_arena_alloc(1 << 12);
    elbo_seed_report *reports =
        arena ? elbo_arena_take(arena, e->n_seeds, sizeof *reports) : NULL;
    int code;

    if (!reports) {
        elbo_engine_free(first);
        elbo_arena_free(arena);
        return elbo_say_failure(ELBO_ENOMEM);
    }
    for (size_t i = 0; i < e->n_seeds; i++) reports[i].seed = e->seeds[i];
    reports[0].engine = first;
    elbo_progress_start(&session->progress, quiet);
    elbo_session_run(session, reports);
    elbo_progress_end(&session->progress);
    code = elbo_session_report(session, reports);
    elbo_arena_free(arena);
    return code;
}
