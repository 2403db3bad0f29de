/* inference/program/lock.h -- files that one process holds at a time.
 *
 * A lock ends with its process, however that ends. It is lost when the process
 * closes any other descriptor of the same file: a locked file is not read.
 */
#ifndef ELBO_LOCK_H
#define ELBO_LOCK_H

#include "inference/core/arena.h"

/* Lock the file that stands at the path; *fd holds it until it is closed.
 * ELBO_EIO, *fd is -1: it cannot be opened, or another process has it; the text
 * then says that `what` is in use, and by which process. */
elbo_status elbo_lock_take(const char *path, const char *what, int *fd);

/* The gate of a folder: a file ".elbo-NAME.lock" beside it, held while it is
 * decided what becomes of the folder, and gone afterwards. */
typedef struct elbo_gate {
    const char *path; /* NULL: not held */
    int fd;
} elbo_gate;

/* The statuses of elbo_lock_take. */
elbo_status elbo_gate_enter(const char *parent, const char *name,
                            elbo_arena *arena, elbo_gate *gate);
void elbo_gate_leave(elbo_gate *gate);

#endif
