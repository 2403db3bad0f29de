/* inference/engine.h -- variational EM: one loop for every method.
 *
 *   D      <- D + collect(env, pi)                  when the data are online
 *   M-step    theta <- argmax kappa F_control + lambda E_D[w l] + log p(theta)
 *   E-step    (pi, q) <- argmax F_control
 *   record F and its parts, J_model, J_real, ESS
 *
 * The engine knows interfaces only. Its whole state is in elbo_engine_save.
 */
#ifndef ELBO_ENGINE_H
#define ELBO_ENGINE_H

#include "inference/bound.h"
#include "inference/control.h"
#include "inference/data.h"
#include "inference/mstep.h"
#include "inference/watchdog.h"

/* Option tables of what is not a component's own: inference/engine_options.c.
 */
extern const elbo_option elbo_env_options[];     /* discount horizon wrappers */
extern const elbo_option elbo_control_options[]; /* temperature prior kl ... */
extern const elbo_option elbo_inference_options[]; /* optimality weight ... */
extern const elbo_option elbo_data_options[];      /* source policy mode ... */
extern const elbo_option elbo_evaluation_options[];

/* One experiment as values; all borrowed. `*_own` belong to the component. */
typedef struct elbo_setup {
    const elbo_env *env;
    const elbo_model *model;
    const elbo_control *control;
    const elbo_values *env_own, *env_common;
    const elbo_values *model_own;
    const elbo_values *control_own, *control_common;
    const elbo_values *inference, *data, *evaluation;
    const char *folder; /* where relative paths start */
} elbo_setup;

/* Contradictions between settings that each are right. ELBO_ECONFIG with
 * *section and *key (static strings: "inference", "feedback") of the setting to
 * blame; call again with *skip counted up to get the next one. ELBO_OK: none
 * left. Opens nothing. */
elbo_status elbo_setup_check(const elbo_setup *setup, size_t skip,
                             const char **section, const char **key);
/* Whether the expression of a setting ("weight", "likelihood", control's "reward" or
 * "return_weight") has a meaning in the family of the setup's world: ELBO_EINVAL with
 * its place and, for a name, the nearest right one (or NULL). */
elbo_status elbo_setup_expression(const elbo_setup *setup, const char *key,
                                  elbo_arena *arena, size_t *column,
                                  const char **nearest);

/* What the objective is: "bound", "robust value", ..., one line for people. */
const char *elbo_setup_kind(const elbo_setup *setup);

/* Why the watchdog has nothing to hold a run to, or NULL. */
const char *elbo_setup_unwatched(const elbo_setup *setup);

/* The published objective (inference/language/named.h) that its likelihood is, or
 * NULL. */
const char *elbo_setup_named(const elbo_setup *setup);

/* The factors that read the true world, "occupancy(real)", ending in NULL; memory
 * from the arena. */
elbo_status elbo_setup_oracles(const elbo_setup *setup, elbo_arena *arena,
                               const char *const **out);

/* Columns that the transition slot appends, means over the occupancy rho; then
 * those of the model, of a gradient != stop and of evaluation
 * (inference/engine_row.c). */
enum {
    ELBO_OWN_COLUMNS = ELBO_TRANSITION_COLUMNS + ELBO_MODEL_COLUMNS + 1 + 5 + 16
};
typedef struct elbo_own_values {
    size_t n;
    double x[ELBO_OWN_COLUMNS];
} elbo_own_values;

/* One row of metrics.csv, columns in the order of design.md section 4. */
typedef struct elbo_row {
    uint64_t iteration, env_steps;
    elbo_parts parts;
    double elbo;
    double return_model, return_real, value_gap, ess;
    elbo_own_values own;
    double shortfall; /* of the data's mean, under data_scale: budget(xi) */
    elbo_solve_info estep;
    elbo_mstep_info mstep;
    char warning[256]; /* what people should know, the run goes on; "": nothing */
} elbo_row;

/* The columns' names in order, NULL-terminated, with stop_kl where it exists;
 * without those that a setting appends (elbo_engine_columns has them). */
