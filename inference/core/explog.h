/* inference/core/explog.h -- exp and log that a compiler turns into vectors.
 *
 *   exp(x), exp(x) - 1   for x <= 0
 *   log(s)               for s >= 0, also with s - 1 given free of cancellation
 * Plain arithmetic on doubles and their bits, without -ffast-math: in a vector
 * the same result as in a scalar loop. Where the machine has a fused
 * multiply-add it is used, always at the same places. Within 2 units in the
 * last place of the exact value. NaN gives NaN.
 */
#ifndef ELBO_EXPLOG_H
#define ELBO_EXPLOG_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* For functions whose loops pay for the widest vectors that there are. */
#if defined __AVX512F__ && !defined __clang__
#define ELBO_WIDE __attribute__((target("prefer-vector-width=512")))
#else
#define ELBO_WIDE
#endif

static inline uint64_t elbo_bits(double x)
{
    uint64_t u;

    memcpy(&u, &x, sizeof u);
    return u;
}

static inline double elbo_from_bits(uint64_t u)
{
    double x;

    memcpy(&x, &u, sizeof x);
    return x;
}

/* yes ? a : b, both evaluated: a branch would keep a loop scalar, and gcc makes
 * one of ?: where an operand might trap. */
static inline double elbo_select(_Bool yes, double a, double b)
{
    const uint64_t mask = -(uint64_t)yes;

    return elbo_from_bits((elbo_bits(a) & mask) | (elbo_bits(b) & ~mask));
}

/* a b + c */
static inline double elbo_madd(double a, double b, double c)
{
#ifdef FP_FAST_FMA
    return fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* ln 2 in two parts; the first has 32 bits, so k times it is exact. */
#define ELBO_LN2_HIGH 0x1.62e42feep-1
#define ELBO_LN2_LOW  0x1.a39ef35793c76p-33

/* Below this exp(x) would be subnormal, and is 0. */
#define ELBO_EXP_LOWEST (-708.396418532264)

/* exp(x) = scale (1 + p) with scale a power of two: returns p. x must not be
 * below ELBO_EXP_LOWEST. */
static inline double elbo_exp_split(double x, double *scale)
{

    /* adding it rounds to an integer k, and leaves the exponent of 2^k in the
     * last digits */
    const double shift = 0x1.8p52 + 1023;
    const double z = elbo_madd(x, 0x1.71547652b82fep0, shift); /* x / ln 2 */
    const double k = z - shift;
    const double r =
        elbo_madd(k, -ELBO_LN2_LOW, elbo_madd(k, -ELBO_LN2_HIGH, x));
    const double r2 = r * r, r4 = r2 * r2;

    /* sum over n = 2 .. 13 of r^(n - 2) / n!, |r| < 0.347, four by four */
    const double a = elbo_madd(r2, elbo_madd(r, 1.0 / 120, 1.0 / 24),
                               elbo_madd(r, 1.0 / 6, 1.0 / 2));
    const double b = elbo_madd(r2, elbo_madd(r, 1.0 / 362880, 1.0 / 40320),
                               elbo_madd(r, 1.0 / 5040, 1.0 / 720));
    const double c =
        elbo_madd(r2, elbo_madd(r, 1.0 / 6227020800, 1.0 / 479001600),
                  elbo_madd(r, 1.0 / 39916800, 1.0 / 3628800));
    const double sum = elbo_madd(r4, elbo_madd(r4, c, b), a);

    *scale = elbo_from_bits(elbo_bits(z) << 52);
    return elbo_madd(r2, sum, r);
}

/* exp(x) for x <= 0, and exp(x) - 1 to *minus_one. exp(-inf) = 0. */
static inline double elbo_exp(double x, double *minus_one)
{
    double scale;
    const _Bool low = x < ELBO_EXP_LOWEST;
    const double y = elbo_select(low, ELBO_EXP_LOWEST, x);
    const double p = elbo_exp_split(y, &scale);

    *minus_one = elbo_madd(scale, p, scale - 1);
    return elbo_select(low, 0, elbo_madd(scale, p, scale));
}

/* x[i] becomes exp(x[i]), and minus_one[i] exp(x[i]) - 1: a loop of nothing
 * else, done in vectors. */
static inline void elbo_exp_all(size_t n, double x[restrict],
                                double minus_one[restrict])
{
    for (size_t i = 0; i < n; i++) x[i] = elbo_exp(x[i], &minus_one[i]);
}

/* x[i] becomes exp(x[i]) - 1. */
static inline void elbo_expm1_all(size_t n, double x[])
{
    for (size_t i = 0; i < n; i++) {
        double minus_one;

        (void)elbo_exp(x[i], &minus_one);
        x[i] = minus_one;
    }
}

/* log(s), s >= 0. log(0) = -inf. */
static inline double elbo_log(double s)
{
    const uint64_t half = UINT64_C(0x3fe6a09e667f3bcd); /* sqrt(1/2) */
    const uint64_t one = UINT64_C(0x3ff0000000000000);
    const uint64_t digits = UINT64_C(0x000fffffffffffff);
    const _Bool tiny = s < 0x1p-1022;
    const double normal = elbo_select(tiny, s * 0x1p54, s);
    const uint64_t u = elbo_bits(normal) + (one - half);

    /* s = 2^k m, m in [sqrt(1/2), sqrt(2)); the exponent becomes a double by
     * way of the low digits of 2^52 */
    const double m = elbo_from_bits((u & digits) + half);
    const double k =
        (elbo_from_bits((u >> 52) | UINT64_C(0x4330000000000000)) - 0x1p52)
        - elbo_select(tiny, 1023 + 54, 1023);

    /* log m = 2 atanh(x) = f - x (f - R),  f = m - 1,  x = f / (2 + f),
     * R = 2/3 x^2 + 2/5 x^4 + ..., |x| < 0.172 */
    const double f = m - 1, x = f / (2 + f), z = x * x, z2 = z * z,
                 z4 = z2 * z2;
    const double a = elbo_madd(z2, elbo_madd(z, 2.0 / 9, 2.0 / 7),
                               elbo_madd(z, 2.0 / 5, 2.0 / 3));
    const double b = elbo_madd(z2, elbo_madd(z, 2.0 / 17, 2.0 / 15),
                               elbo_madd(z, 2.0 / 13, 2.0 / 11));
    const double c = elbo_madd(z, 2.0 / 21, 2.0 / 19);
    const double R = z * elbo_madd(z4, elbo_madd(z4, c, b), a);
    const double h = 0.5 * f * f; /* f - x f = h - x h: fewer digits are lost */
    const double low = elbo_madd(x, h + R, k * ELBO_LN2_LOW);
    const double y = elbo_madd(k, ELBO_LN2_HIGH, f - (h - low));

    return elbo_select(s > 0, y, elbo_select(s == 0, -HUGE_VAL, s));
}

/* log(s) where d = s - 1 is known better than s tells: accurate for s near 1.
 */
static inline double elbo_log_near(double s, double d)
{
    const _Bool near = d > -0.5;
    const double u = elbo_select(near, 1 + d, s);
    const double lost = elbo_select(near, d - (u - 1), 0); /* by rounding u */

    return elbo_madd(lost, 2 - u,
                     elbo_log(u)); /* lost / u, where that is felt */
}

#endif
