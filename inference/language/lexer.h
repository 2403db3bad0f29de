/* inference/language/lexer.h -- an objective's text as tokens. */
#ifndef ELBO_LEXER_H
#define ELBO_LEXER_H

#include "inference/core/arena.h"

typedef enum elbo_token_kind {
    ELBO_TOKEN_END,
    ELBO_TOKEN_NUMBER,
    ELBO_TOKEN_NAME,
    ELBO_TOKEN_SIGN /* one of + - * / ^ ( ) , */
} elbo_token_kind;

typedef struct elbo_token {
    elbo_token_kind kind;
    size_t column, length; /* its characters in the text */
    double number;
} elbo_token;

typedef struct elbo_lexer {
    const char *text;
    size_t at; /* what is not read yet */
    elbo_token token;
    size_t column;     /* of the fault */
    elbo_arena *arena; /* scratch */
} elbo_lexer;

/* Read the next token. ELBO_EINVAL with lexer->column for a byte that begins no
 * token and for a wrong number; ELBO_ENOMEM. */
elbo_status elbo_lexer_next(elbo_lexer *lexer);

/* Whether the token is this sign. */
bool elbo_lexer_at(const elbo_lexer *lexer, char sign);

#endif
