/* tests/objective_bench.h -- a belief, its rows, and a control that tells all
 * there is to tell, for expressions to be compiled on:
 *
 *     V = 2 tanh(z) where bent, 2 z where straight;  z = 0.7 o_0 - 0.4 o_1 +
 * 0.2 Q = o_0 + 3 u,  log pi = -u^2
 */
#ifndef ELBO_OBJECTIVE_BENCH_H
#define ELBO_OBJECTIVE_BENCH_H

#include "inference/task_objective.h"
#include "tests/engine_cases.h"
#include "tests/ensemble_cases.h"

typedef struct objective_bench {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_replay data;
    elbo_task_sight sight;
} objective_bench;

/* What `curve` points at. */
extern bool objective_bent, objective_straight;

/* n rows of ensemble_world under a model of these settings, between
 * ensemble_set_up and ensemble_tear_down. */
void objective_set_up(objective_bench *b, const char *settings, size_t n,
                      double noise, bool *curve);
/* The expression as likelihood or weight of the rows; the arena's. */
elbo_task_objective *objective_open(const objective_bench *b, const char *text,
                                    bool weight);
/* One M-step under it. */
elbo_task_fit objective_fit(objective_bench *b, elbo_task_objective *o);

/* z, and V at n observations with its slope where asked for. */
double objective_line(const float o[]);
elbo_status objective_value(void *curve, size_t n, const float o[], float V[],
                            float slope[], elbo_arena *ws);

#endif
