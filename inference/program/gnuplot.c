#include "inference/program/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inference/core/checkpoint.h"
#include "inference/program/folder.h"
#include "inference/program/source.h"

extern char **environ;

enum { SCRIPT_LIMIT = 1 << 16, PATH_ROOM = 4096 };

/* The folder of the program's own file, or "". */
static const char *program_folder(elbo_arena *arena)
{
    char path[PATH_ROOM];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

    if (n < 0) return "";
    path[n] = '\0';
    return elbo_path_parent(arena, path);
}

/* Read plots/NAME from the first folder that has it. */
static elbo_status read_script(const char *name, elbo_arena *arena,
                               elbo_source *out)
{
    static const char *const places[] = {"../../plots", "../plots",
                                         "../share/elbo/plots"};
    const char *const own = getenv("ELBO_PLOTS");
    const char *const folder = program_folder(arena);

    if (own && *own) {
        const char *const path = elbo_path(arena, "%s/%s", own, name);

        ELBO_TRY(elbo_arena_check(arena, "a script"));
        return elbo_source_read(path, SCRIPT_LIMIT, arena, out);
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *const path =
            elbo_path(arena, "%s/%s/%s", folder ? folder : "", places[i], name);

        ELBO_TRY(elbo_arena_check(arena, "a script"));
        if (elbo_source_read(path, SCRIPT_LIMIT, arena, out) == ELBO_OK)
            return ELBO_OK;
    }
    return ELBO_FAIL(ELBO_ENOINPUT,
                     "%s: not found beside %s; ELBO_PLOTS may name its folder",
                     name, folder ? folder : "the program");
}

/* In single quotes gnuplot reads nothing but the quote, which is doubled. */
static void put_quoted(FILE *file, const char *text, elbo_arena *arena)
{
    const char *c = elbo_escaped(text, strlen(text), arena);

    fputc('\'', file);
    for (; *c; c++) fputs(*c == '\'' ? "''" : (char[]){*c, '\0'}, file);
    fputc('\'', file);
}

static bool has_column(const elbo_run_series *run, const char *name)
{
    size_t c;

    return elbo_series_column(&run->seed[0], run->path[0], name, &c) == ELBO_OK;
}

static void put_names(const elbo_figure *f, FILE *file, elbo_arena *arena)
{
    fprintf(
        file,
        "# Made by elbo plot %s; `gnuplot -d %s.gp` in this folder draws it "
        "again.\nkind = '%s'\nruns = %zu\narray label[%zu]\narray "
        "seeds[%zu]\n",
        f->kind, f->kind, f->kind, f->n, f->n, f->n);
    for (size_t i = 0; i < f->n; i++) {
        fprintf(file, "label[%zu] = ", i + 1);
        put_quoted(file, f->run[i].label, arena);
        fprintf(file, "\nseeds[%zu] = %zu\n", i + 1, f->run[i].n_seeds);
    }
    for (size_t k = 0; f->optional[k]; k++) {
        bool any = false;

        for (size_t i = 0; i < f->n; i++)
            any |= has_column(&f->run[i], f->optional[k]);
        fprintf(file, "has_%s = %d\n", f->optional[k], any);
    }
    fputc('\n', file);
}

/* Every seed has the columns that every run has. */
static elbo_status check_columns(const elbo_figure *f,
                                 const elbo_run_series *run)
{
    size_t column;

    for (size_t k = 0; k < run->n_seeds; k++) {
        ELBO_TRY(elbo_series_column(&run->seed[k], run->path[k], "iteration",
                                    &column));
        for (size_t i = 0; f->columns[i]; i++)
            ELBO_TRY(elbo_series_column(&run->seed[k], run->path[k],
                                        f->columns[i], &column));
    }
    return ELBO_OK;
}

/* Zeros for a column that the run lacks. */
static elbo_band band_of(const elbo_run_series *run, const char *name, size_t t)
{
    elbo_band band = {0};
    size_t column;

    if (elbo_series_column(&run->seed[0], run->path[0], name, &column)
        == ELBO_OK)
        band = elbo_run_series_band(run, column, t);
    return band;
}

static void put_columns(const elbo_run_series *run, const char *const names[],
                        size_t t, FILE *file)
{
    for (size_t i = 0; names[i]; i++) {
        const elbo_band b = band_of(run, names[i], t);

        fprintf(file, " %.10g %.10g %.10g", b.mean, b.low, b.high);
    }
}

static elbo_status put_run(const elbo_figure *f, const elbo_run_series *run,
                           FILE *file)
{
    ELBO_TRY(check_columns(f, run));
    for (size_t t = 0; t < run->n_rows; t++) {
        fprintf(file, "%.17g", band_of(run, "iteration", t).high);
        put_columns(run, f->columns, t, file);
        put_columns(run, f->optional, t, file);
        fputc('\n', file);
    }
    fputs("\n\n", file);
    return ELBO_OK;
}

