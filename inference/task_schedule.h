/* inference/task_schedule.h -- how long rollouts of a model are, by iteration.
 *
 *   "5"                  always
 *   "1->15 over 20..150" 1 until iteration 20, 15 from 150 on, on a line
 * between, rounded down (Janner, Fu, Zhang, Levine 2019, appendix)
 */
#ifndef ELBO_TASK_SCHEDULE_H
#define ELBO_TASK_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

#include "inference/core/status.h"

typedef struct elbo_task_schedule {
    size_t from, to;      /* steps */
    uint64_t first, last; /* iterations, counted from 1; first < last unless
                             from == to */
} elbo_task_schedule;

/* ELBO_EINVAL with the reason, and *column (NULL ok) of the fault. */
elbo_status elbo_task_schedule_parse(const char *text, elbo_task_schedule *out,
                                     size_t *column);
size_t elbo_task_schedule_at(const elbo_task_schedule *schedule,
                             uint64_t iteration);
/* The longest of all iterations. */
size_t elbo_task_schedule_most(const elbo_task_schedule *schedule);

/* The `check` of control.rollout_length. */
elbo_status elbo_rollout_check(const char *text, size_t *column,
                               const char **nearest);

#endif
