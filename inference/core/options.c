#include "inference/core/options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUOTE = 80, RANGE = 64 };

/* Where a text is at fault, and what would have been right. */
typedef struct fault {
    size_t column;
    const char *nearest;
} fault;

static void tell(const fault *f, size_t *column, const char **nearest)
{
    if (column) *column = f->column;
    if (nearest) *nearest = f->nearest;
}

/* `text` in quotes, cut when long, bytes that do not print as \xHH. */
static const char *quote(const char *text, char out[QUOTE])
{
    size_t n = 0;

    out[n++] = '"';
    for (; *text && n < QUOTE - 9; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c >= 0x20 && c < 0x7f)
            out[n++] = *text;
        else
            n += (size_t)snprintf(out + n, QUOTE - n, "\\x%02x", c);
    }
    snprintf(out + n, QUOTE - n, *text ? "...\"" : "\"");
    return out;
}

/* ---- numbers ---- */

static size_t digits(const char *s)
{
    return strspn(s, "0123456789");
}

/* The length of the decimal number that `s` starts with, 0 if none. It is told
 * by hand because strtod also takes blanks, hex floats and nan(...). */
static size_t scan_decimal(const char *s)
{
    size_t n = *s == '+' || *s == '-';
    const size_t whole = digits(s + n);

    n += whole;

    const size_t fraction = s[n] == '.' ? digits(s + n + 1) : 0;

    if (whole + fraction == 0) return 0;
    if (s[n] == '.') n += 1 + fraction;
    if (s[n] == 'e' || s[n] == 'E') {
        const size_t sign = s[n + 1] == '+' || s[n + 1] == '-';
        const size_t power = digits(s + n + 1 + sign);

        if (power) n += 1 + sign + power;
    }
    return n;
}

/* inf as in C, .inf as in YAML, either with a sign; 0 when it is neither. */
static double scan_infinity(const char *s)
{
    const double sign = *s == '-' ? -1 : 1;

    if (*s == '+' || *s == '-') s++;
    if (*s == '.') s++;
    return strcmp(s, "inf") == 0 ? sign * HUGE_VAL : 0;
}

static const char *range_text(const elbo_option *option, char out[RANGE])
{
    snprintf(out, RANGE, "in [%.12g, %.12g]", option->low, option->high);
    return out;
}

static elbo_status refuse(const elbo_option *option, const char *wanted,
                          const char *text)
{
    char written[QUOTE];

    return ELBO_FAIL(ELBO_EINVAL, "%s must be %s, not %s", option->name, wanted,
                     quote(text, written));
}

static elbo_status refuse_number(const elbo_option *option, const char *kind,
                                 const char *text)
{
    char range[RANGE], wanted[RANGE + 32];

    snprintf(wanted, sizeof wanted, "%s %s", kind, range_text(option, range));
    return refuse(option, wanted, text);
}

static elbo_status refuse_range(const elbo_option *option, const char *text)
{
    char range[RANGE];

    return ELBO_FAIL(ELBO_EINVAL, "%s must be %s, not %.40s", option->name,
                     range_text(option, range), text);
}

static elbo_status parse_real(const elbo_option *option, const char *text,
                              elbo_value *value, fault *f)
{
    double x = scan_infinity(text);

    if (x == 0) {
        const size_t n = scan_decimal(text);

        if (n == 0 || text[n]) {
            f->column = n;
            return refuse_number(option, "a number", text);
        }
        x = strtod(text, NULL);
        if (isinf(x)) return refuse_number(option, "a finite number", text);
    }
    if (!(x >= option->low && x <= option->high))
        return refuse_range(option, text);
    value->real = x;
    return ELBO_OK;
}

/* Digits alone are read exactly, to 64 bits; 1e6 by way of a double, as long as
 * a double holds every whole number of that size. */
static elbo_status parse_int(const elbo_option *option, const char *text,
                             elbo_value *value, fault *f)
{
    static const double exact = 9007199254740992; /* 2^53 */
    const size_t n = scan_decimal(text);
    const size_t sign = *text == '+' || *text == '-';
    long long i;

    if (n == 0 || text[n]) {
        f->column = n;
        return refuse_number(option, "a whole number", text);
    }
    errno = 0;
    if (sign + digits(text + sign) == n) {
        i = strtoll(text, NULL, 10);
        if (errno) return refuse_range(option, text);
    } else {
        const double x = strtod(text, NULL);

        if (!(fabs(x) <= exact) || x != floor(x))
            return refuse_number(option, "a whole number", text);
        i = (long long)x;
    }
    if (!((double)i >= option->low && (double)i <= option->high))
        return refuse_range(option, text);
    value->integer = i;
    value->real = (double)i;
    return ELBO_OK;
}

/* ---- values ---- */

/* The choices as strings, cut from a copy of the list: NULL without memory. */
static const char **split_choices(const char *choices, elbo_arena *arena,
                                  size_t *n)
{
    size_t count = 1;

    for (const char *c = choices; *c; c++) count += *c == '|';

    const char **list = elbo_arena_take(arena, count, sizeof *list);
    char *choice = elbo_arena_text(arena, choices);

    if (!choice) return NULL;
    for (size_t i = 0; i < count; i++) {
        const size_t length = strcspn(choice, "|");

        choice[length] = '\0';
        list[i] = choice;
        choice += length + 1;
    }
    *n = count;
    return list;
}

/* As long as the error's text: until the next refusal, whatever arena it came
 * from. */
static const char *keep_choice(const char *choice)
{
    static _Thread_local char kept[64];

    if (!choice) return NULL;
    snprintf(kept, sizeof kept, "%s", choice);
    return kept;
}

