/* models/lattice.h -- states on integer coordinates: blocks and displacements.
 *
 * A displacement is a difference of coordinates. Both are written as one number
 * in a mixed radix wide enough that s + d is unique for every state s and every
 * displacement d between two states, on the map or off it.
 */
#ifndef ELBO_LATTICE_H
#define ELBO_LATTICE_H

#include "inference/env.h"

/* A world has more displacements than this only where tying them is no use. */
enum { ELBO_DISPLACEMENTS = 4096 };

typedef struct elbo_cell {
    int64_t key;
    uint32_t state;
} elbo_cell;

typedef struct elbo_lattice {
    const elbo_world *world;
    const int32_t *low;    /* [dim] smallest coordinates */
    const int64_t *stride; /* [dim] of the mixed radix */
    elbo_cell *cells;      /* [nS] ascending in key */
} elbo_lattice;

/* ELBO_EINVAL when the world has no coordinates, two states share theirs, or
 * the coordinates are too far apart to number. */
elbo_status elbo_lattice_init(const elbo_world *world, elbo_arena *arena,
                              elbo_lattice *out);

/* The number of a state; the state of a number, or nS when there is none. */
int64_t elbo_lattice_key(const elbo_lattice *lattice, size_t state);
size_t elbo_lattice_state(const elbo_lattice *lattice, int64_t key);

/* The displacements of all transitions of P that do not end, known rows left
 * out, ascending; *n of them. ELBO_EINVAL when there are too many. */
elbo_status elbo_lattice_displacements(const elbo_lattice *lattice,
                                       const elbo_kernel *P,
                                       const uint8_t known[], elbo_arena *arena,
                                       int64_t **out, size_t *n);

/* tie[s] = the number of the block of `side` cells a dimension that s lies in,
 * counted over the blocks that hold a state; returns how many. Blocks start at
 * the smallest coordinates. `cells` is scratch [nS]. */
size_t elbo_lattice_blocks(const elbo_lattice *lattice, size_t side,
                           elbo_cell cells[], uint32_t tie[]);

#endif
