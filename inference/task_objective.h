/* inference/task_objective.h -- an expression of the language as the data term
 *
 *   lambda E_D[w l_theta(x)]
 *
 * or as the weight w, in control tasks: nodes of inference/language/network.h
 * on each member's tape, and tables of what the control says at every row of
 * the data, which stand still from one elbo_task_objective_plan to the next
 * (gradient: stop), or nodes of the critics, through which derivatives go
 * (inference/task_gradient.h).
 */
#ifndef ELBO_TASK_OBJECTIVE_H
#define ELBO_TASK_OBJECTIVE_H

#include "inference/language/network.h"
#include "inference/task_gradient.h"

typedef struct elbo_task_objective elbo_task_objective;

/* What expressions look at; borrowed for as long as they are open. */
typedef struct elbo_task_sight {
    const elbo_task_world *world;
    const elbo_task_belief *belief;
    const elbo_task_control *control;
    void *solver; /* the control's state */
    double gamma;
    uint64_t seed;
    const elbo_route *route; /* how the likelihood sees theta through the control;
                                NULL: gradient: stop */
} elbo_task_sight;

/* Names of auxiliary factors in control tasks; ends in {0}. */
extern const elbo_factor_name elbo_task_factor_words[];

/* Text to a checked tree of what some control task can compile. column,
 * nearest: NULL ok. */
elbo_status elbo_task_objective_parse(const char *text, elbo_arena *arena,
                                      elbo_expr **out, size_t *column,
                                      const char **nearest);

/* What an expression is for. In a weight no member of the model is at hand. What
 * a step of the model pays (control.reward), or counts of what follows
 * (control.return_weight), is read at rows that are no data's: by the elites' mean
 * where a member's words stand in it. */
typedef enum elbo_task_role {
    ELBO_TASK_LIKELIHOOD,
    ELBO_TASK_WEIGHT,
    ELBO_TASK_REWARD
} elbo_task_role;

/* As elbo_task_objective_parse, of what some task's control.reward or
 * return_weight may be: no words of data. */
elbo_status elbo_task_reward_parse(const char *text, elbo_arena *arena,
                                   elbo_expr **out, size_t *column,
                                   const char **nearest);

/* What expressions may read of a model and a control; `moves`: derivatives go
 * through the control, so that nothing may be read of it that they do not follow. */
elbo_network_words elbo_task_words(const elbo_task_model *model,
                                   const elbo_task_control *control,
                                   elbo_task_role role, bool moves);

/* For at most `capacity` rows. Memory from the arena, but for
 * elbo_task_objective_close. ELBO_EINVAL with slot, column and reason for what
 * this task, model or control has not. */
elbo_status elbo_task_objective_open(const char *slot, const char *text,
                                     elbo_task_role role,
                                     const elbo_task_sight *sight,
                                     size_t capacity, elbo_arena *arena,
                                     elbo_task_objective **out);
void elbo_task_objective_close(elbo_task_objective *objective); /* NULL ok */

const elbo_expr *elbo_task_objective_expression(const elbo_task_objective *o);
elbo_task_role elbo_task_objective_role(const elbo_task_objective *o);
/* Whether it reads V_then: the data must keep it (elbo_replay_keep_values). */
bool elbo_task_objective_looks_back(const elbo_task_objective *o);
/* The factors that it reads, "logratio(...)"; their values by slot, [capacity]
 * each, in the same order, are borrowed. */
size_t elbo_task_objective_factors(const elbo_task_objective *o,
                                   const elbo_network_factor **out);
void elbo_task_objective_set_factor(elbo_task_objective *o, size_t i,
                                    const double values[]);

/* Whether it reads J; and the number that it reads, 0 at first. */
bool elbo_task_objective_returns(const elbo_task_objective *o);
void elbo_task_objective_set_return(elbo_task_objective *o, double J);

/* The planner's values at the rows that `data` holds, before each M-step; the
 * data and their weights (by slot; NULL: 1) are borrowed. ELBO_ENOTFINITE names
 * what and the row. */
elbo_status elbo_task_objective_plan(elbo_task_objective *o,
                                     const elbo_replay *data,
                                     const double weight[], elbo_arena *ws);

/* The rows alone: what an M-step needs where the planner moves on its tape. */
void elbo_task_objective_rows(elbo_task_objective *o, const elbo_replay *data,
                              const double weight[]);

/* The data term of an M-step; then whether its nodes could be made. */
const elbo_task_likelihood *
elbo_task_objective_likelihood(elbo_task_objective *o);
elbo_status elbo_task_objective_made(const elbo_task_objective *o);
/* How well the solves of the gradient slot went since the last plan or rows. */
elbo_gradient_info elbo_task_objective_solved(const elbo_task_objective *o);

/* out [n]: the expression at the rows, the mean over the elites, with samples
 * of streams (seed, "expression", round). ELBO_ENOTFINITE names the row. */
elbo_status elbo_task_objective_values(elbo_task_objective *o, uint64_t round,
                                       double out[], elbo_arena *ws);

/* out [n] of a reward at the rows planned for, as elbo_task_objective_values;
 * `positive`: ELBO_ECHECK for what is below 0. */
elbo_status elbo_task_objective_pay(elbo_task_objective *o, uint64_t round,
                                    bool positive, double out[],
                                    elbo_arena *ws);

/* w [by slot] of a weight at the rows planned for. ELBO_ENOTFINITE, or
 * ELBO_ECHECK for a negative one, names the row. */
elbo_status elbo_task_objective_weights(elbo_task_objective *o, double w[],
                                        elbo_arena *ws);

#endif
