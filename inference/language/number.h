/* inference/language/number.h -- decimal numbers, whatever the locale.
 *
 * The C library reads and writes the decimal point of the locale. Here a number
 * goes through it as whole digits and a power of ten, "2385e-3", which has
 * none.
 */
#ifndef ELBO_NUMBER_H
#define ELBO_NUMBER_H

#include "inference/core/arena.h"

enum { ELBO_NUMBER_TEXT = 32 };

/* The double nearest to text[0 .. n - 1] = digits [. digits] [e [+-] digits],
 * where either side of the point may be empty. ELBO_EINVAL when it is too large
 * for a double, or not 0 and too small for one; ELBO_ENOMEM. */
elbo_status elbo_number_read(const char *text, size_t n, elbo_arena *ws,
                             double *out);

/* The shortest text that reads as x again, for finite x: "0.5", "1e-7". */
void elbo_number_write(double x, char out[ELBO_NUMBER_TEXT]);

#endif