static elbo_status put_script(const elbo_figure *f, FILE *file,
                              elbo_arena *arena)
{
    const char *const name = elbo_path(arena, "%s.gp", f->kind);
    elbo_source style, own;

    ELBO_TRY(elbo_arena_check(arena, "a script"));
    ELBO_TRY(read_script("style.gp", arena, &style));
    ELBO_TRY(read_script(name, arena, &own));
    put_names(f, file, arena);
    fputs(style.text, file);
    fputs(own.text, file);
    return elbo_arena_check(arena, "a script");
}

static elbo_status put_data(const elbo_figure *f, FILE *file, elbo_arena *arena)
{
    fputs("# iteration, then mean, least and largest over the seeds of", file);
    for (size_t i = 0; f->columns[i]; i++) fprintf(file, " %s", f->columns[i]);
    for (size_t i = 0; f->optional[i]; i++)
        fprintf(file, " %s", f->optional[i]);
    fputc('\n', file);
    for (size_t i = 0; i < f->n; i++) ELBO_TRY(put_run(f, &f->run[i], file));
    (void)arena;
    return ELBO_OK;
}

static elbo_status put_tracks(const elbo_figure *f, FILE *file,
                              elbo_arena *arena)
{
    (void)arena;
    for (size_t i = 0; i < f->n; i++) elbo_track_put(&f->tracks[i], file);
    return ELBO_OK;
}

/* One file of the figure, written whole. */
static elbo_status write_one(const elbo_figure *f, const char *end,
                             elbo_status (*put)(const elbo_figure *, FILE *,
                                                elbo_arena *),
                             elbo_arena *arena)
{
    const char *const path = elbo_path(arena, "%s/%s.%s", f->dir, f->kind, end);
    char *text = NULL;
    size_t bytes = 0;
    FILE *const file = open_memstream(&text, &bytes);
    elbo_status s = elbo_arena_check(arena, "a figure");

    if (!file) return ELBO_FAIL(ELBO_ENOMEM, "a figure");
    if (s == ELBO_OK) s = put(f, file, arena);

    const bool failed = ferror(file) != 0;

    if (fclose(file) != 0 || failed) s = ELBO_FAIL(ELBO_ENOMEM, "a figure");
    if (s == ELBO_OK) s = elbo_file_replace(path, text, bytes);
    free(text);
    return s;
}

elbo_status elbo_figure_write(const elbo_figure *figure, elbo_arena *arena)
{
    ELBO_TRY(elbo_folder_make(figure->dir));
    ELBO_TRY(write_one(figure, "dat", put_data, arena));
    if (figure->tracks)
        ELBO_TRY(write_one(figure, "track", put_tracks, arena));
    return write_one(figure, "gp", put_script, arena);
}

/* Start gnuplot in the working folder; its words go to `log`. */
static int spawn(const char *script, const char *log, pid_t *pid)
{
    const char *const words[] = {"gnuplot", "-d", script, NULL};
    posix_spawn_file_actions_t files;
    int bad = posix_spawn_file_actions_init(&files);

    if (bad) return bad;
    bad = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (!bad)
        bad = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY,
                                               0);
    if (!bad)
        bad = posix_spawn_file_actions_addopen(
            &files, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    /* posix_spawn does not write to the words. */
    if (!bad)
        bad = posix_spawnp(pid, "gnuplot", &files, NULL, (char *const *)words,
                           environ);
    posix_spawn_file_actions_destroy(&files);
    return bad;
}

static elbo_status fail_drawing(const char *log, elbo_arena *arena)
{
    elbo_source text = {.text = ""};
    const char *line;

    if (elbo_source_read(log, SCRIPT_LIMIT, arena, &text) != ELBO_OK)
        text.text = "no reason given";
    line = text.text + strspn(text.text, " \n");
    return ELBO_FAIL(ELBO_EINTERNAL, "gnuplot: %.*s", 400, line);
}

/* In the figure's folder already. */
static elbo_status draw_here(const elbo_figure *f, elbo_arena *arena)
{
    const char *const script = elbo_path(arena, "%s.gp", f->kind);
    const char *const log = elbo_path(arena, "%s.log", f->kind);
    pid_t pid;
    int status, bad;

    ELBO_TRY(elbo_arena_check(arena, "a figure"));
    bad = spawn(script, log, &pid);
    if (bad == ENOENT) {
        unlink(log);
        return ELBO_FAIL(ELBO_ENOINPUT,
                         "gnuplot is not installed (Debian: apt install "
                         "gnuplot-nox); data and script are in %s",
                         f->dir);
    }
    if (bad) return ELBO_FAIL(ELBO_EINTERNAL, "gnuplot: %s", strerror(bad));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return ELBO_FAIL(ELBO_EINTERNAL, "gnuplot: %s", strerror(errno));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail_drawing(log, arena);
    unlink(log);
    return ELBO_OK;
}

elbo_status elbo_figure_draw(const elbo_figure *figure, elbo_arena *arena)
{
    const int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    elbo_status s;

    if (home < 0 || chdir(figure->dir) != 0) {
        s = ELBO_FAIL(ELBO_EIO, "%s: %s", figure->dir, strerror(errno));
    } else {
        s = draw_here(figure, arena);
        if (fchdir(home) != 0)
            s = ELBO_FAIL(ELBO_EIO, "the working folder: %s", strerror(errno));
    }
    if (home >= 0) close(home);
    return s;
}
