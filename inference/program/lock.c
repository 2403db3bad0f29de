#include "inference/program/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inference/program/folder.h"

enum { TRIES = 1000 }; /* to lock a file that others keep replacing */

static elbo_status fail(const char *path)
{
    return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
}

/* ELBO_EIO: another process has the file, or it cannot be locked. */
static elbo_status lock(int fd, const char *path, const char *what)
{
    struct flock wish = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct flock holder = wish;

    if (fcntl(fd, F_SETLK, &wish) == 0) return ELBO_OK;
    if (errno != EAGAIN && errno != EACCES) return fail(path);
    if (fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
        return ELBO_FAIL(ELBO_EIO, "%s: in use by process %ld", what,
                         (long)holder.l_pid);
    return ELBO_FAIL(ELBO_EIO, "%s: in use by another process", what);
}

/* Is the open file still the one at the path? Its holder before us may have
 * removed or replaced it before we had the lock. */
static bool is_at(int fd, const char *path)
{
    struct stat held, there;

    return fstat(fd, &held) == 0 && stat(path, &there) == 0
           && held.st_dev == there.st_dev && held.st_ino == there.st_ino;
}

static elbo_status take(const char *path, const char *what, int flags, int *fd)
{
    for (int i = 0; i < TRIES; i++) {
        *fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NONBLOCK, 0666);
        if (*fd < 0) return fail(path);

        const elbo_status s = lock(*fd, path, what);

        if (s == ELBO_OK && is_at(*fd, path)) return ELBO_OK;
        close(*fd);
        *fd = -1;
        ELBO_TRY(s);
    }
    return ELBO_FAIL(ELBO_EIO, "%s: in use by other processes", what);
}

elbo_status elbo_lock_take(const char *path, const char *what, int *fd)
{
    return take(path, what, 0, fd);
}

elbo_status elbo_gate_enter(const char *parent, const char *name,
                            elbo_arena *arena, elbo_gate *gate)
{
    const char *const path = elbo_path(arena, "%s/.elbo-%s.lock", parent, name);
    const bool here = strcmp(parent, ".") == 0;
    const char *const what =
        elbo_path(arena, "%s%s%s", here ? "" : parent, here ? "" : "/", name);

    *gate = (elbo_gate){.fd = -1};
    ELBO_TRY(elbo_arena_check(arena, "a lock"));
    ELBO_TRY(take(path, what, O_CREAT | O_NOFOLLOW, &gate->fd));
    gate->path = path;
    return ELBO_OK;
}

void elbo_gate_leave(elbo_gate *gate)
{
    if (!gate->path) return;
    unlink(gate->path); /* while it is held: who waits for it looks again */
    close(gate->fd);
    *gate = (elbo_gate){.fd = -1};
}
