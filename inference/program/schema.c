/* The rooms of the experiment file: which keys they have and what belongs
 * there. */
#include "inference/program/form.h"

#include <stdio.h>
#include <string.h>

enum { MOST_KEYS = 128, NAME_LIMIT = 100 };

const char *const elbo_table_path[ELBO_TABLES] = {
    "env",     "env",       "model",          "control",
    "control", "inference", "inference.data", "inference.evaluation"};

/* The two tables of each shelf; a model has but one. */
static const elbo_table shelf_tables[ELBO_SHELVES][2] = {
    {ELBO_ENV_COMMON,     ELBO_ENV_OWN    },
    {ELBO_MODEL_OWN,      ELBO_MODEL_OWN  },
    {ELBO_CONTROL_COMMON, ELBO_CONTROL_OWN}
};

typedef struct reader {
    elbo_form *form;
    elbo_findings *findings;
    elbo_arena *arena;
    bool whole;
} reader;

/* The keys a room has. */
typedef struct keys {
    const char *name[MOST_KEYS];
    size_t n;
} keys;

static void add_key(keys *k, const char *name)
{
    if (k->n < MOST_KEYS) k->name[k->n++] = name;
}

static void add_options(keys *k, const elbo_option *options)
{
    for (size_t i = 0; i < elbo_option_count(options); i++)
        add_key(k, options[i].name);
}

static elbo_status init_table(reader *r, elbo_table table,
                              const elbo_option *options)
{
    elbo_form *const form = r->form;

    ELBO_TRY(elbo_values_init(&form->values[table], options, r->arena));

    const size_t n = form->values[table].n;

    form->fields[table] = elbo_arena_take(r->arena, n, sizeof(elbo_field));
    form->mute[table] = elbo_arena_take(r->arena, n, sizeof(bool));
    return elbo_arena_check(r->arena, "the option tables");
}

