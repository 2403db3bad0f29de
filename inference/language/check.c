/* inference/language/check.c -- types and dependencies of a tree, bottom up. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "inference/core/options.h"
#include "inference/language/expression.h"
#include "inference/language/words.h"

enum {
    MOST_WORDS = 128,
    LONGEST_NEAR = 32, /* longer names are near no word */
    MOST_SAMPLES = 1000000
};

typedef struct checker {
    const elbo_scope *scope;
    bool y;             /* y has a meaning here */
    bool fixed_pi;      /* the policy does not respond here */
    size_t column;      /* of the fault */
    elbo_expr *unknown; /* the fault is this node's name */
} checker;

static elbo_status check(checker *c, elbo_expr *e);

static const char *const type_names[] = {
    [ELBO_TYPE_SCALAR] = "a scalar",     [ELBO_TYPE_VECTOR] = "a vector",
    [ELBO_TYPE_STATE] = "a state",       [ELBO_TYPE_ACTION] = "an action",
    [ELBO_TYPE_FUNCTION] = "a function",
};

static const unsigned paths = ELBO_ON_THETA | ELBO_ON_PLANNER;

static elbo_status unknown(checker *c, elbo_expr *e)
{
    c->unknown = e;
    c->column = e->column;
    return ELBO_FAIL(ELBO_EINVAL, "unknown %s %.64s",
                     e->kind == ELBO_EXPR_CALL ? "function" : "name", e->name);
}

/* Where states are vectors, so are actions; and a vector may be a state. */
static bool vectors(const checker *c)
{
    return c->scope->coordinates && !c->scope->finite;
}

/* A state or action that must be a vector: only coordinates make it one. States
 * and actions are names or calls, so e has a name to show. */
static elbo_status promote(checker *c, const elbo_expr *e, elbo_type *type)
{
    *type = e->type;
    if (e->type == ELBO_TYPE_ACTION && vectors(c)) *type = ELBO_TYPE_VECTOR;
    if (e->type != ELBO_TYPE_STATE) return ELBO_OK;
    *type = ELBO_TYPE_VECTOR;
    if (c->scope->coordinates) return ELBO_OK;
    c->column = e->column;
    return ELBO_FAIL(ELBO_EINVAL,
                     "states of this world have no coordinates: %s cannot "
                     "enter arithmetic",
                     e->name);
}

/* e as a number or a vector of them; *widest becomes a vector if it is one. */
static elbo_status check_value(checker *c, const elbo_expr *e,
                               elbo_type *widest)
{
    elbo_type type;

    ELBO_TRY(promote(c, e, &type));
    if (type == ELBO_TYPE_ACTION) {
        c->column = e->column;
        return ELBO_FAIL(ELBO_EINVAL,
                         "%s is an action: it cannot enter arithmetic",
                         e->name);
    }
    if (type == ELBO_TYPE_VECTOR) *widest = type;
    return ELBO_OK;
}

/* + - * / ^ and unary minus */
static elbo_status check_arithmetic(checker *c, elbo_expr *e)
{
    e->type = ELBO_TYPE_SCALAR;
    e->depends = 0;
    for (size_t i = 0; i < e->n; i++) {
        ELBO_TRY(check(c, e->arg[i]));
        ELBO_TRY(check_value(c, e->arg[i], &e->type));
        e->depends |= e->arg[i]->depends;
    }
    return ELBO_OK;
}

/* With the policy held, what theta moves only through it stands still. */
static unsigned hold_policy(unsigned depends)
{
    if (!(depends & ELBO_ON_PLANNER)) return depends;
    return (depends & ~(unsigned)ELBO_ON_PLANNER) | ELBO_HAS_STOP;
}

static elbo_status wrong_argument(checker *c, const elbo_expr *e, size_t i,
                                  const char *wanted)
{
    const elbo_expr *arg = e->arg[i];

    c->column = arg->column;
    return ELBO_FAIL(ELBO_EINVAL, "argument %zu of %s must be %s, not %s",
                     i + 1, e->name, wanted, type_names[arg->type]);
}

/* A number, or minus one. */
static bool is_number(const elbo_expr *e, double *x)
{
    const bool negative = e->kind == ELBO_EXPR_NEG;
    const elbo_expr *number = negative ? e->arg[0] : e;

    *x = negative ? -number->number : number->number;
    return number->kind == ELBO_EXPR_NUMBER;
}

/* ---- factors ---- */

