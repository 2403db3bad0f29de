/* inference/language/number.c -- decimal numbers, whatever the locale. */
#include "inference/language/number.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHOWN = 40,       /* characters of a number in an error's text */
    PLAIN_BELOW = 15, /* powers of ten that are written without an exponent */
    PLAIN_FROM = -5,
    MOST_DIGITS = 17
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at text as a whole number; it stops growing where no double is
 * left, far beyond the digits that a text can hold. */
static long read_exponent(const char *text, size_t n)
{
    const bool negative = n > 0 && text[0] == '-';
    long e = 0;

    for (size_t i = 0; i < n; i++)
        if (is_digit(text[i]) && e < 100000000) e = 10 * e + (text[i] - '0');
    return negative ? -e : e;
}

/* Digits without the point, then the power of ten that makes up for it. */
static double read_digits(const char *text, size_t n, char *digits)
{
    size_t i, kept = 0;
    long power = 0;
    bool fraction = false;

    for (i = 0; i < n && text[i] != 'e' && text[i] != 'E'; i++) {
        if (is_digit(text[i])) {
            digits[kept++] = text[i];
            power -= fraction;
        } else {
            fraction = true;
        }
    }
    if (i < n) power += read_exponent(text + i + 1, n - i - 1);
    snprintf(digits + kept, ELBO_NUMBER_TEXT, "e%ld", power);
    return strtod(digits, NULL);
}

/* Whether one of the digits before the exponent is not 0. */
static bool is_positive(const char *digits)
{
    return strspn(digits, "0") < strcspn(digits, "e");
}

elbo_status elbo_number_read(const char *text, size_t n, elbo_arena *ws,
                             double *out)
{
    const elbo_mark mark = elbo_arena_mark(ws);
    char *digits = elbo_arena_take(ws, n + ELBO_NUMBER_TEXT, 1);
    const int shown = n < SHOWN ? (int)n : SHOWN;
    elbo_status s = elbo_arena_check(ws, "a number");

    if (s == ELBO_OK) {
        const double x = read_digits(text, n, digits);

        if (isinf(x))
            s = ELBO_FAIL(ELBO_EINVAL, "%.*s is too large for a double", shown,
                          text);
        else if (x == 0 && is_positive(digits))
            s = ELBO_FAIL(ELBO_EINVAL, "%.*s is too small for a double", shown,
                          text);
        else
            *out = x;
    }
    elbo_arena_release(ws, mark);
    return s;
}

/* The shortest digits d1 d2 ... that read as x >= 0 when it is
 * d1.d2... 10^power; returns their number. */
static size_t shortest(double x, char digits[], long *power)
{
    char text[2 * ELBO_NUMBER_TEXT];
    size_t n = 0;

    for (int precision = 0; precision < MOST_DIGITS; precision++) {
        const char *t = text;

        snprintf(text, sizeof text, "%.*e", precision, x);
        for (n = 0; *t != 'e'; t++)
            if (is_digit(*t)) digits[n++] = *t;
        *power = strtol(t + 1, NULL, 10);
        snprintf(digits + n, ELBO_NUMBER_TEXT, "e%ld", *power - (long)n + 1);
        if (strtod(digits, NULL) == x) break;
    }
    return n;
}

void elbo_number_write(double x, char out[ELBO_NUMBER_TEXT])
{
    char digits[2 * ELBO_NUMBER_TEXT];
    long power;

    assert(isfinite(x));

    const char *sign = x < 0 ? "-" : "";
    const int n = (int)shortest(fabs(x), digits, &power);
    const int whole = (int)power + 1; /* digits before the point */

    if (power < PLAIN_FROM || power >= PLAIN_BELOW)
        snprintf(out, ELBO_NUMBER_TEXT, "%s%.1s%s%.*se%ld", sign, digits,
                 n > 1 ? "." : "", n - 1, digits + 1, power);
    else if (power < 0)
        snprintf(out, ELBO_NUMBER_TEXT, "%s0.%.*s%.*s", sign, -whole, "0000", n,
                 digits);
    else if (n <= whole)
        snprintf(out, ELBO_NUMBER_TEXT, "%s%.*s%.*s", sign, n, digits,
                 whole - n, "00000000000000");
    else
        snprintf(out, ELBO_NUMBER_TEXT, "%s%.*s.%.*s", sign, whole, digits,
                 n - whole, digits + whole);
}
