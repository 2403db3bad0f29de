#include "inference/program/yaml.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

typedef struct level {
    elbo_yaml_node *node, *tail;
    const char *key; /* read, its value not yet */
    elbo_place key_place;
    bool refused; /* the key was: drop its value */
} level;

typedef struct builder {
    yaml_parser_t parser;
    elbo_findings *findings;
    elbo_arena *arena;
    elbo_yaml_node *root;
    level stack[ELBO_YAML_DEPTH];
    size_t depth, nodes, documents;
    bool stop, done;
} builder;

static elbo_place place_of(yaml_mark_t mark)
{
    return (elbo_place){.line = mark.line + 1, .column = mark.column + 1};
}

static void halt(builder *b, elbo_place place, const char *text)
{
    elbo_findings_add(b->findings, place, "%s", text);
    b->stop = true;
}

elbo_yaml_node *elbo_node_child(const elbo_yaml_node *map, const char *key)
{
    elbo_yaml_node *child = map->first;

    while (child && strcmp(child->key, key) != 0) child = child->next;
    return child;
}

static void take_key(builder *b, level *top, const elbo_yaml_node *node)
{
    const elbo_yaml_node *first;

    top->refused = false;
    if (node->kind != ELBO_SCALAR) {
        top->key = "";
        top->refused = true;
        return;
    }
    top->key = node->text;
    top->key_place = node->place;
    if (!node->quoted && strcmp(node->text, "<<") == 0) {
        elbo_findings_add(b->findings, node->place, "merge keys are refused");
        top->refused = true;
    } else if ((first = elbo_node_child(top->node, node->text))) {
        elbo_findings_add(b->findings, node->place,
                          "duplicate key \"%s\", first set in line %zu",
                          node->text, first->key_place.line);
        top->refused = true;
    }
}

/* Hang a finished or just opened node where it belongs. */
static void attach(builder *b, elbo_yaml_node *node)
{
    level *const top = b->depth ? &b->stack[b->depth - 1] : NULL;

    if (!top) {
        b->root = node;
        return;
    }
    if (top->node->kind == ELBO_MAP && !top->key) {
        take_key(b, top, node);
        return;
    }
    node->key = top->key;
    node->key_place = top->key_place;
    top->key = NULL;
    if (top->node->kind == ELBO_MAP && top->refused) return;
    if (top->tail)
        top->tail->next = node;
    else
        top->node->first = node;
    top->tail = node;
}

static elbo_yaml_node *new_node(builder *b, const yaml_event_t *event,
                           elbo_node_kind kind)
{
    const elbo_place place = place_of(event->start_mark);
    elbo_yaml_node *node = elbo_arena_take(b->arena, 1, sizeof *node);

    if (!node) {
        b->stop = true;
        return NULL;
    }
    if (++b->nodes > ELBO_YAML_NODES) {
        halt(b, place, "more than 10000 keys and values");
        return NULL;
    }
    node->kind = kind;
    node->place = place;
    return node;
}

static void refuse_marks(builder *b, const yaml_event_t *event,
                         const yaml_char_t *anchor, const yaml_char_t *tag)
{
    const elbo_place place = place_of(event->start_mark);

    if (anchor)
        elbo_findings_add(b->findings, place, "anchors are refused: &%s",
                          (const char *)anchor);
    if (tag)
        elbo_findings_add(b->findings, place, "tags are refused: %s",
                          (const char *)tag);
}

static void on_scalar(builder *b, const yaml_event_t *event)
{
    const char *const text = (const char *)event->data.scalar.value;
    const size_t n = event->data.scalar.length;
    elbo_yaml_node *const node = new_node(b, event, ELBO_SCALAR);

    if (!node) return;
    refuse_marks(b, event, event->data.scalar.anchor, event->data.scalar.tag);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(text, '\0', n)) {
        elbo_findings_add(b->findings, node->place, "a NUL in a text");
        node->kind = ELBO_REFUSED;
    } else if (n > ELBO_YAML_SCALAR) {
        elbo_findings_add(b->findings, node->place,
                          "a text of %zu bytes, the limit is 65536", n);
        node->kind = ELBO_REFUSED;
    } else {
        node->text = elbo_arena_text(b->arena, text);
    }
    if (node->kind == ELBO_SCALAR && !node->text) {
        b->stop = true;
        return;
    }
    attach(b, node);
}

