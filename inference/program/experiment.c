#include "inference/program/experiment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "inference/program/form.h"

enum { CHUNK = 1 << 16 };

/* "dir" of "dir/file.yaml", "." of "file.yaml". */
static const char *folder_of(const char *path, elbo_arena *arena)
{
    const char *const slash = strrchr(path, '/');
    char *folder = elbo_arena_text(arena, slash ? path : ".");

    if (folder && slash) folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

/* Everything the file and the words say, judged. */
static elbo_status judge(elbo_findings *findings, size_t n_overrides,
                         elbo_arena *arena, elbo_form *form)
{
    const elbo_source *const source = &findings->source;
    elbo_yaml_node *root = NULL;
    elbo_place place;
    bool whole;
    const char *const fault = elbo_source_fault(source, &place);

    if (fault) {
        elbo_findings_add(findings, place, "%s", fault);
        return ELBO_OK;
    }
    ELBO_TRY(elbo_yaml_parse(findings, arena, &root, &whole));
    ELBO_TRY(elbo_overrides_apply(findings->arguments, n_overrides, &root,
                                  findings));
    ELBO_TRY(elbo_form_read(root, whole, findings, arena, form));
    return findings->n ? ELBO_OK : elbo_form_contradictions(form, findings);
}

static elbo_status read_form(const elbo_source *source, elbo_findings *findings,
                             size_t n_overrides, elbo_complaints *complaints,
                             elbo_experiment *e)
{
    elbo_arena *const arena = e->arena;
    elbo_form *form = elbo_arena_take(arena, 1, sizeof *form);

    e->path = elbo_arena_text(arena, source->path);
    e->folder = folder_of(source->path, arena);
    e->source = source->text;
    e->source_bytes = source->bytes;
    ELBO_TRY(elbo_arena_check(arena, "the experiment"));
    form->folder = e->folder;
    ELBO_TRY(judge(findings, n_overrides, arena, form));
    ELBO_TRY(elbo_findings_report(findings, complaints));
    ELBO_TRY(elbo_form_mute(form, arena));
    ELBO_TRY(elbo_form_write(form, e->path, true, arena, &e->resolved));
    ELBO_TRY(elbo_form_write(form, e->path, false, arena, &e->settings));
    e->name = form->name;
    e->seeds = form->seeds;
    e->n_seeds = form->n_seeds;
    e->setup = form->setup;
    e->form = form;
    e->overrides = findings->arguments;
    return ELBO_OK;
}

static elbo_status make(const elbo_source *source, elbo_findings *findings,
                        size_t n_overrides, elbo_complaints *complaints,
                        elbo_experiment **out)
{
    elbo_arena *const arena = elbo_arena_alloc(CHUNK);
    elbo_experiment *e = arena ? elbo_arena_take(arena, 1, sizeof *e) : NULL;
    elbo_source copy = *source;

    *out = NULL;
    complaints->n = 0;
    if (!e) {
        elbo_arena_free(arena);
        return ELBO_FAIL(ELBO_ENOMEM, "the experiment");
    }
    e->arena = arena;

    char *const text = elbo_arena_take(arena, source->bytes + 1, 1);
    elbo_status s = elbo_arena_check(arena, "the experiment's text");

    if (s == ELBO_OK) {
        memcpy(text, source->text, source->bytes);
        text[source->bytes] = '\0';
        copy.text = text;
        s = read_form(&copy, findings, n_overrides, complaints, e);
    }
    if (s == ELBO_OK)
        *out = e;
    else
        elbo_arena_free(arena);
    return s;
}

elbo_status elbo_experiment_parse(const char *path, const char *text,
                                  size_t bytes, char *const overrides[],
                                  size_t n_overrides,
                                  elbo_complaints *complaints,
                                  elbo_experiment **out)
{
    const elbo_source source = {path, text, bytes};
    elbo_findings findings = {
        .source = source, .arguments = overrides, .arena = complaints->arena};

    *out = NULL;
    complaints->n = 0;
    if (bytes > ELBO_SOURCE_LIMIT) {
        elbo_findings_add(&findings, (elbo_place){.line = 1, .column = 1},
                          "the file has %zu bytes, the limit is %d", bytes,
                          ELBO_SOURCE_LIMIT);
        return elbo_findings_report(&findings, complaints);
    }
    return make(&source, &findings, n_overrides, complaints, out);
}

elbo_status elbo_experiment_read(const char *path, char *const overrides[],
                                 size_t n_overrides,
                                 elbo_complaints *complaints,
                                 elbo_experiment **out)
{
    elbo_arena *const arena = complaints->arena;
    elbo_findings findings = {
        .source = {.path = path}, .arguments = overrides, .arena = arena};
    elbo_source source;
    const elbo_status s =
        elbo_source_read(path, ELBO_SOURCE_LIMIT, arena, &source);

    *out = NULL;
    complaints->n = 0;
    if (s == ELBO_OK)
        return elbo_experiment_parse(path, source.text, source.bytes, overrides,
                                     n_overrides, complaints, out);
    if (s != ELBO_ENOINPUT && s != ELBO_ESIZE) return s;

    /* The path stands in the place: the text need not repeat it. */
    const char *text = elbo_last_error()->text;
    const size_t n = strlen(path);

    if (strncmp(text, path, n) == 0 && strncmp(text + n, ": ", 2) == 0)
        text += n + 2;
    elbo_findings_add(&findings, (elbo_place){.line = 0}, "%s", text);
    findings.missing = s == ELBO_ENOINPUT;
    return elbo_findings_report(&findings, complaints);
}

void elbo_experiment_free(elbo_experiment *experiment)
{
    if (experiment) elbo_arena_free(experiment->arena);
}
