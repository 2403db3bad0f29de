/* inference/core/explog_f32.h -- exp, log, tanh, sigmoid and softplus in float,
 * for vectors.
 *
 * Plain arithmetic on floats and their bits, without -ffast-math: in a vector
 * the same result as in a scalar loop. Where the machine has a fused
 * multiply-add it is used, always at the same places. Over all floats within 4
 * units in the last place of the exact value, the sigmoid's slope within 6
 * (tests/test_explog_f32.c walks through them); sigmoid, SiLU and softplus are 0
 * where the sigmoid is below 2^-126, and the SiLU's slope, which has a zero, is
 * within 4 units of 1. NaN gives NaN, infinities their limits.
 */
#ifndef ELBO_EXPLOG_F32_H
#define ELBO_EXPLOG_F32_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t elbo_bits_f32(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float elbo_from_bits_f32(uint32_t u)
{
    float x;

    memcpy(&x, &u, sizeof x);
    return x;
}

/* yes ? a : b, both evaluated (explog.h says why). */
static inline float elbo_select_f32(_Bool yes, float a, float b)
{
    const uint32_t mask = -(uint32_t)yes;

    return elbo_from_bits_f32((elbo_bits_f32(a) & mask)
                              | (elbo_bits_f32(b) & ~mask));
}

