/* One value of the experiment file: its type, its range, its file. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "inference/program/form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct setting {
    const elbo_form *form;
    const elbo_option *option;
    const elbo_yaml_node *node;
    elbo_findings *findings;
} setting;

static bool is_number(const elbo_option *option)
{
    return option->type == ELBO_INT || option->type == ELBO_REAL
           || option->type == ELBO_BOOL;
}

elbo_place elbo_form_fault(const elbo_findings *f, const elbo_yaml_node *node,
                           size_t column)
{
    elbo_place place = node->place;
    elbo_source source = f->source;
    size_t at;

    if (place.argument) {
        source.text = f->arguments[place.argument - 1];
        source.bytes = strlen(source.text);
    }
    at = elbo_source_offset(&source, place) + node->quoted;
    if (column > strlen(node->text) || at + column > source.bytes
        || memcmp(source.text + at, node->text, column) != 0)
        return place;
    for (size_t i = at; i < at + column;) {
        const size_t n = elbo_utf8_bytes(source.text + i, source.bytes - i);

        if (source.text[i] == '\n' || n == 0) return node->place;
        place.column++;
        i += n;
    }
    place.column += column ? node->quoted : 0;
    return place;
}

static bool is_inside(const char *folder, const char *path)
{
    const size_t n = strlen(folder);

    return strncmp(folder, path, n) == 0 && (n == 1 || path[n] == '/');
}

static void check_target(const setting *s, const char *folder,
                         const char *whole)
{
    const char *const text = s->node->text, *const key = s->option->name;
    char *const home = realpath(folder, NULL);
    char *const found = home ? realpath(whole, NULL) : NULL;
    const int reason = errno;
    struct stat info;

    if (found && !is_inside(home, found)) {
        elbo_findings_add(s->findings, s->node->place,
                          "%s leaves the experiment's folder through a link: "
                          "\"%s\"",
                          key, text);
    } else if (!found || stat(found, &info) != 0 || !S_ISREG(info.st_mode)) {
        elbo_findings_add(s->findings, s->node->place, "%s: \"%s\": %s", key,
                          text,
                          found ? "not a regular file" : strerror(reason));
        s->findings->missing++;
    }
    free(found);
    free(home);
}

/* A path, relative by its type, leads to a regular file inside the experiment's
 * folder. */
static void check_path(const setting *s)
{
    const char *const text = s->node->text, *const folder = s->form->folder;
    const size_t room = strlen(folder) + strlen(text) + 2;
    char *const whole = elbo_arena_take(s->findings->arena, room, 1);

    if (!whole) return;
    snprintf(whole, room, "%s/%s", folder, text);
    check_target(s, folder, whole);
}

static void refuse_type(const setting *s, const char *what)
{
    elbo_findings_add(s->findings, s->node->place, "%s must be %s",
                      s->option->name, what);
}

/* Anything but a scalar that may be a value? */
static bool refused(const setting *s)
{
    const elbo_yaml_node *const node = s->node;

    if (node->kind == ELBO_REFUSED) return true;
    if (node->kind != ELBO_SCALAR)
        refuse_type(s, node->kind == ELBO_MAP ? "one value, not a map"
                                              : "one value, not a list");
    else if (!node->quoted && !*node->text)
        elbo_findings_add(s->findings, node->key_place, "%s has no value",
                          s->option->name);
    else if (node->quoted && is_number(s->option))
        elbo_findings_add(s->findings, node->place,
                          "%s must be a bare value, not the text \"%s\"",
                          s->option->name, node->text);
    else
        return false;
    return true;
}

void elbo_form_set(elbo_form *form, elbo_table table, size_t option,
                   const elbo_yaml_node *node, elbo_findings *findings)
{
    elbo_values *const values = &form->values[table];
    const setting s = {form, &values->options[option], node, findings};
    const char *nearest = NULL;
    size_t column = 0;

    form->fields[table][option] = (elbo_field){true, node->place, node};
    if (refused(&s)) return;
    if (s.option->type == ELBO_PATH && !*node->text && s.option->fallback
        && !*s.option->fallback)
        return; /* "" spells the default: no file */
    if (elbo_values_set(values, option, node->text, &column, &nearest)
        == ELBO_OK) {
        if (s.option->type == ELBO_PATH) check_path(&s);
        return;
    }

    const char *const why = elbo_last_error()->text;

    if (nearest)
        elbo_findings_add(findings, elbo_form_fault(findings, node, column),
                          "%s; did you mean \"%s\"?", why, nearest);
    else
        elbo_findings_add(findings, elbo_form_fault(findings, node, column), "%s", why);
}
