/* inference/core/options.h -- options declared once, read by all.
 *
 * A component declares its options in one const table. Validation, `elbo list`,
 * the resolved file and completion all read that table.
 */
#ifndef ELBO_OPTIONS_H
#define ELBO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inference/core/arena.h"

typedef enum elbo_option_type {
    ELBO_BOOL,   /* true, false */
    ELBO_INT,    /* a whole number, the whole text; 1e6 is accepted when whole */
    ELBO_REAL,   /* a number, the whole text; inf where the range allows it */
    ELBO_TEXT,   /* any text; `check` decides */
    ELBO_CHOICE, /* one of `choices` */
    ELBO_PATH    /* a file inside the experiment's folder */
} elbo_option_type;

/* A table of them ends in {0}. */
typedef struct elbo_option {
    const char *name;
    elbo_option_type type;
    const char *unit;      /* "" for none */
    double low, high;      /* closed range of INT and REAL; unused otherwise */
    const char *choices;   /* "step|next" */
    const char *fallback;  /* the default, as text; NULL: required */
    const char *doc;       /* one line */
    /* TEXT only, may be NULL. ELBO_EINVAL with the reason; *column is then the
     * offset of the fault in the text, and *nearest, if not NULL, the nearest
     * right name. */
    elbo_status (*check)(const char *text, size_t *column, const char **nearest);
} elbo_option;

typedef struct elbo_value {
    bool given; /* false: the default stands */
    bool flag;
    int64_t integer;
    double real; /* also set for INT */
    const char *text; /* as written; of TEXT, CHOICE and PATH the value */
} elbo_value;

/* One value for each option of a table. Plain; lives in an arena. */
typedef struct elbo_values {
    const elbo_option *options;
    elbo_value *value; /* [n] */
    size_t n;
    elbo_arena *arena;
} elbo_values;

/* All defaults; an option without one has text NULL until it is set. `options`
 * may be NULL: no options. ELBO_ENOMEM. */
elbo_status elbo_values_init(elbo_values *values, const elbo_option *options,
                             elbo_arena *arena);

/* Parse `text` for option `i`. ELBO_EINVAL: the reason is the last error's text
 * ("temperature must be in [0, inf], not -1"), *column (if not NULL) the offset
 * of the fault in the text, *nearest (if not NULL) the nearest right choice or
 * NULL; the old value stays. */
elbo_status elbo_values_set(elbo_values *values, size_t i, const char *text,
                            size_t *column, const char **nearest);

/* The index of `name` in the table, or (size_t)-1. */
size_t elbo_option_find(const elbo_option *options, const char *name);

/* "name=text name=text ..." into values that were initialised: for tests and
 * tools. Text may not hold blanks. ELBO_EINVAL as above or for an unknown name,
 * also when a required option is still missing at the end. */
elbo_status elbo_values_parse(elbo_values *values, const char *settings);

/* The value of an option that the table has (asserted). */
bool elbo_flag(const elbo_values *values, const char *name);
int64_t elbo_int(const elbo_values *values, const char *name);
double elbo_real(const elbo_values *values, const char *name);
const char *elbo_text(const elbo_values *values, const char *name);
bool elbo_choice_is(const elbo_values *values, const char *name,
                    const char *choice);

/* "tilt(2, kl=next)" -> name "tilt", then its arguments set by position or name
 * in `values`, which are initialised from the table that `lookup` gives for the
 * name (NULL: unknown name). A bare "tilt" is "tilt()". ELBO_EINVAL with *column
 * as in elbo_values_set. */
typedef const elbo_option *elbo_call_lookup(const char *name, bool *known,
                                            const char **nearest);
elbo_status elbo_call_parse(const char *text, elbo_call_lookup *lookup,
                            elbo_arena *arena, const char **name,
                            elbo_values *values, size_t *column,
                            const char **nearest);

/* The strings' optimal-string-alignment distance (insert, delete, replace,
 * swap neighbours). */
size_t elbo_name_distance(const char *a, const char *b);
/* Of names[n], the one nearest to `name` if its distance is at most
 * max(2, length / 3), the first on ties; else NULL. */
const char *elbo_name_nearest(const char *name, const char *const names[],
                              size_t n);

#endif
