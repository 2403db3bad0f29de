#include "inference/program/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inference/core/linalg.h"
#include "inference/program/source.h"

int elbo_exit_code(elbo_status status)
{
    switch (status) {
    case ELBO_OK:
        return ELBO_EXIT_OK;
    case ELBO_ECHECK:
    case ELBO_ESINGULAR:
    case ELBO_ENOTPD:
    case ELBO_ENOTFINITE:
    case ELBO_ENOCONV:
        return ELBO_EXIT_CHECK;
    case ELBO_EUSAGE:
        return ELBO_EXIT_USAGE;
    case ELBO_EDATA:
        return ELBO_EXIT_DATA;
    case ELBO_ENOINPUT:
        return ELBO_EXIT_NOINPUT;
    case ELBO_EIO:
        return ELBO_EXIT_IO;
    case ELBO_EINVAL:
    case ELBO_ECONFIG:
        return ELBO_EXIT_CONFIG;
    default:
        return ELBO_EXIT_INTERNAL;
    }
}

/* Text from outside may hold what moves a terminal's cursor. */
static void print_escaped(const char *text)
{
    elbo_arena *const arena = elbo_arena_alloc(1 << 13);

    fprintf(stderr, "elbo: %s\n",
            arena ? elbo_escaped(text, strlen(text), arena) : "out of memory");
    elbo_arena_free(arena);
}

void elbo_say(const char *format, ...)
{
    char text[8 * ELBO_ERROR_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_escaped(text);
}

int elbo_say_failure(elbo_status status)
{
    const elbo_error *const error = elbo_last_error();

    if (error->status == status && *error->text)
        print_escaped(error->text);
    else
        print_escaped(elbo_status_text(status));
    return elbo_exit_code(status);
}

static void print_complaint(const elbo_complaint *c)
{
    fprintf(stderr, "%s: error: %s\n", c->place, c->text);
    if (*c->caret) fprintf(stderr, "%s\n", c->caret);
}

static int conclude(elbo_status s, elbo_complaints *complaints)
{
    for (size_t i = 0; i < complaints->n; i++)
        print_complaint(&complaints->list[i]);
    if (s != ELBO_OK && complaints->n == 0) elbo_say_failure(s);
    elbo_complaints_free(complaints);
    return elbo_exit_code(s);
}

int elbo_experiment_load(const char *path, char *const overrides[],
                         size_t n_overrides, elbo_experiment **out)
{
    elbo_complaints complaints;
    elbo_status s = elbo_complaints_init(&complaints);

    *out = NULL;
    if (s == ELBO_OK)
        s = elbo_experiment_read(path, overrides, n_overrides, &complaints,
                                 out);
    return conclude(s, &complaints);
}

int elbo_experiment_begin(const elbo_experiment *experiment, elbo_engine **out)
{
    elbo_complaints complaints;
    elbo_status s = elbo_complaints_init(&complaints);

    *out = NULL;
    if (s == ELBO_OK) s = elbo_linalg_start();
    if (s == ELBO_OK) s = elbo_experiment_open(experiment, &complaints, out);
    return conclude(s, &complaints);
}
