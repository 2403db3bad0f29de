/* inference/core/status.h -- how a call fails: a status out, the reason kept.
 *
 * Every function that can fail on data returns an elbo_status. The text and the
 * place of the last failure are kept per thread (elbo_last_error) until the next
 * failure in that thread. The library never prints, exits or aborts on data.
 */
#ifndef ELBO_STATUS_H
#define ELBO_STATUS_H

#define ELBO_STATUS_LIST(X)                                                    \
    X(OK, "ok")                                                                \
    X(ENOMEM, "out of memory")                                                 \
    X(ESIZE, "a size is too large")                                            \
    X(EINVAL, "invalid value")                                                 \
    X(ESINGULAR, "singular matrix")                                            \
    X(ENOTPD, "not positive definite")                                         \
    X(ENOTFINITE, "not a finite number")                                       \
    X(ENOCONV, "no convergence")                                               \
    X(ECHECK, "a check failed")                                                \
    X(EUSAGE, "wrong usage")                                                   \
    X(EDATA, "bad data")                                                       \
    X(ENOINPUT, "no such input")                                               \
    X(EINTERNAL, "internal error")                                             \
    X(EIO, "input or output failed")                                           \
    X(ECONFIG, "wrong experiment")                                             \
    X(ESTOPPED, "stopped by a signal")

typedef enum elbo_status {
#define ELBO_STATUS_ENUM(name, text) ELBO_##name,
    ELBO_STATUS_LIST(ELBO_STATUS_ENUM)
#undef ELBO_STATUS_ENUM
        ELBO_STATUS_COUNT
} elbo_status;

enum { ELBO_ERROR_TEXT = 1024 };

/* The last failure of this thread. `file` and `line` are those of the source. */
typedef struct elbo_error {
    elbo_status status;
    const char *file;
    int line;
    char text[ELBO_ERROR_TEXT]; /* cut at the end when longer */
} elbo_error;

/* Never NULL; status is ELBO_OK when nothing has failed in this thread. */
const elbo_error *elbo_last_error(void);

/* "out of memory" for ELBO_ENOMEM; "unknown status" outside the list. */
const char *elbo_status_text(elbo_status status);

/* Record a failure and return `status`, so that `return ELBO_FAIL(...)` reads. */
elbo_status elbo_fail_at(elbo_status status, const char *file, int line,
                         const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Put "prefix: " before the text of the last failure; returns its status. */
elbo_status elbo_fail_prefix(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Make a copy of another thread's failure this thread's last. */
void elbo_error_restore(const elbo_error *error);

#define ELBO_FAIL(status, ...)                                                 \
    elbo_fail_at((status), __FILE__, __LINE__, __VA_ARGS__)

#define ELBO_TRY(call)                                                         \
    do {                                                                       \
        const elbo_status s_ = (call);                                         \
        if (s_ != ELBO_OK) return s_;                                          \
    } while (0)

#endif