static elbo_status parse_choice(const elbo_option *option, const char *text,
                                elbo_arena *arena, fault *f)
{
    size_t n = 0;
    const char **choices = split_choices(option->choices, arena, &n);
    char wanted[256] = "one of ";

    ELBO_TRY(elbo_arena_check(arena, option->name));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(choices[i], text) == 0) return ELBO_OK;

        const size_t at = strlen(wanted);

        snprintf(wanted + at, sizeof wanted - at, "%s%s", i ? ", " : "",
                 choices[i]);
    }
    f->nearest = keep_choice(elbo_name_nearest(text, choices, n));
    return refuse(option, wanted, text);
}

static elbo_status parse_bool(const elbo_option *option, const char *text,
                              elbo_value *value)
{
    const bool yes = strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "false") != 0)
        return refuse(option, "true or false", text);
    value->flag = yes;
    return ELBO_OK;
}

/* Inside the folder: relative, and no part of it is "..". An empty path is the
 * default of an option that may name no file, never a value. */
static elbo_status parse_path(const elbo_option *option, const char *text,
                              fault *f)
{
    static const char *const inside = "a file inside the experiment's folder";

    if (*text == '\0' || *text == '/') return refuse(option, inside, text);
    for (const char *part = text;; part++) {
        const size_t n = strcspn(part, "/");

        if (n == 2 && strncmp(part, "..", 2) == 0) {
            f->column = (size_t)(part - text);
            return refuse(option, inside, text);
        }
        part += n;
        if (*part == '\0') return ELBO_OK;
    }
}

static elbo_status parse_text(const elbo_option *option, const char *text,
                              fault *f)
{
    return option->check ? option->check(text, &f->column, &f->nearest)
                         : ELBO_OK;
}

static elbo_status parse_value(const elbo_option *option, const char *text,
                               elbo_arena *arena, elbo_value *value, fault *f)
{
    switch (option->type) {
    case ELBO_BOOL:
        return parse_bool(option, text, value);
    case ELBO_INT:
        return parse_int(option, text, value, f);
    case ELBO_REAL:
        return parse_real(option, text, value, f);
    case ELBO_TEXT:
        return parse_text(option, text, f);
    case ELBO_CHOICE:
        return parse_choice(option, text, arena, f);
    case ELBO_PATH:
        return parse_path(option, text, f);
    }
    return ELBO_FAIL(ELBO_EINTERNAL, "%s has type %d", option->name,
                     (int)option->type);
}

/* A default is held to the same rules as a value, but for an empty path. */
static elbo_status set_default(elbo_values *values, size_t i)
{
    const elbo_option *option = &values->options[i];
    const char *text = option->fallback;
    elbo_value value = {.text = text};
    fault f = {0};

    if (!text || (option->type == ELBO_PATH && *text == '\0')) {
        values->value[i] = value;
        return ELBO_OK;
    }
    ELBO_TRY(parse_value(option, text, values->arena, &value, &f));
    values->value[i] = value;
    return ELBO_OK;
}

elbo_status elbo_values_init(elbo_values *values, const elbo_option *options,
                             elbo_arena *arena)
{
    size_t n = 0;

    while (options && options[n].name) n++;
    *values = (elbo_values){.options = options, .n = n, .arena = arena};
    values->value = elbo_arena_take(arena, n, sizeof *values->value);
    ELBO_TRY(elbo_arena_check(arena, "options"));
    for (size_t i = 0; i < n; i++) ELBO_TRY(set_default(values, i));
    return ELBO_OK;
}

elbo_status elbo_values_set(elbo_values *values, size_t i, const char *text,
                            size_t *column, const char **nearest)
{
    assert(i < values->n);

    fault f = {0};
    elbo_value value = {.given = true};
    const elbo_status s =
        parse_value(&values->options[i], text, values->arena, &value, &f);

    tell(&f, column, nearest);
    if (s != ELBO_OK) return s;
    value.text = elbo_arena_text(values->arena, text);
    ELBO_TRY(elbo_arena_check(values->arena, values->options[i].name));
    values->value[i] = value;
    return ELBO_OK;
}

size_t elbo_option_find(const elbo_option *options, const char *name)
{
    for (size_t i = 0; options && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0) return i;
    return (size_t)-1;
}

static const elbo_value *value_of(const elbo_values *values, const char *name,
                                  elbo_option_type type)
{
    const size_t i = elbo_option_find(values->options, name);

    assert(i < values->n);
    assert(values->options[i].type == type);
    assert(values->value[i].text);
    (void)type;
    return &values->value[i];
}

bool elbo_flag(const elbo_values *values, const char *name)
{
    return value_of(values, name, ELBO_BOOL)->flag;
}

int64_t elbo_int(const elbo_values *values, const char *name)
{
    return value_of(values, name, ELBO_INT)->integer;
}

double elbo_real(const elbo_values *values, const char *name)
{
    const size_t i = elbo_option_find(values->options, name);

    assert(i < values->n);
    return value_of(values, name,
                    values->options[i].type == ELBO_INT ? ELBO_INT : ELBO_REAL)
        ->real;
}

const char *elbo_text(const elbo_values *values, const char *name)
{
    const size_t i = elbo_option_find(values->options, name);

    assert(i < values->n);
    return values->value[i].text;
}

bool elbo_choice_is(const elbo_values *values, const char *name,
                    const char *choice)
{
    return strcmp(value_of(values, name, ELBO_CHOICE)->text, choice) == 0;
}
