/* inference/program/form.h -- the experiment as filled-in option tables, each
 * value with the place it came from.
 */
#ifndef ELBO_FORM_H
#define ELBO_FORM_H

#include "inference/program/shelf.h"
#include "inference/program/yaml.h"

/* Tables in the order of the resolved file. */
typedef enum elbo_table {
    ELBO_ENV_COMMON,
    ELBO_ENV_OWN,
    ELBO_MODEL_OWN,
    ELBO_CONTROL_COMMON,
    ELBO_CONTROL_OWN,
    ELBO_INFERENCE,
    ELBO_DATA,
    ELBO_EVALUATION,
    ELBO_TABLES
} elbo_table;

typedef struct elbo_field {
    bool seen;        /* the file or an override has it, right or wrong */
    elbo_place place; /* of the value */
    const elbo_yaml_node *node; /* the value; NULL: unknown */
} elbo_field;

typedef struct elbo_form {
    elbo_values values[ELBO_TABLES];
    elbo_field *fields[ELBO_TABLES]; /* [values.n] */
    bool *mute[ELBO_TABLES]; /* a default that may not be written down: beside
                                the other settings it would contradict them */
    elbo_place room[ELBO_TABLES]; /* where the table's map stands */
    const char *component[ELBO_SHELVES];
    elbo_field named[ELBO_SHELVES]; /* where the components are named */
    const char *name;
    elbo_field name_field, seed_field;
    uint64_t *seeds;
    size_t n_seeds;
    const char *folder;
    elbo_setup setup; /* points into this form */
} elbo_form;

extern const char *const elbo_table_path[ELBO_TABLES]; /* "env", "inference" */

/* Put the words of the command line into the tree (*root may become new). */
elbo_status elbo_overrides_apply(char *const overrides[], size_t n,
                                 elbo_yaml_node **root, elbo_findings *findings);

/* Fill the form from the tree: unknown keys, values, components, missing ones.
 * `whole` false: what is missing is not blamed. */
elbo_status elbo_form_read(const elbo_yaml_node *root, bool whole,
                           elbo_findings *findings, elbo_arena *arena,
                           elbo_form *form);

/* One key of a table: set the value or say what is wrong with it. */
void elbo_form_set(elbo_form *form, elbo_table table, size_t option,
                   const elbo_yaml_node *node, elbo_findings *findings);

/* `seed: 0`, `0..9`, `[1, 2]`. */
void elbo_form_seeds(elbo_form *form, const elbo_yaml_node *node,
                     elbo_findings *findings, elbo_arena *arena);

/* Contradictions between right values, each at the key to blame. */
elbo_status elbo_form_contradictions(const elbo_form *form,
                                     elbo_findings *findings);

/* The place of a setting: its value; else its map; with a key that is no option,
 * where the section's component is named. */
elbo_place elbo_form_blame(const elbo_form *form, const char *section,
                           const char *key);

/* Set `mute`. */
elbo_status elbo_form_mute(elbo_form *form, elbo_arena *arena);

/* `column` bytes into the value of `node`: exact while the source spells it as it
 * is. */
elbo_place elbo_form_fault(const elbo_findings *findings, const elbo_yaml_node *node,
                           size_t column);

/* The form as an experiment file; with `origins`, each line tells where its
 * value came from. */
elbo_status elbo_form_write(const elbo_form *form, const char *path,
                            bool origins, elbo_arena *arena, const char **out);

#endif
