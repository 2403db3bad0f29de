/* tests/planner_worlds.h -- known worlds in the place of learnt models, for
 * planners.
 */
#ifndef ELBO_TEST_PLANNER_WORLDS_H
#define ELBO_TEST_PLANNER_WORLDS_H

#include "control/sequence.h"
#include "inference/control.h"
#include "inference/task_control.h"

enum { STAND_IN_MOST = 8 };

/* A belief whose `self` this is. Members are 0 .. members - 1, the elites as
 * given. */
typedef struct stand_in {
    elbo_task_world world;
    elbo_task_belief belief;
    elbo_task_problem problem;
    /* One successor; may draw from rng unless mean. */
    void (*one)(const struct stand_in *self, const float o[], const float u[],
                uint32_t member, elbo_rng *rng, bool mean, float next[],
                float *reward, uint8_t *end);
    uint32_t elite[STAND_IN_MOST];
    size_t n_elites;
    double noise;
} stand_in;

/* An ensemble of so many members, all of them elite; no observations and nu
 * components of u at most, or choices where `choices` > 0. */
void stand_in_open(stand_in *s, size_t no, size_t nu, size_t choices,
                   size_t members);

/* x' = A x + B u + noise, r = -(x'Qx + R u^2), of a double integrator. */
enum { LQ_STATES = 2 };
extern const double planner_A[4], planner_B[2], planner_Q[4], planner_R;
void linear_quadratic(const stand_in *self, const float o[], const float u[],
                      uint32_t member, elbo_rng *rng, bool mean, float next[],
                      float *reward, uint8_t *end);

/* Plain settings: no refinement is on; tests change fields. */
elbo_sequence_config plain_sequence(size_t horizon, size_t population);

/* A control of this room, open on a stand-in, with what acting needs for n
 * worlds. */
typedef struct planner_trial {
    const elbo_control *control;
    elbo_arena *arena, *ws;
    elbo_values values;
    void *self;
    size_t n, memory;
    elbo_task_act act;
    float *o;
    uint8_t *first;
} planner_trial;

/* Asserts that it opens. */
planner_trial trial_of(const stand_in *s, const char *control,
                       const char *settings, size_t n, uint64_t seed);
/* Asserts that it acts. */
void trial_act(planner_trial *t);
void trial_end(planner_trial *t);
double trial_column(const planner_trial *t, const char *name);

#endif