/* a b + c */
static inline float elbo_madd_f32(float a, float b, float c)
{
#ifdef FP_FAST_FMAF
    return fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* ln 2 in two parts; the first has 15 bits, so k times it is exact. */
#define ELBO_LN2_HIGH_F32 0x1.62e4p-1F
#define ELBO_LN2_LOW_F32  0x1.7f7d1cp-20F

/* exp(x) = 2^k (1 + p): returns p, and k as an integer in two's complement. x
 * must be within [-104, 89], or NaN. */
static inline float elbo_exp_split_f32(float x, uint32_t *k)
{
    /* adding it rounds to an integer, which its last digits then hold */
    const float shift = 0x1.8p23F;
    const float z = elbo_madd_f32(x, 0x1.715476p0F, shift); /* x / ln 2 */
    const float n = z - shift;
    const float r = elbo_madd_f32(n, -ELBO_LN2_LOW_F32,
                                  elbo_madd_f32(n, -ELBO_LN2_HIGH_F32, x));
    const float r2 = r * r;

    /* sum over n = 2 .. 7 of r^(n - 2) / n!, |r| < 0.347 */
    const float a = elbo_madd_f32(r, 1.0F / 6, 0.5F);
    const float b = elbo_madd_f32(r, 1.0F / 120, 1.0F / 24);
    const float c = elbo_madd_f32(r, 1.0F / 5040, 1.0F / 720);

    *k = elbo_bits_f32(z) - elbo_bits_f32(shift);
    return elbo_madd_f32(r2, elbo_madd_f32(r2, elbo_madd_f32(r2, c, b), a), r);
}

/* 2^k for k in [-126, 127], in two's complement. */
static inline float elbo_power_f32(uint32_t k)
{
    return elbo_from_bits_f32((k + 127) << 23);
}

static inline float elbo_exp_f32(float x)
{
    uint32_t k;
    const float most = 89, least = -104;
    const float low = elbo_select_f32(x < least, least, x);
    const float p =
        elbo_exp_split_f32(elbo_select_f32(low > most, most, low), &k);

    /* in two steps, so that neither power is beyond its range */
    const uint32_t half = (k + 256) / 2 - 128;
    const float scale = elbo_power_f32(half);

    return elbo_madd_f32(scale, p, scale) * elbo_power_f32(k - half);
}

/* exp(x) for x <= 0, 0 where it would be subnormal; exp(x) - 1 to *minus_one.
 */
static inline float elbo_exp_below_f32(float x, float *minus_one)
{
    uint32_t k;
    const float least = -87.3365F; /* 2^-126 */
    const _Bool low = x < least;
    const float p = elbo_exp_split_f32(elbo_select_f32(low, least, x), &k);
    const float scale = elbo_power_f32(k);

    *minus_one = elbo_madd_f32(scale, p, scale - 1);
    return elbo_select_f32(low, 0, elbo_madd_f32(scale, p, scale));
}

/* log(s), s >= 0; log(0) = -inf; NaN below. */
static inline float elbo_log_f32(float s)
{
    const uint32_t half = UINT32_C(0x3f3504f3); /* sqrt(1/2) */
    const uint32_t one = UINT32_C(0x3f800000);
    const uint32_t digits = UINT32_C(0x007fffff);
    const _Bool tiny = s < 0x1p-126F;
    const float normal = elbo_select_f32(tiny, s * 0x1p23F, s);
    const uint32_t u = elbo_bits_f32(normal) + (one - half);

    /* s = 2^k m, m in [sqrt(1/2), sqrt(2)); the exponent becomes a float by way
     * of the low digits of 2^23 */
    const float m = elbo_from_bits_f32((u & digits) + half);
    const float k =
        (elbo_from_bits_f32((u >> 23) | UINT32_C(0x4b000000)) - 0x1p23F)
        - elbo_select_f32(tiny, 127 + 23, 127);

    /* log m = 2 atanh(x) = f - x (f - R),  f = m - 1,  x = f / (2 + f),
     * R = 2/3 x^2 + 2/5 x^4 + ..., |x| < 0.172 */
    const float f = m - 1, x = f / (2 + f), z = x * x, z2 = z * z;
    const float R = z
                    * elbo_madd_f32(z2, elbo_madd_f32(z, 2.0F / 9, 2.0F / 7),
                                    elbo_madd_f32(z, 2.0F / 5, 2.0F / 3));
    const float h = 0.5F * f * f;
    const float low = elbo_madd_f32(x, h + R, k * ELBO_LN2_LOW_F32);
    const float y = elbo_madd_f32(k, ELBO_LN2_HIGH_F32, f - (h - low));
    const float odd =
        elbo_select_f32(s == 0, -HUGE_VALF, elbo_select_f32(s < 0, NAN, s));

    return elbo_select_f32(s > 0 && s < HUGE_VALF, y, odd);
}

/* log(1 + e) for e in [0, 1]: 2 atanh(e / (2 + e)). */
static inline float elbo_log1p_f32(float e)
{
    const float x = e / (2 + e), z = x * x, z2 = z * z;
    const float a = elbo_madd_f32(z, 2.0F / 5, 2.0F / 3);
    const float b = elbo_madd_f32(z, 2.0F / 9, 2.0F / 7);
    const float c = elbo_madd_f32(z, 2.0F / 13, 2.0F / 11);
    const float R = z * elbo_madd_f32(z2, elbo_madd_f32(z2, c, b), a);

    return elbo_madd_f32(x, R, 2 * x);
}

/* 1 / (1 + e^-x), and its derivative s (1 - s), which does not cancel. */
static inline float elbo_sigmoid_f32(float x, float *slope)
{
    float minus_one;
    const float e = elbo_exp_below_f32(-fabsf(x), &minus_one);
    const float s = 1 / (1 + e), t = e * s;

    *slope = s * t;
    return elbo_select_f32(x < 0, t, s);
}

/* x s(x), and its derivative s + x s (1 - s). */
static inline float elbo_silu_f32(float x, float *slope)
{
    float bend;
    const float s = elbo_sigmoid_f32(x, &bend);

    *slope = elbo_madd_f32(x, bend, s);
    return x * s;
}

/* With t = exp(-2 |x|) - 1:  -t / (2 + t), and x's sign. */
static inline float elbo_tanh_f32(float x)
{
    float t;

    (void)elbo_exp_below_f32(-2 * fabsf(x), &t);
    return copysignf(t / (2 + t), x);
}

/* log(1 + e^x) */
static inline float elbo_softplus_f32(float x)
{
    float minus_one;
    const float e = elbo_exp_below_f32(-fabsf(x), &minus_one);

    return elbo_select_f32(x > 0, x, elbo_select_f32(x <= 0, 0, x))
           + elbo_log1p_f32(e);
}

#endif
