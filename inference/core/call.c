/* inference/core/call.c -- settings as text: "a=1 b=2", and "name(1, b=2)". */
#include "inference/core/options.h"

#include <ctype.h>
#include <string.h>

static const size_t none = (size_t)-1;

/* A call being read, left to right. Columns count from the text's start. */
typedef struct call {
    const char *text;
    size_t at;
    elbo_arena *arena;
    elbo_values *values;
    const char *name;
    bool *set;         /* [values->n]: this argument was written */
    size_t positional; /* arguments given by place so far */
    bool named;        /* one was given by name: places are over */
    size_t column;     /* of the fault */
    const char *nearest;
} call;

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void skip_blanks(call *c)
{
    c->at += strspn(c->text + c->at, " \t");
}

/* A copy of the first n characters. */
static char *piece(elbo_arena *arena, const char *text, size_t n)
{
    char *copy = elbo_arena_take(arena, n + 1, 1);

    return copy ? memcpy(copy, text, n) : NULL;
}

/* The name that starts here, or NULL; moves past it. */
static const char *read_name(call *c)
{
    const char *s = c->text + c->at;
    size_t n = 0;

    while (is_name(s[n])) n++;
    if (n == 0 || isdigit((unsigned char)*s)) return NULL;
    c->at += n;
    return piece(c->arena, s, n);
}

/* The length of an argument: up to a comma or the parenthesis that closes the
 * call, either outside inner parentheses; `none` when neither comes. */
static size_t argument_length(const char *s)
{
    size_t depth = 0;

    for (size_t n = 0; s[n]; n++) {
        if (depth == 0 && (s[n] == ',' || s[n] == ')')) return n;
        depth += s[n] == '(';
        depth -= s[n] == ')';
    }
    return none;
}

static const char *nearest_option(const elbo_values *values, const char *name)
{
    const char **names =
        elbo_arena_take(values->arena, values->n, sizeof *names);

    for (size_t i = 0; names && i < values->n; i++)
        names[i] = values->options[i].name;
    return names ? elbo_name_nearest(name, names, values->n) : NULL;
}

/* "key =", if that is what stands here: then *option is its index and the place
 * moves behind it; else *option stays and so does the place. */
static elbo_status read_key(call *c, size_t *option)
{
    const size_t start = c->at;
    const char *key = read_name(c);

    skip_blanks(c);
    if (!key || c->text[c->at] != '=') {
        c->at = start;
        return elbo_arena_check(c->arena, "call");
    }
    c->at++;
    c->named = true;
    *option = elbo_option_find(c->values->options, key);
    if (*option != none) return ELBO_OK;
    c->nearest = nearest_option(c->values, key);
    c->column = start;
    return ELBO_FAIL(ELBO_EINVAL, "%s has no argument %s", c->name, key);
}

/* The option that the argument here is for. */
static elbo_status read_target(call *c, size_t *option)
{
    const size_t start = c->at;

    *option = none;
    ELBO_TRY(read_key(c, option));
    if (*option == none) {
        if (c->named) {
            c->column = start;
            return ELBO_FAIL(ELBO_EINVAL,
                             "%s: an argument without a name follows one with",
                             c->name);
        }
        if (c->positional >= c->values->n) {
            c->column = start;
            return ELBO_FAIL(ELBO_EINVAL, "%s takes at most %zu argument%s",
                             c->name, c->values->n,
                             c->values->n == 1 ? "" : "s");
        }
        *option = c->positional++;
    }
    if (c->set[*option]) {
        c->column = start;
        return ELBO_FAIL(ELBO_EINVAL, "%s: %s is given twice", c->name,
                         c->values->options[*option].name);
    }
    c->set[*option] = true;
    return ELBO_OK;
}

