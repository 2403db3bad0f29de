/* inference/control.h -- policy factors and their E-steps.
 *
 * An E-step improves (pi, q) on F_control at fixed theta. What it carries from
 * one call to the next beyond the posterior is saved in checkpoints.
 */
#ifndef ELBO_CONTROL_H
#define ELBO_CONTROL_H

#include "inference/backup.h"
#include "inference/core/checkpoint.h"
#include "inference/core/options.h"

typedef struct elbo_control elbo_control;
struct elbo_lqr;
struct elbo_trajectory;
struct elbo_linear_posterior;
struct elbo_observed_control;
struct elbo_task_control;

/* What F_control is promised to do across this control's E-step. */
typedef enum elbo_promise {
    ELBO_NO_PROMISE, /* one backup a round, values carried over: may fall */
    ELBO_RISES       /* solved, or improves on an exactly evaluated Q */
} elbo_promise;

typedef struct elbo_controller {
    const elbo_control *control;
    void *self; /* NULL: no state of its own */
} elbo_controller;

struct elbo_control {
    const char *name, *source, *doc;
    const elbo_option *options;
    elbo_optimality optimality; /* the one it serves */
    bool hard;                  /* alpha is 0: control.temperature is refused */
    bool previous_prior;        /* pi0 <- pi each round, whatever control.prior */
    elbo_promise promise;
    bool draws;       /* an E-step draws: one that changes nothing is no end */
    bool fixed_point; /* one stage: V, Q, pi and q end in the backup's own */
    elbo_status (*open)(const elbo_values *options, const elbo_problem *problem,
                        elbo_arena *arena, elbo_controller *out);
    /* On entry post holds the last round's pi, V, q, and pi0 as the engine set
     * it. On ELBO_OK pi, V, Q and q are set. *info says how well. */
    elbo_status (*estep)(elbo_controller *controller,
                         const elbo_problem *problem, elbo_posterior *post,
                         elbo_solve_info *info, elbo_arena *ws);
    void (*save)(const elbo_controller *controller, elbo_writer *out); /* or NULL */
    elbo_status (*load)(elbo_controller *controller, elbo_reader *in); /* or NULL */
    /* The E-step in linear-Gaussian worlds (inference/linear.h); NULL: none there.
     * `estep` is NULL where there is none in finite ones. */
    elbo_status (*linear)(const elbo_values *options,
                          const struct elbo_lqr *problem, elbo_arena *arena,
                          struct elbo_linear_posterior *out);
    /* The same in continuous ones (inference/trajectory.h). */
    const struct elbo_trajectory *trajectory;
    /* What it is in observed worlds (inference/observed.h); NULL: nothing. */
    const struct elbo_observed_control *observed;
    /* And in control tasks (inference/task_control.h). */
    const struct elbo_task_control *task;
};

/* control/registry.c; ends in NULL. */
extern const elbo_control *const elbo_controls[];
const elbo_control *elbo_control_find(const char *name);

#endif
