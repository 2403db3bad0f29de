#include "inference/core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local elbo_error last;

static const char *const texts[ELBO_STATUS_COUNT] = {
#define TEXT(name, text) [ELBO_##name] = (text),
    ELBO_STATUS_LIST(TEXT)
#undef TEXT
};

const elbo_error *elbo_last_error(void)
{
    return &last;
}

const char *elbo_status_text(elbo_status status)
{
    const size_t i = (size_t)status;

    return i < ELBO_STATUS_COUNT ? texts[i] : "unknown status";
}

/* Through a buffer of its own: an argument may be the last error's text. */
elbo_status elbo_fail_at(elbo_status status, const char *file, int line,
                         const char *format, ...)
{
    char text[ELBO_ERROR_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    last.status = status;
    last.file = file;
    last.line = line;
    memcpy(last.text, text, strlen(text) + 1);
    return status;
}

elbo_status elbo_fail_prefix(const char *format, ...)
{
    char text[ELBO_ERROR_TEXT];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text - 2, format, args);
    va_end(args);

    const size_t end = strlen(text), n = end + 2;

    memcpy(text + end, ": ", 3);

    const size_t room = sizeof text - 1 - n;
    const size_t old = strlen(last.text), kept = old < room ? old : room;

    memmove(last.text + n, last.text, kept);
    memcpy(last.text, text, n);
    last.text[n + kept] = '\0';
    return last.status;
}

void elbo_error_restore(const elbo_error *error)
{
    memmove(&last, error, sizeof last);
}
