/* inference/program/reopen.h -- a run directory as an experiment, and its engines
 * as the newest checkpoints left them.
 */
#ifndef ELBO_REOPEN_H
#define ELBO_REOPEN_H

#include "inference/program/experiment.h"
#include "inference/program/manifest.h"

/* The run's resolved experiment; relative paths start where the experiment file
 * stood. *out is the caller's. ELBO_EDATA: another version wrote it, and this one
 * reads it otherwise. */
elbo_status elbo_reopen_experiment(const char *dir,
                                   const elbo_manifest *manifest,
                                   elbo_arena *arena, elbo_experiment **out);

/* The engine of one seed with the state of its newest checkpoint that can be
 * loaded. *out is the caller's. ELBO_ENOINPUT: it has none. */
elbo_status elbo_reopen_engine(const elbo_experiment *experiment,
                               const char *dir, uint64_t seed,
                               elbo_arena *arena, elbo_engine **out);

#endif
