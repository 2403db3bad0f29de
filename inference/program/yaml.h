/* inference/program/yaml.h -- a YAML subset as a tree in which every node knows
 * its place.
 *
 * Scalars, maps with plain keys, lists. Anchors, aliases, tags, directives,
 * merge keys, duplicate keys, more than one document, more than ELBO_YAML_DEPTH
 * levels or ELBO_YAML_NODES nodes are refused.
 */
#ifndef ELBO_YAML_H
#define ELBO_YAML_H

#include "inference/program/findings.h"

enum {
    ELBO_YAML_DEPTH = 32,
    ELBO_YAML_NODES = 10000,
    ELBO_YAML_SCALAR = 1 << 16 /* bytes */
};

typedef enum elbo_node_kind {
    ELBO_SCALAR,
    ELBO_MAP,
    ELBO_LIST,
    ELBO_REFUSED /* an error was already found here */
} elbo_node_kind;

typedef struct elbo_yaml_node elbo_yaml_node;
struct elbo_yaml_node {
    elbo_node_kind kind;
    elbo_place place;
    const char *text; /* of a scalar */
    bool quoted;
    const char *key; /* in a map */
    elbo_place key_place;
    elbo_yaml_node *first, *next;
};

/* *root is NULL for an empty document; what could be read before an error that
 * ends the parse is kept, and *whole is then false. Errors go to `findings`;
 * ELBO_ENOMEM. */
elbo_status elbo_yaml_parse(elbo_findings *findings, elbo_arena *arena,
                            elbo_yaml_node **root, bool *whole);

/* The child of a map, or NULL. */
elbo_yaml_node *elbo_node_child(const elbo_yaml_node *map, const char *key);

#endif
