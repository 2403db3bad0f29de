/* tests/two_areas.h -- a grid of two areas on which what predicts best misleads a
 * policy gradient (after D'Oro et al. 2020), by itself and exactly.
 *
 * 8 rows x 5 columns; in rows 0-3 (area A) an action's effect is mostly the
 * reverse of what it says, in rows 4-7 mostly what it says. The policy is sure in
 * A (its score is 0) and a softmax in B; a model shares one distribution of
 * effects per action over all cells.
 */
#ifndef ELBO_TESTS_TWO_AREAS_H
#define ELBO_TESTS_TWO_AREAS_H

#include "inference/mdp.h"

enum { AREA_S = 40, AREA_A = 4, AREA_ROWS = 160, EFFECTS = 5 };

typedef struct two_areas {
    elbo_mdp mdp;
    double pi[AREA_ROWS], score[AREA_ROWS], mu[AREA_S];
} two_areas;

void two_areas_init(two_areas *w, elbo_arena *arena);
double two_areas_return(const two_areas *w, elbo_arena *arena);
/* d and eta, each summing to 1. */
void two_areas_visits(const two_areas *w, double d[], double eta[],
                      elbo_arena *arena);

/* The model fitted with weights over (s, a), judged over d: KL and overlap of
 * effects; the cosine of the policy gradients with true and model Q; the mean
 * square error of Q. */
typedef struct two_areas_fit {
    double kl, accuracy, cosine, q_error;
} two_areas_fit;
void two_areas_judge(const two_areas *w, const double weight[],
                     const double d[], two_areas_fit *out, elbo_arena *arena);

#endif
