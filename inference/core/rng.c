#include "inference/core/rng.h"

#include <Random123/philox.h>
#include <assert.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

enum { WORDS = 4 };

static const double two_pi = 6.283185307179586476925;

/* A bijection of 64 bits (splitmix64's finaliser, Steele et al. 2014): under
 * one purpose no two seeds share a key. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

elbo_rng elbo_rng_stream(uint64_t seed, const char *purpose, uint64_t index)
{
    const uint64_t key = mix(seed) ^ XXH3_64bits(purpose, strlen(purpose));

    return (elbo_rng){
        .key = {(uint32_t)key,   (uint32_t)(key >> 32)  },
        .index = {(uint32_t)index, (uint32_t)(index >> 32)},
        .used = WORDS
    };
}

/* Block number `count` of the stream. */
static void philox(const elbo_rng *rng, uint64_t count, uint32_t out[WORDS])
{
    const philox4x32_ctr_t counter = {
        {(uint32_t)count, (uint32_t)(count >> 32), rng->index[0],
         rng->index[1]}
    };
    const philox4x32_key_t key = {
        {rng->key[0], rng->key[1]}
    };
    const philox4x32_ctr_t block = philox4x32(counter, key);

    memcpy(out, block.v, sizeof block.v);
}

static uint32_t next(elbo_rng *rng)
{
    if (rng->used == WORDS) {
        philox(rng, rng->count++, rng->block);
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

/* The low word is drawn first. */
static uint64_t next64(elbo_rng *rng)
{
    const uint64_t low = next(rng);

    return low | (uint64_t)next(rng) << 32;
}

static double unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

uint32_t elbo_rng_u32(elbo_rng *rng)
{
    return next(rng);
}

double elbo_rng_uniform(elbo_rng *rng)
{
    return unit(next64(rng));
}

/* Lemire 2019: the high word of a product; draws whose low word falls into the
 * incomplete last interval are thrown away. */
static uint32_t below32(elbo_rng *rng, uint32_t n)
{
    uint64_t product = (uint64_t)next(rng) * n;

    if ((uint32_t)product < n) {
        const uint32_t incomplete = (0U - n) % n; /* 2^32 mod n */

        while ((uint32_t)product < incomplete)
            product = (uint64_t)next(rng) * n;
    }
    return (uint32_t)(product >> 32);
}

size_t elbo_rng_below(elbo_rng *rng, size_t n)
{
    assert(n >= 1);
    if (n <= UINT32_MAX) return below32(rng, (uint32_t)n);

    const uint64_t incomplete = (0U - (uint64_t)n) % n; /* 2^64 mod n */
    uint64_t x;

    do x = next64(rng);
    while (x < incomplete);
    return (size_t)(x % n);
}

size_t elbo_rng_categorical(elbo_rng *rng, const double p[], size_t n)
{
    double total = 0, below = 0;
    size_t last = n;

    for (size_t i = 0; i < n; i++) total += p[i];
    assert(total > 0 && isfinite(total));

    const double target = elbo_rng_uniform(rng) * total;

    for (size_t i = 0; i < n; i++) {
        if (!(p[i] > 0)) continue;
        last = i;
        below += p[i];
        if (target < below) break;
    }
    return last;
}

/* Box and Muller 1958; the radius is drawn from u on (0, 1]. */
void elbo_rng_normals(elbo_rng *rng, double out[], size_t n)
{
    for (size_t i = 0; i < n; i += 2) {
        const double u = 1 - unit(next64(rng)), v = unit(next64(rng));
        const double r = sqrt(-2 * log(u)), angle = two_pi * v;

        out[i] = r * cos(angle);
        if (i + 1 < n) out[i + 1] = r * sin(angle);
    }
}

static void gsl_set(void *state, unsigned long seed)
{
    *(elbo_rng *)state = elbo_rng_stream(seed, "gsl", 0);
}

static unsigned long gsl_get(void *state)
{
    return next(state);
}

static double gsl_get_double(void *state)
{
    return elbo_rng_uniform(state);
}

static const gsl_rng_type philox_type = {
    .name = "philox4x32",
    .max = UINT32_MAX,
    .min = 0,
    .size = sizeof(elbo_rng),
    .set = gsl_set,
    .get = gsl_get,
    .get_double = gsl_get_double,
};

gsl_rng *elbo_rng_gsl(elbo_gsl_rng *adaptor, elbo_rng *rng)
{
    adaptor->base = (gsl_rng){.type = &philox_type, .state = rng};
    adaptor->rng = rng;
    return &adaptor->base;
}

/* The block is a function of the rest and is made again by the load. */
void elbo_rng_save(const elbo_rng *rng, elbo_writer *out)
{
    elbo_put_u64(out, rng->key[0] | (uint64_t)rng->key[1] << 32);
    elbo_put_u64(out, rng->index[0] | (uint64_t)rng->index[1] << 32);
    elbo_put_u64(out, rng->count);
    elbo_put_u64(out, rng->used);
}

elbo_status elbo_rng_load(elbo_rng *rng, elbo_reader *in)
{
    uint64_t key, index, count, used;

    ELBO_TRY(elbo_get_u64(in, &key));
    ELBO_TRY(elbo_get_u64(in, &index));
    ELBO_TRY(elbo_get_u64(in, &count));
    ELBO_TRY(elbo_get_u64(in, &used));
    if (used > WORDS || (count == 0 && used != WORDS))
        return ELBO_FAIL(ELBO_EDATA, "random stream: word %llu of block %llu",
                         (unsigned long long)used, (unsigned long long)count);

    *rng = (elbo_rng){
        .key = {(uint32_t)key,   (uint32_t)(key >> 32)  },
        .index = {(uint32_t)index, (uint32_t)(index >> 32)},
        .count = count,
        .used = (uint32_t)used
    };
    if (count > 0) philox(rng, count - 1, rng->block);
    return ELBO_OK;
}
