#include "inference/core/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inference/core/alloc.h"
#include "inference/core/checkpoint.h"

/* Of ".tmp.<pid>", with the end of the string. */
enum { SUFFIX = 32 };

static elbo_status io_error(const char *path, const char *what)
{
    return ELBO_FAIL(ELBO_EIO, "%s: %s: %s", path, what, strerror(errno));
}

/* A temporary of our own process id was left by a dead process that had it. */
static int create(const char *temporary)
{
    static const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    const int fd = open(temporary, flags, 0666);

    if (fd >= 0 || errno != EEXIST || unlink(temporary) != 0) return fd;
    return open(temporary, flags, 0666);
}

static int write_all(int fd, const elbo_part *part)
{
    const char *data = part->data;
    size_t left = part->bytes;

    while (left > 0) {
        const ssize_t n = write(fd, data, left);

        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        data += n;
        left -= (size_t)n;
    }
    return 0;
}

/* All parts on disk under the temporary name. */
static elbo_status write_parts(const char *temporary, const elbo_part parts[],
                               size_t n)
{
    const int fd = create(temporary);
    elbo_status s = ELBO_OK;

    if (fd < 0) return io_error(temporary, "create");
    for (size_t i = 0; s == ELBO_OK && i < n; i++)
        if (write_all(fd, &parts[i]) != 0) s = io_error(temporary, "write");
    if (s == ELBO_OK && fsync(fd) != 0) s = io_error(temporary, "sync");
    if (close(fd) != 0 && s == ELBO_OK) s = io_error(temporary, "close");
    if (s != ELBO_OK) unlink(temporary);
    return s;
}

/* The folder of `path`, opened; `name` is scratch of the path's length. */
static int open_folder(const char *path, char *name)
{
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) : 0;

    if (!slash) return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    memcpy(name, path, n);
    name[n] = '\0';
    return open(n ? name : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Opened before the rename: a folder that is not there must fail first. */
static elbo_status replace(const char *path, char *temporary,
                           const elbo_part parts[], size_t n)
{
    const int folder = open_folder(path, temporary);

    if (folder < 0) return io_error(path, "folder");
    snprintf(temporary, strlen(path) + SUFFIX, "%s.tmp.%ld", path,
             (long)getpid());

    elbo_status s = write_parts(temporary, parts, n);

    if (s == ELBO_OK && rename(temporary, path) != 0) {
        s = io_error(path, "rename");
        unlink(temporary);
    }
    /* EINVAL: a file system whose folders cannot be synced. */
    if (s == ELBO_OK && fsync(folder) != 0 && errno != EINVAL)
        s = io_error(path, "sync the folder");
    close(folder);
    return s;
}

elbo_status elbo_file_replace_parts(const char *path, const elbo_part parts[],
                                    size_t n)
{
    char *temporary = elbo_alloc(strlen(path) + SUFFIX, 1);

    if (!temporary) return ELBO_FAIL(ELBO_ENOMEM, "%s: no memory", path);

    const elbo_status s = replace(path, temporary, parts, n);

    elbo_free(temporary);
    return s;
}

elbo_status elbo_file_replace(const char *path, const void *data, size_t bytes)
{
    const elbo_part part = {data, bytes};

    return elbo_file_replace_parts(path, &part, 1);
}
