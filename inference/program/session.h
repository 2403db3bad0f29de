/* inference/program/session.h -- all seeds of one experiment, started or
 * continued.
 */
#ifndef ELBO_SESSION_H
#define ELBO_SESSION_H

#include "inference/program/experiment.h"
#include "inference/program/progress.h"

typedef struct elbo_session {
    const elbo_experiment *experiment;
    const char *dir;
    bool resume;
    elbo_progress progress;
} elbo_session;

/* How one seed ended. */
typedef struct elbo_seed_report {
    uint64_t seed;
    elbo_engine *engine; /* opened ahead by the caller, or NULL; freed here */
    elbo_status status;  /* ELBO_OK, ELBO_ESTOPPED by a signal, or a failure: */
    elbo_error error;
    const char *verdict; /* "converged", "budget", "stopped" */
    bool nothing_left;   /* resumed, and already at its end */
    uint64_t iterations;
    double elbo, return_model, return_real; /* of the last row, if any */
} elbo_seed_report;

/* reports [n_seeds of the experiment], `seed` filled in. Seeds run in parallel;
 * one that fails leaves the others running. */
void elbo_session_run(elbo_session *session, elbo_seed_report reports[]);

/* One line a seed to stdout (what it came to) or stderr (why it did not);
 * returns the exit code of the whole. */
int elbo_session_report(const elbo_session *session,
                        const elbo_seed_report reports[]);

/* Run and report. `first` is the engine of the first seed, or NULL. */
int elbo_session_main(elbo_session *session, elbo_engine *first, bool quiet);

#endif
