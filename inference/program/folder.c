#include "inference/program/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST = 64 };

const char *elbo_path(elbo_arena *arena, const char *format, ...)
{
    va_list args;
    char *out;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    out = elbo_arena_take(arena, (size_t)n + 1, 1);
    if (!out) return NULL;
    va_start(args, format);
    vsnprintf(out, (size_t)n + 1, format, args);
    va_end(args);
    return out;
}

/* The length of the path without slashes at its end; "/" keeps its one. */
static size_t trimmed(const char *path)
{
    size_t n = strlen(path);

    while (n > 1 && path[n - 1] == '/') n--;
    return n;
}

const char *elbo_path_base(elbo_arena *arena, const char *path)
{
    const size_t n = trimmed(path);
    size_t first = n;

    while (first > 0 && path[first - 1] != '/') first--;
    return elbo_path(arena, "%.*s", (int)(n - first), path + first);
}

const char *elbo_path_parent(elbo_arena *arena, const char *path)
{
    size_t n = trimmed(path);

    while (n > 0 && path[n - 1] != '/') n--;
    if (n == 0) return elbo_path(arena, ".");
    while (n > 1 && path[n - 1] == '/') n--;
    return elbo_path(arena, "%.*s", (int)n, path);
}

static elbo_status fail(const char *path)
{
    return ELBO_FAIL(ELBO_EIO, "%s: %s", path, strerror(errno));
}

static bool is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

elbo_status elbo_folder_look(const char *path, elbo_folder_kind *kind)
{
    struct stat info;
    const struct dirent *entry;
    DIR *dir;

    *kind = ELBO_FOLDER_ABSENT;
    if (stat(path, &info) != 0) return errno == ENOENT ? ELBO_OK : fail(path);
    *kind = ELBO_FOLDER_NOT;
    if (!S_ISDIR(info.st_mode)) return ELBO_OK;
    dir = opendir(path);
    if (!dir && errno == ENOENT) *kind = ELBO_FOLDER_ABSENT; /* just moved */
    if (!dir) return errno == ENOENT ? ELBO_OK : fail(path);
    *kind = ELBO_FOLDER_EMPTY;
    while ((entry = readdir(dir)))
        if (is_entry(entry)) *kind = ELBO_FOLDER_FILLED;
    closedir(dir);
    return ELBO_OK;
}

/* *made tells a new folder from one that stood there. */
static elbo_status make(const char *path, bool *made)
{
    struct stat info;

    *made = mkdir(path, 0777) == 0;
    if (*made) return ELBO_OK;

    const int reason = errno;

    if (reason == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return ELBO_OK;
    errno = reason;
    return fail(path);
}

elbo_status elbo_folder_make(const char *path)
{
    bool made;

    return make(path, &made);
}

elbo_status elbo_folder_make_all(const char *path)
{
    const size_t n = trimmed(path);
    char *part = malloc(n + 1);
    size_t first_made = n + 1; /* length of the first folder that was made */
    elbo_status s = ELBO_OK;

    if (!part) return ELBO_FAIL(ELBO_ENOMEM, "a path");
    memcpy(part, path, n);
    part[n] = '\0';
    for (size_t i = 1; i <= n && s == ELBO_OK; i++) {
        bool made;

        if (i < n && part[i] != '/') continue;
        part[i] = '\0';
        s = make(part, &made);
        if (made && first_made > n) first_made = i;
        if (s == ELBO_OK && i < n) part[i] = '/';
    }
    if (s != ELBO_OK)
        for (size_t i = strlen(part); i-- > first_made;)
            if (part[i] == '/') {
                part[i] = '\0';
                rmdir(part);
            }
    free(part);
    return s;
}

static int remove_in(int at, const char *name, int depth)
{
    const int fd =
        openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int bad = 0;

    if (!dir) {
        if (fd >= 0) close(fd);
        return -1;
    }
    while (!bad && (entry = readdir(dir))) {
        if (!is_entry(entry)) continue;
        if (unlinkat(fd, entry->d_name, 0) == 0) continue;
        bad = (errno != EISDIR && errno != EPERM) || depth == 0
              || remove_in(fd, entry->d_name, depth - 1) != 0;
    }

    const int reason = errno;

    closedir(dir);
    errno = reason;
    return bad ? -1 : unlinkat(at, name, AT_REMOVEDIR);
}

elbo_status elbo_folder_remove(const char *path)
{
    return remove_in(AT_FDCWD, path, DEEPEST) == 0 ? ELBO_OK : fail(path);
}

elbo_status elbo_folder_sync(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) return fail(path);

    const int bad = fsync(fd);
    const int reason = errno;

    close(fd);
    errno = reason;
    /* Some file systems cannot sync a folder: not the run's fault. */
    return bad && reason != EINVAL ? fail(path) : ELBO_OK;
}