/* One argument, up to its comma or parenthesis. */
static elbo_status read_argument(call *c)
{
    size_t option, column = 0;

    ELBO_TRY(read_target(c, &option));
    skip_blanks(c);

    const char *s = c->text + c->at;
    const size_t length = argument_length(s);
    size_t n = length;

    if (length == none) {
        c->column = strlen(c->text);
        return ELBO_FAIL(ELBO_EINVAL, "%s: a parenthesis is not closed",
                         c->name);
    }
    while (n > 0 && isblank((unsigned char)s[n - 1])) n--;
    if (n == 0) {
        c->column = c->at;
        return ELBO_FAIL(ELBO_EINVAL, "%s: an argument is empty", c->name);
    }

    const char *value = piece(c->arena, s, n);

    ELBO_TRY(elbo_arena_check(c->arena, "call"));

    const elbo_status status =
        elbo_values_set(c->values, option, value, &column, &c->nearest);

    if (status != ELBO_OK) {
        c->column = c->at + column;
        return status;
    }
    c->at += length;
    return ELBO_OK;
}

/* "(" arguments ")" if one opens here. */
static elbo_status read_arguments(call *c)
{
    if (c->text[c->at] != '(') return ELBO_OK;
    c->at++;
    skip_blanks(c);
    if (c->text[c->at] != ')')
        for (;;) {
            ELBO_TRY(read_argument(c));
            if (c->text[c->at] == ')') break;
            c->at++; /* the comma */
            skip_blanks(c);
        }
    c->at++;
    skip_blanks(c);
    return ELBO_OK;
}

static elbo_status read_call(call *c, elbo_call_lookup *lookup,
                             const char **name)
{
    bool known = false;

    skip_blanks(c);

    const size_t start = c->at;

    c->name = read_name(c);
    ELBO_TRY(elbo_arena_check(c->arena, "call"));
    if (!c->name) {
        c->column = start;
        return ELBO_FAIL(ELBO_EINVAL, "a name is expected");
    }

    const elbo_option *options = lookup(c->name, &known, &c->nearest);

    if (!known) {
        c->column = start;
        return ELBO_FAIL(ELBO_EINVAL, "unknown name %s", c->name);
    }
    *name = c->name;
    c->nearest = NULL;
    skip_blanks(c);
    ELBO_TRY(elbo_values_init(c->values, options, c->arena));
    c->set = elbo_arena_take(c->arena, c->values->n, sizeof *c->set);
    ELBO_TRY(elbo_arena_check(c->arena, "call"));
    ELBO_TRY(read_arguments(c));
    if (c->text[c->at]) {
        c->column = c->at;
        return ELBO_FAIL(ELBO_EINVAL, "%s: nothing may follow the call",
                         c->name);
    }
    return ELBO_OK;
}

/* Every option has a value: its own or a default. */
static elbo_status check_complete(const elbo_values *values, const char *whose)
{
    for (size_t i = 0; i < values->n; i++)
        if (!values->value[i].text)
            return ELBO_FAIL(ELBO_EINVAL, "%s%s%s is missing", whose,
                             *whose ? ": " : "", values->options[i].name);
    return ELBO_OK;
}

elbo_status elbo_call_parse(const char *text, elbo_call_lookup *lookup,
                            elbo_arena *arena, const char **name,
                            elbo_values *values, size_t *column,
                            const char **nearest)
{
    call c = {.text = text, .arena = arena, .values = values};
    elbo_status s = read_call(&c, lookup, name);

    if (s == ELBO_OK) {
        s = check_complete(values, c.name);
        c.column = s == ELBO_OK ? 0 : c.at;
    }
    if (column) *column = c.column;
    if (nearest) *nearest = c.nearest;
    return s;
}

/* One "name=text" of n characters. */
static elbo_status set_one(elbo_values *values, const char *setting, size_t n)
{
    char *name = piece(values->arena, setting, n);

    ELBO_TRY(elbo_arena_check(values->arena, "settings"));

    char *text = strchr(name, '=');

    if (!text) return ELBO_FAIL(ELBO_EINVAL, "%s has no value", name);
    *text++ = '\0';

    const size_t i = elbo_option_find(values->options, name);

    if (i == none) return ELBO_FAIL(ELBO_EINVAL, "unknown option %s", name);
    return elbo_values_set(values, i, text, NULL, NULL);
}

elbo_status elbo_values_parse(elbo_values *values, const char *settings)
{
    static const char *const blanks = " \t\n";

    for (const char *s = settings + strspn(settings, blanks); *s;) {
        const size_t n = strcspn(s, blanks);

        ELBO_TRY(set_one(values, s, n));
        s += n;
        s += strspn(s, blanks);
    }
    return check_complete(values, "");
}
