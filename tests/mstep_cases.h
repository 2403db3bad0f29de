/* tests/mstep_cases.h -- an M-step on a small world, with the E-step before it.
 */
#ifndef ELBO_MSTEP_CASES_H
#define ELBO_MSTEP_CASES_H

#include "inference/mstep.h"
#include "tests/model_cases.h"

/* A model on a world, data, a posterior (pi, q) and the step that reads them.
 */
typedef struct mstep_case {
    model_case c;
    elbo_arena *ws;
    elbo_problem problem;
    elbo_posterior post;
    elbo_mstep step;
} mstep_case;

/* alpha, horizon and `transition` matter to feedback only. */
typedef struct plan {
    const char *model, *settings;
    const char *transition;
    double kappa;
    double alpha;
    size_t horizon;
} plan;

/* Every way that theta follows a gradient, on the grid. */
extern const plan mstep_plans[];
extern const int n_mstep_plans;

/* Seven samples a row; up to 3000 iterations. */
void mstep_case_open(mstep_case *m, const elbo_env *env, const tangle *how,
                     const plan *p);
void mstep_case_close(mstep_case *m);

/* Fails the test with the last error's text unless ELBO_OK. */
void assert_ok(elbo_status s);

/* The part of suite `mstep` that has a file of its own. */
TCase *mstep_search_case(void);

#endif
