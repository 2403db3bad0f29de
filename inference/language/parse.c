/* inference/language/parse.c -- an objective's text to a tree, by recursive
 * descent. Both the nesting of the text and the height of the tree are limited,
 * so that neither this nor any walk over the tree can exhaust the stack.
 */
#include <string.h>

#include "inference/language/expression.h"
#include "inference/language/lexer.h"

enum {
    MOST_ARGUMENTS = 8,
    SHOWN = 40 /* characters of a token in an error's text */
};

typedef struct parser {
    elbo_lexer lexer;
    elbo_arena *arena;
    size_t depth; /* parentheses and signs that are open */
} parser;

/* A subtree and its height, 1 for a leaf. */
typedef struct subtree {
    elbo_expr *expr;
    size_t height;
} subtree;

static elbo_status parse_sum(parser *p, subtree *out);

static elbo_status expected(parser *p, const char *what)
{
    const elbo_token *token = &p->lexer.token;
    const int shown = token->length < SHOWN ? (int)token->length : SHOWN;

    p->lexer.column = token->column;
    if (token->kind == ELBO_TOKEN_END)
        return ELBO_FAIL(ELBO_EINVAL, "expected %s, got the end", what);
    return ELBO_FAIL(ELBO_EINVAL, "expected %s, got '%.*s'", what, shown,
                     p->lexer.text + token->column);
}

static bool at(const parser *p, char sign)
{
    return elbo_lexer_at(&p->lexer, sign);
}

static elbo_status advance(parser *p)
{
    return elbo_lexer_next(&p->lexer);
}

/* Go one level deeper, past the token that opens it. */
static elbo_status enter(parser *p)
{
    if (p->depth == ELBO_EXPRESSION_DEPTH) {
        p->lexer.column = p->lexer.token.column;
        return ELBO_FAIL(ELBO_EINVAL, "nested more than %d deep",
                         ELBO_EXPRESSION_DEPTH);
    }
    p->depth++;
    return advance(p);
}

/* A node over arg[n]; `place` is where to point when the tree grows too high.
 */
static elbo_status make(parser *p, const elbo_expr *node, const subtree arg[],
                        size_t place, subtree *out)
{
    size_t height = 0;

    for (size_t i = 0; i < node->n; i++)
        if (arg[i].height > height) height = arg[i].height;
    if (height == ELBO_EXPRESSION_DEPTH) {
        p->lexer.column = place;
        return ELBO_FAIL(ELBO_EINVAL, "more than %d operations in a chain",
                         ELBO_EXPRESSION_DEPTH - 1);
    }

    elbo_expr *e = elbo_arena_take(p->arena, 1, sizeof *e);
    elbo_expr **list = elbo_arena_take(p->arena, node->n, sizeof(elbo_expr *));

    ELBO_TRY(elbo_arena_check(p->arena, "an expression"));
    *e = *node;
    e->arg = list;
    for (size_t i = 0; i < node->n; i++) list[i] = arg[i].expr;
    *out = (subtree){e, height + 1};
    return ELBO_OK;
}

/* The text of the token, a name. */
static const char *token_text(parser *p)
{
    const elbo_token *token = &p->lexer.token;
    char *copy = elbo_arena_take(p->arena, token->length + 1, 1);

    return copy ? memcpy(copy, p->lexer.text + token->column, token->length)
                : NULL;
}

/* "(" sum { "," sum } ")" */
static elbo_status parse_arguments(parser *p, subtree arg[MOST_ARGUMENTS],
                                   size_t *n)
{
    ELBO_TRY(enter(p));
    ELBO_TRY(parse_sum(p, &arg[0]));
    for (*n = 1; at(p, ','); (*n)++) {
        if (*n == MOST_ARGUMENTS) {
            p->lexer.column = p->lexer.token.column;
            return ELBO_FAIL(ELBO_EINVAL, "more than %d arguments",
                             MOST_ARGUMENTS);
        }
        ELBO_TRY(advance(p));
        ELBO_TRY(parse_sum(p, &arg[*n]));
    }
    if (!at(p, ')')) return expected(p, "',' or ')'");
    p->depth--;
    return advance(p);
}

static elbo_status parse_name(parser *p, subtree *out)
{
    const size_t place = p->lexer.token.column;
    elbo_expr node = {.kind = ELBO_EXPR_NAME, .column = place};
    subtree arg[MOST_ARGUMENTS];

    node.name = token_text(p);
    ELBO_TRY(elbo_arena_check(p->arena, "a name"));
    ELBO_TRY(advance(p));
    if (at(p, '(')) {
        node.kind = ELBO_EXPR_CALL;
        ELBO_TRY(parse_arguments(p, arg, &node.n));
    }
    return make(p, &node, arg, place, out);
}

