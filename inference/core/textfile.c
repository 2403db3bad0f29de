#include "inference/core/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t largest = (size_t)1 << 30;

static elbo_status cannot_read(const char *path, int reason)
{
    const elbo_status status =
        reason == ENOENT || reason == ENOTDIR ? ELBO_ENOINPUT : ELBO_EDATA;

    return ELBO_FAIL(status, "%s: %s", path, strerror(reason));
}

/* The file may shrink or grow while it is read: only `bytes` are wanted, and
 * all of them. */
static elbo_status read_all(int fd, const elbo_textfile *file)
{
    size_t done = 0;

    while (done < file->bytes) {
        const ssize_t n = read(fd, file->text + done, file->bytes - done);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot_read(file->path, errno);
        if (n == 0)
            return ELBO_FAIL(ELBO_EDATA, "%s: ended after %zu of %zu bytes",
                             file->path, done, file->bytes);
        done += (size_t)n;
    }
    file->text[done] = '\0';
    return ELBO_OK;
}

static elbo_status refuse_nul(const elbo_textfile *file)
{
    const char *const nul = memchr(file->text, '\0', file->bytes);
    const char *line = file->text;
    size_t number = 1;

    if (!nul) return ELBO_OK;
    for (const char *c = file->text; c < nul; c++)
        if (*c == '\n') line = c + 1, number++;
    return ELBO_FAIL(ELBO_EDATA, "%s:%zu:%zu: a NUL byte: not a text file",
                     file->path, number, (size_t)(nul - line) + 1);
}

static elbo_status load(elbo_textfile *file, int fd, elbo_arena *arena)
{
    struct stat about;

    if (fstat(fd, &about) != 0) return cannot_read(file->path, errno);
    if (!S_ISREG(about.st_mode))
        return ELBO_FAIL(ELBO_EDATA, "%s: not a regular file", file->path);
    if (about.st_size == 0)
        return ELBO_FAIL(ELBO_EDATA, "%s:1:1: the file is empty", file->path);
    if ((uintmax_t)about.st_size > largest)
        return ELBO_FAIL(ELBO_EDATA, "%s: %jd bytes; at most %zu are read",
                         file->path, (intmax_t)about.st_size, largest);
    file->bytes = (size_t)about.st_size;
    file->text = elbo_arena_take(arena, file->bytes + 1, 1);
    ELBO_TRY(elbo_arena_check(arena, file->path));
    ELBO_TRY(read_all(fd, file));
    return refuse_nul(file);
}

elbo_status elbo_textfile_read(elbo_textfile *file, const char *path,
                               elbo_arena *arena)
{
    /* Without O_NONBLOCK a pipe nobody writes to would hang the program. */
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

    *file = (elbo_textfile){.path = path};
    if (fd < 0) return cannot_read(path, errno);

    const elbo_status status = load(file, fd, arena);

    close(fd);
    return status;
}

const char *elbo_textfile_path(const char *folder, const char *path,
                               elbo_arena *arena)
{
    if (!folder || path[0] == '/') return elbo_arena_text(arena, path);

    const size_t bytes = strlen(folder) + strlen(path) + 2;
    char *const whole = elbo_arena_take(arena, bytes, 1);

    if (whole) snprintf(whole, bytes, "%s/%s", folder, path);
    return whole;
}