/* NULL: no factor, or a word of this form comes first. */
static const elbo_factor_name *factor_of(const checker *c, const elbo_expr *e)
{
    const elbo_rule *rule = elbo_rule_find(e->name);
    const elbo_factor_name *f = c->scope->factors;

    if (rule && (e->kind == ELBO_EXPR_CALL ? rule->takes != NULL : rule->bare))
        return NULL;
    while (f && f->name && strcmp(f->name, e->name) != 0) f++;
    return f && f->name ? f : NULL;
}

/* The state that a factor of states is read at. */
static elbo_status check_factor_state(checker *c, elbo_expr *e)
{
    if (e->n == 0) {
        c->column = e->column;
        return ELBO_FAIL(ELBO_EINVAL,
                         "%s is a function of states: it needs one as its "
                         "last argument",
                         e->name);
    }

    elbo_expr *state = e->arg[e->n - 1];

    ELBO_TRY(check(c, state));
    if (state->type != ELBO_TYPE_STATE)
        return wrong_argument(c, e, e->n - 1, "a state");
    e->depends = state->depends;
    return ELBO_OK;
}

/* What it says of its arguments: they are names and numbers. Whether they are
 * the factor's is for whoever has its options. */
static elbo_status check_factor(checker *c, elbo_expr *e,
                                const elbo_factor_name *factor)
{
    const bool of_state = factor->shape == ELBO_FACTOR_STATE;
    double unused;

    e->factor = factor;
    e->type = ELBO_TYPE_SCALAR;
    e->depends = ELBO_ON_SAMPLE;
    if (factor->shape == ELBO_FACTOR_ENTRY)
        e->depends |= c->y ? ELBO_ON_Y : ELBO_ON_NEXT;
    if (of_state) ELBO_TRY(check_factor_state(c, e));
    for (size_t i = 0; i + of_state < e->n; i++) {
        elbo_expr *arg = e->arg[i];

        arg->type = ELBO_TYPE_SCALAR;
        arg->depends = 0;
        if (arg->kind == ELBO_EXPR_NAME || is_number(arg, &unused)) continue;
        c->column = arg->column;
        return ELBO_FAIL(ELBO_EINVAL,
                         "argument %zu of %s must be a name or a number", i + 1,
                         e->name);
    }
    return ELBO_OK;
}

static elbo_status check_name(checker *c, elbo_expr *e)
{
    const elbo_rule *rule = elbo_rule_find(e->name);
    const elbo_factor_name *factor = factor_of(c, e);

    e->factor = NULL;
    if (factor) return check_factor(c, e, factor);
    if (!rule) return unknown(c, e);
    c->column = e->column;
    if (!rule->bare)
        return ELBO_FAIL(ELBO_EINVAL, "%s is a function: it needs arguments",
                         rule->name);
    if (rule->depends & ELBO_ON_Y && !c->y)
        return ELBO_FAIL(ELBO_EINVAL,
                         "y has a meaning only inside E, Var, roll, T or Td");
    e->type = rule->type;
    e->depends = rule->depends;
    if (rule->by_policy && c->fixed_pi) e->depends = hold_policy(e->depends);
    return ELBO_OK;
}

static elbo_status check_number(checker *c, const elbo_expr *e, size_t i,
                                bool whole)
{
    const elbo_expr *arg = e->arg[i];
    double x;

    c->column = arg->column;
    if (!whole)
        return is_number(arg, &x)
                   ? ELBO_OK
                   : ELBO_FAIL(ELBO_EINVAL,
                               "argument %zu of %s must be a number", i + 1,
                               e->name);
    if (is_number(arg, &x) && x >= 1 && x <= MOST_SAMPLES && x == floor(x))
        return ELBO_OK;
    return ELBO_FAIL(ELBO_EINVAL,
                     "argument %zu of %s must be a whole number from 1 to %d",
                     i + 1, e->name, MOST_SAMPLES);
}

/* Argument i against its letter; *widest as in check_value. */
static elbo_status check_argument(checker *c, const elbo_expr *e, size_t i,
                                  char letter, elbo_type *widest)
{
    const elbo_expr *arg = e->arg[i];
    elbo_type type = arg->type;

    if (letter == 'x') return ELBO_OK;
    if (letter == 'n' || letter == 'c')
        return check_number(c, e, i, letter == 'n');
    if (letter == 'f') return check_value(c, arg, widest);
    if (letter == 'S')
        return type == ELBO_TYPE_STATE
                       || (type == ELBO_TYPE_VECTOR && vectors(c))
                   ? ELBO_OK
                   : wrong_argument(c, e, i, "a state");
    if (letter == 'A')
        return type == ELBO_TYPE_ACTION ? ELBO_OK
                                        : wrong_argument(c, e, i, "an action");
    if (letter == '1')
        return type == ELBO_TYPE_SCALAR ? ELBO_OK
                                        : wrong_argument(c, e, i, "a scalar");
    ELBO_TRY(promote(c, arg, &type));
    return type == ELBO_TYPE_VECTOR ? ELBO_OK
                                    : wrong_argument(c, e, i, "a vector");
}

