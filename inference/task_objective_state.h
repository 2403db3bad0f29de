/* inference/task_objective_state.h -- expressions of control tasks from within:
 * for task_objective*.c alone.
 */
#ifndef ELBO_TASK_OBJECTIVE_STATE_H
#define ELBO_TASK_OBJECTIVE_STATE_H

#include "inference/task_objective.h"

/* A member's nodes in the present M-step. */
typedef struct elbo_task_part {
    elbo_network *program;
    elbo_task_pull *pull; /* NULL: gradient: stop */
    elbo_gradient_info info;
    elbo_status status;
    elbo_error error;
} elbo_task_part;

struct elbo_task_objective {
    const char *slot;
    elbo_task_role role;
    bool inside; /* it is compiled with a member of the model */
    elbo_task_sight sight;
    elbo_arena *arena;
    elbo_expr *expr;
    bool reads[ELBO_NETWORK_TABLES];
    elbo_network_factor factor[ELBO_NETWORK_FACTORS];
    size_t n_factors;
    float *table[ELBO_NETWORK_TABLES]; /* by slot */
    size_t capacity;
    elbo_network_rows rows;            /* tables, factors and weights by slot */
    const elbo_replay *data;           /* of the last plan */
    elbo_task_part *member;            /* [members] */
    elbo_task_likelihood likelihood;
};

/* Leaves for rows of the data; and a frame of them and of a member's nodes, if
 * they are there. */
void elbo_task_leaves(const elbo_task_objective *o, elbo_tape *tape,
                      size_t rows, elbo_task_nodes *nodes);
elbo_network_frame elbo_task_frame(const elbo_task_objective *o,
                                   elbo_tape *tape,
                                   const elbo_task_nodes *nodes, bool member);

#endif
