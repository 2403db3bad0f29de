/* inference/program/findings.h -- the errors of one experiment, gathered, then
 * sorted by place into complaints.
 */
#ifndef ELBO_FINDINGS_H
#define ELBO_FINDINGS_H

#include "inference/program/experiment.h"
#include "inference/program/source.h"

typedef struct elbo_finding elbo_finding;

typedef struct elbo_findings {
    elbo_source source;     /* what the places of the file refer to */
    char *const *arguments; /* argument k is arguments[k - 1] */
    elbo_arena *arena;
    elbo_finding *last;
    size_t n;
    size_t missing; /* of the n: a named file does not exist */
    size_t usage;   /* of the n: not an override at all */
} elbo_findings;

/* The text may hold anything: it is escaped. What was found already, at its place,
 * is not found again. */
void elbo_findings_add(elbo_findings *findings, elbo_place place,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ELBO_OK when there are none, else ELBO_EUSAGE (some are no overrides),
 * ELBO_ENOINPUT (all are missing files) or ELBO_ECONFIG; `complaints` has them
 * in order of place. ELBO_ENOMEM. */
elbo_status elbo_findings_report(const elbo_findings *findings,
                                 elbo_complaints *complaints);

/* "file.yaml:3:5" or "argument 2", escaped. */
const char *elbo_place_text(elbo_place place, const char *path,
                            elbo_arena *arena);

#endif
