/* inference/program/manifest.h -- manifest.json: what a run was made of.
 */
#ifndef ELBO_MANIFEST_H
#define ELBO_MANIFEST_H

#include "inference/program/digest.h"

enum { ELBO_MANIFEST_SCHEMA = 1 };

typedef struct elbo_manifest {
    const char *version; /* of elbo */
    const char *name;
    const char *folder; /* of the experiment file, absolute; when that is gone,
                           the same way from the run directory */
    const char *file;   /* the experiment file's name, as given */
    const char *experiment, *resolved, *settings; /* digests */
    elbo_input *inputs;
    size_t n_inputs;
    uint64_t *seeds;
    size_t n_seeds;
} elbo_manifest;

/* `overrides` as in elbo_experiment_read. ELBO_ENOINPUT, ELBO_EIO, ELBO_ENOMEM.
 */
elbo_status elbo_manifest_write(const elbo_experiment *experiment,
                                char *const overrides[], size_t n_overrides,
                                const char *path, elbo_arena *arena);

/* ELBO_ENOINPUT: there is none; ELBO_EDATA: it is no manifest of this schema.
 */
elbo_status elbo_manifest_read(const char *path, elbo_arena *arena,
                               elbo_manifest *out);

/* Would `experiment` make the run that the manifest is of? */
elbo_status elbo_manifest_same(const elbo_manifest *manifest,
                               const elbo_experiment *experiment,
                               elbo_arena *arena, bool *same);

/* The files that the run reads are those it was started with: ELBO_EDATA names
 * the first that changed, ELBO_ENOINPUT one that is gone. */
elbo_status elbo_manifest_verify(const elbo_manifest *manifest, const char *dir,
                                 elbo_arena *arena);

#endif
