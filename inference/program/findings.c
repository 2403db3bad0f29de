#include "inference/program/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct elbo_finding {
    elbo_place place;
    const char *text;
    size_t order; /* of discovery: equal places keep it */
    elbo_finding *before;
};

static bool is_same(const elbo_finding *f, elbo_place place, const char *text)
{
    return f->place.argument == place.argument && f->place.line == place.line
           && f->place.column == place.column && strcmp(f->text, text) == 0;
}

void elbo_findings_add(elbo_findings *findings, elbo_place place,
                       const char *format, ...)
{
    char text[2 * ELBO_ERROR_TEXT];
    elbo_finding *f = elbo_arena_take(findings->arena, 1, sizeof *f);
    const char *escaped;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    escaped = elbo_escaped(text, strlen(text), findings->arena);
    if (!f || !escaped) return; /* the report says so: the failure is sticky */
    for (const elbo_finding *g = findings->last; g; g = g->before)
        if (is_same(g, place, escaped)) return;
    *f = (elbo_finding){.place = place,
                        .order = findings->n++,
                        .text = escaped,
                        .before = findings->last};
    findings->last = f;
}

const char *elbo_place_text(elbo_place place, const char *path,
                            elbo_arena *arena)
{
    const char *const shown = elbo_escaped(path, strlen(path), arena);
    const size_t room = strlen(shown) + 64;
    char *const out = elbo_arena_take(arena, room, 1);

    if (!out) return "";
    if (place.argument)
        snprintf(out, room, "argument %zu", place.argument);
    else if (place.line)
        snprintf(out, room, "%s:%zu:%zu", shown, place.line, place.column);
    else
        snprintf(out, room, "%s", shown);
    return out;
}

static int compare_size(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
    const elbo_finding *a = *(elbo_finding *const *)left;
    const elbo_finding *b = *(elbo_finding *const *)right;
    int c = compare_size(a->place.argument, b->place.argument);

    if (c == 0) c = compare_size(a->place.line, b->place.line);
    if (c == 0) c = compare_size(a->place.column, b->place.column);
    return c ? c : compare_size(a->order, b->order);
}

static elbo_complaint complaint(const elbo_findings *findings,
                                const elbo_finding *f)
{
    elbo_source s = findings->source;
    elbo_complaint out = {.text = f->text, .caret = ""};

    out.place = elbo_place_text(f->place, s.path, findings->arena);
    if (f->place.argument) {
        s.text = findings->arguments[f->place.argument - 1];
        s.bytes = strlen(s.text);
    }
    if (f->place.line && s.text)
        out.caret = elbo_caret(
            s.text, s.bytes, elbo_source_offset(&s, f->place), findings->arena);
    return out;
}

elbo_status elbo_findings_report(const elbo_findings *findings,
                                 elbo_complaints *complaints)
{
    const size_t n = findings->n;
    elbo_arena *const arena = findings->arena;
    elbo_finding **sorted = elbo_arena_take(arena, n, sizeof *sorted);
    elbo_complaint *list = elbo_arena_take(arena, n, sizeof *list);

    ELBO_TRY(elbo_arena_check(arena, "the list of errors"));
    if (n == 0) return ELBO_OK;
    for (elbo_finding *f = findings->last; f; f = f->before)
        sorted[f->order] = f;
    qsort(sorted, n, sizeof *sorted, by_place);
    for (size_t i = 0; i < n; i++) list[i] = complaint(findings, sorted[i]);
    ELBO_TRY(elbo_arena_check(arena, "the list of errors"));
    complaints->list = list;
    complaints->n = complaints->capacity = n;

    const elbo_status s = findings->usage          ? ELBO_EUSAGE
                          : findings->missing == n ? ELBO_ENOINPUT
                                                   : ELBO_ECONFIG;

    return ELBO_FAIL(s, "%s: %s", list[0].place, list[0].text);
}

elbo_status elbo_complaints_init(elbo_complaints *complaints)
{
    *complaints = (elbo_complaints){.arena = elbo_arena_alloc(1 << 14)};
    return complaints->arena ? ELBO_OK
                             : ELBO_FAIL(ELBO_ENOMEM, "the list of errors");
}

void elbo_complaints_free(elbo_complaints *complaints)
{
    elbo_arena_free(complaints->arena);
    *complaints = (elbo_complaints){0};
}
