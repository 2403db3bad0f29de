/* inference/wrapper.h -- changes of a control task on its way to the learner.
 *
 * `env.wrappers` is "none" or a list of calls with blanks between them, the
 * innermost first: "distractors(white, 4) noise(0.01) repeat(2)". A wrapper
 * makes a task of a task. What a model may be told (reward, end, state) stays
 * told as long as it is a function of what is then observed.
 */
#ifndef ELBO_WRAPPER_H
#define ELBO_WRAPPER_H

#include "inference/task.h"

enum {
    ELBO_TASK_WIDEST = 256
}; /* states, observations, actions once wrapped */

typedef struct elbo_wrapper {
    const char *name, *source, *doc;
    const elbo_option *options;
    /* What the options' ranges do not say, or NULL. ELBO_EINVAL. */
    elbo_status (*check)(const elbo_values *options);
    /* `out`, by elbo_wrap, becomes the task in its wrapper. What is drawn once
     * comes from streams (seed, the wrapper's name, place); place counts
     * wrappers from the inside. ELBO_EINVAL when it does not fit this task. */
    elbo_status (*wrap)(const elbo_values *options, size_t place,
                        elbo_arena *arena, elbo_task_world *out);
} elbo_wrapper;

/* envs/registry.c; ends in NULL. */
extern const elbo_wrapper *const elbo_wrappers[];

/* For wrappers: *out, the task inside, becomes one that hands all on to it.
 * *self [bytes] starts with an elbo_task_world, the one inside; *task, whose
 * members may be replaced, is out->task. */
elbo_status elbo_wrap(size_t bytes, elbo_arena *arena, elbo_task_world *out,
                      void **self, elbo_task **task);

/* The check of `env.wrappers`, as of elbo_option. */
elbo_status elbo_wrappers_check(const char *text, size_t *column,
                                const char **nearest);
/* *world, an open task, in the wrappers of the text. */
elbo_status elbo_wrappers_apply(const char *text, elbo_arena *arena,
                                elbo_task_world *world);

#endif