/* "iterations" at the top level: the room that has such a key, or NULL. */
static const char *other_room(const char *key)
{
    static const elbo_table tables[] = {ELBO_INFERENCE, ELBO_DATA,
                                        ELBO_EVALUATION};
    const elbo_option *const options[] = {
        elbo_inference_options, elbo_data_options, elbo_evaluation_options};

    for (size_t i = 0; i < ELBO_SHELVES; i++) {
        const elbo_shelf shelf = elbo_shelf_of(i);

        if (shelf.common && elbo_option_find(shelf.common, key) != (size_t)-1)
            return shelf.room;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (elbo_option_find(options[i], key) != (size_t)-1)
            return elbo_table_path[tables[i]];
    return NULL;
}

static void refuse_key(const reader *r, const elbo_yaml_node *node,
                       const keys *known, const char *room)
{
    const char *const nearest =
        elbo_name_nearest(node->key, known->name, known->n);
    const char *const other = other_room(node->key);
    const char *const in = *room ? room : "the top level";

    if (other && strcmp(other, room) != 0)
        elbo_findings_add(r->findings, node->key_place,
                          "unknown key \"%s\" in %s: it belongs into %s",
                          node->key, in, other);
    else if (nearest)
        elbo_findings_add(r->findings, node->key_place,
                          "unknown key \"%s\" in %s; did you mean \"%s\"?",
                          node->key, in, nearest);
    else
        elbo_findings_add(r->findings, node->key_place,
                          "unknown key \"%s\" in %s", node->key, in);
}

static void missing(const reader *r, elbo_place place, const char *what)
{
    if (r->whole) elbo_findings_add(r->findings, place, "missing %s", what);
}

static bool is_map(const reader *r, const elbo_yaml_node *node, const char *room)
{
    if (node->kind == ELBO_MAP) return true;
    if (node->kind == ELBO_SCALAR && !node->quoted && !*node->text) {
        return false; /* "inference:" and nothing: no settings */
    }
    if (node->kind != ELBO_REFUSED)
        elbo_findings_add(r->findings, node->place,
                          "%s must be a map of settings", room);
    return false;
}

/* Options that must be given and are not. */
static void check_required(const reader *r, elbo_table table, elbo_place place,
                           const char *owner)
{
    const elbo_values *const values = &r->form->values[table];

    for (size_t i = 0; r->whole && i < values->n; i++)
        if (!values->options[i].fallback && !r->form->fields[table][i].seen)
            elbo_findings_add(r->findings, place, "%s needs the key \"%s\"",
                              owner, values->options[i].name);
}

/* The keys of a map that belong to one of two tables (or to `extra`). */
static void read_map(reader *r, const elbo_yaml_node *map,
                     const elbo_table tables[2], const keys *extra,
                     bool judge_unknown)
{
    keys known = *extra;

    for (size_t t = 0; t < 2; t++)
        add_options(&known, r->form->values[tables[t]].options);
    for (const elbo_yaml_node *node = map->first; node; node = node->next) {
        bool found = false;

        for (size_t i = 0; i < extra->n && !found; i++)
            found = strcmp(extra->name[i], node->key) == 0;
        for (size_t t = 0; t < 2 && !found; t++) {
            const elbo_option *const o = r->form->values[tables[t]].options;
            const size_t i = o ? elbo_option_find(o, node->key) : (size_t)-1;

            if (i == (size_t)-1) continue;
            elbo_form_set(r->form, tables[t], i, node, r->findings);
            found = true;
        }
        if (!found && judge_unknown)
            refuse_key(r, node, &known, elbo_table_path[tables[0]]);
    }
}

/* The node that names the component: the map's `name`, or the scalar itself. */
static const elbo_yaml_node *naming(const reader *r, const elbo_yaml_node *node,
                               const elbo_shelf *shelf)
{
    const bool map = node->kind == ELBO_MAP;
    const elbo_yaml_node *const name = map ? elbo_node_child(node, "name") : node;

    if (name && name->kind == ELBO_SCALAR && *name->text) return name;
    if (name && name->kind == ELBO_REFUSED) return NULL;
    if (name && (r->whole || name->kind != ELBO_SCALAR))
        elbo_findings_add(r->findings, name->place,
                          "%s needs the name of a component: one word",
                          shelf->room);
    else if (r->whole)
        elbo_findings_add(r->findings, node->place, "%s needs the key \"name\"",
                          shelf->room);
    return NULL;
}

static size_t find_component(const reader *r, const elbo_yaml_node *name,
                             const elbo_shelf *shelf)
{
    const char *nearest;
    const size_t i = elbo_shelf_find(shelf, name->text, &nearest);

    if (i != (size_t)-1) return i;
    if (nearest)
        elbo_findings_add(r->findings, name->place,
                          "unknown %s \"%s\"; did you mean \"%s\"?",
                          shelf->noun, name->text, nearest);
    else
        elbo_findings_add(r->findings, name->place,
                          "unknown %s \"%s\"; see elbo list %s", shelf->noun,
                          name->text, shelf->plural);
    return i;
}

static elbo_status read_shelf(reader *r, const elbo_yaml_node *node, size_t kind,
                              size_t *index)
{
    const elbo_shelf shelf = elbo_shelf_of(kind);
    const elbo_table *const tables = shelf_tables[kind];
    const elbo_yaml_node *const name = naming(r, node, &shelf);
    elbo_form *const form = r->form;
    keys extra = {.name = {"name"}, .n = 1};

    *index = name ? find_component(r, name, &shelf) : (size_t)-1;

    const bool known = *index != (size_t)-1;
    const elbo_label label = known ? shelf.at(*index) : (elbo_label){0};

    if (shelf.common) ELBO_TRY(init_table(r, tables[0], shelf.common));
    ELBO_TRY(init_table(r, tables[1], label.options));
    form->room[tables[0]] = form->room[tables[1]] = node->place;
    if (name) form->named[kind] = (elbo_field){true, name->place, name};
    form->component[kind] = label.name;
    if (node->kind == ELBO_MAP) read_map(r, node, tables, &extra, known);
    if (!known) return ELBO_OK;
    check_required(r, tables[1], name->place, label.name);
    return ELBO_OK;
}

static elbo_status read_inference(reader *r, const elbo_yaml_node *node)
{
    static const elbo_table self[] = {ELBO_INFERENCE, ELBO_INFERENCE};
    static const elbo_table rooms[] = {ELBO_DATA, ELBO_EVALUATION};
    static const char *const names[] = {"data", "evaluation"};
    const elbo_option *const options[] = {elbo_data_options,
                                          elbo_evaluation_options};
    const keys extra = {
        .name = {"data", "evaluation"},
          .n = 2
    };
    const keys none = {.n = 0};
    elbo_form *const form = r->form;
    const elbo_place place = node ? node->place : form->room[ELBO_INFERENCE];
    const bool map = node && is_map(r, node, "inference");

    ELBO_TRY(init_table(r, ELBO_INFERENCE, elbo_inference_options));
    form->room[ELBO_INFERENCE] = place;
    if (map) read_map(r, node, self, &extra, true);
    check_required(r, ELBO_INFERENCE, place, "inference");
    for (size_t i = 0; i < 2; i++) {
        const elbo_table both[] = {rooms[i], rooms[i]};
        const elbo_yaml_node *child = map ? elbo_node_child(node, names[i]) : NULL;

        ELBO_TRY(init_table(r, rooms[i], options[i]));
        form->room[rooms[i]] = child ? child->place : place;
        if (child && is_map(r, child, elbo_table_path[rooms[i]]))
            read_map(r, child, both, &none, true);
        check_required(r, rooms[i], form->room[rooms[i]],
                       elbo_table_path[rooms[i]]);
    }
    return ELBO_OK;
}

static bool name_is_right(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t n = strlen(name);

    return n > 0 && n <= NAME_LIMIT && name[0] != '.' && name[0] != '-'
           && strspn(name, allowed) == n;
}

static void read_name(reader *r, const elbo_yaml_node *root)
{
    const elbo_yaml_node *const node = elbo_node_child(root, "name");

    if (!node) {
        missing(r, root->place,
                "the key \"name\": what to call the experiment");
        return;
    }
    if (node->kind == ELBO_REFUSED) return;
    if (node->kind != ELBO_SCALAR || !name_is_right(node->text)) {
        elbo_findings_add(r->findings, node->place,
                          "name must be at most %d of A-Z a-z 0-9 . _ - and "
                          "not start with . or -",
                          NAME_LIMIT);
        return;
    }
    r->form->name = node->text;
    r->form->name_field = (elbo_field){true, node->place, node};
}

static void fill_setup(elbo_form *form, const size_t index[ELBO_SHELVES])
{
    const elbo_values *const v = form->values;

    form->setup = (elbo_setup){
        .env = elbo_envs[index[ELBO_SHELF_ENV]],
        .model = elbo_models[index[ELBO_SHELF_MODEL]],
        .control = elbo_controls[index[ELBO_SHELF_CONTROL]],
        .env_own = &v[ELBO_ENV_OWN],
        .env_common = &v[ELBO_ENV_COMMON],
        .model_own = &v[ELBO_MODEL_OWN],
        .control_own = &v[ELBO_CONTROL_OWN],
        .control_common = &v[ELBO_CONTROL_COMMON],
        .inference = &v[ELBO_INFERENCE],
        .data = &v[ELBO_DATA],
        .evaluation = &v[ELBO_EVALUATION],
        .folder = form->folder,
    };
}

elbo_status elbo_form_read(const elbo_yaml_node *root, bool whole,
                           elbo_findings *findings, elbo_arena *arena,
                           elbo_form *form)
{
    static const elbo_yaml_node empty = {
        .kind = ELBO_MAP, .place = {.line = 1, .column = 1}
    };
    reader r = {form, findings, arena, whole};
    keys top = {
        .name = {"name", "seed", "env", "model", "control", "inference"},
        .n = 6
    };
    size_t index[ELBO_SHELVES];

    if (!root) root = &empty;
    if (root->kind != ELBO_MAP) {
        elbo_findings_add(findings, root->place,
                          "an experiment is a map of keys to values");
        return ELBO_OK;
    }
    for (const elbo_yaml_node *node = root->first; node; node = node->next) {
        bool known = false;

        for (size_t i = 0; i < top.n; i++)
            known |= strcmp(top.name[i], node->key) == 0;
        if (!known) refuse_key(&r, node, &top, "");
    }
    read_name(&r, root);
    elbo_form_seeds(form, elbo_node_child(root, "seed"), findings, arena);
    for (size_t i = 0; i < ELBO_SHELVES; i++) {
        const char *const room = elbo_shelf_of(i).room;
        const elbo_yaml_node *node = elbo_node_child(root, room);
        char what[32];

        snprintf(what, sizeof what, "the key \"%s\"", room);
        if (!node) missing(&r, root->place, what);
        index[i] = (size_t)-1;
        if (node) ELBO_TRY(read_shelf(&r, node, i, &index[i]));
    }
    form->room[ELBO_INFERENCE] = root->place;
    ELBO_TRY(read_inference(&r, elbo_node_child(root, "inference")));
    if (findings->n == 0 && whole) fill_setup(form, index);
    return elbo_arena_check(arena, "the experiment");
}
