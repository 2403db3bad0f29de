/* inference/program/experiment.h -- the experiment file: read strictly, whole.
 *
 * A YAML subset, read through libyaml's event API under the option tables of
 * the components. Every error of the file is reported in one pass.
 */
#ifndef ELBO_EXPERIMENT_H
#define ELBO_EXPERIMENT_H

#include "inference/engine.h"

typedef struct elbo_experiment {
    const char *name;   /* [A-Za-z0-9._-]+, not starting with '.' */
    const char *path;   /* as given */
    const char *folder; /* of the file: relative paths start here */
    const char *source; /* the file's bytes, as given */
    size_t source_bytes;
    uint64_t *seeds; /* `seed: 0`, `0..9` or a list */
    size_t n_seeds;
    elbo_setup setup;     /* points into the arena */
    const char *resolved; /* every value and where it came from, as YAML */
    const char *settings; /* the same without origins: equal text, equal
                             experiment */
    const struct elbo_form *form; /* where each setting stands */
    char *const *overrides;       /* borrowed, as given to the reading */
    elbo_arena *arena;            /* owns all else */
} elbo_experiment;

/* One error, ready to print. `text` is the whole message without the place;
 * `caret` the source line with a caret line under it, or "". */
typedef struct elbo_complaint {
    const char *place; /* "file.yaml:3:5" or "argument 2" */
    const char *text;
    const char *caret;
} elbo_complaint;

typedef struct elbo_complaints {
    elbo_complaint *list;
    size_t n, capacity;
    elbo_arena *arena;
} elbo_complaints;

/* Read `path` and apply overrides ("key.path=value"), validate all, resolve
 * defaults. ELBO_ECONFIG: `complaints` holds every error of file and overrides
 * in order of place. ELBO_ENOINPUT: no such file, or it names a file (a table)
 * that does not exist; ELBO_EUSAGE: an override is not of the form
 * key.path=value. Override k is "argument k + 1"; a NULL is skipped, so that
 * the words of a command line keep their numbers. An override's value is taken
 * literally. *out is NULL after a failure, else owned by the caller. */
elbo_status elbo_experiment_read(const char *path, char *const overrides[],
                                 size_t n_overrides,
                                 elbo_complaints *complaints,
                                 elbo_experiment **out);
/* The same from memory: `path` only names it in messages and gives the folder.
 */
elbo_status elbo_experiment_parse(const char *path, const char *text,
                                  size_t bytes, char *const overrides[],
                                  size_t n_overrides,
                                  elbo_complaints *complaints,
                                  elbo_experiment **out);
void elbo_experiment_free(elbo_experiment *experiment);

/* Open the first seed's engine. Settings that its parts refuse, and those that
 * need more memory than there is, are ELBO_ECONFIG with one complaint at the
 * setting to blame; all other failures pass through without. */
elbo_status elbo_experiment_open(const elbo_experiment *experiment,
                                 elbo_complaints *complaints,
                                 elbo_engine **out);

elbo_status elbo_complaints_init(elbo_complaints *complaints);
void elbo_complaints_free(elbo_complaints *complaints);

#endif
