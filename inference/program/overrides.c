/* key.path=value on the command line, put into the tree before it is judged. */
#include "inference/program/form.h"

#include <string.h>

typedef struct word {
    const char *text;
    size_t argument;
    elbo_findings *findings;
    elbo_arena *arena;
} word;

static elbo_place place_at(const word *w, const char *c)
{
    elbo_place place = {.argument = w->argument, .line = 1, .column = 1};

    for (const char *k = w->text; k < c; place.column++)
        k += elbo_utf8_bytes(k, strlen(k));
    return place;
}

static void refuse_usage(const word *w, const char *at, const char *why)
{
    elbo_findings_add(w->findings, place_at(w, at), "%s \"%s\"", why, w->text);
    w->findings->usage++;
}

/* "key.path=value" with no empty key? */
static bool well_formed(const word *w)
{
    const char *const equals = strchr(w->text, '=');
    const char *const form = "an override is key.path=value, not";

    if (!equals) {
        refuse_usage(w, w->text, form);
        return false;
    }
    for (const char *c = w->text; c <= equals; c++) {
        const bool end = c == equals || *c == '.';

        if (end && (c == w->text || c[-1] == '.')) {
            refuse_usage(w, c, "an empty key in");
            return false;
        }
    }
    return true;
}

static bool is_text(const word *w)
{
    const elbo_source s = {.text = w->text, .bytes = strlen(w->text)};
    elbo_place place;

    if (!elbo_source_fault(&s, &place)) return true;
    place.argument = w->argument;
    place.line = 0;
    elbo_findings_add(w->findings, place, "not UTF-8: \"%s\"", w->text);
    return false;
}

static elbo_yaml_node *new_child(const word *w, elbo_yaml_node *map, const char *key,
                            const char *at)
{
    elbo_yaml_node *child = elbo_arena_take(w->arena, 1, sizeof *child);
    elbo_yaml_node **tail = &map->first;

    if (!child) return NULL;
    while (*tail) tail = &(*tail)->next;
    *tail = child;
    child->key = key;
    child->key_place = child->place = place_at(w, at);
    return child;
}

static bool is_shelf(const char *key)
{
    for (size_t i = 0; i < ELBO_SHELVES; i++)
        if (strcmp(elbo_shelf_of(i).room, key) == 0) return true;
    return false;
}

/* `env: four_rooms` is short for `env: {name: four_rooms}`. */
static bool open_map(const word *w, elbo_yaml_node *node, const char *at)
{
    if (node->kind == ELBO_MAP) return true;
    if (node->kind == ELBO_SCALAR && is_shelf(node->key)) {
        const elbo_yaml_node scalar = *node;
        elbo_yaml_node *const name = elbo_arena_take(w->arena, 1, sizeof *name);

        if (!name) return false;
        *name = scalar;
        name->key = "name";
        name->next = NULL;
        node->kind = ELBO_MAP;
        node->first = name;
        return true;
    }
    elbo_findings_add(w->findings, place_at(w, at),
                      "\"%s\" is no map in the file: it has no keys",
                      node->key);
    return false;
}

/* The node that a word names, made where the file lacks it. */
static elbo_yaml_node *descend(const word *w, elbo_yaml_node *root)
{
    const char *const equals = strchr(w->text, '=');
    elbo_yaml_node *node = root;

    for (const char *c = w->text; c < equals;) {
        const size_t n = strcspn(c, ".=");
        char *const key = elbo_arena_take(w->arena, n + 1, 1);

        if (!key || !open_map(w, node, c)) return NULL;
        memcpy(key, c, n);

        elbo_yaml_node *child = elbo_node_child(node, key);

        if (!child) {
            child = new_child(w, node, key, c);
            if (!child) return NULL;
            child->kind = ELBO_MAP;
        }
        node = child;
        c += n + 1;
    }
    return node;
}

static void apply(const word *w, elbo_yaml_node *root)
{
    const char *const value = strchr(w->text, '=') + 1;
    elbo_yaml_node *node = descend(w, root);

    if (!node) return;
    /* env=chain names the component and leaves its other keys alone. */
    if (node->kind == ELBO_MAP && elbo_node_child(root, node->key) == node
        && is_shelf(node->key)) {
        elbo_yaml_node *name = elbo_node_child(node, "name");

        node = name ? name : new_child(w, node, "name", w->text);
        if (!node) return;
    }
    node->kind = ELBO_SCALAR;
    node->first = NULL;
    node->text = elbo_arena_text(w->arena, value);
    node->quoted = false;
    node->key_place = place_at(w, w->text);
    node->place = place_at(w, value);
}

elbo_status elbo_overrides_apply(char *const overrides[], size_t n,
                                 elbo_yaml_node **root, elbo_findings *findings)
{
    elbo_arena *const arena = findings->arena;

    for (size_t i = 0; i < n; i++) {
        const word w = {overrides[i], i + 1, findings, arena};

        if (!w.text || !is_text(&w) || !well_formed(&w)) continue;
        if (!*root) {
            *root = elbo_arena_take(arena, 1, sizeof **root);
            if (!*root) break;
            **root = (elbo_yaml_node){
                .kind = ELBO_MAP, .place = {.line = 1, .column = 1}
            };
        }
        if ((*root)->kind == ELBO_MAP) apply(&w, *root);
    }
    return elbo_arena_check(arena, "the overrides");
}
