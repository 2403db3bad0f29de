/* inference/language/words.h -- what each word of the language takes and gives.
 */
#ifndef ELBO_WORDS_H
#define ELBO_WORDS_H

#include "inference/language/expression.h"

/* What a call is worth, from its arguments. */
typedef enum elbo_gives {
    ELBO_GIVES_SCALAR,
    ELBO_GIVES_VECTOR,
    ELBO_GIVES_WIDEST, /* a vector where an argument is one */
    ELBO_GIVES_SAME    /* what its argument is, a state included */
} elbo_gives;

/* What a word does beyond that. */
typedef enum elbo_effect {
    ELBO_PLAIN,
    ELBO_BINDS_Y,  /* an average over y: names y inside */
    ELBO_HIDES_Y,  /* over other samples, which have another y */
    ELBO_STOPS,    /* stop */
    ELBO_HOLDS_PI, /* fixed_pi: words that theta moves only through pi stand
                      still inside */
    ELBO_BOUNDS,   /* clip: its 2nd argument is at most its 3rd */
    ELBO_UNBIASED, /* usq: its argument is E(f, n) - c */
    ELBO_NEARS     /* worst: hides y; its 2nd argument is a kernel's width */
} elbo_effect;

typedef struct elbo_rule {
    const char *name;
    bool bare; /* a name by itself, of this type */
    elbo_type type;
    unsigned depends;
    /* A letter an argument: S state, A action, f scalar or vector, v vector,
     * 1 scalar, n a whole number from 1, c a number, x anything. NULL: the word
     * is no function. */
    const char *takes;
    size_t least; /* arguments that must be given; 0: all */
    elbo_gives gives;
    unsigned adds, removes; /* dependencies; an average adds only if it has y */
    bool coordinates;       /* only where states have coordinates */
    bool by_policy;         /* theta moves it only through the policy */
    elbo_effect effect;
} elbo_rule;

/* NULL when there is no such word. */
const elbo_rule *elbo_rule_find(const char *name);

/* The number of arguments that the rule's function may have. */
size_t elbo_rule_least(const elbo_rule *rule);
size_t elbo_rule_most(const elbo_rule *rule);

/* As `elbo_words`, in the same order; ends in {0}. */
extern const elbo_rule elbo_rules[];

#endif