const char *const *elbo_row_columns(elbo_optimality optimality);
enum { ELBO_ROW_COLUMNS = 13 + ELBO_OWN_COLUMNS }; /* at most */
/* The row's values in the same order, then its own; counts as doubles. Returns
 * how many. */
size_t elbo_row_values(const elbo_row *row, elbo_optimality optimality,
                       double out[]);

typedef enum elbo_verdict {
    ELBO_RUNNING,
    ELBO_CONVERGED, /* |F change| <= tolerance * (1 + |F|), offline only */
    ELBO_BUDGET     /* all iterations done */
} elbo_verdict;

typedef struct elbo_engine elbo_engine;

/* Opens world, model, control and data for one seed. The errors of the parts
 * pass through. Caller frees with elbo_engine_free (NULL ok). */
elbo_status elbo_engine_open(const elbo_setup *setup, uint64_t seed,
                             elbo_engine **out);
/* The same; after a failure *section is the part that did not open, as in
 * elbo_setup_check, or NULL when no part is to blame. */
elbo_status elbo_engine_open_parts(const elbo_setup *setup, uint64_t seed,
                                   const char **section, elbo_engine **out);
void elbo_engine_free(elbo_engine *engine);

/* One EM iteration. ELBO_ECHECK: the watchdog (or a non-finite value) stopped
 * the run: the text names iteration, step and amount; *row is filled as far as
 * known and the engine must not be iterated further. */
elbo_status elbo_engine_iterate(elbo_engine *engine, elbo_row *row);
elbo_verdict elbo_engine_verdict(const elbo_engine *engine);
uint64_t elbo_engine_iteration(const elbo_engine *engine); /* done so far */
uint64_t elbo_engine_budget(const elbo_engine *engine);
elbo_optimality elbo_engine_optimality(const elbo_engine *engine);
/* kappa as it acts: under transition: free, where theta is q's, 1. */
double elbo_engine_feedback(const elbo_engine *engine);
/* All columns of its rows, NULL-terminated; borrowed. */
const char *const *elbo_engine_columns(const elbo_engine *engine);

/* How large an open engine is. */
typedef struct elbo_extent {
    char world[96]; /* in words */
    size_t parameters;
    double bytes; /* that it needs at most, roughly */
} elbo_extent;
elbo_extent elbo_engine_extent(const elbo_engine *engine);

/* The gradient of the run's own M-step objective against central differences, at
 * a theta moved a little off its start, after one E-step there; stopped parts are
 * held. Parameters are spread over theta. */
typedef struct elbo_derivative_check {
    const char *skipped; /* why nothing was compared, or NULL */
    bool approximate;    /* by its own setting: the difference is no fault */
    size_t n;            /* parameters compared */
    size_t worst;        /* the one that differs most ... */
    double got, want;    /* ... its derivative, and the difference quotient */
    double relative;     /* |got - want| over 1 + the largest derivative */
} elbo_derivative_check;
enum { ELBO_DERIVATIVE_CHECKS = 8 };
extern const double elbo_derivative_tolerance; /* of `relative` */

/* Of a fresh engine, which must not be iterated afterwards. */
elbo_status elbo_engine_check_gradient(elbo_engine *engine,
                                       elbo_derivative_check *out);

/* All state; loading needs an engine opened from the same setup and seed.
 * ELBO_EDATA when it does not fit; the engine must then be freed. */
void elbo_engine_save(const elbo_engine *engine, elbo_writer *out);
elbo_status elbo_engine_load(elbo_engine *engine, elbo_reader *in);

/* For tests and tools: the parts of an open engine of a finite world, borrowed. */
const elbo_posterior *elbo_engine_posterior(const elbo_engine *engine);
const elbo_belief *elbo_engine_belief(const elbo_engine *engine);
const elbo_mdp *elbo_engine_truth(const elbo_engine *engine);
/* NULL: not a finite world, and the others must not be asked for. */
const elbo_world *elbo_engine_world(const elbo_engine *engine);

#endif
