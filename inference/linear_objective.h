/* inference/linear_objective.h -- an expression of the language as the data term
 *
 *   sum_i w_i l_theta(x_i)
 * or as the weight, in linear-Gaussian worlds: the tables of
 * inference/language/gaussian.h filled from a belief and a plan, and slopes sent
 * back to both.
 */
#ifndef ELBO_LINEAR_OBJECTIVE_H
#define ELBO_LINEAR_OBJECTIVE_H

#include "inference/language/gaussian.h"
#include "inference/linear.h"
#include "inference/linear_data.h"

typedef struct elbo_linear_objective elbo_linear_objective;

/* Text to a checked tree, as elbo_objective_parse, of what linear-Gaussian worlds
 * can compile. column, nearest: NULL ok. */
elbo_status elbo_linear_objective_parse(const char *text, elbo_arena *arena,
                                        elbo_expr **out, size_t *column,
                                        const char **nearest);

/* Of a world and a belief with so many stages; data come in `rounds`, `each`
 * transitions a round (0: all in one). Memory from the arena, but for the
 * program: elbo_linear_objective_close (NULL ok). No data yet: worth 0. `slot` for
 * messages, borrowed. */
elbo_status elbo_linear_objective_open(const char *slot, const char *text,
                                       const elbo_linear_world *world,
                                       size_t model_stages, size_t horizon,
                                       double gamma, size_t rounds, size_t each,
                                       elbo_arena *arena,
                                       elbo_linear_objective **out);
void elbo_linear_objective_close(elbo_linear_objective *objective);

const elbo_expr *elbo_linear_objective_expression(const elbo_linear_objective *o);

/* After each change of D or its weights: w_i = scale * weight_i; weights NULL: 1.
 * The data are borrowed until the next call, the weights too. */
elbo_status elbo_linear_objective_data(elbo_linear_objective *objective,
                                       const elbo_linear_data *data, double scale,
                                       const double weight[]);

bool elbo_linear_objective_reads(const elbo_linear_objective *objective,
                                 elbo_gaussian_table table);

/* The belief's maps. ELBO_ENOTPD for a W without an inverse that is read. */
elbo_status elbo_linear_objective_model(elbo_linear_objective *objective,
                                        const elbo_linear_belief *belief,
                                        elbo_arena *ws);

/* A plan: V, Q [max(horizon, 1)] and the policy; terminal NULL: 0. Q entries
 * without a P are 0. A policy without noise has no logpi: ELBO_ENOTPD where that is
 * read. */
typedef struct elbo_linear_plan {
    const elbo_quadratic *V, *Q;
    const elbo_linear_policy *pi;
    const elbo_quadratic *terminal;
    double J, Jmodel;
} elbo_linear_plan;
elbo_status elbo_linear_objective_plan(elbo_linear_objective *objective,
                                       const elbo_linear_plan *plan,
                                       elbo_arena *ws);
/* gradJ_error at the belief's theta; and, after elbo_linear_objective_value with a
 * slope, the value's derivative with respect to it. */
void elbo_linear_objective_error(elbo_linear_objective *objective, double error);
double elbo_linear_objective_error_slope(const elbo_linear_objective *objective);
/* V_target's values, [max(horizon, 1)]. */
void elbo_linear_objective_target(elbo_linear_objective *objective,
                                  const elbo_quadratic V[],
                                  const elbo_quadratic *terminal);

/* V_then's values of a round, likewise: what the planner said when its data came. */
void elbo_linear_objective_then(elbo_linear_objective *objective, size_t round,
                                const elbo_quadratic V[],
                                const elbo_quadratic *terminal);
/* V_then's values into, and from, the current section. */
void elbo_linear_objective_save(const elbo_linear_objective *objective,
                                elbo_writer *out);
elbo_status elbo_linear_objective_load(elbo_linear_objective *objective,
                                       elbo_reader *in);

/* dF/d what the plan gave, one a stage; written. */
typedef struct elbo_linear_slopes {
    elbo_quadratic *V, *Q;
    gsl_matrix **K, **S;
    gsl_vector **k;
    double J, Jmodel;
} elbo_linear_slopes;
elbo_status elbo_linear_slopes_take(elbo_linear_slopes *slopes, size_t nx,
                                    size_t nu, size_t stages, elbo_arena *arena);

/* The value at what is bound. slope [model stages], unless NULL: dF/dtheta's maps,
 * written; plan, unless NULL: likewise. ELBO_ENOTFINITE names the transition. */
elbo_status elbo_linear_objective_value(elbo_linear_objective *objective,
                                        double *value, elbo_linear_slope slope[],
                                        elbo_linear_slopes *plan);

/* The expression at each of the data, as a weight: ELBO_ENOTFINITE, or ELBO_ECHECK
 * for a negative one, names the transition. */
elbo_status elbo_linear_objective_weights(elbo_linear_objective *objective,
                                          double w[]);

void elbo_linear_objective_hold(elbo_linear_objective *objective, bool held);

#endif
