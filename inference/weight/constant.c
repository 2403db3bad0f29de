/* inference/weight/constant.c -- the weight slot as one number for all of D. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inference/likelihood.h"

elbo_status elbo_weight_parse(const char *text, double *out, size_t *column,
                              const char **nearest)
{
    /* decimal digits only: strtod would also take blanks, hex, nan and inf */
    const size_t digits = strspn(text, "0123456789+-.eE");
    char *end = NULL;
    const double w = strtod(text, &end);
    const size_t read = (size_t)(end - text);

    if (column) *column = 0;
    if (nearest) *nearest = NULL;
    if (read == 0 || text[digits] != '\0' || *end != '\0') {
        if (column) *column = read < digits ? read : digits;
        return ELBO_FAIL(ELBO_EINVAL, "a weight is a number, not '%s'", text);
    }
    if (!isfinite(w) || w < 0)
        return ELBO_FAIL(ELBO_EINVAL,
                         "a weight is finite and not negative, not %s", text);
    *out = w;
    return ELBO_OK;
}

elbo_status elbo_weight_check(const char *text, size_t *column,
                              const char **nearest)
{
    double unused;

    return elbo_weight_parse(text, &unused, column, nearest);
}
