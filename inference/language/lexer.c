/* inference/language/lexer.c -- an objective's text as tokens.
 *
 * Only ASCII is read, and not by <ctype.h>, which asks the locale.
 */
#include "inference/language/lexer.h"

#include <string.h>

#include "inference/language/number.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* The length of the number at s, or 0 when a digit is missing at s[*fault]. */
static size_t number_length(const char *s, size_t *fault)
{
    size_t n = strspn(s, DIGITS);

    if (s[n] == '.') {
        const size_t fraction = strspn(s + ++n, DIGITS);

        if (fraction == 0) {
            *fault = n;
            return 0;
        }
        n += fraction;
    }
    if (!is_one_of(s[n], "eE")) return n;
    n++;
    n += is_one_of(s[n], "+-");

    const size_t exponent = strspn(s + n, DIGITS);

    *fault = n;
    return exponent ? n + exponent : 0;
}

static elbo_status read_number(elbo_lexer *lexer)
{
    const char *s = lexer->text + lexer->at;
    elbo_token *token = &lexer->token;
    size_t fault = 0;

    token->kind = ELBO_TOKEN_NUMBER;
    token->length = number_length(s, &fault);
    if (token->length == 0) {
        lexer->column = lexer->at + fault;
        return ELBO_FAIL(ELBO_EINVAL, "expected a digit after '%c'",
                         s[fault - 1]);
    }
    lexer->column = lexer->at;
    return elbo_number_read(s, token->length, lexer->arena, &token->number);
}

static elbo_status unexpected(elbo_lexer *lexer)
{
    const unsigned char byte = (unsigned char)lexer->text[lexer->at];

    lexer->column = lexer->at;
    if (byte > ' ' && byte < 0x7f)
        return ELBO_FAIL(ELBO_EINVAL, "unexpected '%c'", byte);
    return ELBO_FAIL(ELBO_EINVAL, "unexpected byte 0x%02x: only ASCII", byte);
}

elbo_status elbo_lexer_next(elbo_lexer *lexer)
{
    lexer->at += strspn(lexer->text + lexer->at, " \t\r\n");

    const char *s = lexer->text + lexer->at;
    elbo_token *token = &lexer->token;

    *token = (elbo_token){.column = lexer->at};
    if (is_one_of(*s, DIGITS ".")) {
        ELBO_TRY(read_number(lexer));
    } else if (is_one_of(*s, LETTERS)) {
        token->kind = ELBO_TOKEN_NAME;
        token->length = strspn(s, LETTERS DIGITS);
    } else if (is_one_of(*s, "+-*/^(),")) {
        token->kind = ELBO_TOKEN_SIGN;
        token->length = 1;
    } else if (*s) {
        return unexpected(lexer);
    }
    lexer->at += token->length;
    return ELBO_OK;
}

bool elbo_lexer_at(const elbo_lexer *lexer, char sign)
{
    const elbo_token *token = &lexer->token;

    return token->kind == ELBO_TOKEN_SIGN && lexer->text[token->column] == sign;
}
