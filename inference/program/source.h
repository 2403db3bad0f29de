/* inference/program/source.h -- bytes that came from outside, and places in
 * them.
 */
#ifndef ELBO_SOURCE_H
#define ELBO_SOURCE_H

#include "inference/core/arena.h"

enum { ELBO_SOURCE_LIMIT = 1 << 20 }; /* bytes of an experiment file */

typedef struct elbo_source {
    const char *path; /* as given, for messages */
    const char *text; /* NUL-terminated */
    size_t bytes;
} elbo_source;

/* Lines and columns count from 1, columns in characters. */
typedef struct elbo_place {
    size_t argument; /* 0: in the file; else a word of the command line */
    size_t line, column;
} elbo_place;

/* Read a regular file of at most `limit` bytes. ELBO_ENOINPUT: it does not
 * exist, cannot be read or is no regular file; ELBO_ESIZE: it is larger. */
elbo_status elbo_source_read(const char *path, size_t limit, elbo_arena *arena,
                             elbo_source *out);

/* The first NUL or byte that is not UTF-8: its place and what is wrong with it,
 * or NULL when there is none. */
const char *elbo_source_fault(const elbo_source *source, elbo_place *place);

/* Line and column of a byte offset. */
elbo_place elbo_source_place(const elbo_source *source, size_t offset);

/* The byte offset of a place, or `bytes` when it is beyond the end. */
size_t elbo_source_offset(const elbo_source *source, elbo_place place);

/* Bytes of the UTF-8 character that starts at `text`; 0: none does. */
size_t elbo_utf8_bytes(const char *text, size_t left);

/* A copy in which nothing can move a terminal's cursor: control characters,
 * bytes that are not UTF-8 and direction marks are spelt \x1b, \u202e. */
const char *elbo_escaped(const char *text, size_t bytes, elbo_arena *arena);

/* The source line of `offset` with a caret under it, cut to a window and
 * escaped. */
const char *elbo_caret(const char *text, size_t bytes, size_t offset,
                       elbo_arena *arena);

#endif
