/* tests/sac_cases.h -- controls by networks on stand-ins of tasks. */
#ifndef ELBO_SAC_CASES_H
#define ELBO_SAC_CASES_H

#include <check.h>

#include "inference/control.h"
#include "inference/task_control.h"

typedef struct learning {
    elbo_arena *arena, *ws;
    elbo_task_world world;
    elbo_replay data;
    elbo_task_problem problem;
    const elbo_task_control *task;
    void *self;
    int threads; /* of those who called: what learns takes one */
} learning;

/* choices = 0: a box of nu actions. The data are empty, room for `capacity`
 * rows. */
learning learning_make(size_t no, size_t nu, bool choices, size_t capacity);
/* Opens the control; gamma and the temperature are in l->problem. */
void learning_open(learning *l, const char *control, const char *settings);
elbo_status learning_try_open(learning *l, const char *control,
                              const char *settings);
void learning_push(learning *l, const float o[], const float u[], double reward,
                   const float next[], bool end);
/* A random row that nothing is to be learnt from but numbers. */
void learning_fill(learning *l, size_t rows, uint64_t seed);
elbo_status learning_improve(learning *l, size_t updates);
void learning_free(learning *l);

/* The control's state, saved to and read from a file of its own. */
void learning_save(const learning *l, const char *path);
elbo_status learning_load(learning *l, const char *path);

#endif
