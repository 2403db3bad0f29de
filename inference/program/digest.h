/* inference/program/digest.h -- XXH3-64 of what a run reads.
 */
#ifndef ELBO_DIGEST_H
#define ELBO_DIGEST_H

#include "inference/program/experiment.h"

enum { ELBO_DIGEST_TEXT = 17 };

/* 16 hexadecimal digits. */
void elbo_digest_text(const void *bytes, size_t n, char out[ELBO_DIGEST_TEXT]);

/* Of a whole file. ELBO_ENOINPUT. */
elbo_status elbo_digest_file(const char *path, char out[ELBO_DIGEST_TEXT]);

typedef struct elbo_input {
    const char *path; /* relative to the experiment's folder */
    char digest[ELBO_DIGEST_TEXT];
} elbo_input;

/* Every file that the experiment's options name. */
elbo_status elbo_inputs(const elbo_experiment *experiment, elbo_arena *arena,
                        elbo_input **out, size_t *n);

#endif
