/* tests/model_cases.h -- small worlds for the tests of models and M-steps, and
 * one model open on one of them.
 */
#ifndef ELBO_MODEL_CASES_H
#define ELBO_MODEL_CASES_H

#include <check.h>

#include "inference/model.h"

/* Any states, two actions; each row has `most` distinct successors or fewer,
 * one of which may end the episode; all rows of the last state end it for sure.
 */
extern const elbo_env model_case_tangle;
/* 4 x 5 cells on coordinates, actions up, right, down, left succeed with 0.7
 * and go each other way with 0.1; walls are stood still at; the last cell ends.
 */
extern const elbo_env model_case_grid;

typedef struct model_case {
    elbo_arena *arena;
    elbo_world world;
    elbo_mdp mdp;
    uint8_t *known;
    elbo_model_context context;
    elbo_belief belief;
} model_case;

typedef struct tangle {
    size_t nS, branching;
    uint64_t seed;
} tangle;

/* gamma 0.9, horizon as given, mu uneven; `how` is of the tangle. */
void model_case_open(model_case *c, const elbo_env *env, const tangle *how,
                     size_t horizon);
void model_case_close(model_case *c);

/* A model with "option=value ..." on the case; asserts ELBO_OK. */
void model_case_belief(model_case *c, const char *name, const char *settings);
/* The same, returning what went wrong. */
elbo_status model_case_try(model_case *c, const char *name,
                           const char *settings);

/* theta_j += scale * normal, kernels updated; for models that follow gradients
 * (a tabular one: its concentrations are multiplied by exp(scale * normal), as are
 * the probabilities of candidates, then normalised). */
void model_case_shake(model_case *c, double scale, uint64_t seed);

/* `each` samples of every row of the truth, each worth 1.37, on the pattern of
 * the belief. */
double *model_case_counts(model_case *c, size_t each, uint64_t seed);

/* n doubles, normal from a seed. */
double *model_case_normals(model_case *c, size_t n, uint64_t seed);

/* Every model with settings that open on the grid. */
typedef struct model_setting {
    const char *name, *settings;
} model_setting;
extern const model_setting model_settings[];
extern const int n_model_settings;

/* The parts of suite `models` that have files of their own. */
TCase *models_tabular_case(void);
TCase *models_slots_case(void);
TCase *models_features_case(void);
TCase *models_failures_case(void);

#endif
