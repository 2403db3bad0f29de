/* inference/language/tiles.h -- runs of the live tape, a tile of places at a
 * time.
 *
 * A program that is not tiled has one tile, of everything. The last tile is
 * filled up with places that weigh nothing.
 */
#ifndef ELBO_TILES_H
#define ELBO_TILES_H

#include "inference/language/compile.h"

size_t elbo_tile_count(const elbo_program *program);

/* How many places of a domain tile k has, and the first of them. */
size_t elbo_tile_places(const elbo_program *program, size_t k, elbo_domain at,
                        size_t *first);

/* The transfers' values from `fixed`, once it has run. */
void elbo_tile_carry(elbo_program *program);

/* The live tape's values on tile k, from the intakes' x and the transfers. */
void elbo_tile_forward(elbo_program *program, size_t k);

/* Then the intakes' g += its derivatives. */
void elbo_tile_backward(elbo_program *program, size_t k);

#endif