/* Types of the arguments; the call's type and the union of dependencies. */
static elbo_status check_arguments(checker *c, elbo_expr *e,
                                   const elbo_rule *rule)
{
    elbo_type widest = ELBO_TYPE_SCALAR;

    e->depends = 0;
    for (size_t i = 0; i < e->n; i++) {
        ELBO_TRY(check(c, e->arg[i]));
        ELBO_TRY(check_argument(c, e, i, rule->takes[i], &widest));
        e->depends |= e->arg[i]->depends;
    }

    const elbo_type given[] = {
        [ELBO_GIVES_SCALAR] = ELBO_TYPE_SCALAR,
        [ELBO_GIVES_VECTOR] = ELBO_TYPE_VECTOR,
        [ELBO_GIVES_WIDEST] = widest,
        [ELBO_GIVES_SAME] = e->arg[0]->type,
    };

    e->type = given[rule->gives];
    return ELBO_OK;
}

/* What the call adds to and takes from its arguments' dependencies. */
static unsigned call_depends(const checker *c, const elbo_rule *rule,
                             unsigned on)
{
    if (rule->effect == ELBO_STOPS && on & paths) {
        if (on & ELBO_ON_THETA) on |= ELBO_STOPS_THETA;
        return (on & ~paths) | ELBO_HAS_STOP;
    }
    if (rule->effect == ELBO_HOLDS_PI && on & ELBO_ON_PLANNER)
        return on | ELBO_HAS_STOP;
    if (rule->effect != ELBO_BINDS_Y || on & ELBO_ON_Y) on |= rule->adds;
    on &= ~rule->removes;
    return rule->by_policy && c->fixed_pi ? hold_policy(on) : on;
}

/* Whether e is a mean of n samples, E(f, n). */
static bool is_sampled(const elbo_expr *e)
{
    return e->kind == ELBO_EXPR_CALL && e->n == 2 && strcmp(e->name, "E") == 0;
}

bool elbo_expr_samples(const elbo_expr *expr)
{
    if (is_sampled(expr)) return true;
    for (size_t i = 0; i < expr->n; i++)
        if (elbo_expr_samples(expr->arg[i])) return true;
    return false;
}

/* The mean of n >= 2 independent samples less what does not depend on them:
 * only of that does the samples' own variance tell the square's bias. */
static elbo_status check_unbiased(checker *c, const elbo_expr *e)
{
    const elbo_expr *arg = e->arg[0];

    if (arg->kind == ELBO_EXPR_SUB && is_sampled(arg->arg[0])
        && arg->arg[0]->arg[1]->number >= 2 && !elbo_expr_samples(arg->arg[1]))
        return ELBO_OK;
    c->column = arg->column;
    return ELBO_FAIL(ELBO_EINVAL,
                     "%s takes E(f, n) - c, with n from 2 and no samples in c",
                     e->name);
}

static elbo_status check_bounds(checker *c, const elbo_expr *e)
{
    double low, high;

    if (is_number(e->arg[1], &low) && is_number(e->arg[2], &high)
        && low <= high)
        return ELBO_OK;
    c->column = e->arg[2]->column;
    return ELBO_FAIL(ELBO_EINVAL, "%s: the bounds are in the wrong order",
                     e->name);
}

static elbo_status check_width(checker *c, const elbo_expr *e)
{
    double width;

    c->column = e->arg[1]->column;
    if (!is_number(e->arg[1], &width) || width < 0)
        return ELBO_FAIL(ELBO_EINVAL, "%s: a width is 0 or more", e->name);
    if (width > 0 && !c->scope->coordinates)
        return ELBO_FAIL(ELBO_EINVAL,
                         "states of this world have no coordinates: the width "
                         "of %s must be 0",
                         e->name);
    return ELBO_OK;
}

/* The word is a function, of this many arguments, and has a meaning here. */
static elbo_status check_form(checker *c, const elbo_expr *e,
                              const elbo_rule *rule)
{
    const size_t least = elbo_rule_least(rule), most = elbo_rule_most(rule);

    c->column = e->column;
    if (!rule->takes)
        return ELBO_FAIL(ELBO_EINVAL, "%s is no function", rule->name);
    if (e->n < least || e->n > most) {
        if (least < most)
            return ELBO_FAIL(ELBO_EINVAL,
                             "%s takes %zu or %zu arguments, not "
                             "%zu",
                             rule->name, least, most, e->n);
        return ELBO_FAIL(ELBO_EINVAL, "%s takes %zu argument%s, not %zu",
                         rule->name, most, most == 1 ? "" : "s", e->n);
    }
    if (rule->coordinates && !c->scope->coordinates)
        return ELBO_FAIL(ELBO_EINVAL,
                         "states of this world have no coordinates: no %s",
                         rule->name);
    return ELBO_OK;
}

