/* inference/language/meaning.h -- what the language's words compile to.
 */
#ifndef ELBO_MEANING_H
#define ELBO_MEANING_H

#include "inference/language/compile.h"

/* The tables that runs bind: name, and where in elbo_bindings. */
extern const char *const elbo_table_names[ELBO_TABLES];

/* A name or a call; the compiler's status is ELBO_EINVAL for a word that finite
 * worlds have not yet. */
elbo_quantity elbo_meaning_name(elbo_compiler *c, const elbo_expr *e);
elbo_quantity elbo_meaning_call(elbo_compiler *c, const elbo_expr *e);

/* Why a word cannot be compiled here: the number 0 after ELBO_EINVAL. */
elbo_quantity elbo_refuse(elbo_compiler *c, const elbo_expr *e,
                          const char *why);

/* lookup.c: V(s), Q(next, a), gradV(y), logpi, J, s as coordinates. */
elbo_quantity elbo_lookup_scalar(elbo_compiler *c, elbo_table table);
elbo_quantity elbo_lookup_here(elbo_compiler *c, elbo_table table);
elbo_quantity elbo_lookup_call(elbo_compiler *c, elbo_table table,
                               const elbo_expr *e);
elbo_quantity elbo_lookup_slope(elbo_compiler *c, const elbo_expr *e);
/* Of a table over states, END's row included. */
elbo_quantity elbo_lookup_state(elbo_compiler *c, elbo_quantity table,
                                const elbo_expr *state);

/* factors.c: a name or a call that is an auxiliary factor. */
elbo_quantity elbo_factor_quantity(elbo_compiler *c, const elbo_expr *e);
elbo_quantity elbo_lookup_then(elbo_compiler *c, const elbo_expr *e);
/* The policy at the model's rows, and at the batch's. */
elbo_quantity elbo_lookup_policy(elbo_compiler *c, elbo_domain at);
elbo_quantity elbo_lookup_coordinates(elbo_compiler *c, const elbo_expr *state);

/* batch.c: what the batch itself says. */
elbo_quantity elbo_batch_reward(elbo_compiler *c);
elbo_quantity elbo_batch_weight(elbo_compiler *c);
/* Weighted means; equal weights where all are zero. */
elbo_quantity elbo_batch_row_mean(elbo_compiler *c, elbo_quantity x);
elbo_quantity elbo_batch_mean(elbo_compiler *c, elbo_quantity x);

/* expectation.c */
elbo_quantity elbo_model_logp(elbo_compiler *c);
elbo_quantity elbo_model_mean(elbo_compiler *c, elbo_quantity f);
elbo_quantity elbo_model_variance(elbo_compiler *c, elbo_quantity f);
elbo_quantity elbo_model_reward(elbo_compiler *c);
/* ... at all of the model's rows. */
elbo_quantity elbo_model_rewards(elbo_compiler *c);
/* p at each entry of the batch's rows, and of the model. */
elbo_quantity elbo_model_kernel(elbo_compiler *c);
elbo_quantity elbo_model_everywhere(elbo_compiler *c);

/* steps.c: roll(k, f), T(k, f) and Td(k, f). */
elbo_quantity elbo_steps_roll(elbo_compiler *c, const elbo_expr *e);
elbo_quantity elbo_steps_model(elbo_compiler *c, const elbo_expr *e);
elbo_quantity elbo_steps_data(elbo_compiler *c, const elbo_expr *e);
/* policy.c: Epi(f). */
elbo_quantity elbo_policy_mean(elbo_compiler *c, const elbo_expr *e);

/* worst.c: worst(f, width). */
elbo_quantity elbo_worst_mean(elbo_compiler *c, const elbo_expr *e);
/* batch.c: what elbo_batch_mean adds up, at the rows. */
elbo_quantity elbo_batch_row_parts(elbo_compiler *c, elbo_quantity x);

/* samples.c: E(f, n) and usq(E(f, n) - c). */
elbo_quantity elbo_samples_mean(elbo_compiler *c, const elbo_expr *e);
elbo_quantity elbo_samples_usq(elbo_compiler *c, const elbo_expr *e);

#endif
