/* inference/core/textfile.h -- a whole text file in memory, or why not. */
#ifndef ELBO_TEXTFILE_H
#define ELBO_TEXTFILE_H

#include "inference/core/arena.h"

typedef struct elbo_textfile {
    const char *path; /* as given; borrowed */
    char *text;       /* [bytes + 1], ends in NUL */
    size_t bytes;
} elbo_textfile;

/* Read `path` into the arena. ELBO_ENOINPUT when there is no such file;
 * ELBO_EDATA when it is no regular file (a directory, a pipe, a device), empty,
 * larger than 1 GiB, or holds a NUL byte (text: path:line:col). */
elbo_status elbo_textfile_read(elbo_textfile *file, const char *path,
                               elbo_arena *arena);

/* folder/path; `path` alone when it is absolute or folder is NULL. NULL when
 * there is no memory. */
const char *elbo_textfile_path(const char *folder, const char *path,
                               elbo_arena *arena);

#endif