static elbo_status check_call(checker *c, elbo_expr *e)
{
    const elbo_rule *rule = elbo_rule_find(e->name);
    const bool y = c->y, fixed_pi = c->fixed_pi;
    const elbo_factor_name *factor = factor_of(c, e);

    e->factor = NULL;
    if (factor) return check_factor(c, e, factor);
    if (!rule) return unknown(c, e);
    ELBO_TRY(check_form(c, e, rule));
    if (rule->effect == ELBO_BINDS_Y) c->y = true;
    if (rule->effect == ELBO_HIDES_Y || rule->effect == ELBO_NEARS)
        c->y = false;
    if (rule->effect == ELBO_HOLDS_PI) c->fixed_pi = true;
    ELBO_TRY(check_arguments(c, e, rule));
    c->y = y;
    c->fixed_pi = fixed_pi;
    e->depends = call_depends(c, rule, e->depends);
    if (rule->effect == ELBO_UNBIASED) return check_unbiased(c, e);
    if (rule->effect == ELBO_BOUNDS) return check_bounds(c, e);
    if (rule->effect == ELBO_NEARS) return check_width(c, e);
    return ELBO_OK;
}

static elbo_status check(checker *c, elbo_expr *e)
{
    if (e->kind == ELBO_EXPR_NAME) return check_name(c, e);
    if (e->kind == ELBO_EXPR_CALL) return check_call(c, e);
    return check_arithmetic(c, e);
}

static elbo_status check_whole(checker *c, elbo_expr *expr)
{
    ELBO_TRY(check(c, expr));
    if (expr->type == ELBO_TYPE_SCALAR) return ELBO_OK;
    c->column = expr->column;
    return ELBO_FAIL(ELBO_EINVAL, "the whole must be a scalar, not %s",
                     type_names[expr->type]);
}

/* Where the last leaf below e begins. */
static size_t last_column(const elbo_expr *e)
{
    return e->n > 0 ? last_column(e->arg[e->n - 1]) : e->column;
}

/* Whether the whole is right with another name for the node, or wrong only by
 * an unknown name or behind the node, for which the name is not to blame. */
static bool would_do(elbo_expr *expr, elbo_expr *node, const char *name,
                     const elbo_scope *scope)
{
    checker trial = {.scope = scope};

    node->name = name;
    return check_whole(&trial, expr) == ELBO_OK || trial.unknown
           || trial.column > last_column(node);
}

/* Of names[n], the one nearest to `name`; first one that differs only by case.
 */
static const char *nearest_of(const char *name, const char *const names[],
                              size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(names[i], name) == 0) return names[i];
    return elbo_name_nearest(name, names, n);
}

/* The word nearest to the node's name that would do in its place, or NULL. */
static const char *suggest(elbo_expr *expr, elbo_expr *node,
                           const elbo_scope *scope)
{
    const char *const name = node->name, *nearest;
    const char *names[MOST_WORDS];
    size_t n = 0, i;

    if (strlen(name) > LONGEST_NEAR) return NULL;
    for (const elbo_rule *rule = elbo_rules; rule->name; rule++)
        if (n < MOST_WORDS) names[n++] = rule->name;
    for (const elbo_factor_name *f = scope->factors; f && f->name; f++)
        if (n < MOST_WORDS) names[n++] = f->name;
    while ((nearest = nearest_of(name, names, n))
           && !would_do(expr, node, nearest, scope)) {
        for (i = 0; names[i] != nearest;) i++;
        n--;
        memmove(names + i, names + i + 1, (n - i) * sizeof *names);
    }
    node->name = name;
    return nearest;
}

elbo_status elbo_expression_check(elbo_expr *expr, const elbo_scope *scope,
                                  size_t *column, const char **nearest)
{
    checker c = {.scope = scope};
    const elbo_status s = check_whole(&c, expr);

    *column = s == ELBO_OK ? 0 : c.column;
    if (nearest) *nearest = NULL;
    if (nearest && c.unknown) {
        const elbo_error error = *elbo_last_error();

        *nearest = suggest(expr, c.unknown, scope);
        elbo_error_restore(&error); /* the trials' are not the caller's */
    }
    return s;
}
