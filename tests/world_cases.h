/* tests/world_cases.h -- opening worlds in the tests of envs/. */
#ifndef ELBO_WORLD_CASES_H
#define ELBO_WORLD_CASES_H

#include <check.h>

#include "inference/env.h"

/* Where relative paths of these worlds start. */
extern const char world_folder[];

/* The arena of the running test, between the two fixtures. */
extern elbo_arena *world_arena;
void world_set_up(void);
void world_tear_down(void);

/* The world `name` with "option=value ..." from world_arena; a failure fails
 * the test. */
elbo_world world_open(const char *name, const char *settings);

/* The same from any arena and folder, with its status. */
elbo_status world_try_open(const char *name, const char *settings,
                           const char *folder, elbo_arena *arena,
                           elbo_world *out);

/* The outcomes of (s, a), and how many; 1 to w->most (checked). */
size_t world_outcomes(const elbo_world *w, size_t s, size_t a,
                      elbo_outcome out[]);

/* Equal to the bit. */
bool world_outcome_is(const elbo_outcome *x, const elbo_outcome *y);
void world_same(const elbo_world *x, const elbo_world *y);

/* V [nS] after so many sweeps of r + gamma E V from 0, maximised or (mean)
 * averaged over the actions. */
double *world_solve(const elbo_world *w, double gamma, size_t sweeps,
                    bool mean);

#endif
