/* envs/sincos.h -- sine and cosine that a compiler can run on vectors.
 *
 * x = k pi/2 + r, |r| <= pi/4, by subtraction of k pi/2 in three parts (Cody,
 * Waite 1980); then Taylor's polynomials of r, whose rests are below 2^-54. The
 * absolute error is below 2^-52 for |x| <= 1e5. Beyond it, it is that of an x
 * which is off by one place in the last; beyond 2^51 it is a point of the
 * circle, and NaN for what is not finite.
 */
#ifndef ELBO_SINCOS_H
#define ELBO_SINCOS_H

#include <stdint.h>
#include <string.h>

/* r - r^3/3! + ... - r^15/15!, z = r^2. */
static inline double elbo_sine_near(double r, double z)
{
    double p = -1.0 / 1307674368000;

    p = p * z + 1.0 / 6227020800;
    p = p * z - 1.0 / 39916800;
    p = p * z + 1.0 / 362880;
    p = p * z - 1.0 / 5040;
    p = p * z + 1.0 / 120;
    p = p * z - 1.0 / 6;
    return r + r * (z * p);
}

/* 1 - r^2/2! + ... + r^16/16!, z = r^2. */
static inline double elbo_cosine_near(double z)
{
    double p = 1.0 / 20922789888000;

    p = p * z - 1.0 / 87178291200;
    p = p * z + 1.0 / 479001600;
    p = p * z - 1.0 / 3628800;
    p = p * z + 1.0 / 40320;
    p = p * z - 1.0 / 720;
    p = p * z + 1.0 / 24;
    p = p * z - 0.5;
    return 1 + z * p;
}

static inline void elbo_sincos(double x, double *s, double *c)
{
    const double quarter = 0x1.921fb54442d18p-1; /* pi/4 */
    const double inverse = 0x1.45f306dc9c883p-1; /* 2/pi */
    const double first = 0x1.921fb544p0;         /* pi/2: 33 bits, */
    const double second = 0x1.0b4611a6p-34;      /* the next 33, */
    const double third = 0x1.3198a2e037073p-69;  /* and the next 53 */
    const double nearest = 0x1.8p52; /* rounds what it is added to */
    const double shifted = x * inverse + nearest, k = shifted - nearest;
    double r = ((x - k * first) - k * second) - k * third;

    r = r > quarter ? quarter : r < -quarter ? -quarter : r;

    const double sine = elbo_sine_near(r, r * r),
                 cosine = elbo_cosine_near(r * r);
    uint64_t turns; /* k modulo 4 in its last two bits */

    memcpy(&turns, &shifted, sizeof turns);

    const double along = turns & 1 ? cosine : sine;
    const double across = turns & 1 ? sine : cosine;

    *s = turns & 2 ? -along : along;
    *c = (turns + 1) & 2 ? -across : across;
}

#endif
