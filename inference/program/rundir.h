/* inference/program/rundir.h -- the run directory: made whole, then put in
 * place.
 *
 * It is built as a sibling ".elbo-NAME.PID.new" and renamed, so a start that is
 * killed leaves nothing half-written; the next run of that name removes what
 * the dead process left. From the decision to the renaming the process stands
 * in the directory's gate; then, while the run lasts, it holds a lock on the
 * run's manifest. Of two runs that want one directory the second is refused.
 */
#ifndef ELBO_RUNDIR_H
#define ELBO_RUNDIR_H

#include "inference/program/manifest.h"

typedef struct elbo_rundir_request {
    const elbo_experiment *experiment;
    char *const *overrides; /* as in elbo_experiment_read */
    size_t n_overrides;
    const char *path; /* NULL: runs/<name> */
    bool force;       /* replace the run of another experiment */
} elbo_rundir_request;

typedef struct elbo_rundir {
    const char *path;
    int lock;      /* file descriptor; -1: none */
    bool replaced; /* a run stood there */
} elbo_rundir;

/* ELBO_EIO with path and reason: it cannot be written, is in use, or something
 * else stands there; then nothing is left behind. */
elbo_status elbo_rundir_create(const elbo_rundir_request *request,
                               elbo_arena *arena, elbo_rundir *out);

/* Lock a run that exists. ELBO_EIO: another process runs it. */
elbo_status elbo_rundir_lock(const char *path, elbo_arena *arena,
                             elbo_rundir *out);
void elbo_rundir_close(elbo_rundir *dir);

/* "DIR/seed-3" */
const char *elbo_rundir_seed(const char *dir, uint64_t seed, elbo_arena *arena);

#endif