static elbo_status parse_number(parser *p, subtree *out)
{
    const elbo_token *token = &p->lexer.token;
    const elbo_expr node = {.kind = ELBO_EXPR_NUMBER,
                            .number = token->number,
                            .column = token->column};

    ELBO_TRY(advance(p));
    return make(p, &node, NULL, node.column, out);
}

/* number | name [ "(" ... ")" ] | "(" sum ")" */
static elbo_status parse_primary(parser *p, subtree *out)
{
    const elbo_token_kind kind = p->lexer.token.kind;

    if (kind == ELBO_TOKEN_NUMBER) return parse_number(p, out);
    if (kind == ELBO_TOKEN_NAME) return parse_name(p, out);
    if (!at(p, '(')) return expected(p, "an operand");
    ELBO_TRY(enter(p));
    ELBO_TRY(parse_sum(p, out));
    if (!at(p, ')')) return expected(p, "')'");
    p->depth--;
    return advance(p);
}

/* primary [ ^ [-] number ] */
static elbo_status parse_power(parser *p, subtree *out)
{
    const size_t column = p->lexer.token.column;

    ELBO_TRY(parse_primary(p, out));
    if (!at(p, '^')) return ELBO_OK;

    const size_t place = p->lexer.token.column;
    elbo_expr node = {.kind = ELBO_EXPR_POW, .n = 1, .column = column};

    ELBO_TRY(advance(p));

    const bool negative = at(p, '-');

    if (negative) ELBO_TRY(advance(p));
    if (p->lexer.token.kind != ELBO_TOKEN_NUMBER)
        return expected(p, "a number as the exponent");
    node.number = p->lexer.token.number;
    if (negative) node.number = -node.number;
    ELBO_TRY(advance(p));
    if (at(p, '^')) {
        p->lexer.column = p->lexer.token.column;
        return ELBO_FAIL(ELBO_EINVAL, "a second '^' needs parentheses");
    }

    const subtree base = *out;

    return make(p, &node, &base, place, out);
}

/* - unary | power */
static elbo_status parse_unary(parser *p, subtree *out)
{
    const size_t column = p->lexer.token.column;
    const elbo_expr node = {.kind = ELBO_EXPR_NEG, .n = 1, .column = column};
    subtree arg;

    if (!at(p, '-')) return parse_power(p, out);
    ELBO_TRY(enter(p));
    ELBO_TRY(parse_unary(p, &arg));
    p->depth--;
    return make(p, &node, &arg, column, out);
}

typedef elbo_status parse_function(parser *p, subtree *out);

/* operand { sign operand }, from left to right; kind[i] belongs to sign[i]. */
static elbo_status parse_chain(parser *p, parse_function *operand,
                               const char sign[2], const elbo_expr_kind kind[2],
                               subtree *out)
{
    const size_t column = p->lexer.token.column;

    ELBO_TRY(operand(p, out));
    while (at(p, sign[0]) || at(p, sign[1])) {
        const elbo_expr node = {
            .kind = kind[at(p, sign[1])], .n = 2, .column = column};
        const size_t place = p->lexer.token.column;
        subtree arg[2] = {*out};

        ELBO_TRY(advance(p));
        ELBO_TRY(operand(p, &arg[1]));
        ELBO_TRY(make(p, &node, arg, place, out));
    }
    return ELBO_OK;
}

/* unary { (*|/) unary } */
static elbo_status parse_product(parser *p, subtree *out)
{
    static const elbo_expr_kind kind[2] = {ELBO_EXPR_MUL, ELBO_EXPR_DIV};

    return parse_chain(p, parse_unary, "*/", kind, out);
}

/* product { (+|-) product } */
static elbo_status parse_sum(parser *p, subtree *out)
{
    static const elbo_expr_kind kind[2] = {ELBO_EXPR_ADD, ELBO_EXPR_SUB};

    return parse_chain(p, parse_product, "+-", kind, out);
}

static elbo_status parse_all(parser *p, elbo_expr **out)
{
    subtree whole;

    if (strlen(p->lexer.text) > ELBO_EXPRESSION_TEXT) {
        p->lexer.column = ELBO_EXPRESSION_TEXT;
        return ELBO_FAIL(ELBO_EINVAL, "longer than %d bytes",
                         ELBO_EXPRESSION_TEXT);
    }
    ELBO_TRY(advance(p));
    ELBO_TRY(parse_sum(p, &whole));
    if (p->lexer.token.kind != ELBO_TOKEN_END)
        return expected(p, "an operator");
    *out = whole.expr;
    return ELBO_OK;
}

elbo_status elbo_expression_parse(const char *text, elbo_arena *arena,
                                  elbo_expr **out, size_t *column)
{
    const elbo_mark mark = elbo_arena_mark(arena);
    parser p = {
        .lexer = {.text = text, .arena = arena},
          .arena = arena
    };
    const elbo_status s = parse_all(&p, out);

    *column = s == ELBO_OK ? 0 : p.lexer.column;
    if (s != ELBO_OK) elbo_arena_release(arena, mark);
    return s;
}
