/* inference/task_factor.h -- auxiliary factors of control tasks: what weights
 * name beside theta and the control.
 *
 * Each has its own objective and schedule, is brought up to date once an
 * iteration, after the data have come and before the M-step, and stands still
 * in the M- and E-steps. A factor gives a number to every row that the data
 * hold, by slot.
 */
#ifndef ELBO_TASK_FACTOR_H
#define ELBO_TASK_FACTOR_H

#include "inference/task_objective.h"

/* What a factor may look at; all borrowed and const to it. */
typedef struct elbo_task_view {
    const elbo_task_world *world;
    const elbo_task_belief *belief;
    const elbo_replay *data, *rollouts;
    size_t recent; /* rows of the last collection by the policy */
    uint64_t seed, round;
} elbo_task_view;

typedef struct elbo_task_factor {
    const char *name, *source, *doc;
    const elbo_option *options; /* arguments, positional */
    /* Its state, in the arena. */
    elbo_status (*open)(const elbo_values *options, const elbo_task_view *view,
                        elbo_arena *arena, void **self);
    /* values [data->n], which are 1 at first. There is a row. */
    elbo_status (*update)(void *self, const elbo_task_view *view,
                          double values[], elbo_arena *ws);
    /* out [rows->n] at rows of others, as it stands. NULL: it knows the data's
     * alone. */
    elbo_status (*at)(const void *self, const elbo_replay *rows, double out[],
                      elbo_arena *ws);
    void (*save)(const void *self, elbo_writer *out); /* NULL: no state */
    elbo_status (*load)(void *self, elbo_reader *in);
} elbo_task_factor;

/* inference/weight/task_factors.c; ends in NULL. */
extern const elbo_task_factor *const elbo_task_factors[];

/* The factors of one run: each is open once, whichever expressions name it. */
typedef struct elbo_task_factor_set elbo_task_factor_set;

elbo_status elbo_task_factors_open(size_t capacity, elbo_arena *arena,
                                   elbo_task_factor_set **out);
/* Opens those of an objective that are not open, and gives it where their
 * values will be, unless it is a reward. ELBO_EINVAL with the slot, the column
 * and the reason. */
elbo_status elbo_task_factors_join(elbo_task_factor_set *set,
                                   elbo_task_objective *objective,
                                   const elbo_task_view *view);
/* Brings all of them up to date. ELBO_ENOTFINITE names factor and row. */
elbo_status elbo_task_factors_update(elbo_task_factor_set *set,
                                     const elbo_task_view *view,
                                     elbo_arena *ws);
/* Gives a reward their values at the rows that it will be planned for; they live
 * in ws. */
elbo_status elbo_task_factors_at(const elbo_task_factor_set *set,
                                 elbo_task_objective *reward,
                                 const elbo_replay *rows, elbo_arena *ws);
/* Into, and from, the current section. */
void elbo_task_factors_save(const elbo_task_factor_set *set, elbo_writer *out);
elbo_status elbo_task_factors_load(elbo_task_factor_set *set, elbo_reader *in);

/* The arguments of every factor of a checked tree, for its check: ELBO_EINVAL
 * with *column and the nearest right name or NULL. */
elbo_status elbo_task_factors_check(const elbo_expr *expr, elbo_arena *arena,
                                    size_t *column, const char **nearest);
/* ... and that each of them has values at rows that are no data's. */
elbo_status elbo_task_factors_anywhere(const elbo_expr *expr, elbo_arena *arena,
                                       size_t *column);

#endif
