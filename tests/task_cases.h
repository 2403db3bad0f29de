/* tests/task_cases.h -- opening control tasks in their tests. */
#ifndef ELBO_TASK_CASES_H
#define ELBO_TASK_CASES_H

#include <check.h>

#include "inference/env.h"
#include "inference/task.h"

enum { TASK_MOST = 64 }; /* states, observations, actions of a task in tests */

/* The arena of the running test, between the two fixtures. */
extern elbo_arena *task_arena;
void task_set_up(void);
void task_tear_down(void);

/* The task `name` with "option=value ..." and wrappers; a failure fails the
 * test. */
elbo_task_world task_open(const char *name, const char *settings,
                          const char *wrappers, uint64_t seed);
elbo_status task_try_open(const char *name, const char *settings,
                          const char *wrappers, uint64_t seed,
                          elbo_task_world *out);

/* One step of one world. */
double task_step(const elbo_task_world *w, const double x[], const double a[],
                 elbo_rng *rng, double next[], uint8_t *terminal);

/* A uniformly random action of n worlds, [na x n], from rng [n]. */
void task_act(const elbo_task_world *w, size_t n, elbo_rng rng[], double a[]);

/* The i-th control task of the registry, NULL behind the last; how many. */
const elbo_env *task_at(size_t i);
size_t task_count(void);

#endif
