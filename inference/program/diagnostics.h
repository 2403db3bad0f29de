/* inference/program/diagnostics.h -- what goes to stderr, and exit codes.
 */
#ifndef ELBO_DIAGNOSTICS_H
#define ELBO_DIAGNOSTICS_H

#include "inference/program/experiment.h"

/* design.md section 4. */
enum {
    ELBO_EXIT_OK = 0,
    ELBO_EXIT_CHECK = 1,
    ELBO_EXIT_USAGE = 2,
    ELBO_EXIT_DATA = 65,
    ELBO_EXIT_NOINPUT = 66,
    ELBO_EXIT_INTERNAL = 70,
    ELBO_EXIT_IO = 74,
    ELBO_EXIT_CONFIG = 78,
    ELBO_EXIT_SIGNAL = 128 /* + its number */
};

int elbo_exit_code(elbo_status status);

/* "elbo: text" on stderr. */
void elbo_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The last failure on stderr; returns its exit code. */
int elbo_say_failure(elbo_status status);

/* Read an experiment, or say what is wrong with it: 0 or the exit code. */
int elbo_experiment_load(const char *path, char *const overrides[],
                         size_t n_overrides, elbo_experiment **out);

/* Open its first engine, or say what is wrong: 0 or the exit code. */
int elbo_experiment_begin(const elbo_experiment *experiment, elbo_engine **out);

#endif
