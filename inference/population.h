/* inference/population.h -- D as a distribution: what infinitely many samples
 * would say.
 *
 * One sample for each possible outcome of each (s, a), of mass
 *   size d(s, a) p(outcome | s, a)
 * so that every sum over D is |D| = size times an exact expectation.
 */
#ifndef ELBO_POPULATION_H
#define ELBO_POPULATION_H

#include "inference/data.h"

/* The most samples that one population of one stage has. ELBO_ENOMEM. */
elbo_status elbo_population_count(const elbo_world *world, elbo_arena *ws,
                                  size_t *n);

/* Append it; d [stages x nS x nA] sums to 1, and a sample's step is its stage.
 * Outcomes of mass 0 are left out. ELBO_ESIZE
 * when they do not fit (nothing appended). */
elbo_status elbo_population_append(elbo_data *data, const elbo_world *world,
                                   const double d[], size_t stages,
                                   double size, elbo_arena *ws);

#endif
