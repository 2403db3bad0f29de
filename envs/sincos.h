/* envs/sincos.h -- sine and cosine that a compiler can run on vectors.
 *
 * x = k pi + r, |r| <= pi/2, by subtraction of k pi in two parts (Cody, Waite
 * 1980); then the polynomials that meet (sin r / r - 1) / r^2 and
 * (cos r - 1 + r^2/2) / r^4 in eight Chebyshev nodes over r^2, to 2^-54, their
 * terms in pairs (Estrin 1960), for one world waits for them. Longer
 * polynomials than over |r| <= pi/4 cost less than telling four quadrants
 * apart. The absolute error is below 2^-51 for |x| <= 1e5. Beyond it, up to
 * 2^50, it is that of an x which is off by one place in the last. NaN for what
 * is not finite.
 */
#ifndef ELBO_SINCOS_H
#define ELBO_SINCOS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* x y + z, rounded once where that is as fast. */
static inline double elbo_fused(double x, double y, double z)
{
#ifdef FP_FAST_FMA
    return fma(x, y, z);
#else
    return x * y + z;
#endif
}

/* c[0] + c[1] z + ... + c[7] z^7, z2 = z^2. */
static inline double elbo_septic(const double c[8], double z, double z2)
{
    const double first = elbo_fused(c[1], z, c[0]);
    const double second = elbo_fused(c[3], z, c[2]);
    const double third = elbo_fused(c[5], z, c[4]);
    const double fourth = elbo_fused(c[7], z, c[6]);

    return elbo_fused(elbo_fused(fourth, z2, third), z2 * z2,
                      elbo_fused(second, z2, first));
}

/* z = r^2, z2 = r^4. */
static inline double elbo_sine_near(double r, double z, double z2)
{
    static const double c[8] = {-0x1.5555555555555p-3,  0x1.1111111111107p-7,
                                -0x1.a01a01a018aadp-13, 0x1.71de3a5456716p-19,
                                -0x1.ae6455a1d7087p-26, 0x1.6124015b5ee3ap-33,
                                -0x1.ae5138c1216b3p-41, 0x1.89a4866f527ebp-49};

    return elbo_fused(r * z, elbo_septic(c, z, z2), r);
}

static inline double elbo_cosine_near(double z, double z2)
{
    static const double c[8] = {0x1.5555555555555p-5,  -0x1.6c16c16c16c13p-10,
                                0x1.a01a01a019783p-16, -0x1.27e4fb771a86dp-22,
                                0x1.1eed8ea6c7954p-29, -0x1.9396fdb46f278p-37,
                                0x1.ae5a5d377edf7p-45, -0x1.5eeafc14774f9p-53};

    return elbo_fused(z2, elbo_septic(c, z, z2), elbo_fused(z, -0.5, 1));
}

/* x, or -x where the last bit of `turns` is set. */
static inline double elbo_flip(double x, uint64_t turns)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    bits ^= turns << 63;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline void elbo_sincos(double x, double *s, double *c)
{
    const double inverse = 0x1.45f306dc9c883p-2; /* 1/pi */
    const double first = 0x1.921fb544p1;         /* pi: 33 bits, */
    const double second = 0x1.0b4611a626331p-33; /* and the next 53 */
    const double nearest = 0x1.8p52; /* rounds what it is added to */
    const double shifted = elbo_fused(x, inverse, nearest);
    const double k = shifted - nearest;
    const double r = elbo_fused(-k, second, elbo_fused(-k, first, x));
    const double z = r * r, z2 = z * z;
    uint64_t turns; /* whether k is odd in its last bit */

    memcpy(&turns, &shifted, sizeof turns);
    *s = elbo_flip(elbo_sine_near(r, z, z2), turns);
    *c = elbo_flip(elbo_cosine_near(z, z2), turns);
}

#endif
