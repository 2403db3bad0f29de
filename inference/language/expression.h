/* inference/language/expression.h -- objectives as text: parsed, typed, explained.
 *
 * The grammar and the names are those of design.md section 2:
 *   sum     = product { (+|-) product }
 *   product = unary { (*|/) unary }
 *   unary   = - unary | power
 *   power   = primary [ ^ [-] number ]
 *   primary = number | name [ "(" sum { "," sum } ")" ] | "(" sum ")"
 * An expression is a value per transition x = (s, a, r, next); inside E(...) and
 * Var(...) it is a value per pair (x, y), y ~ p_theta(.|s,a).
 */
#ifndef ELBO_EXPRESSION_H
#define ELBO_EXPRESSION_H

#include "inference/core/arena.h"

typedef enum elbo_type {
    ELBO_TYPE_SCALAR,
    ELBO_TYPE_VECTOR, /* over state dimensions */
    ELBO_TYPE_STATE,  /* a state: s, next, y; a vector where states have
                         coordinates and arithmetic needs it */
    ELBO_TYPE_ACTION, /* a */
    ELBO_TYPE_FUNCTION /* of states: V, gradV, ..., before it is applied */
} elbo_type;

/* What a value depends on: a set. */
enum {
    ELBO_ON_SAMPLE = 1,  /* the transition x */
    ELBO_ON_NEXT = 2,    /* ... through r or next, not only (s, a) */
    ELBO_ON_Y = 4,       /* the model's successor y */
    ELBO_ON_THETA = 8,   /* theta, directly: logp, E, Var, rhat */
    ELBO_ON_PLANNER = 16, /* theta, through the planner: V Q A gradV logpi ... */
    ELBO_HAS_STOP = 32,  /* a stop or fixed_pi covers a path to theta */
    ELBO_STOPS_THETA = 64 /* ... and a direct one: under gradient: stop only
                             these make a semi-gradient */
};

typedef enum elbo_expr_kind {
    ELBO_EXPR_NUMBER, ELBO_EXPR_NAME, ELBO_EXPR_CALL, ELBO_EXPR_NEG,
    ELBO_EXPR_ADD, ELBO_EXPR_SUB, ELBO_EXPR_MUL, ELBO_EXPR_DIV, ELBO_EXPR_POW
} elbo_expr_kind;

/* A tree in an arena. V(next) is a CALL named "V" of one argument; E(f), E(f, n),
 * Ed(f), Var(f), stop(f), min(f, g), ... are CALLs too. POW has its exponent in
 * `number` and one argument. */
typedef struct elbo_expr {
    elbo_expr_kind kind;
    double number;
    const char *name;
    struct elbo_expr **arg;
    size_t n;
    size_t column;     /* of its first character in the text, from 0 */
    elbo_type type;    /* set by elbo_expression_check */
    unsigned depends;  /* likewise */
    const struct elbo_factor_name *factor; /* likewise; NULL: a word */
} elbo_expr;

/* Where an auxiliary factor has values: a number at each ... */
typedef enum elbo_factor_shape {
    ELBO_FACTOR_ROW,   /* (s, a): [nS x nA] */
    ELBO_FACTOR_ENTRY, /* (s, a, successor): [nnz] of the model's pattern; at next
                          outside E and Var, at y inside */
    ELBO_FACTOR_STATE, /* state, given as the last argument: [nS + 1] */
    ELBO_FACTOR_EPOCH  /* round of collection: [epochs] */
} elbo_factor_shape;

/* The name of an auxiliary factor (inference/factor.h): used as a name, or as a
 * call whose arguments are names and numbers, "ratio(real, aggregate)"; theta
 * never moves it. Of ELBO_FACTOR_STATE the last argument is a state. A word of
 * the same name and form comes first: `occupancy` is the planner's,
 * occupancy(real) is a factor. */
typedef struct elbo_factor_name {
    const char *name;
    elbo_factor_shape shape;
    bool learns; /* it asks for the objective's slopes along its values */
} elbo_factor_name;

/* What the names may be in the world at hand. */
typedef struct elbo_scope {
    bool coordinates; /* states have coordinates: gradV, distance, E(y) - next */
    bool finite;
    const elbo_factor_name *factors; /* ends in {0}; NULL: none */
} elbo_scope;

/* Whether the word or factor occurs in the tree. */
bool elbo_expr_reads(const elbo_expr *expr, const char *name);

/* Whether it has a mean of samples, E(f, n). */
bool elbo_expr_samples(const elbo_expr *expr);

/* One factor as a checked expression calls it. */
typedef struct elbo_factor_call {
    const char *text; /* canonical, "ratio(real, aggregate)", without the state */
    elbo_factor_name what;
    const elbo_expr *expr; /* the call where it first occurs */
    size_t n;              /* its arguments, without the state */
} elbo_factor_call;

/* The distinct factors of a checked tree, by first occurrence, in the arena; *n
 * may be 0. ELBO_ENOMEM. */
elbo_status elbo_expr_factors(const elbo_expr *expr, elbo_arena *arena,
                              elbo_factor_call **out, size_t *n);
/* The canonical text of one call, without the state; NULL: no memory. */
const char *elbo_factor_text(const elbo_expr *call, elbo_arena *arena);

enum { ELBO_EXPRESSION_TEXT = 1 << 20, ELBO_EXPRESSION_DEPTH = 256 };

/* Text to tree. ELBO_EINVAL with the reason ("expected ')'"), *column the place,
 * *nearest NULL; also for text over 1 MiB, nesting over 256, bytes that are not
 * printable ASCII. Never recurses deeper than the limit. ELBO_ENOMEM. */
elbo_status elbo_expression_parse(const char *text, elbo_arena *arena,
                                  elbo_expr **out, size_t *column);

/* Types and dependencies of the tree, bottom up; the whole must be a scalar.
 * ELBO_EINVAL: unknown name (*nearest: the nearest right one), wrong number or
 * type of arguments, y outside E or Var, arithmetic on states without
 * coordinates, an exponent that is no number. */
elbo_status elbo_expression_check(elbo_expr *expr, const elbo_scope *scope,
                                  size_t *column, const char **nearest);

/* Every name and function of the language, for `elbo list` and suggestions; ends
 * in {0}. */
typedef struct elbo_word {
    const char *name;
    const char *signature; /* "V(state)", "E(f) or E(f, n)", "r" */
    const char *doc;
} elbo_word;
extern const elbo_word elbo_words[];

/* The tree as text in canonical form (parsing it gives an equal tree), in the
 * arena; NULL: no memory. Two texts mean the same expression iff their canonical
 * forms are equal: how a file's objective is matched with a named one. */
const char *elbo_expression_text(const elbo_expr *expr, elbo_arena *arena);

#endif
