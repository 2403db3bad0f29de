/* inference/language/named.h -- published objectives that are expressions.
 *
 * The formulas of the likelihood slot. A method that needs more than one slot
 * (a prior factor, an adversary, a set of values) has its own setting and is
 * not here unless its likelihood alone is its name.
 */
#ifndef ELBO_NAMED_H
#define ELBO_NAMED_H

#include "inference/language/expression.h"

/* What its maximum means. "Calibrated": when the model class can be right, the
 * population optimum has the right conditional mean of the feature. */
typedef enum elbo_named_kind {
    ELBO_NAMED_BOUND,        /* the data term of F itself */
    ELBO_NAMED_CALIBRATED,   /* surrogate, calibrated */
    ELBO_NAMED_UNCALIBRATED, /* surrogate, not calibrated in noisy worlds */
    ELBO_NAMED_OUTER         /* of the plan, seen through the planner */
} elbo_named_kind;

typedef struct elbo_named {
    const char *name;
    const char *formula;
    elbo_named_kind kind;
    const char *category; /* of the survey, or "baseline" */
    const char *source;   /* authors, venue, year */
    const char *gradient; /* the setting it needs; "" any */
    const char *doc;      /* one line */
} elbo_named;

/* Ends in a row without a name. */
extern const elbo_named elbo_named_objectives[];

/* "calibrated surrogate" */
const char *elbo_named_kind_text(elbo_named_kind kind);

/* The objective with the same canonical text, or *out = NULL. ELBO_ENOMEM. */
elbo_status elbo_named_match(const elbo_expr *expr, elbo_arena *ws,
                             const elbo_named **out);

#endif
