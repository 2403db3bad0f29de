/* inference/objective.h -- an expression of the language as the data term
 *
 *   lambda E_D[w l_theta(x)],  l_theta by inference/language
 *
 * on one run's data. Equal samples are one transition of the program's batch (of
 * one round of collection, where the expression reads what was so then).
 * V, Q, pi and what follows from them are bound by elbo_objective_plan and
 * stand still until the next: gradient: stop. With a horizon T a sample is of
 * stage `step` mod T, that of the policy which met it.
 */
#ifndef ELBO_OBJECTIVE_H
#define ELBO_OBJECTIVE_H

#include "inference/data.h"
#include "inference/language/program.h"
#include "inference/value_set.h"

typedef struct elbo_objective elbo_objective;

/* Text to a checked tree in the arena, as elbo_expression_check; ELBO_EINVAL
 * also for what finite worlds cannot compile. column, nearest: NULL ok. */
elbo_status elbo_objective_parse_finite(const char *text, elbo_arena *arena,
                                        elbo_expr **out, size_t *column,
                                        const char **nearest);
/* The same for what finite or linear-Gaussian worlds can compile. */
elbo_status elbo_objective_parse(const char *text, elbo_arena *arena,
                                 elbo_expr **out, size_t *column,
                                 const char **nearest);

/* For data of at most `capacity` samples, on the pattern of a model of `world`; of
 * `mdp` discount and horizon are read. Memory from the arena, but for the program:
 * elbo_objective_close (NULL ok). No data yet: worth 0. */
elbo_status elbo_objective_open(const char *text, const elbo_world *world,
                                const elbo_mdp *mdp,
                                const elbo_pattern *pattern, size_t capacity,
                                elbo_arena *arena, elbo_objective **out);
void elbo_objective_close(elbo_objective *objective);

/* The same as a weight: means over D are over its samples before any weight, and
 * messages speak of the weight. */
elbo_status elbo_weight_open(const char *text, const elbo_world *world,
                             const elbo_mdp *mdp, const elbo_pattern *pattern,
                             size_t capacity, elbo_arena *arena,
                             elbo_objective **out);

/* After each change of D: weights scale * w. The data are borrowed: Jcwpdis reads
 * their episodes (inference/importance.h). ELBO_EDATA as elbo_data_counts;
 * ELBO_EINVAL: the expression does not fit the world. */
elbo_status elbo_objective_data(elbo_objective *objective,
                                const elbo_pattern *pattern,
                                const elbo_data *data, double scale,
                                elbo_arena *ws);

/* Whether the expression reads "V", "J", ... (elbo_bindings). */
bool elbo_objective_needs(const elbo_objective *objective, const char *name);

/* The planner's constants from here on; p is ignored, the arrays are copied. */
void elbo_objective_plan(elbo_objective *objective, const elbo_bindings *plan);

/* The plan with its policy held, which elbo_objective_slopes reads under
 * fixed_pi: borrowed; NULL: as the plan itself. */
void elbo_objective_plan_held(elbo_objective *objective,
                              const elbo_bindings *held);

/* The checked tree. */
const elbo_expr *elbo_objective_expression(const elbo_objective *objective);

/* The model's rewards, which it reads as rhat: borrowed, as they are at each
 * call. known: they are the world's, and not differentiated. */
void elbo_objective_reward(elbo_objective *objective, const double reward[],
                           bool known);

/* The policy pi [stages x nS x nA] at which gradJ_error compares the model with the
 * environment `truth`, borrowed, in its rewards; pi is copied. Nothing where the
 * expression does not read it. Statuses as elbo_policy_gradient. */
elbo_status elbo_objective_policy(elbo_objective *objective, const elbo_mdp *truth,
                                  const double pi[]);

/* What stands still, borrowed: V_target, V_then of each round; and, unless NULL, V
 * and Q in the place of the plan's: never differentiated. Shapes as
 * elbo_bindings. */
void elbo_objective_hold(elbo_objective *objective, const double target[],
                         const double then[], const double V[],
                         const double Q[]);

/* Before there are data: the objective is the sum over the set's members, borrowed,
 * of the terms that read what they replace; any other term of its outermost sum
 * counts once. NULL: no set. ELBO_ENOMEM. */
elbo_status elbo_objective_members(elbo_objective *objective,
                                   const elbo_value_set *members,
                                   elbo_arena *arena);

/* elbo_program_hold; true where there are no data. */
bool elbo_objective_still(elbo_objective *objective, bool held);
/* Values too by the tape of its slopes, in one piece, where all can be held. */
void elbo_objective_whole(elbo_objective *objective, bool whole);

/* New samples for every E(f, n): elbo_program_draw at the kernel p. */
void elbo_objective_draw(elbo_objective *objective, const elbo_kernel *p,
                         uint64_t seed, uint64_t index);

/* The values of the expression's factors from here on, borrowed; one an element
 * of elbo_expr_factors, in its order. */
void elbo_objective_factors(elbo_objective *objective,
                            const double *const values[]);

/* *value and G as below, and the derivatives through the planner. */
elbo_status elbo_objective_slopes(elbo_objective *objective,
                                  const elbo_kernel *p, double *value,
                                  double G[], elbo_slopes *slopes);

/* out[..] = the objective's derivative with respect to a factor's values, which
 * are bound to it at `values`, at the kernel p; the factor learns
 * (elbo_factor_name). 0 where it reads no such factor. */
elbo_status elbo_objective_lever(elbo_objective *objective,
                                 const elbo_kernel *p, const double values[],
                                 double out[], size_t n, elbo_arena *ws);

/* w [samples of D] of a weight at the kernel p, sample by sample.
 * ELBO_ENOTFINITE, or ELBO_ECHECK for a negative one, names the sample. */
elbo_status elbo_objective_weights(elbo_objective *objective,
                                   const elbo_kernel *p, double w[], size_t n,
                                   elbo_arena *ws);

/* *value at the kernel p; G[nnz] += its derivative unless NULL.
 * ELBO_ENOTFINITE names the sample. */
elbo_status elbo_objective_value(elbo_objective *objective,
                                 const elbo_kernel *p, double *value,
                                 double G[]);

/* The expression at each of the data's distinct transitions, by their entries:
 * out [at most their number]. ELBO_ENOTFINITE names state and action. */
elbo_status elbo_objective_values(elbo_objective *objective,
                                  const elbo_kernel *p, double out[]);

/* G [nnz], and [nS x nA] behind it where it reads rhat, += the derivative at p of
 * the sum over the data's distinct transitions of row_weight [nS x nA], of its (s, a),
 * times the expression. ELBO_ENOTFINITE. */
elbo_status elbo_objective_pull(elbo_objective *objective, const elbo_kernel *p,
                                const double row_weight[], double G[],
                                elbo_arena *ws);

#endif
