/* inference/core/rng.h -- counter-based random streams.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011; Random123), keyed by (seed,
 * purpose, index): equal triples give equal streams whatever ran before, so
 * rollout 7 is rollout 7 on any thread. The key is the seed and a hash of the
 * purpose; the index is the high half of the 128-bit counter.
 */
#ifndef ELBO_RNG_H
#define ELBO_RNG_H

#include <gsl/gsl_rng.h>
#include <stddef.h>
#include <stdint.h>

#include "inference/core/checkpoint.h"

/* Plain value: copy it to fork, store it to resume. */
typedef struct elbo_rng {
    uint32_t key[2];   /* seed mixed with the purpose */
    uint32_t index[2]; /* high words of the counter */
    uint64_t count;    /* blocks drawn so far: low words of the counter */
    uint32_t block[4]; /* the current block */
    uint32_t used;     /* words of it already given; 4 = none left */
} elbo_rng;

elbo_rng elbo_rng_stream(uint64_t seed, const char *purpose, uint64_t index);

uint32_t elbo_rng_u32(elbo_rng *rng);

/* Uniform on [0, 1), 53 bits. */
double elbo_rng_uniform(elbo_rng *rng);

/* Uniform on 0 .. n - 1 without bias; n >= 1. */
size_t elbo_rng_below(elbo_rng *rng, size_t n);

/* An index drawn from p[n] (non-negative, any positive sum). The last positive
 * entry takes what rounding leaves. */
size_t elbo_rng_categorical(elbo_rng *rng, const double p[], size_t n);

/* out[n] standard normals by Box-Muller in bulk; the same for any n split only
 * when the split is even. */
void elbo_rng_normals(elbo_rng *rng, double out[], size_t n);

/* Row i of out [n x d]: d standard normals in float of rng[which[i]] (NULL: of
 * rng[i]), which goes on to a new block; no stream may be there twice. In vectors,
 * and so others than elbo_rng_normals draws. Each is the same whatever is drawn
 * beside it. */
void elbo_rng_normal_rows(elbo_rng rng[], const uint32_t which[], size_t n,
                          size_t d, float out[]);

/* GSL's distributions on top: a gsl_rng that draws from *rng. The adaptor
 * borrows `rng` and needs no free:
 *     elbo_gsl_rng g; gsl_ran_dirichlet(elbo_rng_gsl(&g, rng), ...); */
typedef struct elbo_gsl_rng {
    gsl_rng base;
    elbo_rng *rng;
} elbo_gsl_rng;
gsl_rng *elbo_rng_gsl(elbo_gsl_rng *adaptor, elbo_rng *rng);

void elbo_rng_save(const elbo_rng *rng, elbo_writer *out);
elbo_status elbo_rng_load(elbo_rng *rng, elbo_reader *in);

#endif
