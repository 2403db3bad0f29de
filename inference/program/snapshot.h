/* inference/program/snapshot.h -- checkpoints of a running seed: the engine's
 * state and the record's, in checkpoint/NNNNNNNN.ck.
 */
#ifndef ELBO_SNAPSHOT_H
#define ELBO_SNAPSHOT_H

#include "inference/program/metrics.h"

/* Write one and keep the two newest. `dir` is the checkpoint folder. */
elbo_status elbo_snapshot_save(const char *dir, const elbo_engine *engine,
                               const elbo_record *record, elbo_arena *ws);

/* The iterations that have a checkpoint, newest first; at most 64. A folder
 * that is not there has none. */
elbo_status elbo_snapshot_list(const char *dir, uint64_t iterations[64],
                               size_t *n);

/* Load one into a freshly opened engine. ELBO_EDATA, ELBO_ENOINPUT: refused,
 * and the engine must be freed. */
elbo_status elbo_snapshot_load(const char *dir, uint64_t iteration,
                               elbo_engine *engine, elbo_record *record,
                               elbo_arena *ws);

/* Remove all checkpoints after `iteration`. */
elbo_status elbo_snapshot_drop_after(const char *dir, uint64_t iteration,
                                     elbo_arena *ws);

#endif
