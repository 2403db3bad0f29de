/* inference/program/folder.h -- paths and folders.
 */
#ifndef ELBO_FOLDER_H
#define ELBO_FOLDER_H

#include "inference/core/arena.h"

/* A formatted path in the arena; NULL without memory (sticky). */
const char *elbo_path(elbo_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "a/b/" -> "b"; "a/b" -> parent "a", "b" -> ".", "/b" -> "/". */
const char *elbo_path_base(elbo_arena *arena, const char *path);
const char *elbo_path_parent(elbo_arena *arena, const char *path);

typedef enum elbo_folder_kind {
    ELBO_FOLDER_ABSENT,
    ELBO_FOLDER_EMPTY,
    ELBO_FOLDER_FILLED,
    ELBO_FOLDER_NOT /* something else stands there */
} elbo_folder_kind;

/* ELBO_EIO when it cannot be looked at. */
elbo_status elbo_folder_look(const char *path, elbo_folder_kind *kind);

/* Make one folder, or all that lack above it as well; one that exists is right.
 * ELBO_EIO with path and reason; `all`: what it had made is then removed. */
elbo_status elbo_folder_make(const char *path);
elbo_status elbo_folder_make_all(const char *path);

/* Remove a folder and all in it, never following a link. ELBO_EIO. */
elbo_status elbo_folder_remove(const char *path);

elbo_status elbo_folder_sync(const char *path);

#endif
