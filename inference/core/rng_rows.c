/* inference/core/rng_rows.c -- normals of many streams at once, in vectors.
 *
 * A block of Philox makes four normals: two pairs (u, v) of 24 bits each,
 * sqrt(-2 log u) (cos, sin)(2 pi v).
 */
#include <math.h>
#include <string.h>

#include "inference/core/explog_f32.h"
#include "inference/core/rng.h"

enum { LANES = 16, WORDS = 4, ROUNDS = 10 };

/* Blocks side by side: counters c, keys k. */
typedef struct lanes {
    uint32_t c[WORDS][LANES], k[2][LANES];
} lanes;

/* Philox4x32 (Salmon et al. 2011, 4.3), as Random123 has it. */
static void philox(lanes *s)
{
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t l = 0; l < LANES; l++) {
            const uint64_t p = (uint64_t)s->c[0][l] * UINT32_C(0xD2511F53);
            const uint64_t q = (uint64_t)s->c[2][l] * UINT32_C(0xCD9E8D57);

            s->c[0][l] = (uint32_t)(q >> 32) ^ s->c[1][l] ^ s->k[0][l];
            s->c[1][l] = (uint32_t)q;
            s->c[2][l] = (uint32_t)(p >> 32) ^ s->c[3][l] ^ s->k[1][l];
            s->c[3][l] = (uint32_t)p;
            s->k[0][l] += UINT32_C(0x9E3779B9);
            s->k[1][l] += UINT32_C(0xBB67AE85);
        }
}

/* Of 2 pi v, v = w / 2^24 in [0, 1): quarters by rounding, then Taylor's sums
 * of |r| <= pi/4, whose rests are below 2^-26. */
static inline void circle(uint32_t w, float *sine, float *cosine)
{
    const uint32_t k = (w + (1U << 21)) >> 22; /* 0 .. 4 */
    const float r = (float)((int32_t)w - (int32_t)(k << 22)) * 0x1.921fb6p-22F;
    const float z = r * r;
    const float s =
        r + r * z * (-1.0F / 6 + z * (1.0F / 120 - z * (1.0F / 5040)));
    const float c =
        1 + z * (-0.5F + z * (1.0F / 24 + z * (-1.0F / 720 + z / 40320)));
    const _Bool odd = k & 1, lower = k & 2, left = (k + 1) & 2;
    const float a = elbo_select_f32(odd, c, s), b = elbo_select_f32(odd, s, c);

    *sine = elbo_select_f32(lower, -a, a);
    *cosine = elbo_select_f32(left, -b, b);
}

/* out [4] of each lane, one after the other. */
static void normals(const lanes *s, float out[WORDS][LANES])
{
    for (size_t pair = 0; pair < 2; pair++)
        for (size_t l = 0; l < LANES; l++) {
            const uint32_t w = s->c[2 * pair][l] >> 8;
            const float u = (float)(int32_t)(w + 1) * 0x1p-24F;
            const float r = sqrtf(-2 * elbo_log_f32(u));
            float sine, cosine;

            circle(s->c[2 * pair + 1][l] >> 8, &sine, &cosine);
            out[2 * pair][l] = r * cosine;
            out[2 * pair + 1][l] = r * sine;
        }
}

/* Row and block of the row that a lane holds. */
typedef struct place {
    size_t row, block;
} place;

static void fill(lanes *s, const elbo_rng *rng, size_t block, size_t l)
{
    const uint64_t count = rng->count + block;

    s->c[0][l] = (uint32_t)count;
    s->c[1][l] = (uint32_t)(count >> 32);
    s->c[2][l] = rng->index[0];
    s->c[3][l] = rng->index[1];
    s->k[0][l] = rng->key[0];
    s->k[1][l] = rng->key[1];
}

static void flush(lanes *s, const place at[LANES], size_t used, size_t d,
                  float out[])
{
    float z[WORDS][LANES];

    philox(s);
    normals(s, z);
    for (size_t l = 0; l < used; l++)
        for (size_t k = 0; k < WORDS && WORDS * at[l].block + k < d; k++)
            out[at[l].row * d + WORDS * at[l].block + k] = z[k][l];
}

void elbo_rng_normal_rows(elbo_rng rng[], const uint32_t which[], size_t n,
                          size_t d, float out[])
{
    const size_t blocks = (d + WORDS - 1) / WORDS;
    lanes s;
    place at[LANES];
    size_t used = 0;

    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < n; i++) {
        elbo_rng *const own = &rng[which ? which[i] : i];

        for (size_t b = 0; b < blocks; b++) {
            fill(&s, own, b, used);
            at[used++] = (place){i, b};
            if (used < LANES) continue;
            flush(&s, at, used, d, out);
            used = 0;
        }
        own->count += blocks;
        own->used = WORDS;
    }
    if (used) flush(&s, at, used, d, out);
}
