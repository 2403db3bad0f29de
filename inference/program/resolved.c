/* The experiment written out: every value and where it came from, as a file
 * that is itself an experiment. */
#include "inference/program/form.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORIGIN_COLUMN = 44 };

typedef struct sheet {
    FILE *file; /* in memory */
    const elbo_form *form;
    const char *path;
    bool origins;
    elbo_arena *arena;
} sheet;

/* May the text stand without quotes? */
static bool is_bare(const char *text)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789._+-/";

    return *text && strspn(text, safe) == strlen(text)
           && !(text[0] == '-' && (!text[1] || text[1] == '-'));
}

/* The text as YAML; returns the columns it takes. */
static int put_text(FILE *file, const char *text)
{
    int used = 2;

    if (is_bare(text)) return fprintf(file, "%s", text);
    fputc('"', file);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f)
            used += fprintf(file, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            used += fprintf(file, "\\%c", c);
        else
            used += fputc(c, file) == c;
    }
    fputc('"', file);
    return used;
}

/* One line. A NULL text makes no value: "env:". */
static void put(const sheet *s, const char *key, const char *text,
                const char *origin)
{
    int used = fprintf(s->file, "%s:%s", key, text ? " " : "");

    if (text) used += put_text(s->file, text);
    if (s->origins && origin)
        fprintf(s->file, "%*s  # %s",
                used < ORIGIN_COLUMN ? ORIGIN_COLUMN - used : 0, "", origin);
    fputc('\n', s->file);
}

static const char *origin_of(const sheet *s, bool given, elbo_place place)
{
    return given ? elbo_place_text(place, s->path, s->arena) : "default";
}

static void put_table(const sheet *s, elbo_table table, const char *indent)
{
    const elbo_values *const v = &s->form->values[table];

    for (size_t i = 0; i < v->n; i++) {
        const bool given = v->value[i].given;
        const char *const text = v->value[i].text;
        const bool mute = s->form->mute[table][i];
        char key[128];

        snprintf(key, sizeof key, "%s%s%s", indent, mute ? "# " : "",
                 v->options[i].name);
        put(s, key, text ? text : v->options[i].fallback,
            mute ? "not used here"
                 : origin_of(s, given, s->form->fields[table][i].place));
    }
}

static void put_seeds(const sheet *s)
{
    const elbo_form *const form = s->form;
    int used = fprintf(s->file, "seed: [");

    for (size_t i = 0; i < form->n_seeds; i++)
        used += fprintf(s->file, "%s%" PRIu64, i ? ", " : "", form->seeds[i]);
    used += fprintf(s->file, "]");
    if (s->origins)
        fprintf(s->file, "%*s  # %s",
                used < ORIGIN_COLUMN ? ORIGIN_COLUMN - used : 0, "",
                origin_of(s, form->seed_field.seen, form->seed_field.place));
    fputc('\n', s->file);
}

static void put_shelf(const sheet *s, size_t kind)
{
    static const elbo_table own[] = {ELBO_ENV_OWN, ELBO_MODEL_OWN,
                                     ELBO_CONTROL_OWN};
    static const elbo_table common[] = {ELBO_ENV_COMMON, ELBO_TABLES,
                                        ELBO_CONTROL_COMMON};

    put(s, elbo_shelf_of(kind).room, NULL, NULL);
    put(s, "  name", s->form->component[kind],
        origin_of(s, true, s->form->named[kind].place));
    put_table(s, own[kind], "  ");
    if (common[kind] != ELBO_TABLES) put_table(s, common[kind], "  ");
}

static void put_all(const sheet *s)
{
    put(s, "name", s->form->name,
        origin_of(s, true, s->form->name_field.place));
    put_seeds(s);
    for (size_t i = 0; i < ELBO_SHELVES; i++) put_shelf(s, i);
    put(s, "inference", NULL, NULL);
    put_table(s, ELBO_INFERENCE, "  ");
    put(s, "  data", NULL, NULL);
    put_table(s, ELBO_DATA, "    ");
    put(s, "  evaluation", NULL, NULL);
    put_table(s, ELBO_EVALUATION, "    ");
}

elbo_status elbo_form_write(const elbo_form *form, const char *path,
                            bool origins, elbo_arena *arena, const char **out)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *const file = open_memstream(&text, &bytes);
    const sheet s = {file, form, path, origins, arena};

    if (!file) return ELBO_FAIL(ELBO_ENOMEM, "the resolved experiment");
    put_all(&s);

    const bool failed = ferror(file) != 0;

    if (fclose(file) != 0 || failed) {
        free(text);
        return ELBO_FAIL(ELBO_ENOMEM, "the resolved experiment");
    }
    *out = elbo_arena_text(arena, text);
    free(text);
    return elbo_arena_check(arena, "the resolved experiment");
}
