/* inference/program/shelf.h -- the three rooms that hold named components, seen
 * alike: what the experiment file may name and what `elbo list` shows.
 */
#ifndef ELBO_SHELF_H
#define ELBO_SHELF_H

#include "inference/engine.h"

typedef struct elbo_label {
    const char *name; /* NULL: beyond the end */
    const char *source, *doc;
    const elbo_option *options; /* its own; NULL: none */
} elbo_label;

typedef struct elbo_shelf {
    const char *room;          /* "env": its key in the file */
    const char *plural;        /* "envs": its name in `elbo list` */
    const char *noun;          /* "environment" */
    const elbo_option *common; /* options every component takes, or NULL */
    elbo_label (*at)(size_t i);
} elbo_shelf;

enum { ELBO_SHELF_ENV, ELBO_SHELF_MODEL, ELBO_SHELF_CONTROL, ELBO_SHELVES };

/* Filled on demand: the common options live in other modules. */
elbo_shelf elbo_shelf_of(size_t kind);

size_t elbo_shelf_size(const elbo_shelf *shelf);
/* The index of a name, or (size_t)-1; *nearest (or NULL) is then the nearest
 * right one or NULL. */
size_t elbo_shelf_find(const elbo_shelf *shelf, const char *name,
                       const char **nearest);

size_t elbo_option_count(const elbo_option *options); /* NULL: 0 */

#endif
