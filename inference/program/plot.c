/* elbo plot KIND DIR...: curves of one or several runs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/options.h"
#include "inference/program/command.h"
#include "inference/program/diagnostics.h"
#include "inference/program/folder.h"
#include "inference/program/gnuplot.h"
#include "inference/program/manifest.h"
#include "inference/program/source.h"

static const char *const none[] = {NULL};
static const char *const elbo_columns[] = {"elbo", NULL};
static const char *const return_columns[] = {"return_model", "return_real",
                                             NULL};
static const char *const term_columns[] = {"elbo",
                                           "reward_term",
                                           "policy_kl",
                                           "transition_kl",
                                           "likelihood_term",
                                           "prior_term",
                                           NULL};
static const char *const term_optional[] = {"stop_kl", NULL};

static const char *const mismatch_columns[] = {"elbo", "return_model",
                                               "return_real", NULL};

static const struct kind {
    const char *name;
    const char *const *columns, *const *optional;
    bool tracks; /* the runs' ways through the world as well */
} kinds[] = {
    {"elbo",     elbo_columns,     none,          false},
    {"terms",    term_columns,     term_optional, false},
    {"return",   return_columns,   none,          false},
    {"mismatch", mismatch_columns, none,          true },
};

enum { KINDS = sizeof kinds / sizeof *kinds, TEXT_LIMIT = 1 << 20, COLUMNS = 79 };

static const struct kind *find_kind(const char *name)
{
    const char *names[KINDS];

    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
        names[i] = kinds[i].name;
    }

    const char *const nearest = elbo_name_nearest(name, names, KINDS);

    if (nearest)
        elbo_say("plot: unknown kind \"%s\"; did you mean \"%s\"?", name,
                 nearest);
    else
        elbo_say("plot: unknown kind \"%s\"; it is one of elbo, terms, return, "
                 "mismatch",
                 name);
    return NULL;
}

/* What a run is called in the figure: its folder's name; "." and ".." say
 * nothing, so then the experiment's. */
static const char *label_of(const char *dir, elbo_arena *arena)
{
    const char *const base = elbo_path_base(arena, dir);
    const char *const path = elbo_path(arena, "%s/manifest.json", dir);
    elbo_manifest manifest;

    if (!base || !path || (strcmp(base, ".") && strcmp(base, "..")))
        return base;
    return elbo_manifest_read(path, arena, &manifest) == ELBO_OK ? manifest.name
                                                                 : dir;
}

/* Two runs of the same name go by their paths. */
static void tell_apart(elbo_run_series run[], char *const dir[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(run[i].label, run[k].label) == 0) {
                run[i].label = dir[i];
                run[k].label = dir[k];
            }
}

static elbo_status read_tracks(char *const dir[], size_t n, elbo_arena *arena,
                               const elbo_track **out)
{
    elbo_track *const track = elbo_arena_take(arena, n, sizeof *track);

    ELBO_TRY(elbo_arena_check(arena, "the runs"));
    for (size_t i = 0; i < n; i++)
        ELBO_TRY(elbo_track_read(dir[i], arena, &track[i]));
    *out = track;
    return ELBO_OK;
}

static elbo_status plot(const struct kind *kind, char *const dir[], size_t n,
                        elbo_arena *arena, elbo_figure *figure)
{
    elbo_run_series *run = elbo_arena_take(arena, n, sizeof *run);

    ELBO_TRY(elbo_arena_check(arena, "the runs"));
    for (size_t i = 0; i < n; i++) {
        ELBO_TRY(elbo_run_series_read(dir[i], arena, &run[i]));
        run[i].label = label_of(dir[i], arena);
        ELBO_TRY(elbo_arena_check(arena, "the runs"));
    }
    tell_apart(run, dir, n);
    *figure = (elbo_figure){.kind = kind->name,
                            .columns = kind->columns,
                            .optional = kind->optional,
                            .run = run,
                            .n = n,
                            .dir = elbo_path(arena, "%s/plots", dir[0])};
    ELBO_TRY(elbo_arena_check(arena, "the figure"));
    if (kind->tracks) ELBO_TRY(read_tracks(dir, n, arena, &figure->tracks));
    ELBO_TRY(elbo_figure_write(figure, arena));
    return elbo_figure_draw(figure, arena);
}

/* The mean over the seeds in the last row; the column is there. */
static double last_of(const elbo_run_series *run, const char *name)
{
    size_t column;

    if (elbo_series_column(&run->seed[0], run->path[0], name, &column)
        != ELBO_OK)
        return NAN;
    return elbo_run_series_band(run, column, run->n_rows - 1).mean;
}

/* The ways in characters, each under what its run promises and earns. */
static elbo_status show_tracks(const elbo_figure *f, elbo_arena *arena)
{
    elbo_track_title *const title = elbo_arena_take(arena, f->n, sizeof *title);

    ELBO_TRY(elbo_arena_check(arena, "the titles"));
    for (size_t i = 0; i < f->n; i++) {
        const elbo_run_series *const run = &f->run[i];

        title[i].line[0] = elbo_escaped(run->label, strlen(run->label), arena);
        title[i].line[1] = elbo_path(arena, "promises %.4g, earns %.4g",
                                     last_of(run, "return_model"),
                                     last_of(run, "return_real"));
    }
    ELBO_TRY(elbo_arena_check(arena, "the titles"));
    return elbo_tracks_print(f->tracks, title, f->n, COLUMNS, stdout, arena);
}

/* The curve in characters, then where the files are. */
static elbo_status show(const elbo_figure *figure, elbo_arena *arena)
{
    const char *const path =
        elbo_path(arena, "%s/%s.txt", figure->dir, figure->kind);
    elbo_source text;

    ELBO_TRY(elbo_arena_check(arena, "the figure"));
    ELBO_TRY(elbo_source_read(path, TEXT_LIMIT, arena, &text));
    if (figure->tracks) ELBO_TRY(show_tracks(figure, arena));
    fputs(text.text + strspn(text.text, "\f"), stdout);
    printf("%s/%s.svg\n%s/%s.png\n", figure->dir, figure->kind, figure->dir,
           figure->kind);
    return ELBO_OK;
}

int elbo_plot_main(const elbo_command *command)
{
    const struct kind *const kind = find_kind(command->word[0]);
    elbo_arena *const arena = kind ? elbo_arena_alloc(1 << 16) : NULL;
    elbo_figure figure;
    elbo_status s;

    if (!kind) return ELBO_EXIT_USAGE;
    if (!arena) return elbo_say_failure(ELBO_ENOMEM);
    s = plot(kind, command->word + 1, command->n_words - 1, arena, &figure);
    if (s == ELBO_OK && !command->quiet) s = show(&figure, arena);

    const int code = s == ELBO_OK ? ELBO_EXIT_OK : elbo_say_failure(s);

    elbo_arena_free(arena);
    return code;
}
