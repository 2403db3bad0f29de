/* envs/sincos.h -- sine and cosine that a compiler can run on vectors.
 *
 * x = k pi/2 + r, |r| <= pi/4, by subtraction of k pi/2 in two parts (Cody,
 * Waite 1980); then the polynomials that meet (sin r / r - 1) / r^2 and
 * (cos r - 1 + r^2/2) / r^4 in six Chebyshev nodes over r^2, to 2^-56, their
 * terms in pairs (Estrin 1960), for one world waits for them. The absolute
 * error is below 2^-52 for |x| <= 1e5. Beyond it, up to 2^50, it is that of an
 * x which is off by one place in the last. NaN for what is not finite.
 */
#ifndef ELBO_SINCOS_H
#define ELBO_SINCOS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* For functions whose loops pay for the widest vectors that there are. */
#if defined __AVX512F__ && !defined __clang__
#define ELBO_WIDE __attribute__((target("prefer-vector-width=512")))
#else
#define ELBO_WIDE
#endif

/* x y + z, rounded once where that is as fast. */
static inline double elbo_fused(double x, double y, double z)
{
#ifdef FP_FAST_FMA
    return fma(x, y, z);
#else
    return x * y + z;
#endif
}

/* c[0] + c[1] z + ... + c[5] z^5, z2 = z^2. */
static inline double elbo_quintic(const double c[6], double z, double z2)
{
    const double low = elbo_fused(c[1], z, c[0]);
    const double middle = elbo_fused(c[3], z, c[2]);
    const double high = elbo_fused(c[5], z, c[4]);

    return elbo_fused(elbo_fused(high, z2, middle), z2, low);
}

/* z = r^2, z2 = r^4. */
static inline double elbo_sine_near(double r, double z, double z2)
{
    static const double c[6] = {-0x1.5555555555555p-3,  0x1.1111111110bb2p-7,
                                -0x1.a01a019e83aaep-13, 0x1.71de37968a100p-19,
                                -0x1.ae600b02b6262p-26, 0x1.5e0b19f8b1451p-33};

    return elbo_fused(r * z, elbo_quintic(c, z, z2), r);
}

static inline double elbo_cosine_near(double z, double z2)
{
    static const double c[6] = {0x1.5555555555555p-5,  -0x1.6c16c16c16967p-10,
                                0x1.a01a019f4eb01p-16, -0x1.27e4fa17da09ep-22,
                                0x1.1eeb68e93b64cp-29, -0x1.907da367a37cbp-37};

    return elbo_fused(z2, elbo_quintic(c, z, z2), elbo_fused(z, -0.5, 1));
}

/* x, or -x where the second last bit of `turns` is set. */
static inline double elbo_flip(double x, uint64_t turns)
{
    uint64_t bits;

    memcpy(&bits, &x, sizeof bits);
    bits ^= turns << 62 & (uint64_t)1 << 63;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline void elbo_sincos(double x, double *s, double *c)
{
    const double inverse = 0x1.45f306dc9c883p-1; /* 2/pi */
    const double first = 0x1.921fb544p0;         /* pi/2: 33 bits, */
    const double second = 0x1.0b4611a626331p-34; /* and the next 53 */
    const double nearest = 0x1.8p52; /* rounds what it is added to */
    const double shifted = elbo_fused(x, inverse, nearest),
                 k = shifted - nearest;
    const double r = elbo_fused(-k, second, elbo_fused(-k, first, x));
    const double z = r * r, z2 = z * z;
    const double sine = elbo_sine_near(r, z, z2);
    const double cosine = elbo_cosine_near(z, z2);
    uint64_t turns; /* k modulo 4 in its last two bits */

    memcpy(&turns, &shifted, sizeof turns);
    *s = elbo_flip(turns & 1 ? cosine : sine, turns);
    *c = elbo_flip(turns & 1 ? sine : cosine, turns + 1);
}

#endif