static void on_alias(builder *b, const yaml_event_t *event)
{
    elbo_yaml_node *const node = new_node(b, event, ELBO_REFUSED);

    if (!node) return;
    elbo_findings_add(b->findings, node->place, "aliases are refused: *%s",
                      (const char *)event->data.alias.anchor);
    attach(b, node);
}

static void on_open(builder *b, const yaml_event_t *event, elbo_node_kind kind)
{
    const elbo_place place = place_of(event->start_mark);
    const level *const top = b->depth ? &b->stack[b->depth - 1] : NULL;

    if (b->depth == ELBO_YAML_DEPTH) {
        halt(b, place, "nested more than 32 levels deep");
        return;
    }
    if (top && top->node->kind == ELBO_MAP && !top->key) {
        halt(b, place, "a key must be a word, not a map or a list");
        return;
    }

    elbo_yaml_node *const node = new_node(b, event, kind);

    if (!node) return;
    if (kind == ELBO_MAP)
        refuse_marks(b, event, event->data.mapping_start.anchor,
                     event->data.mapping_start.tag);
    else
        refuse_marks(b, event, event->data.sequence_start.anchor,
                     event->data.sequence_start.tag);
    attach(b, node);
    b->stack[b->depth++] = (level){.node = node};
}

static void on_document(builder *b, const yaml_event_t *event)
{
    const elbo_place place = place_of(event->start_mark);

    if (b->documents++)
        halt(b, place, "a second document: one file is one experiment");
    else if (event->data.document_start.version_directive
             || event->data.document_start.tag_directives.start
                    != event->data.document_start.tag_directives.end)
        elbo_findings_add(b->findings, place, "directives are refused");
}

static void on_event(builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        on_scalar(b, event);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(b, event);
        break;
    case YAML_MAPPING_START_EVENT:
        on_open(b, event, ELBO_MAP);
        break;
    case YAML_SEQUENCE_START_EVENT:
        on_open(b, event, ELBO_LIST);
        break;
    case YAML_DOCUMENT_START_EVENT:
        on_document(b, event);
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        break;
    case YAML_STREAM_END_EVENT:
        b->done = true;
        break;
    default:
        break;
    }
}

static void on_failure(builder *b)
{
    const yaml_parser_t *const p = &b->parser;
    const elbo_source *const source = &b->findings->source;
    const bool reader = p->error == YAML_READER_ERROR;
    const elbo_place place = reader
                                 ? elbo_source_place(source, p->problem_offset)
                                 : place_of(p->problem_mark);

    if (p->context && !reader)
        elbo_findings_add(b->findings, place, "%s (%s)", p->problem,
                          p->context);
    else
        elbo_findings_add(b->findings, place, "%s",
                          p->problem ? p->problem : "cannot be read");
    b->stop = true;
}

elbo_status elbo_yaml_parse(elbo_findings *findings, elbo_arena *arena,
                            elbo_yaml_node **root, bool *whole)
{
    builder b = {.findings = findings, .arena = arena};

    if (!yaml_parser_initialize(&b.parser))
        return ELBO_FAIL(ELBO_ENOMEM, "the YAML parser");
    yaml_parser_set_input_string(&b.parser,
                                 (const unsigned char *)findings->source.text,
                                 findings->source.bytes);
    while (!b.stop && !b.done) {
        yaml_event_t event;

        if (!yaml_parser_parse(&b.parser, &event)) {
            if (b.parser.error == YAML_MEMORY_ERROR) break;
            on_failure(&b);
            break;
        }
        on_event(&b, &event);
        yaml_event_delete(&event);
    }

    const bool memory = b.parser.error == YAML_MEMORY_ERROR;

    yaml_parser_delete(&b.parser);
    if (memory) return ELBO_FAIL(ELBO_ENOMEM, "the YAML parser");
    *root = b.root;
    *whole = b.done;
    return elbo_arena_check(arena, "the experiment's tree");
}
