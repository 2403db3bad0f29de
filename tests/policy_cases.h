/* tests/policy_cases.h -- MPO, REPS and AWR at work: every kind of each, small. */
#ifndef ELBO_POLICY_CASES_H
#define ELBO_POLICY_CASES_H

#include <check.h>

#include "control/registry.h"
#include "inference/task_control.h"
#include "tests/task_cases.h"

typedef struct policy_kind {
    const char *name, *env, *settings;
} policy_kind;
enum { POLICY_KINDS = 8 };
extern const policy_kind policy_kinds[POLICY_KINDS];

/* Scratch of the running test, between the two fixtures; what it opens is in task_arena. */
extern elbo_arena *policy_ws;
void policy_set_up(void);
void policy_tear_down(void);

typedef struct policy_subject {
    elbo_task_world world;
    const elbo_task_control *control;
    void *self;
    elbo_replay data, rollouts;
    elbo_task_estep estep;
} policy_subject;

/* That kind, with settings after its own; data and steps are the test's to give. */
void policy_open(policy_subject *s, int kind, const char *more, double gamma);
/* ... with rows of the world, and rollouts. */
void policy_open_with_data(policy_subject *s, int kind);
void policy_improve(policy_subject *s);

#endif
