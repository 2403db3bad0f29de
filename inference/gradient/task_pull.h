/* inference/gradient/task_pull.h -- the ways through the critics of control tasks, from
 * within: for task_*.c of this room alone.
 */
#ifndef ELBO_GRADIENT_TASK_PULL_H
#define ELBO_GRADIENT_TASK_PULL_H

#include "inference/task_gradient.h"

struct elbo_task_pull {
    elbo_arena *arena;
    elbo_tape *tape;
    const elbo_route *route;
    const elbo_task_control *control;
    void *solver;
    elbo_task_nodes nodes;
    elbo_task_unknowns w;
    elbo_node noise; /* [B x no]; not there if the member is certain */
    elbo_node loss;  /* L */
    size_t n;        /* numbers in w */
    double *slope;   /* [n] dl/dw, or dL/dw */
    double *v;       /* [n] along which L's slope is differentiated */
    double *draw;    /* [B x no] */
    void *own;       /* the way's */
};

/* A kind's member `way`. */
typedef struct elbo_task_way {
    const char *kind; /* what an objective is whose derivatives go here, one line */
    /* Whether control tasks have the setting. */
    bool (*serves)(const elbo_route *route);
    /* Its own memory, from pull->arena. NULL: none. */
    elbo_status (*open)(elbo_task_pull *pull);
    /* As elbo_task_pull_forward, _apply and _held. NULL: a plain forward run; 0. */
    elbo_status (*forward)(elbo_task_pull *pull);
    elbo_status (*apply)(elbo_task_pull *pull, elbo_gradient_info *info, bool *more);
    double (*held)(elbo_task_pull *pull);
} elbo_task_way;

/* out [n], as elbo_tape_gradient and elbo_tape_product have it for the leaves of w. */
typedef void elbo_task_pull_reader(const elbo_tape *tape, elbo_node x, double out[]);
void elbo_task_pull_read(const elbo_task_pull *pull, elbo_task_pull_reader *read,
                         double out[]);
/* After elbo_tape_backward of L: second derivatives along x [n] of w. */
void elbo_task_pull_differentiate(const elbo_task_pull *pull, const double x[]);
/* ELBO_ENOTFINITE with the first of x [n] that is not, and why. */
elbo_status elbo_task_pull_finite(const elbo_task_pull *pull, const double x[],
                                  const char *why);

#endif
